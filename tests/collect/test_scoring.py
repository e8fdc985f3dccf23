import json
import math
from datetime import date
from decimal import Decimal

import numpy as np
import pytest

from affidavit.collect import scoring
from affidavit.collect.rest import Api
from affidavit.collect.scoring import Scorer
from affidavit.errors import SourceGarbled, SourceRefused, SourceUnavailable, UsageError

TABLE = {"a": [1.0, 2.0], "b": ["x", None]}


@pytest.fixture
def answering(serve, reply):
    """A scorer whose endpoint always answers the same."""

    def make(body=None, *, status=200, text=None, limit=None, **asked):
        return Scorer(Api(serve(reply(status, body, text=text)), product="scoring endpoint", limit=limit), **asked)

    return make


def test_the_protocol_is_mlflows_and_rows_go_in_batches(serve, monkeypatch):
    monkeypatch.setattr(scoring, "BATCH", 2)
    asked = []

    def answer(handler):
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        asked.append((handler.command, handler.path, body))
        data = json.dumps({"predictions": [row[0] for row in body["dataframe_split"]["data"]]}).encode()
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(data)

    scorer = Scorer(Api(serve(answer), product="scoring endpoint"), path="/v1/invocations")
    assert scorer.scores({"a": [1, 2, 3], "b": [date(2026, 3, 1), Decimal("0.5"), math.nan]}) == [1, 2, 3]
    split = [{"columns": ["a", "b"], "data": data} for data in ([[1, "2026-03-01"], [2, 0.5]], [[3, None]])]
    assert asked == [("POST", "/v1/invocations", {"dataframe_split": each}) for each in split]
    assert scorer.scores({"a": np.array([4.5]), "b": np.array([True])}) == [4.5]
    assert asked[-1][2]["dataframe_split"]["data"] == [[4.5, True]]
    assert scorer.scores({"a": [], "b": []}) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"predictions": [0.5]}', "1 predictions for 2 rows"),
        ('{"predictions": [0.5, 0.5, 0.5]}', "3 predictions for 2 rows"),
        ('{"predictions": [0.5, NaN]}', "no finite number"),
        ('{"predictions": [0.5, -Infinity]}', "no finite number"),
        ('{"predictions": [0.5, 1e999]}', "no finite number"),
        ('{"predictions": [0.5, 1' + "0" * 400 + "]}", "no finite number"),
        ('{"predictions": [0.5, "hunter2"]}', "no number"),
        ('{"predictions": [0.5, true]}', "no number"),
        ('{"predictions": [0.5, null]}', "no number"),
        ('{"predictions": [0.5, [0.5]]}', "no number"),
        ('{"predictions": "hunter2"}', "'predictions' is absent or of another type"),
        ('{"predictions": {"0": 0.5, "1": 0.5}}', "'predictions' is absent or of another type"),
        ("[0.5, 0.5]", "not the JSON"),
        ("hunter2", "not the JSON"),
        ("<html>hunter2</html>", "an HTML page"),
        ("", "not the JSON"),
    ],
)
def test_what_is_no_answer_is_an_error_and_never_shown(answering, text, words):
    with pytest.raises(SourceGarbled, match=words) as caught:
        answering(text=text).scores(TABLE)
    assert "hunter2" not in caught.value.text + str(caught.value.__cause__)


@pytest.mark.parametrize(("status", "error"), [(500, SourceUnavailable), (400, SourceRefused), (302, SourceGarbled)])
def test_an_endpoint_that_says_no_is_an_error_and_its_words_are_not_shown(answering, status, error):
    with pytest.raises(error, match=str(status)) as caught:
        answering(text='{"message": "hunter2"}', status=status).scores(TABLE)
    assert "hunter2" not in caught.value.text


def test_an_answer_beyond_the_limit_is_cut(answering):
    with pytest.raises(SourceGarbled, match="more than 1,000 bytes"):
        answering({"predictions": [0.5] * 1_000}, limit=1_000).scores(TABLE)


@pytest.mark.parametrize("answers", [["deny", "approve"], ["deny", "deny"]])
def test_declared_classes_are_answered_as_they_are(answering, answers):
    assert answering({"predictions": answers}, classes=["approve", "deny"]).decisions(TABLE) == answers


def test_numbers_and_truths_are_classes_by_their_json(answering):
    assert answering({"predictions": [1, 0.0]}, classes=["0", "1"]).decisions(TABLE) == ["1", "0"]
    assert answering({"predictions": [True, False]}, classes=["true", "false"]).decisions(TABLE) == ["true", "false"]


@pytest.mark.parametrize("other", ["hunter2", "Deny", 1, True, None, 1.5, ["deny"]])
def test_a_class_that_is_not_declared_is_garbage(answering, other):
    with pytest.raises(SourceGarbled, match="none of the declared classes") as caught:
        answering({"predictions": ["deny", other]}, classes=["approve", "deny"]).decisions(TABLE)
    assert "hunter2" not in caught.value.text


def test_one_part_of_an_answer_is_taken(answering):
    records = [{"score": 0.25, "decision": "deny"}] * 2
    assert answering({"predictions": records}, part="score").scores(TABLE) == [0.25, 0.25]
    assert answering({"predictions": [[0.1, 0.9], [0.2, 0.8]]}, part=1).scores(TABLE) == [0.9, 0.8]
    for part, answer in (("proba", records[0]), (2, [0.1, 0.9]), (0, {"0": 1}), (-1, [0.1]), ("a", "abc")):
        with pytest.raises(SourceGarbled, match="without a part"):
            answering({"predictions": [answer] * 2}, part=part).scores(TABLE)


@pytest.mark.parametrize("value", [b"bytes", math.inf, object(), [1], {}])
def test_a_value_that_json_cannot_hold_is_not_sent(answering, value):
    with pytest.raises(UsageError, match=f"a value of type {type(value).__name__}"):
        answering({"predictions": [1]}).scores({"a": [value]})


def test_what_cannot_be_meant_is_refused(answering):
    with pytest.raises(UsageError, match="equally long"):
        answering({}).scores({"a": [1, 2], "b": [1]})
    with pytest.raises(UsageError, match="no numbers"):
        answering({}, classes=["a"]).scores(TABLE)
    with pytest.raises(UsageError, match="answers numbers"):
        answering({}).decisions(TABLE)
