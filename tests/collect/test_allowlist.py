import pytest

from affidavit.collect.allowlist import let_through, suggest
from affidavit.collect.mlflow_client import Pair
from affidavit.errors import SourceRefused


def pairs(**values: str) -> list[Pair]:
    return [Pair(key=key, value=value) for key, value in values.items()]


def test_only_named_values_pass_and_the_rest_is_counted():
    assert let_through(pairs(C="1", c="2", C2="3"), ["C", "absent"]) == ({"C": "1"}, 2)
    assert let_through(pairs(C="1"), []) == ({}, 1)


def test_values_beyond_the_budget_of_an_entry_stay_behind():
    through, withheld = let_through(pairs(a="x" * 5_000, b="\x00" * 4_000, c="y" * 5_001, d="z"), "abcd")
    assert (sorted(through), withheld) == (["a", "d"], 2), "a control character takes six bytes"


def propose(team, name: str, value: str, kind: str = "params"):
    run = team.run()
    team.log(run, **{kind: [{"key": name, "value": value}]})
    found = {(each.kind, each.name): each for each in suggest(team.system(), team.connection)}
    return found[kind.removesuffix("s"), name]


HARMLESS = [("C", "0.5"), ("model", "logistic_regression"), ("n_estimators", "100"), ("lr", "0.00012345678901")]


def test_short_technical_values_are_proposed_with_how_often_they_were_seen(team):
    for each in range(3):
        run = team.run()
        team.log(run, params=[{"key": name, "value": value} for name, value in HARMLESS])
        team.log(run, params=[{"key": "seed", "value": str(each)}])
    found = {each.name: each for each in suggest(team.system(), team.connection) if each.kind == "param"}
    assert [name for name, each in sorted(found.items()) if each.proposed] == sorted([*dict(HARMLESS), "seed"])
    assert (found["seed"].runs, found["seed"].distinct, found["C"].distinct) == (3, 3, 1)


def test_nothing_that_looks_like_a_secret_a_person_or_a_place_is_proposed_or_shown(team):
    suspects = {
        "api_key": "abc",
        "dbPassword": "abc",
        "auth.token": "abc",
        "user": "anna",
        "author_email": "x",
        "data_path": "x",
        "comment": "x",
        "plain1": "anna@example.org",
        "plain2": "postgres://anna:hunter2@db",
        "plain3": "/home/anna/data.csv",
        "plain4": "eyJhbGciOiJIUzI1NiJ9.e30.x",
        "plain5": "+49 170 1234567",
        "plain6": "10.11.12.13",
        "plain7": "word " * 40,
    }
    run = team.run()
    team.log(run, params=[{"key": name, "value": value} for name, value in suspects.items()])
    tags = {"mlflow.user": "anna", "mlflow.source.name": "train.py", "mlflow.note.content": "x", "mlflow.custom": "x"}
    team.log(run, tags=[{"key": name, "value": value} for name, value in tags.items()])
    found = suggest(team.system(), team.connection)
    assert {each.name for each in found} >= {*suspects, *tags}
    assert [each.name for each in found if each.proposed] == []
    shown = repr([(each.runs, each.distinct, each.reason) for each in found])
    assert [value for value in suspects.values() if len(value) > 1 and value in shown] == []


def test_the_commit_is_proposed(team):
    assert propose(team, "mlflow.source.git.commit", "9c1e" * 10, kind="tags").proposed


def test_a_tag_that_is_new_at_each_run_is_not_proposed(team):
    for each in range(21):
        team.run(tags=[{"key": "remark", "value": f"v{each}"}], finish=False)
    found = {each.name: each for each in suggest(team.system(), team.connection)}
    assert found["remark"].distinct == 21
    assert not found["remark"].proposed


def test_an_experiment_that_is_not_there_is_refused(team):
    with pytest.raises(SourceRefused, match=r"mlflow\.experiments"):
        suggest(team.system(experiments=["absent"]), team.connection)
