"""A version is asked again about rows that a warehouse recorded: at its endpoint, and what it answers is measured."""

import json
from dataclasses import replace

import duckdb
import pandas as pd
import pytest

from affidavit.collect import answers
from affidavit.collect.answers import FAMILIES
from affidavit.collect.rescoring import Places, Recorded, look_at_version
from affidavit.errors import SourceGarbled, SourceRefused, SourceUnavailable
from affidavit.evidence import Origin, Stage
from affidavit.inventory import Connection, System
from affidavit.inventory.measures import measures_of
from tests.collect import fitted

ENDPOINT = {"id": "live", "model": "cells", "connection": "scoring", "path": "/version", "version": "version"}


def declared(**measured):
    """An AI system whose version is asked at an endpoint, and its table."""
    whole = {
        "task": "binary",
        "model": "cells",
        "version": "version",
        "classes": ["no", "yes"],
        "positive": "yes",
        "cut": 0.5,
        "groups": {"side": ["left", "right"]},
        "features": fitted.FEATURES,
        "relevant": ["mean radius"],
        "reference": "train",
        "key": "id",
        "endpoint": "live",
        "part": 1,
        "sample": 60,
    }
    document = {
        "id": "triage",
        "title": "Triage",
        "purpose": "To be tested.",
        "organisation_role": "provider",
        "risk_level": "high",
        "owner": "ml-lead",
        "schedule": "@daily",
        "mlflow": {"connection": "tracking", "experiments": ["e"], "registered_models": ["cells", "other"]},
        "datasets": [{"id": "train", "connection": "clinic", "table": "train", "use": "training", "suite": "s"}],
        "predictions": [
            {
                "id": "scored",
                "connection": "clinic",
                "table": "scored",
                "label": "malignant",
                "score": "score",
                "measured": {name: value for name, value in (whole | measured).items() if value is not None},
            }
        ],
        "serving": [ENDPOINT],
    }
    return System.model_validate(document)


@pytest.fixture
def clinic(tmp_path):
    fitted.fill(tmp_path / "clinic.duckdb")
    return Connection("clinic", "duckdb", host=str(tmp_path / "clinic.duckdb"))


def say(handler, document):
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def scoring(handler):
    """What MLflow's scoring server does, with the model that was fitted; a missing value is refused."""
    if handler.command == "GET":
        say(handler, {"version": "1"})
        return
    asked = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))["dataframe_split"]
    rows = pd.DataFrame(asked["data"], columns=asked["columns"])
    if rows.isna().any(axis=None):
        handler.send_error(400)
        return
    say(handler, {"predictions": fitted.fitted()[0].predict_proba(rows).tolist()})


@pytest.fixture
def look(clinic, serve, seen):
    """Look at the scored table's version behind an endpoint that answers as told."""

    def at(answer=scoring, *, known=None, timeout=20, **measured):
        system = declared(**measured)
        [endpoint] = system.serving
        places = Places(clinic, endpoint=(endpoint, replace(serve(answer, timeout=timeout), id="scoring")))
        return look_at_version(system, system.predictions[0], places, known=known or Recorded(), seen=seen)

    return at


def results(found):
    """Results by family and measure, of those over all rows."""
    return {
        draft.facts["family"]: {each["measure"]: each for each in draft.facts["results"] if not each["group"]}
        for draft in found.drafts
    }


def test_recorded_scores_are_answered_again_and_each_family_is_a_statement_that_we_re_performed(look):
    found = look(sample=200)
    assert [draft.facts["family"] for draft in found.drafts] == list(FAMILIES)
    assert {(draft.kind.name, draft.origin, draft.stage) for draft in found.drafts} == {
        ("measurement", Origin.REPERFORMED, Stage.VERIFICATION)
    }
    assert {(draft.facts["model"], draft.facts["version"]) for draft in found.drafts} == {("cells", "1")}
    for draft in found.drafts:
        assert {each["measure"] for each in draft.facts["results"]} == set(measures_of(draft.facts["family"]))
    told = results(found)
    for name in ("score_agreement", "decision_agreement"):
        assert (told["agreement"][name]["value"], told["agreement"][name]["n"]) == (1, 200)
    flips = [each for each in found.drafts[1].facts["results"] if each["measure"] == "flip_rate"]
    by_change = {each["about"]: each for each in flips if not each["group"]}
    assert by_change["missing mean radius"]["why"] == "the model refuses such rows"
    assert by_change["noise in mean radius"]["high"] < 0.2 < by_change["unit x10 in mean radius"]["low"]
    assert any(each["group"] for each in flips)
    assert told["explanation"]["importance_share_outside_declared"]["value"] < 0.6
    assert told["explanation"]["top_reasons_overlap"]["why"] == "there are no more than 3 features"
    assert told["membership"]["membership_inference_auc"]["n"] == 400
    assert abs(told["membership"]["membership_inference_auc"]["value"] - 0.5) < 0.1


def test_a_second_look_says_the_same(look):
    first, second = look(), look()
    assert [draft.facts["results"] for draft in first.drafts] == [draft.facts["results"] for draft in second.drafts]


def test_scores_that_the_version_does_not_give_are_told(look, clinic):
    with duckdb.connect(clinic.path) as connection:
        connection.execute("UPDATE scored SET score = 0.123 WHERE id % 5 = 0")
    told = results(look(sample=200))["agreement"]
    assert told["score_agreement"]["low"] < 0.8 < told["score_agreement"]["high"]
    assert told["decision_agreement"]["value"] < 1


def test_no_value_of_a_row_and_no_key_stands_in_a_statement(look, clinic):
    with duckdb.connect(clinic.path) as connection:
        connection.execute("ALTER TABLE scored ALTER id TYPE VARCHAR")
        connection.execute("UPDATE scored SET id = 'secret-' || id, side = 'secret-side' WHERE TRUE")
        connection.execute("UPDATE scored SET malignant = 'secret-label' WHERE score > 0.9")
    found = look()
    assert "secret" not in json.dumps([draft.facts for draft in found.drafts])
    assert not any(b"secret" in blob for blob in found.blobs)


def cut_off(handler):
    if handler.command == "GET":
        scoring(handler)
    else:
        handler.connection.close()


def hangs(handler):
    if handler.command == "GET":
        scoring(handler)
    else:
        while handler.connection.recv(1024):  # until whoever asked has had enough
            pass


def garbage(handler):
    say(handler, {"version": "1"} if handler.command == "GET" else b"<html>secret</html>")


def short(handler):
    say(handler, {"version": "1"} if handler.command == "GET" else {"predictions": [0.1]})


def refuses(handler):
    if handler.command == "GET":
        scoring(handler)
    else:
        handler.send_error(400)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (cut_off, SourceUnavailable),
        (hangs, SourceUnavailable),
        (garbage, SourceGarbled),
        (short, SourceGarbled),
        (refuses, SourceRefused),
    ],
)
def test_whatever_is_no_answer_is_an_error_that_names_table_and_version(look, answer, error):
    with pytest.raises(error, match=r"warehouse://clinic/scored, scored again by cells version 1: scoring endpoint"):
        look(answer, timeout=0.3)


def test_an_endpoint_that_names_another_version_afterwards_is_not_believed(look):
    named = iter("12")

    def moves(handler):
        if handler.command == "GET":
            say(handler, {"version": next(named)})
        else:
            scoring(handler)

    with pytest.raises(SourceUnavailable, match="another version afterwards"):
        look(moves)


def test_questions_end_after_a_while(look, monkeypatch):
    monkeypatch.setattr(answers, "SECONDS", 0.0)
    with pytest.raises(SourceUnavailable, match="its answers took more than 0 s"):
        look()


def nameless(handler):
    say(handler, {})


@pytest.mark.parametrize(
    ("how", "family", "measure", "why"),
    [
        ({"answer": nameless}, "agreement", "score_agreement", "names no version"),
        ({"reference": None}, "membership", "membership_inference_auc", "no dataset is named as the reference"),
        ({"relevant": []}, "explanation", "declared_relevance_auc", "no feature is declared relevant"),
        ({"groups": {}}, "explanation", "proxy_auc", "no groups are declared"),
        ({"cut": None, "decision": "malignant"}, "robustness", "flip_rate", "no cut says what they decide"),
        (
            {"task": "regression", "classes": [], "positive": None, "cut": None, "groups": {}},
            "agreement",
            "decision_agreement",
            "regr",
        ),
        ({"model": "other"}, "robustness", "adversarial_flip_rate", "the endpoint live serves another model"),
    ],
)
def test_what_was_not_tried_says_that_it_was_not_and_why(look, clinic, how, family, measure, why):
    if how.get("task") == "regression":
        with duckdb.connect(clinic.path) as connection:
            connection.execute("UPDATE scored SET malignant = '1'")
            for name in ("scored", "train"):
                connection.execute(f"UPDATE {name} SET malignant = '1'")
                connection.execute(f"ALTER TABLE {name} ALTER malignant TYPE DOUBLE")
    said = results(look(**how))[family][measure]
    assert said["value"] is None
    assert said["why"].startswith("not tested: ")
    assert why in said["why"]


def test_rows_of_another_version_are_not_asked_about(look, clinic):
    with duckdb.connect(clinic.path) as connection:
        connection.execute("UPDATE scored SET version = '2' WHERE id >= 20")
    found = look()
    assert {each["why"] for draft in found.drafts for each in draft.facts["results"]} == {
        "not tested: the table holds 20 rows of that version, 30 are asked for"
    }
    assert {draft.origin for draft in found.drafts} == {Origin.OBSERVED}


def test_a_family_that_would_ask_too_much_is_not_tried(look, monkeypatch):
    monkeypatch.setattr(answers, "QUESTIONS", 300)
    told = results(look())
    assert told["agreement"]["score_agreement"]["value"] == 1
    assert "it would ask" in told["robustness"]["flip_rate"]["why"]


def test_a_row_that_no_question_can_carry_is_left_out_and_counted(look, clinic):
    with duckdb.connect(clinic.path) as connection:
        connection.execute("UPDATE scored SET \"mean radius\" = 'inf' WHERE id < 10")
    found = look(sample=2_000)
    assert found.drafts[0].facts["left_out"] == {"carry a value that no question can carry": 10}
    assert found.drafts[0].facts["rows"] == fitted.HOLDOUT - 10
