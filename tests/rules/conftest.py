from datetime import datetime
from typing import Any

import pytest

from affidavit import catalogue
from affidavit.projections import fold
from affidavit.rules.checks import run
from affidavit.rules.verdict import Part, Status, Verdict
from affidavit.rules.view import ScopeView
from tests.projections.story import SCOPE, Story


@pytest.fixture
def part():
    """One check, asked about a story: its part."""

    def ask(story: Story, check: str, *, scope: str = SCOPE, at: datetime | None = None, **params: Any) -> Part:
        view = ScopeView(scope, fold(story.entries), catalogue.load().policy)
        outcome = run(check, view, params, at or story.now)
        assert outcome.sentence
        if outcome.status is not Status.SUPPORTED:
            assert outcome.next_action
        return outcome

    return ask


@pytest.fixture
def verdicts():
    """Every verdict about a story, by scope and id."""
    from affidavit.rules import judge

    def ask(story: Story, *, at: datetime | None = None) -> dict[tuple[str, str], Verdict]:
        judged = judge(fold(story.entries), at=at or story.now, catalogue=catalogue.load())
        found = {(verdict.scope, verdict.control): verdict for verdict in judged}
        assert len(found) == len(judged)
        return found

    return ask
