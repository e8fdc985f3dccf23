"""Judging from the ledger alone: what is recorded live is what as-of answers later."""

from datetime import timedelta

import pytest

from affidavit.errors import UsageError
from affidavit.evidence import kinds
from affidavit.pipeline import posture
from tests.projections.story import Story


def spoil(project):
    """The table goes bad, a model is trained on it all the same, and is put to use."""
    project.sql("UPDATE loans SET amount = -5 WHERE id = 7")
    project.tracking.alias(project.tracking.version(project.tracking.run(dataset="loans-train")))


def statuses(judged):
    return {(verdict.scope, verdict.control): verdict.status.value for verdict in judged.verdicts}


def test_as_of_answers_what_was_recorded_live(project):
    """The oracle is what the assessments said at each step, not the same fold once more."""
    live = []
    project.collect("organisation")
    for change in (
        lambda: None,
        lambda: spoil(project),
        lambda: project.tracking.alias("1"),
    ):
        change()
        project.collect()
        judged = project.assess()
        shown = {v.scope: posture.recorded_statuses(project_now(project), v.scope) for v in judged.verdicts}
        live.append((project.now, shown))
        project.tomorrow()
    assert live[0][1] != live[1][1]
    with project.workplace.reader() as ledger:
        for moment, recorded in live:
            then = posture.judge_as_of(ledger, at=moment)
            for scope, controls in recorded.items():
                assert {v.control: v.status.value for v in then.verdicts if v.scope == scope} == controls


def project_now(project):
    with project.workplace.reader() as ledger:
        return posture.judge(ledger, at=project.now)


def test_an_unchanged_posture_adds_no_assessment(project):
    project.collect()
    project.assess()
    before = project.size()
    project.now += timedelta(minutes=5)
    project.assess()
    assert project.size() == before


def test_a_model_in_use_that_learnt_from_bad_data_fails_and_the_assessment_names_the_prefix_it_judged(project):
    project.collect()
    good = statuses(project.assess())
    spoil(project)
    project.tomorrow()
    project.collect()
    size = project.size()
    bad = statuses(project.assess())
    assert bad["system:loans", "A.7.4"] == "failing"
    assert good["system:loans", "A.7.4"] == "supported"
    entry = [e for e in project.entries(kind="assessment") if e.statement.scope == "system:loans"][-1]
    assert entry.statement.header["basis"]["size"] == size


def test_evidence_that_is_no_longer_collected_turns_stale(project):
    project.collect()
    project.now += timedelta(days=30)
    later = statuses(project.assess())
    assert "supported" not in {status for (scope, _), status in later.items() if scope == "system:loans"}


def test_a_time_before_the_first_entry_is_refused(project):
    with project.workplace.reader() as ledger, pytest.raises(UsageError, match="held nothing"):
        posture.judge_as_of(ledger, at=project.now - timedelta(days=1))


def test_each_entry_behind_a_head_that_was_observed_by_then_is_counted_whatever_stands_before_it(project):
    project.collect()
    with project.workplace.writer() as ledger:
        then = posture.judge_as_of(ledger, at=project.now)
        story = Story()
        drafts = []
        for name, minutes in (("early", -1), ("late", 10), ("in-between", -2), ("last", 20), ("at-once", 0)):
            story.now = project.now + timedelta(minutes=minutes)
            facts = {"model": name, "alias": "champion", "version": "1"}
            drafts.append(story.draft(kinds.MODEL_ALIAS, f"mlflow://tracking/models/{name}@champion", facts))
        ledger.append(drafts, now=project.now + timedelta(minutes=30))
        assert posture.observed_later(ledger, then) == 3
