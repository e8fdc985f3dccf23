"""Whether controls that were challenged caught what was planted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from affidavit.evidence import Entry, kinds, moment
from affidavit.rules.registry import Outcome, check, count, together
from affidavit.rules.verdict import Status
from affidavit.rules.view import ScopeView

GOOD_FOR = timedelta(days=366)
"""How long a challenge says something of a control."""

_CHALLENGE = "Challenge it: affidavit challenge SYSTEM --bad-table DATASET"


@check(
    "challenge_caught/1",
    limits="That another defect would be caught, or that nobody knew of the challenge beforehand.",
)
def _challenge_caught(view: ScopeView, _params: Mapping[str, Any], at: datetime) -> Outcome:
    latest = view.mine.latest(kinds.CHALLENGE)
    if not latest:
        return Outcome(Status.MISSING, "No control was ever challenged with a planted defect.", (), _CHALLENGE)
    outcomes = [_judged(entry, at) for entry in latest.values()]
    return together(outcomes, f"{count(len(outcomes), 'challenge')}: each planted defect was caught.")


def _judged(entry: Entry, at: datetime) -> Outcome:
    facts = entry.statement.facts
    until = moment(facts["judged_at"]) + GOOD_FOR
    if not facts["caught"]:
        sentence = f"A defect that was planted in a copy of {facts['dataset']} was not caught by {facts['check']}."
        action = f"Expect in the suite of {facts['dataset']} what would have caught it, and challenge it again"
        return Outcome(Status.FAILING, sentence, (entry,), action)
    if at >= until:
        sentence = f"The control of {facts['dataset']} was last challenged more than {GOOD_FOR.days} days ago."
        return Outcome(Status.STALE, sentence, (entry,), _CHALLENGE)
    return Outcome(Status.SUPPORTED, "", (entry,), valid_until=until)
