"""Checks of registers: what else is recorded, whether it is whole, in date and alive, and agrees with a second source.

That a register is there shows nothing by itself, and one that a person put there never stands for a system's record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from affidavit.evidence import ORGANISATION_SCOPE, Entry, Origin, kinds
from affidavit.inventory import Register
from affidavit.rules.collected import freshness
from affidavit.rules.registry import Outcome, check, count, some, together
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView

_COLLECT = "Run the collection, and read the log of the register's task"
_ONE_WAY = frozenset({"access-grants"})
"""Kinds whose second source may hold more: not every user has a grant."""


@dataclass(frozen=True)
class _Held:
    """A register, and the scope whose declaration names it."""

    view: ScopeView
    register: Register

    @property
    def label(self) -> str:
        return f"The register {self.register.id}"

    @property
    def entry(self) -> Entry | None:
        return self.view.mine.latest(kinds.REGISTER).get(self.register.name)

    @property
    def collector(self) -> str:
        return f"register:{self.register.id}"


def _held(view: ScopeView, kind: str, scopes: Iterable[str]) -> list[_Held]:
    found = []
    for scope in scopes:
        own = replace(view, scope=scope)
        standing = own.mine.system or own.mine.organisation
        registers = standing.value.registers if standing else ()
        found += [_Held(own, register) for register in registers if register.kind == kind]
    return found


def _each(
    found: list[_Held], kind: str, judge: Callable[[_Held, Mapping[str, Any], Entry], Outcome], at: datetime
) -> Outcome:
    """The total over every register of one kind: first whether it is whole, then what ``judge`` says of its facts."""
    if not found:
        words = kind.replace("-", " ")
        return Outcome(
            Status.MISSING, f"No register of {words} is declared.", (), f"Declare the register of {words} (registers)"
        )
    outcomes = []
    for held in found:
        whole = _whole(held, at)
        outcomes.append(whole)
        if held.entry is not None and whole.status is not Status.MISSING:
            outcomes.append(judge(held, held.entry.statement.facts, held.entry))
    said = " ".join(outcome.sentence for outcome in outcomes if outcome.status is Status.SUPPORTED and outcome.sentence)
    return together(outcomes, said)


def _whole(held: _Held, at: datetime) -> Outcome:
    """Whether the register was looked at, of late, holds rows, and holds in each what its kind demands."""
    entry, register = held.entry, held.register
    if entry is None:
        return Outcome(Status.MISSING, f"{held.label} was never looked at.", (), _COLLECT)
    facts, entries = entry.statement.facts, (entry,)
    if (facts["kind"], facts["source"]) != (register.kind, register.uri):
        return Outcome(Status.STALE, f"{held.label} was read elsewhere than is declared.", entries, _COLLECT)
    columns = facts["columns"]
    declared = {role: columns[role]["column"] if role in columns else None for role in register.columns}
    if declared != register.columns:
        return Outcome(Status.STALE, f"{held.label} was read by other columns than are declared.", entries, _COLLECT)
    if absent := [f"{column['column']!r} ({role})" for role, column in columns.items() if column["blank"] is None]:
        action = f"Correct the columns of {register.id}, or restore them in {register.uri}"
        return Outcome(Status.MISSING, f"{held.label} has no column {some(absent)}.", entries, action)
    if not facts["rows"]:
        sentence = f"{held.label} has no rows, and of no rows anything holds."
        return Outcome(Status.UNDETERMINED, sentence, entries, f"See whether {register.uri} is still written to")
    outcomes = [Outcome(Status.SUPPORTED, "", entries), freshness(held.view, held.collector, at, facts=True)]
    if register.demand.system_record and (facts["upload"] or entry.statement.origin is Origin.DECLARED):
        sentence = f"{held.label} was put there by hand, where the record of a system is asked for."
        action = f"Declare the table that the system writes as {register.id}"
        outcomes.append(Outcome(Status.UNDETERMINED, sentence, entries, action))
    if blank := [f"{role} in {count(column['blank'], 'row')}" for role, column in columns.items() if column["blank"]]:
        sentence = f"{held.label} lacks its {some(blank)}."
        outcomes.append(Outcome(Status.FAILING, sentence, entries, f"Fill what is blank in {register.uri}"))
    if hidden := [f"{number:,} {what}" for what, number in sorted(facts.get("hidden", {}).items())]:
        sentence = f"{held.label} hides {some(hidden)} from whoever opens it."
        outcomes.append(
            Outcome(Status.FAILING, sentence, entries, f"Show in {register.uri} what is hidden, or remove it")
        )
    if facts["undated"]:
        sentence = f"{held.label} has {count(facts['undated'], 'row')} whose day cannot be read."
        action = f"Write dates in {register.uri} as 2026-12-31"
        outcomes.append(Outcome(Status.UNDETERMINED, sentence, entries, action))
    # Its own sentence is said by whoever asks.
    return replace(together(outcomes, ""), entries=entries)


@check(
    "register_current/1",
    about="any",
    params=("kind",),
    limits="That every row which ought to be in the register is, and that what it says is true.",
)
def _register_current(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    kind = params["kind"]
    others = [scope.name for scope in view.systems] if view.scope == ORGANISATION_SCOPE else [ORGANISATION_SCOPE]

    def judge(held: _Held, facts: Mapping[str, Any], entry: Entry) -> Outcome:
        if held.register.demand.ends:
            return _in_date(held, facts, entry, at)
        sentence = (
            f"{held.label} holds {count(facts['rows'], 'row')}, the latest of {max(_days(facts), default='no day')}: "
            "none is blank where its kind demands something, and whether it was in time is not judged."
        )
        return Outcome(
            Status.UNDETERMINED, sentence, (entry,), f"Have a person look at the times in {held.register.uri}"
        )

    found = _each(_held(view, kind, [view.scope, *others]), kind, judge, at)
    if view.scope != ORGANISATION_SCOPE or _held(view, kind, [view.scope]):
        return found
    # One system's register says nothing of the others.
    without = [name.removeprefix("system:") for name in others if not _held(view, kind, [name])]
    if not without or len(without) == len(others):
        return found
    sentence = f"Neither the organisation nor {some(without)} declares a register of {kind.replace('-', ' ')}."
    action = "Declare it for the organisation, or in the file of each AI system (registers)"
    return together([found, Outcome(Status.MISSING, sentence, (), action)], "")


def _in_date(held: _Held, facts: Mapping[str, Any], entry: Entry, at: datetime) -> Outcome:
    today, days = at.astimezone(UTC).date(), _days(facts)
    if over := sum(rows for day, rows in days.items() if day < today):
        sentence = f"{held.label} has {count(over, 'row')} of {facts['rows']:,} that ran out before {today}."
        return Outcome(Status.FAILING, sentence, (entry,), f"Renew what ran out in {held.register.uri}, or end it")
    coming = min((day for day in days if day >= today), default=None)
    if coming is None:
        sentence = f"{held.label} names no day on or after {today} by which its rows could be judged."
        return Outcome(Status.UNDETERMINED, sentence, (entry,), _COLLECT)
    until = datetime.combine(min(coming, date.max - timedelta(days=1)) + timedelta(days=1), time(), UTC)
    sentence = f"{held.label} holds {count(facts['rows'], 'row')}, none of which has run out."
    return Outcome(Status.SUPPORTED, sentence, (entry,), valid_until=until)


@check(
    "register_live/1",
    params=("kind",),
    limits="That every event was written down: it shows that some were, of late, and by the day that each row names.",
)
def _register_live(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    kind = params["kind"]

    def judge(held: _Held, facts: Mapping[str, Any], entry: Entry) -> Outcome:
        looks = (one for one in reversed(view.mine.collections) if not one.gap and held.collector in one.collectors)
        latest = next((one for one in looks if one.seen <= at), None)
        if latest is None or latest.slot.start is None:
            return Outcome(Status.MISSING, f"{held.label} was never looked at.", (entry,), _COLLECT)
        # Up to the look: a row from the day after tomorrow shows nothing of yesterday.
        first, last = latest.slot.start.date(), latest.seen.date()
        rows = sum(rows for day, rows in _days(facts).items() if first <= day <= last)
        if not rows:
            sentence = f"{held.label} has no row from {first} to {last}: nothing happened, or nothing was written down."
            action = f"See whether the system was in use, and whether {held.register.uri} is still written to"
            return Outcome(Status.UNDETERMINED, sentence, (entry,), action)
        return Outcome(Status.SUPPORTED, f"{held.label} has {count(rows, 'row')} from {first} to {last}.", (entry,))

    return _each(_held(view, kind, [view.scope]), kind, judge, at)


@check(
    "register_reconciled/1",
    params=("kind", "against"),
    limits="That both sources do not lack the same thing, and how often a key stands in either: each counts once.",
)
def _register_reconciled(view: ScopeView, params: Mapping[str, Any], at: datetime) -> Outcome:
    kind, against = params["kind"], tuple(params.get("against", ()))
    allowed = _sources(view, against)

    def judge(held: _Held, facts: Mapping[str, Any], entry: Entry) -> Outcome:
        second, entries = held.register.reconcile, (entry,)
        if second is None or facts["reconciled"] is None:
            action = f"Name the second source of {held.register.id} (reconcile)"
            return Outcome(Status.MISSING, f"{held.label} is compared with nothing.", entries, action)
        compared = facts["reconciled"]
        if compared["with"] != second.uri:
            sentence = f"{held.label} was compared with another source than is declared."
            return Outcome(Status.STALE, sentence, entries, _COLLECT)
        if second.uri == held.register.uri or (against and second.uri not in allowed):
            wanted = " or ".join(name.replace("-", " ") for name in against) or "a source other than itself"
            sentence = f"{held.label} is compared with {second.uri}, and asked for is {wanted}."
            return Outcome(Status.MISSING, sentence, entries, f"Compare {held.register.id} with {wanted}")
        return _agrees(held, second.uri, compared, entry)

    return _each(_held(view, kind, [view.scope]), kind, judge, at)


def _agrees(held: _Held, second: str, compared: Mapping[str, Any], entry: Entry) -> Outcome:
    one_way = held.register.kind in _ONE_WAY
    if compared["only_here"] or (compared["only_there"] and not one_way):
        sentence = (
            f"{held.label} and {second} differ: {compared['matched']:,} keys stand in both, "
            f"{compared['only_here']:,} only in the register, {compared['only_there']:,} only in the other."
        )
        return Outcome(Status.FAILING, sentence, (entry,), f"Find out why {held.register.uri} and {second} differ")
    if compared["blank_there"] and not one_way:
        blank = count(compared["blank_there"], "row")
        sentence = f"{second} has {blank} without a key: whether they stand in {held.register.id} cannot be told."
        return Outcome(Status.UNDETERMINED, sentence, (entry,), f"Fill the keys in {second}")
    if not compared["matched"]:
        return Outcome(Status.UNDETERMINED, f"{held.label} has no key to compare.", (entry,), _COLLECT)
    sentence = f"{held.label} agrees with {second} in {count(compared['matched'], 'key')}."
    return Outcome(Status.SUPPORTED, sentence, (entry,))


def _sources(view: ScopeView, against: Iterable[str]) -> set[str]:
    """Where the tables are that a register may be compared with: rows scored, or registers of a kind."""
    found: set[str] = set()
    for name in against:
        if name == "rows-scored":
            found |= {table.uri for table in view.tables(("prediction",))}
        else:
            found |= {held.register.uri for held in _held(view, name, [view.scope])}
    return found


def _days(facts: Mapping[str, Any]) -> dict[date, int]:
    return {date.fromisoformat(each["day"]): each["rows"] for each in facts["days"]}
