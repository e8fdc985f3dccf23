"""What was decided, and whether it counts: derived from what the ledger held at the request and at the answer.

The recorder writes what Airflow's own record says, also where the answer counts for nothing. What is demanded of one
that counts, whose numbers the code repeats:

1. It was answered, by a person, with one of the options; where reasons are asked for, with reasons.
2. That person was one of the organisation that stood in force at the request: declared, no machine, not gone by the
   day of the answer; and whoever logs in there is not just anybody, except in a demonstration.
3. The person held an asked role at the request, or fills in for a holder who is declared absent on that day, and
   neither asked, nor wrote what is decided on.
4. It was asked of whoever decides such a thing, and what it is about still stood as it was (:mod:`.asking`).
5. Of a weakening: somebody held the asked role before it was declared.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from affidavit.errors import StatementError
from affidavit.evidence import Entry, Origin, moment
from affidavit.inventory import Organisation
from affidavit.projections.need import OPTIONS, Need, may_answer, named

WITH_REASONS = frozenset({"judgement", "exclusion", "exception"})
"""The types of decision that count only with reasons."""

_UNANSWERED = {
    "timed out": "nobody answered in time",
    "failed": "the request failed before anybody answered",
    "skipped": "the request was skipped",
    "marked by hand": "the task was marked by hand, and nobody answered",
}
_NOBODY = {
    "nobody": "Airflow names nobody who answered",
    "timeout-default": "the answer is a default that a time-out chose",
    "service": "a service account answered",
    "unknown": "the account that answered belongs to none of the declared people",
}
_ANSWERED, _PERSON = "answered", "person"


@dataclass(frozen=True)
class Decided:
    """One answer to a need. ``why`` says, in words, why it does not count; it is empty where it does.

    ``quorum`` is how many members of the asked committee must have voted; None where no committee was asked.
    """

    entry: Entry
    need: Need
    option: str | None
    by: str | None
    at: datetime
    why: str
    quorum: int | None = None

    @property
    def counts(self) -> bool:
        """Whether it counts, of a committee's as a vote."""
        return not self.why


@dataclass(frozen=True)
class Settled:
    """What the answers to one need come to: the latest that counts, or more than half of a committee's votes.

    ``at`` is when it was answered, or the quorum met; ``index`` the entry that says so. ``dissent`` voted otherwise.
    """

    need: Need
    option: str
    at: datetime
    index: int
    entries: tuple[Entry, ...]
    by: tuple[str, ...]
    dissent: tuple[str, ...] = ()

    @property
    def approves(self) -> bool:
        """Whether the first option was chosen, the one that takes effect."""
        return self.option == self.need.options[0]

    @property
    def words(self) -> str:
        """Who decided what and when."""
        against = f", against {', '.join(self.dissent)}" if self.dissent else ""
        return f"{', '.join(self.by)} answered {self.option!r} on {self.at.date()}{against}"


@dataclass(frozen=True)
class Standpoint:
    """What a decision is judged by: the organisation as in force at the request, and now, before its entry.

    ``before`` stood before a weakening was declared; it is None where there is none, and for an organisation's first.
    """

    requested: Organisation | None
    now: Organisation | None
    before: Organisation | None = None


def need_of(entry: Entry) -> Need:
    """The need that a decision answers. Raises ``StatementError`` where its id or options are of another."""
    statement = entry.statement
    need = Need.of(statement.facts, scope=statement.scope)
    if need.options != OPTIONS.get(need.type):
        raise StatementError("a decision of an unknown type, or between other options than it has")
    if statement.subject.name != need.subject:
        raise StatementError("a decision whose id is not that of what it says was asked")
    return need


def requested_at(entry: Entry) -> int | None:
    """How many entries the ledger had at the request; None where the decision names no head before itself."""
    basis = entry.statement.header.get("basis")
    size = basis.get("size") if isinstance(basis, dict) else None
    return size if isinstance(size, int) and 0 <= size <= entry.index else None


def decided(entry: Entry, need: Need, expected: Need | None, by: Standpoint) -> Decided:
    """What a decision comes to. ``expected`` is what would be asked about its subjects now; None where nothing is."""
    statement, facts = entry.statement, entry.statement.facts
    person, at = statement.header.get("by"), moment(facts["answered_at"] or statement.observed_at)
    found = Decided(entry, need, facts["option"], person if isinstance(person, str) else None, at, "")
    if by.requested and (committee := by.requested.committees.get(need.roles[0] if need.roles else "")):
        found = replace(found, quorum=committee.quorum)
    return replace(found, why=_unanswered(found) or _not_by_one(found, by) or _about_else(found, expected, by))


def settled(decisions: Iterable[Decided], *, since: int = 0) -> Settled | None:
    """What ``decisions`` on one topic, in their order, come to; those recorded before entry ``since`` are past."""
    votes: dict[str | None, Decided] = {}
    for each in decisions:
        if each.counts and each.entry.index >= since:
            votes.pop(each.need.ballot, None)
            votes[each.need.ballot] = each
    if not votes:
        return None
    latest = [*votes.values()]
    options = [each.option for each in latest]
    chosen = next((option for option in options if 2 * options.count(option) > len(options)), None)
    if chosen is None or len(latest) < (latest[-1].quorum or 1):
        return None
    agreed = [each for each in latest if each.option == chosen]
    return Settled(
        need=latest[-1].need,
        option=chosen,
        at=max(each.at for each in latest),
        index=latest[-1].entry.index,
        entries=tuple(each.entry for each in latest),
        by=tuple(sorted({str(each.by) for each in agreed})),
        dissent=tuple(sorted({str(each.by) for each in latest if each.option != chosen})),
    )


def told(decisions: Sequence[Decided]) -> Iterator[tuple[Decided, str]]:
    """Each of the decisions on one topic with why it does not count now; empty where it does."""
    for n, each in enumerate(decisions):
        later = (other for other in decisions[n + 1 :] if other.counts and other.need.ballot == each.need.ballot)
        against = next((other for other in later if other.option != each.option), None)
        yield each, each.why or (f"entry {against.entry.index} contradicts it" if against else "")


def rounds(decisions: Iterable[Decided]) -> int:
    """How many times something was asked: the round of the next need about it."""
    return len({each.need.id for each in decisions})


def months_after(moment: datetime, months: int) -> datetime:
    """The same time of day ``months`` later, on the last day of a month that is too short."""
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    return moment.replace(year=year, month=month + 1, day=min(moment.day, monthrange(year, month + 1)[1]))


def _unanswered(found: Decided) -> str:  # 1
    facts, declared = found.entry.statement.facts, found.entry.statement.origin is Origin.DECLARED
    if facts["state"] != _ANSWERED:
        return _UNANSWERED.get(facts["state"], f"the request ended as {facts['state']!r}")
    if facts["responder"] != _PERSON:
        return _NOBODY.get(facts["responder"], f"{facts['responder']!r} answered, which is no person")
    lacking = {
        "it names nobody who declares it": found.by is None or not declared,
        "it holds no answer to what was asked": facts["answered_at"] is None or found.option not in found.need.options,
        "it was answered before it was asked": found.at < moment(facts["asked_at"]),
        "it gives no reasons": found.need.type in WITH_REASONS and facts["details"] is None,
    }
    return next((why for why, wrong in lacking.items() if wrong), "")


def _not_by_one(found: Decided, by: Standpoint) -> str:  # 2, 3
    statement, need, person = found.entry.statement, found.need, found.by or ""
    authentication = statement.facts["authentication"]
    if authentication is None:
        return "it does not say how the person was authenticated"
    if by.requested is None or by.now is None:
        return "no organisation stood in force at the request, or it names no head of the ledger then"
    anybody = authentication["all_admins"] and not statement.demonstration
    wrong = {
        "everybody is an administrator there, without a password: anybody could have answered": anybody,
        f"{person} wrote what is decided on, or asked for it": person in need.authors,
        f"{person} asked for the decision": person == need.requested_by,
    }
    barred = next((why for why, is_so in wrong.items() if is_so), "")
    return barred or _not_entitled(found, person, _at_answer(by.requested, by.now), found.at.date())


def _not_entitled(found: Decided, person: str, organisation: Organisation, day: date) -> str:
    known = organisation.people.get(person)
    if known is None:
        return f"{person} was none of the declared people at the request, or is none any more"
    if known.service:
        return f"{person} is declared as a machine"
    if known.left(day):
        return f"{person} left on {known.until}"
    if person not in may_answer(found.need, organisation, day):
        seat = f" on the seat of {found.need.ballot}" if found.need.ballot else ""
        return f"{person} did not hold {' or '.join(found.need.roles) or 'any asked role'}{seat} at the request"
    return ""


def _about_else(found: Decided, expected: Need | None, by: Standpoint) -> str:  # 4, 5
    if expected is None:
        return "what it is about no longer stands as it did: it is gone, or is another by now"
    if expected.topic != found.need.topic:
        return "it was asked otherwise than it is to be: of others, by other authors, or within another envelope"
    if by.before is not None and not any(named(by.before, role) for role in found.need.roles):
        return "nobody held the asked role before the change was declared: take it back, and make it again"
    return ""


def _at_answer(requested: Organisation, now: Organisation) -> Organisation:
    """The organisation at the request, with who left, is a machine or is absent by what stands at the answer."""
    people: dict[str, Any] = {}
    for name, person in requested.people.items():
        if (today := now.people.get(name)) is not None:
            ends = [day for day in (person.until, today.until) if day]
            service = person.service or today.service
            changes = {"absent": today.absent, "until": min(ends, default=None), "service": service}
            people[name] = person.model_copy(update=changes)
    return requested.model_copy(update={"people": people})
