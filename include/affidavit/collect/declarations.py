"""Collector of what the organisation itself wrote: AI systems, suites, roles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from affidavit import __version__
from affidavit.collect.look import Look
from affidavit.evidence import (
    ORGANISATION_SCOPE,
    Circumstances,
    Collector,
    Draft,
    Kind,
    Origin,
    Stage,
    Subject,
    kinds,
    system_scope,
)
from affidavit.inventory import Organisation, Suite, System

NAME = "declarations"


def look_at_system(system: System, suites: Iterable[Suite], *, seen: Circumstances) -> Look:
    """The AI system and the suites its tables must pass, as declared now.

    What is declared is not what is in force: a weakening waits for approval (``inventory.loosens``).
    """
    scope, stage = system_scope(system.id), Stage.INCEPTION
    drafts = [
        _declared(
            kinds.SYSTEM,
            f"affidavit://systems/{system.id}",
            {"file": f"include/systems/{system.id}.yaml", "system": system.model_dump(mode="json")},
            (scope, stage, seen),
        ),
        *(
            _declared(
                kinds.SUITE,
                f"affidavit://suites/{suite.name}",
                {"file": f"expectations/{suite.name}.yaml", "suite": suite.model_dump(mode="json")},
                (scope, stage, seen),
            )
            for suite in sorted(suites, key=lambda suite: suite.name)
        ),
    ]
    return _look(drafts)


def look_at_organisation(organisation: Organisation, *, systems: Collection[str], seen: Circumstances) -> Look:
    """The organisation's roles and owners, as declared now, and the ids of the AI ``systems`` that have a file.

    A file that cannot be read is there all the same: only one that is gone drops its AI system. The accounts of people
    are left out.
    """
    facts = {
        "file": "include/organisation.yaml",
        "organisation": organisation.recorded(),
        "systems": sorted(systems),
    }
    place = (ORGANISATION_SCOPE, Stage.CROSS, seen)
    return _look([_declared(kinds.ORGANISATION, f"affidavit://organisations/{organisation.id}", facts, place)])


def _look(drafts: list[Draft]) -> Look:
    # A declaration is read whole at each look, so a change is noticed at the next one: no delay of our own.
    return Look(NAME, tuple(drafts), enumerated=len(drafts), read=len(drafts), notice_delay_seconds=0)


def _declared(kind: Kind, name: str, facts: Mapping[str, object], place: tuple[str, Stage, Circumstances]) -> Draft:
    scope, stage, seen = place
    return Draft(
        kind=kind,
        scope=scope,
        stage=stage,
        origin=Origin.DECLARED,
        subjects=(Subject.of_facts(name, facts),),  # type: ignore[arg-type]
        facts=facts,
        collector=Collector(NAME, __version__),
        seen=seen,
    )
