"""Who decides, and what waits for a decision: people, committees, excluded controls, exceptions, envelopes.

People are pseudonyms. The accounts by which an auth manager knows them are personal data: they stand in the file alone,
and are left out wherever a declaration is recorded (:meth:`Person.recorded`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from math import inf
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, FiniteFloat, StringConstraints, model_validator

from affidavit.inventory.declared import Declared, Id, Name, Text, first_again, refuse

CONTROL_PATTERN = r"^A(\.[1-9][0-9]?){2,3}$"
ControlId = Annotated[str, StringConstraints(pattern=CONTROL_PATTERN)]
"""A control of Annex A (``A.6.2.5``); a clause never is one."""

DecisionType = Literal[
    "deployment",
    "loosening",
    "judgement",
    "exclusion",
    "exception",
    "residual-risk",
    "impact-assessment",
    "document",
    "erasure",
    "finding",
    "retirement",
]
"""What a person can be asked to decide; :mod:`affidavit.projections.need` has a row for each that is asked."""


class Absence(Declared):
    """Days on which a person is away, the first and the last included."""

    model_config = ConfigDict(validate_by_name=True, serialize_by_alias=True)

    start: date = Field(alias="from")
    end: date = Field(alias="to")

    @model_validator(mode="after")
    def _in_order(self) -> Absence:
        if self.end < self.start:
            raise refuse(("to",), "an absence that ends before it begins", "swap the two days")
        return self


class Person(Declared):
    """Somebody who decides, under a pseudonym."""

    accounts: tuple[Name, ...] = Field((), description="Names in Airflow's auth manager; never recorded")
    competence: tuple[Name, ...] = Field(
        (), description="Controls, areas or clauses (A.7.4, A.7, 9.2) whose question the person is competent to answer"
    )
    service: bool = Field(False, description="A machine's account: what it answers is no person's decision")
    until: date | None = Field(None, description="Last day on which what the person decides counts")
    deputy: Id | None = Field(None, description="Who decides instead while the person is absent")
    absent: tuple[Absence, ...] = Field((), description="When the person is away, and the deputy decides")

    def away(self, day: date) -> bool:
        """Whether the person is declared absent on ``day``."""
        return any(absence.start <= day <= absence.end for absence in self.absent)

    def left(self, day: date) -> bool:
        """Whether what the person decides no longer counts on ``day``."""
        return self.until is not None and self.until < day

    def competent_for(self, requirement: str) -> bool:
        """Whether the competence names a control or clause, or an area above it."""
        return any(requirement == area or requirement.startswith(f"{area}.") for area in self.competence)

    def recorded(self) -> Person:
        """As it may enter a ledger, which cannot unsay an account's name."""
        return self.model_copy(update={"accounts": ()})


class Committee(Declared):
    """People who decide together: what more than half of those who voted chose, once ``quorum`` of them have."""

    members: tuple[Id, ...] = Field(min_length=1)
    quorum: int = Field(ge=1, description="How many members must have voted")

    @model_validator(mode="after")
    def _can_decide(self) -> Committee:
        if (n := first_again(self.members)) is not None:
            raise refuse(("members", n), "a member twice", "name each member once: everybody has one vote")
        if self.quorum > len(self.members):
            problem = f"a quorum of {self.quorum} of {len(self.members)} members, which can never meet"
            raise refuse(("quorum",), problem, "ask for at most as many as there are members")
        return self


class Accepted(Declared):
    """A failing control or clause that somebody asks to accept until a date."""

    control: Name = Field(description="Control or clause id: A.7.4, 9.2")
    until: date = Field(description="Last day on which its failure is accepted")
    why: Text = Field(description="Why, in words without personal data: they enter a log that cannot unsay them")
    requested_by: Id | None = Field(None, description="Pseudonym of who asks, and therefore does not decide")


class Exclusion(Declared):
    """Why a control of Annex A does not apply."""

    why: Text = Field(description="The justification, in words without personal data")
    requested_by: Id | None = Field(None, description="Pseudonym of who asks, and therefore does not decide")


class Bound(Declared):
    """Between which values a measure lies."""

    at_least: FiniteFloat | None = None
    at_most: FiniteFloat | None = None

    @model_validator(mode="after")
    def _bounds_something(self) -> Bound:
        if self.at_least is None and self.at_most is None:
            raise refuse(("at_least",), "a bound without at_least and at_most", "give one of them, or both")
        if self.at_least is not None and self.at_most is not None and self.at_most < self.at_least:
            raise refuse(("at_most",), "at_most below at_least: nothing lies between", "swap the two")
        return self

    def holds(self, value: float) -> bool:
        """Whether ``value`` lies within; a NaN never does."""
        low, high = (-inf if self.at_least is None else self.at_least, inf if self.at_most is None else self.at_most)
        return low <= value <= high


class Envelope(Declared):
    """What a new model version may be like for the approval of the one before to carry over to it."""

    measures: dict[Name, Bound] = Field(default_factory=dict, description="Of the new version's own scored rows")
    data: dict[Name, Bound] = Field(default_factory=dict, description="Of its data's drift: population_stability_index")
    carries_to: Literal["next version"] = "next version"

    @model_validator(mode="after")
    def _bounds_something(self) -> Envelope:
        if not self.measures and not self.data:
            fix = "bound a measure or the drift of the data, or leave the envelope out"
            raise refuse(("measures",), "an envelope that everything fits in", fix)
        return self


def check_people(people: dict[str, Person], committees: dict[str, Committee], roles: Iterable[str]) -> None:
    """Refuse a deputy or member that nobody is, an account of two people, a committee that is called as a role."""
    owner: dict[str, str] = {}
    for name, person in people.items():
        if person.deputy is not None and (person.deputy not in people or person.deputy == name):
            fix = f"name another of the people: {', '.join(sorted(people.keys() - {name})) or 'there is none yet'}"
            raise refuse(("people", name, "deputy"), "the deputy is none of the other people", fix)
        for n, account in enumerate(person.accounts):
            if owner.setdefault(account, name) != name or account in person.accounts[:n]:
                fix = "give each account to one person: its answers would be those of two"
                raise refuse(("people", name, "accounts", n), "an account that was there before", fix)
    for name, committee in committees.items():
        if name in roles:
            raise refuse(("committees", name), f"there is a role {name!r} too", "call one of them otherwise")
        for n, member in enumerate(committee.members):
            if member not in people:
                fix = f"name one of the people: {', '.join(sorted(people)) or 'there is none yet'}"
                raise refuse(("committees", name, "members", n), f"there is no person {member!r}", fix)


def once_accepted(exceptions: tuple[Accepted, ...]) -> None:
    """Refuse a second exception of the same control."""
    if (n := first_again(each.control for each in exceptions)) is not None:
        fix = "keep one exception of a control: the one with the date that is meant"
        raise refuse(("exceptions", n, "control"), "a second exception of the same control", fix)
