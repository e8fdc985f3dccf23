"""What a person is asked to decide: one need, and who may answer it.

A need's id names the Airflow run that asks it, so asking twice finds the same run. It is a SHA-256 over everything that
an answer binds: what it is about, with digests, and who is asked. A changed subject is another need.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from affidavit.evidence import Subject, dumps, moment, timestamp
from affidavit.inventory import Organisation
from affidavit.inventory.loosening import Change

APPROVE, REJECT = "approve", "reject"
ADEQUATE, NOT_ADEQUATE = "adequate", "not adequate"
NONCONFORMITY, CORRECTION, UNFOUNDED = "nonconformity", "correction is enough", "not a finding"
COMPETENCE = "competence:"
"""``competence:A.7.4`` among the roles stands for everybody whose competence names the control, or an area above it."""

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "deployment": (APPROVE, REJECT),
    "loosening": (APPROVE, REJECT),
    "judgement": (ADEQUATE, NOT_ADEQUATE),
    "exclusion": (APPROVE, REJECT),
    "exception": (APPROVE, REJECT),
    "residual-risk": (APPROVE, REJECT),
    "impact-assessment": (APPROVE, REJECT),
    "document": (APPROVE, REJECT),
    "erasure": (APPROVE, REJECT),
    "finding": (NONCONFORMITY, CORRECTION, UNFOUNDED),
    "retirement": (APPROVE, REJECT),
}
"""Each type of decision with what may be chosen; the first is what takes effect."""


ON_WEAKENINGS = frozenset({"loosening", "exclusion", "exception"})
"""The types of decision that let a weakening of what is declared through."""


@dataclass(frozen=True)
class Need:
    """One thing to be decided in ``scope``.

    ``subjects`` are what is decided on; ``roles`` are role ids, a committee id or ``competence:<control>``, any holder
    of which may answer but the ``authors`` and who asked (``requested_by``), all pseudonyms. ``ballot`` is the member
    of a committee whose vote it is. ``round`` counts earlier answers on the same that did not count or have lapsed.
    ``until`` ends what an approval allows; ``envelope`` is what it carries over within.
    """

    type: str
    scope: str
    title: str
    question: str
    subjects: tuple[Subject, ...]
    options: tuple[str, ...]
    roles: tuple[str, ...]
    authors: tuple[str, ...] = ()
    requested_by: str | None = None
    ballot: str | None = None
    round: int = 0
    until: datetime | None = None
    envelope: Mapping[str, Any] | None = field(default=None, hash=False)

    @property
    def topic(self) -> bytes:
        """SHA-256 over what an answer binds, whichever the round and whose the vote: of every answer to the same."""
        scope, facts = self._bound()
        return hashlib.sha256(dumps([scope, {**facts, "ballot": None}])).digest()

    @property
    def id(self) -> str:
        """``<type>-<32 hexadecimal digits>``: the run of the DAG that asks."""
        return f"{self.type}-{hashlib.sha256(dumps([*self._bound(), self.round])).hexdigest()[:32]}"

    @property
    def subject(self) -> str:
        """The name of the first subject of the statement about it."""
        return f"affidavit://decisions/{self.id}"

    def facts(self) -> dict[str, Any]:
        """What a statement of kind ``decision`` says of the need; the rest is Airflow's to say."""
        return {
            "type": self.type,
            "title": self.title,
            "question": self.question,
            "options": list(self.options),
            "subjects": [{"name": each.name, "digest": each.sha256} for each in self.subjects],
            "roles": list(self.roles),
            "authors": list(self.authors),
            "requested_by": self.requested_by,
            "ballot": self.ballot,
            "round": self.round,
            "until": timestamp(self.until) if self.until else None,
            "envelope": self.envelope,
        }

    @classmethod
    def of(cls, facts: Mapping[str, Any], *, scope: str) -> Need:
        """The need that :meth:`facts` wrote, also from a statement, whose other facts are left aside."""
        return cls(
            type=facts["type"],
            scope=scope,
            title=facts["title"],
            question=facts["question"],
            subjects=tuple(Subject(each["name"], each["digest"]) for each in facts["subjects"]),
            options=tuple(facts["options"]),
            roles=tuple(facts["roles"]),
            authors=tuple(facts["authors"]),
            requested_by=facts["requested_by"],
            ballot=facts["ballot"],
            round=facts["round"],
            until=moment(facts["until"]) if facts["until"] else None,
            envelope=facts["envelope"],
        )

    def _bound(self) -> tuple[str, dict[str, Any]]:
        # Titles and questions are our wording, and who asked is not known before.
        facts = self.facts()
        for name in ("title", "question", "requested_by", "round"):
            del facts[name]
        return self.scope, facts


def change_subjects(change: Change) -> tuple[Subject, ...]:
    """What the approval of a weakening is bound to: file and field, with the text before and after it."""
    file, place, *texts = change
    digests = (hashlib.sha256(text.encode()).hexdigest() for text in texts)
    ends = zip(("before", "after"), digests, strict=True)
    return tuple(Subject(f"affidavit://declared/{file}#{place}@{when}", digest) for when, digest in ends)


def may_answer(need: Need, organisation: Organisation, day: date) -> tuple[str, ...]:
    """The people, by pseudonym and in order, whose answer on ``day`` would count; none where nobody could."""
    barred = {*need.authors, need.requested_by}
    able = {person for role in need.roles for person, seat in holders(organisation, role, day) if _seat(need, seat)}
    return tuple(sorted(able - barred))


def held(need: Need, organisation: Organisation, person: str, day: date) -> tuple[str, ...]:
    """Those of the asked roles that ``person`` holds on ``day``, or fills in for."""
    return tuple(role for role in need.roles if (person in dict(holders(organisation, role, day))))


def holders(organisation: Organisation, role: str, day: date) -> Iterator[tuple[str, str]]:
    """Who can decide as ``role`` on ``day``, each with whose seat it is: their own, or that of an absent person.

    ``role`` is a role, a committee or ``competence:<control>``. Only declared people can, no machine, and nobody who
    has left.
    """
    for name in named(organisation, role):
        person = organisation.people.get(name)
        if person is None:
            continue
        if _decides(organisation, name, day):
            yield name, name
        if person.deputy and person.away(day) and _decides(organisation, person.deputy, day):
            yield person.deputy, name


def named(organisation: Organisation, role: str) -> tuple[str, ...]:
    """Who holds a role, sits on a committee or is competent, by pseudonym, whether or not they can decide."""
    if role.startswith(COMPETENCE):
        control = role.removeprefix(COMPETENCE)
        return tuple(name for name, person in organisation.people.items() if person.competent_for(control))
    if role in organisation.committees:
        return organisation.committees[role].members
    return organisation.roles[role].holders if role in organisation.roles else ()


def _decides(organisation: Organisation, name: str, day: date) -> bool:
    person = organisation.people.get(name)
    return person is not None and not person.service and not person.left(day)


def _seat(need: Need, seat: str) -> bool:
    return need.ballot is None or need.ballot == seat
