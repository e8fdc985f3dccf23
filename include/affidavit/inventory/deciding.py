"""Who may decide and what is left out, given two versions of what the organisation declares; see ``loosening``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from affidavit.inventory.people import Accepted, Committee, Exclusion, Person
from affidavit.inventory.waiting import Waiting

_NOBODY = Person.model_validate({})


def people_in_force(old: Mapping[str, Person], new: Mapping[str, Person], waiting: Waiting) -> dict[str, Person]:
    """The people that stand.

    Somebody new is let in without a say: competence and deputy wait. A machine, and who has left, stays known as such
    when its entry is gone, or it could come back as somebody new. Absences bind nobody: the deputy was approved before.
    """
    standing = {
        name: _person(f"people.{name}", old.get(name, _NOBODY), person, waiting) for name, person in new.items()
    }
    for name, person in old.items():
        if name not in new and (person.service or person.until):
            why = "it could be named again as somebody who decides"
            if waiting.holds(f"people.{name}", _restriction(person), None, why):
                standing[name] = person
    return standing


def _person(field: str, old: Person, new: Person, waiting: Waiting) -> Person:
    later = old.until is not None and (new.until is None or new.until > old.until)
    replaced = new.deputy is not None and new.deputy != old.deputy
    competent = "the person could answer questions that others answer now"
    accounts = new.accounts
    if old.accounts:
        accounts = waiting.keep_out(f"{field}.accounts", old.accounts, accounts, "somebody else could answer for it")
    return new.model_copy(
        update={
            "accounts": accounts,
            "competence": waiting.keep_out(f"{field}.competence", old.competence, new.competence, competent),
            "service": waiting.keep(
                f"{field}.service", old, new, old.service and not new.service, "a machine would decide as a person"
            ),
            "until": waiting.keep(f"{field}.until", old, new, later, "who was to leave would decide for longer"),
            "deputy": waiting.keep(f"{field}.deputy", old, new, replaced, "somebody else could decide instead"),
        }
    )


def _restriction(person: Person) -> dict[str, Any]:
    return {"service": person.service, "until": person.until or "open"}


def committees_in_force(
    old: Mapping[str, Committee], new: Mapping[str, Committee], waiting: Waiting
) -> dict[str, Committee]:
    """The committees that stand: other members, a smaller quorum and a dropped committee wait."""
    standing = dict(new)
    for name, before in old.items():
        field, now = f"committees.{name}", new.get(name)
        if now is None:
            if waiting.holds(field, name, None, "nobody could decide what it decides"):
                standing[name] = before
            continue
        other, smaller = set(before.members) != set(now.members), now.quorum < before.quorum
        members = waiting.keep(f"{field}.members", before, now, other, "others would decide than those who may now")
        quorum = waiting.keep(f"{field}.quorum", before, now, smaller, "fewer would be enough to decide")
        standing[name] = Committee(members=members, quorum=min(quorum, len(members)))
    return standing


def deciders_in_force(old: Mapping[Any, str], new: Mapping[Any, str], waiting: Waiting) -> dict[Any, str]:
    """Who decides what that stands, by type of decision."""
    standing = {}
    for kind in sorted(old.keys() | new.keys()):
        before, after = old.get(kind), new.get(kind)
        decider = waiting.choose(f"deciders.{kind}", before, after, before != after, "somebody else would decide")
        if decider is not None:
            standing[kind] = decider
    return standing


def needed_people(
    people: Mapping[str, Person], committees: Mapping[str, Committee], old: Mapping[str, Person]
) -> dict[str, Person]:
    """``people``, and of the ``old`` ones those that standing committees and deputies name without another entry."""
    standing = dict(people)
    named = [*(member for each in committees.values() for member in each.members)]
    named += [person.deputy for person in people.values() if person.deputy]
    while named:
        name = named.pop()
        if name not in standing:
            standing[name] = old[name]
            named += [deputy for deputy in (old[name].deputy,) if deputy]
    return standing


def excluded_in_force(
    old: Mapping[str, Exclusion], new: Mapping[str, Exclusion], waiting: Waiting
) -> dict[str, Exclusion]:
    """The exclusions that stand: each that is new, or justified otherwise, waits."""
    standing = {}
    for control, exclusion in new.items():
        before = old.get(control)
        why = "nothing would be due for the control any more"
        if before == exclusion or not waiting.holds(f"excluded.{control}", _text(before), _text(exclusion), why):
            standing[control] = exclusion
        elif before is not None:
            standing[control] = before
    return standing


def exceptions_in_force(old: Sequence[Accepted], new: Sequence[Accepted], waiting: Waiting) -> tuple[Accepted, ...]:
    """The exceptions that stand: each that is new, later or otherwise justified waits; an earlier end does not."""
    before = {each.control: each for each in old}
    standing = []
    for each in new:
        was = before.get(each.control)
        earlier = was is not None and was.model_copy(update={"until": each.until}) == each and each.until <= was.until
        why = "a failure would be accepted"
        if earlier or not waiting.holds(f"exceptions.{each.control}", _text(was), _text(each), why):
            standing.append(each)
        elif was is not None:
            standing.append(was)
    return tuple(standing)


def _text(value: Exclusion | Accepted | None) -> dict[str, Any] | None:
    return value.model_dump(mode="json", exclude={"control"}, exclude_none=True) if value else None
