"""Whether the model version in use is one that somebody approved: itself, or the one before within an envelope.

An approval is of a version with its artifacts. It is void once the version was taken out of use, so the version
restored needs a new one; until that is owed, a version that was approved before may be rolled back to at once.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from affidavit.evidence import Entry, Subject, kinds, timestamp
from affidavit.inventory.people import Bound, Envelope
from affidavit.projections.decisions import Settled, settled
from affidavit.projections.lineage import InUse
from affidavit.projections.scope import ScopeState

_DRIFT = "drift"


class Basis(StrEnum):
    """On what a version is in use."""

    APPROVED = "approved"
    CARRIED = "carried over"
    OWED = "rolled back to, approval owed"
    OVERDUE = "rolled back to, approval overdue"
    OUTSIDE = "outside the envelope"
    CHANGED = "changed since it was approved"
    REJECTED = "rejected"
    NEVER = "never approved"


@dataclass(frozen=True)
class Approval:
    """On what the version in use is in use, in words; ``entries`` say it; ``until`` is when an approval is owed."""

    basis: Basis
    words: str
    entries: tuple[Entry, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True)
class _Tenure:
    """A version in use: from the entry that first saw it on to the one that saw another (None: it still is)."""

    version: str | None
    start: int
    at: datetime
    end: int | None


def version_subject(version: Entry) -> Subject:
    """A model version as what is approved: its artifacts where they were collected, else all that is recorded of it."""
    statement = version.statement
    return Subject(statement.subject.name, (statement.subjects[1:] or statement.subjects)[0].sha256)


def approval_of(scope: ScopeState, used: InUse, *, at: datetime, rollback: timedelta) -> Approval:
    """On what ``used`` is in use as of ``at``. A rollback is approved within ``rollback``. Demands a version."""
    assert used.version is not None
    subject, tenures = version_subject(used.version), _tenures(scope, used)
    now = tenures[-1]
    left = max((each.end or 0 for each in tenures[:-1] if each.version == now.version), default=0)
    if own := _latest(scope, subject, since=left):
        basis = Basis.APPROVED if own.approves else Basis.REJECTED
        late = " after it was in use" if own.index > now.start else ""
        return Approval(basis, f"{own.words} about {used.label}{late}", own.entries)
    if left:
        if (before := _latest(scope, subject, before=left)) and before.approves:
            until = now.at + rollback
            basis = Basis.OWED if at <= until else Basis.OVERDUE
            words = f"{used.label} is in use again since {timestamp(now.at)[:16]}Z; its approval of {before.at.date()} "
            words += f"ended when another version took its place, and a new one is owed by {timestamp(until)[:16]}Z"
            return Approval(basis, words, before.entries, until)
    elif len(tenures) > 1 and (carried := _carried(scope, used, tenures[-2])):
        return carried
    approved = [each for each in _all(scope, subject.name) if each.approves and each.need.subjects != (subject,)]
    if approved:
        words = f"{used.label} was approved with other artifacts than it has now"
        return Approval(Basis.CHANGED, words, approved[-1].entries)
    return Approval(Basis.NEVER, f"nobody decided on {used.label}")


def left_at(scope: ScopeState, version: Entry) -> int:
    """The entry that saw a version taken out of use the last time, before which its approvals are void; 0 if none."""
    home, _, name = version.statement.subject.name.partition("/versions/")
    ends = [0]
    for alias, looks in scope.aliases.items():
        if alias.startswith(f"{home}@"):
            pairs = itertools.pairwise(looks)
            ends += (after.entry.index for before, after in pairs if before.version == name != after.version)
    return max(ends)


def _tenures(scope: ScopeState, used: InUse) -> list[_Tenure]:
    looks = scope.aliases[f"{used.home}@{used.alias}"]
    groups = [list(group) for _, group in itertools.groupby(looks, key=lambda look: look.version)]
    ends = [*(group[0].entry.index for group in groups[1:]), None]
    return [_Tenure(g[0].version, g[0].entry.index, g[0].at, end) for g, end in zip(groups, ends, strict=True)]


def _carried(scope: ScopeState, used: InUse, before: _Tenure) -> Approval | None:
    """What the approval of the version before says of the one in use; None where it carries over to none."""
    version = scope.latest(kinds.MODEL_VERSION).get(f"{used.home}/versions/{before.version}")
    if version is None:
        return None
    approval = _latest(scope, version_subject(version), since=_left_before(scope, used, before))
    if approval is None or not approval.approves or approval.need.envelope is None:
        return None
    envelope = Envelope.model_validate(approval.need.envelope)
    found = list(_measured(scope, used, envelope))
    entries = (*approval.entries, *dict.fromkeys(entry for _, _, entry in found if entry))
    if outside := [words for inside, words, _ in found if not inside]:
        words = f"{used.label} is outside the envelope in which version {before.version} was approved: {outside[0]}"
        return Approval(Basis.OUTSIDE, words, entries)
    words = f"{approval.words} about version {before.version}, and it carries over to {used.label}: "
    return Approval(Basis.CARRIED, words + "; ".join(words for _, words, _ in found), entries)


def _left_before(scope: ScopeState, used: InUse, tenure: _Tenure) -> int:
    ends = (each.end or 0 for each in _tenures(scope, used) if each.version == tenure.version)
    return max((end for end in ends if end < (tenure.end or 0)), default=0)


def _measured(scope: ScopeState, used: InUse, envelope: Envelope) -> Iterator[tuple[bool, str, Entry | None]]:
    """For each bound whether every look at the version found it within, and in words which did not."""
    for kind, bounds in (("measures", envelope.measures), ("data", envelope.data)):
        for measure, bound in bounds.items():
            looks = list(_looks(scope, used, measure, drift=kind == "data"))
            outside = [look for look in looks if not _within(bound, look[0])]
            if outside:
                value, entry = outside[-1]
                yield False, f"{measure} was {value}, not {_in_words(bound)}", entry
            elif looks:
                value, entry = looks[-1]
                yield True, f"{measure} was {value}, {_in_words(bound)}", entry
            else:
                yield False, f"{measure} was not measured of it", None


def _looks(scope: ScopeState, used: InUse, measure: str, *, drift: bool) -> Iterator[tuple[Any, Entry]]:
    """Each value of a measure of the version: of all its rows, or of drift for each column."""
    for entry in sorted((e for each in scope.measurements.values() for e in each), key=lambda entry: entry.index):
        facts: Mapping[str, Any] = entry.statement.facts
        if (facts["model"], facts["version"], facts["canary"]) != (used.model, used.version_name, False):
            continue
        if (facts["family"] == _DRIFT) != drift:
            continue
        for result in facts["results"]:
            if result["measure"] == measure and not result["group"] and (drift or result["about"] is None):
                yield result["value"], entry


def _within(bound: Bound, value: Any) -> bool:
    return isinstance(value, int | float) and bound.holds(value)


def _in_words(bound: Bound) -> str:
    ends = (("at least", bound.at_least), ("at most", bound.at_most))
    return " and ".join(f"{end} {value}" for end, value in ends if value is not None)


def _all(scope: ScopeState, name: str, *, since: int = 0, before: int | None = None) -> list[Settled]:
    """What was decided on a version by name, with whatever artifacts, in order."""
    found = []
    for decisions in scope.decisions.values():
        need = decisions[0].need
        if need.type == "deployment" and need.subjects[0].name == name:
            past = [each for each in decisions if before is None or each.entry.index < before]
            found.append(settled(past, since=since))
    return sorted((each for each in found if each), key=lambda each: each.index)


def _latest(scope: ScopeState, subject: Subject, *, since: int = 0, before: int | None = None) -> Settled | None:
    decided = _all(scope, subject.name, since=since, before=before)
    return next((each for each in reversed(decided) if each.need.subjects == (subject,)), None)
