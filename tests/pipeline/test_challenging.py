"""A control is challenged: what it catches and what it misses is recorded, and nothing else rests on it."""

import duckdb
import pytest

from affidavit.errors import UsageError
from affidavit.evidence import CANARY
from affidavit.inventory import Suite
from affidavit.pipeline.challenging import challenge, expected
from affidavit.rules.challenges import GOOD_FOR
from affidavit.rules.verdict import Status
from affidavit.warehouse.canary import Defect
from tests.pipeline.conftest import SUITE

MISSING = Defect("missing", "amount")
UNSEEN = Defect("missing", "id")


def ask(project, defect=MISSING, table="loans-train"):
    return challenge(project.workplace, "loans", table, defect=defect, through=None, now=lambda: project.now)


def verdict(posture):
    (found,) = (
        part
        for each in posture.verdicts
        if each.scope == "system:loans"
        for part in each.parts
        if part.check == "challenge_caught/1"
    )
    return found


def without_challenges(posture):
    return {
        (each.scope, each.control, part.check): (part.status, part.sentence, part.entries)
        for each in posture.verdicts
        for part in each.parts
        if part.check != "challenge_caught/1"
    }


def test_a_defect_that_the_suite_expects_is_caught_by_its_test_and_supports_the_check(project):
    project.collect()
    assert verdict(project.assess()).status is Status.MISSING
    before, state = without_challenges(project.assess()), project.assess().state.scope("system:loans")
    size = project.size()
    _, outcome = ask(project)
    assert outcome.caught
    assert outcome.failed == ("expect_column_values_to_not_be_null:amount",)
    (entry,) = project.entries(kind="challenge")
    facts = entry.statement.facts
    assert (facts["caught"], facts["canary"], facts["status"]) == (True, True, "failing")
    assert (facts["clean"], facts["failed"]) == ([], list(outcome.failed))
    assert facts["injected_at"] <= facts["judged_at"]
    after = project.assess()
    assert verdict(after).status is Status.SUPPORTED
    # Nothing but the check rests on it: not one snapshot, validation or verdict is another.
    assert without_challenges(after) == before
    assert after.state.scope("system:loans").snapshots == state.snapshots
    assert after.state.scope("system:loans").validations == state.validations
    assert project.size() > size
    project.now += GOOD_FOR
    assert verdict(project.assess()).status is Status.STALE


def test_what_was_seen_of_the_copies_stands_aside_and_is_marked(project):
    project.collect()
    ask(project)
    aside = project.entries(scope="canary:loans")
    assert {entry.statement.kind for entry in aside} == {"dataset-snapshot", "validation"}
    assert {entry.statement.demonstration for entry in aside} == {CANARY}
    posture = project.assess()
    assert "canary:loans" not in {scope.name for scope in posture.state.systems}
    assert {each.scope for each in posture.state.demonstrations} == {"canary:loans"}
    assert not [each for each in posture.verdicts if each.scope == "canary:loans"]


def test_a_defect_that_nothing_expects_is_missed_and_stays_so_whatever_else_is_caught(project):
    project.collect()
    _, outcome = ask(project, UNSEEN)
    assert not outcome.caught
    project.tomorrow()
    assert ask(project)[1].caught
    found = verdict(project.assess())
    assert found.status is Status.FAILING
    assert "copy of loans-train was not caught" in found.sentence
    project.tomorrow()
    more = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}, "quality": "completeness"}
    project.write("expectations/loans.yaml", SUITE | {"expectations": [*SUITE["expectations"], more]})
    project.collect()
    assert ask(project, UNSEEN)[1].caught
    assert verdict(project.assess()).status is Status.SUPPORTED


def test_a_table_that_fails_by_itself_catches_nothing_by_that(project):
    project.sql("UPDATE loans SET amount = NULL WHERE id = 3")
    project.collect()
    _, outcome = ask(project, UNSEEN)
    assert not outcome.caught
    (entry,) = project.entries(kind="challenge")
    assert entry.statement.facts["clean"] == ["expect_column_values_to_not_be_null:amount"]


def test_nothing_is_left_in_the_warehouse_and_nothing_in_it_is_another(project):
    def seen():
        with duckdb.connect(str(project.warehouse), read_only=True) as connection:
            schemas = connection.execute("SELECT schema_name FROM information_schema.schemata ORDER BY 1").fetchall()
            tables = connection.execute("SELECT schema_name, table_name FROM duckdb_tables() ORDER BY 1").fetchall()
            return schemas, tables, connection.execute("SELECT * FROM loans ORDER BY id").fetchall()

    project.collect()
    before = seen()
    ask(project)
    assert seen() == before


def test_without_a_defect_one_is_drawn_that_the_suite_says_something_about(project):
    project.collect()
    drawn, _ = ask(project, None)
    assert drawn.column in {"amount", "region"}
    possible = [MISSING, UNSEEN, Defect("repeated", None)]
    assert expected(Suite.model_validate(SUITE), possible) == (MISSING,)


@pytest.mark.parametrize(
    ("defect", "table", "words"),
    [
        (MISSING, "nowhere", "no table 'nowhere'"),
        (Defect("sign", "region"), "loans-train", "cannot be given the defect 'sign' in the column 'region'"),
        (Defect("missing", "amuont"), "loans-train", "the column 'amuont'"),
    ],
)
def test_what_cannot_be_challenged_is_named_and_nothing_recorded(project, defect, table, words):
    project.collect()
    size = project.size()
    with pytest.raises(UsageError, match=words):
        ask(project, defect, table)
    assert project.size() == size
