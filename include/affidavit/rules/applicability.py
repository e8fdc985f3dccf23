"""The Statement of Applicability: one row for each control of Annex A and each of the organisation's own. Pure.

A control applies until its exclusion has been decided; a clause always does. What the rows say follows from what is
declared and judged: nobody writes a Statement of Applicability by hand, and none can say less than the posture.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from affidavit.catalogue import Catalogue, Requirement
from affidavit.catalogue import load as load_catalogue
from affidavit.evidence import ORGANISATION_SCOPE
from affidavit.inventory import Organisation
from affidavit.projections import State
from affidavit.projections.own_controls import with_own_controls
from affidavit.rules.registry import Outcome, check, count, some, together
from affidavit.rules.verdict import Status, Verdict, worst
from affidavit.rules.view import ScopeView

NO_REASON = "no reason is given why the control is there"
NO_OWNER = "no role answers for it"
UNDECIDED = "its exclusion is declared and nobody decided on it: it applies until somebody has"
FAILS = "it is to be left out although it fails"


@dataclass(frozen=True)
class Row:
    """One control.

    ``reason`` is why it is there, or why it is left out; ``risks`` are ids of those that it treats; ``systems`` gives
    the status in each AI system that it is judged in. ``flags`` say in words what somebody should look at.
    """

    control: str
    title: str
    area: str
    applicable: bool
    reason: str
    risks: tuple[str, ...]
    status: str
    systems: Mapping[str, str]
    owner: str
    flags: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """What two Statements of Applicability differ in: one field of one control, empty for none."""

    control: str
    field: str
    before: str
    after: str


def statement_of_applicability(state: State, verdicts: Iterable[Verdict], catalogue: Catalogue) -> tuple[Row, ...]:
    """One row for each control of the catalogue and of the organisation's own, from verdicts of the same state."""
    standing = state.organisation.organisation
    of: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        of.setdefault(verdict.control, []).append(verdict)
    asked = with_own_controls(catalogue, state.organisation)
    value, declared = (standing.value, standing.declared) if standing else (None, None)
    return tuple(_row(item, of.get(item.id, []), value, declared) for item in asked.controls)


def _row(
    item: Requirement, verdicts: Sequence[Verdict], value: Organisation | None, declared: Organisation | None
) -> Row:
    # What is in force waited for a decision: see ``inventory.loosening``.
    applicable = value is None or item.id not in value.excluded
    status = worst(verdict.status for verdict in verdicts) if applicable else Status.NOT_APPLICABLE
    asked = declared.excluded.get(item.id) if declared else None
    inclusion = value.included.get(item.id) if value else None
    owner = next((verdict.owner for verdict in verdicts if verdict.owner), "")
    reason = asked.why if asked and not applicable else inclusion.reason if inclusion else ""
    # Left out or not: what its parts show is what it would be.
    beneath = worst(part.status for verdict in verdicts for part in verdict.parts)
    flags = {
        NO_REASON: applicable and not inclusion,
        NO_OWNER: applicable and not owner,
        UNDECIDED: applicable and asked is not None,
        FAILS: asked is not None and Status.FAILING in (status, beneath),
    }
    return Row(
        control=item.id,
        title=item.title,
        area=item.area,
        applicable=applicable,
        reason=reason,
        risks=inclusion.risks if inclusion and applicable else (),
        status=status.value,
        systems={v.scope.removeprefix("system:"): v.status.value for v in verdicts if v.scope != ORGANISATION_SCOPE},
        owner=owner,
        flags=tuple(flag for flag, holds in flags.items() if holds),
    )


def differences(before: Iterable[Row], after: Iterable[Row]) -> tuple[Change, ...]:
    """Every field that differs, by control in the order of ``after``; then the controls that are gone."""
    old = {row.control: row for row in before}
    changes = []
    for row in after:
        was = old.pop(row.control, None)
        for field in fields(Row)[1:]:
            said = _text(getattr(was, field.name)) if was else ""
            if said != (now := _text(getattr(row, field.name))):
                changes.append(Change(row.control, field.name, said, now))
    changes += [Change(row.control, "control", row.title, "") for row in old.values()]
    return tuple(changes)


def cells(row: Row) -> tuple[str, ...]:
    """A row as text, one cell for each field of :class:`Row`."""
    return tuple(_text(getattr(row, field.name)) for field in fields(Row))


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {said}" for name, said in value.items())
    return "; ".join(value) if isinstance(value, tuple) else str(value)


@check(
    "applicability_stated/1",
    about="any",
    limits="That a reason is a good one, and that no control is needed which is not there.",
)
def _applicability_stated(view: ScopeView, _params: Mapping[str, Any], _at: datetime) -> Outcome:
    standing = view.state.organisation.organisation
    if standing is None:
        return Outcome(Status.MISSING, "The organisation is not declared.", (), "Write include/organisation.yaml")
    entries, value, controls = (standing.entry,), standing.value, load_catalogue().controls
    outcomes = [Outcome(Status.SUPPORTED, "", entries)]
    known = {*(item.id for item in controls), *(control.id for control in value.own_controls)}
    if unknown := sorted({*value.included, *standing.declared.excluded} - known):
        sentence = f"A reason is given for what is no control: {some(unknown)}."
        outcomes.append(Outcome(Status.FAILING, sentence, entries, "Correct the ids in include/organisation.yaml"))
    left_out = set(value.excluded)
    ownerless = [item.id for item in controls if item.id not in left_out and value.owner_of(item.id) is None]
    if ownerless:
        sentence = f"No role answers for {count(len(ownerless), 'control')}: {some(ownerless)}."
        action = "Name a role for each area (owners) in include/organisation.yaml"
        outcomes.append(Outcome(Status.MISSING, sentence, entries, action))
    if silent := [item.id for item in controls if item.id not in left_out and item.id not in value.included]:
        sentence = f"No reason is given why {count(len(silent), 'control')} apply: {some(silent)}."
        action = "Say why each is there, and which risks it treats (included), in include/organisation.yaml"
        outcomes.append(Outcome(Status.MISSING, sentence, entries, action))
    if waiting := [one.field.partition(".")[2] for one in standing.pending if one.field.startswith("excluded.")]:
        sentence = f"The exclusion of {some(waiting)} waits for a decision: each applies until then."
        outcomes.append(Outcome(Status.AWAITING, sentence, entries, "Decide on each exclusion"))
    kept = len(controls) - len(left_out)
    return together(outcomes, f"{kept} of {count(len(controls), 'control')} apply, each with its reason and its owner.")
