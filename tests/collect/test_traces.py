"""The collector of traces: complete whatever the server does between pages, and silent about what was said."""

import json
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from affidavit.collect import trace_client
from affidavit.collect.traces import look_at_traces
from affidavit.errors import SourceGarbled, SourceRefused, SourceUnavailable
from affidavit.inventory.agents import Agent
from affidavit.measure.traces import Assessment, ToolUse

NOW = datetime(2026, 3, 14, 12, tzinfo=UTC)
START = datetime(2026, 3, 10, tzinfo=UTC)
SECRET = "Anna asked about her loan"

AGENT = Agent.model_validate(
    {
        "id": "help-desk",
        "connection": "tracking",
        "experiment": "help-desk",
        "tools": ["look_up"],
        "assessments": {
            "groundedness": {"name": "grounded"},
            "refusal": {"name": "refused"},
            "feedback": {"name": "stars", "at_least": 4},
        },
    }
)


def otlp(value):
    if isinstance(value, dict):
        return {"kvlist_value": {"values": [{"key": key, "value": otlp(each)} for key, each in value.items()]}}
    if isinstance(value, list):
        return {"array_value": {"values": [otlp(each) for each in value]}}
    return {"int_value": value} if isinstance(value, int) else {"string_value": value}


def span(kind, name="x", *, failed=False, **attributes):
    attributes = {"mlflow.spanType": kind, **attributes}
    return {
        "name": name,
        "status": {"code": "STATUS_CODE_ERROR" if failed else "STATUS_CODE_OK", "message": SECRET},
        "attributes": [{"key": key, "value": otlp(value)} for key, value in attributes.items()],
    }


def call(name="look_up", arguments=None, **more):
    return span("TOOL", name, **{"mlflow.spanInputs": arguments or {"id": 1}, "mlflow.spanOutputs": SECRET}, **more)


def said(name, value, source="HUMAN", **more):
    feedback = {"feedback": {"value": value}} if name else {}
    given = {"assessment_id": "a-1", "assessment_name": name, "source": {"source_type": source, "source_id": "anna"}}
    return {**given, **feedback, "rationale": SECRET, "last_update_time": "2026-03-11T00:00:00Z", **more}


def trace(n, at=START, spans=(), **facts):
    moment = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    usual = {
        "trace_id": f"tr-{n:04}",
        "request_time": moment,
        "execution_duration": "1.250s",
        "state": "OK",
        "tags": {"mlflow.trace.spansLocation": "TRACKING_STORE", "mlflow.traceName": SECRET},
        "trace_metadata": {"mlflow.trace.tokenUsage": '{"input_tokens": 7, "output_tokens": 2}'},
        "request_preview": SECRET,
    }
    return {**usual, **facts}, list(spans) or [span("AGENT", **{"mlflow.spanInputs": SECRET})]


class Server:
    """Speaks MLflow's part of the protocol about traces that a test changes as it likes."""

    def __init__(self, *traces):
        self.traces = {info["trace_id"]: (info, spans) for info, spans in traces}
        self.spoilt = set()
        self.pages = 0
        self.between = lambda _: None

    def __call__(self, handler):
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        address = urlsplit(handler.path)
        ask = parse_qs(address.query)
        status, answer = 404, {"error_code": "ENDPOINT_NOT_FOUND"}
        if address.path.endswith("get-by-name"):
            status, answer = 200, {"experiment": {"experiment_id": "1", "name": "help-desk"}}
        elif address.path.endswith("traces/search"):
            status, answer = 200, self.search(json.loads(body))
        elif address.path.endswith("batchGet"):
            status, answer = self.batch(ask["trace_ids"])
        elif address.path.endswith("get-trace-artifact"):
            status, answer = 200, {"spans": self.traces[ask["request_id"][0]][1]}
        data = json.dumps(answer).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    def search(self, ask):
        condition = ask["filter"]
        since, until = (int(condition.split(sign)[1].split()[0]) for sign in (">= ", "< "))
        left_out = set(condition.partition("NOT IN (")[2].strip(")").replace("'", "").split(", "))
        infos = sorted((info for info, _ in self.traces.values()), key=lambda each: (ms(each), each["trace_id"]))
        found = [each for each in infos if since <= ms(each) < until and each["trace_id"] not in left_out]
        self.pages += 1
        page = found[: ask["max_results"]]
        self.between(self)
        return {"traces": page}

    def batch(self, ids):
        if self.spoilt & set(ids):
            return 500, {"error_code": "INTERNAL_ERROR"}
        there = [self.traces[each] for each in ids if each in self.traces]
        return 200, {"traces": [{"trace_info": info, "spans": spans} for info, spans in there]}


def ms(info):
    return round(datetime.fromisoformat(info["request_time"]).timestamp() * 1000)


@pytest.fixture
def look(serve):
    def looking(*traces, server=None, **options):
        return look_at_traces(AGENT, serve(server or Server(*traces)), **{"now": NOW, **options})

    return looking


def only(found):
    assert len(found.window.finished) == 1
    return found.window.finished[0]


def test_a_trace_becomes_numbers_and_nothing_that_was_said(look):
    spans = [span("AGENT"), call(), call(arguments={"id": 2}, failed=True), call(), call("leak " + SECRET), span("LLM")]
    found = look(
        trace(1, spans=spans, assessments=[said("grounded", "yes", "LLM_JUDGE"), said("stars", 5), said(SECRET, True)])
    )
    one = only(found)
    assert (one.failed, one.seconds, one.input_tokens, one.output_tokens, one.steps) == (False, 1.25, 7, 2, 5)
    assert one.tools == (ToolUse("look_up", 3, 1, 2), ToolUse("other", 1, 0, 1))
    assert one.assessments == (Assessment("groundedness", True, "llm_judge"), Assessment("feedback", True, "human"))
    assert found.window.withheld == 1
    for secret in ("Anna", "anna", "tr-0001", "leak", "loan"):
        assert secret not in repr(found)


@pytest.mark.parametrize("many", [1, 2, 3, 7])
def test_all_are_found_once_however_small_the_pages_and_however_many_begin_at_once(look, many):
    at = [START + timedelta(milliseconds=ms) for ms in (0, 1, 1, 1, 1, 1, 2, 3, 3, 977)]
    traces = [trace(n, each, [span("AGENT"), *[span("LLM")] * n]) for n, each in enumerate(at)]
    found = look(*traces, trace(98, START - timedelta(days=9)), trace(99, NOW.replace(hour=0)), page_size=many)
    assert sorted(each.steps for each in found.window.finished) == list(range(10))
    assert found.window.enumerated == 10


def test_traces_written_and_deleted_between_two_pages_hide_no_other(look):
    server = Server(*(trace(n, START + timedelta(seconds=n)) for n in range(40)))

    def meddle(server):
        server.traces.pop(f"tr-{server.pages * 2 - 1:04}", None)
        late = trace(500 + server.pages, START + timedelta(seconds=100))
        server.traces[late[0]["trace_id"]] = late
        if server.pages == 30:
            server.between = lambda _: None

    server.between = meddle
    throughout = {f"tr-{n:04}" for n in range(0, 40, 2)}
    infos = trace_infos(server, look)
    assert len(infos) == len(set(infos))
    assert throughout <= set(infos)


def trace_infos(server, look):
    seen, whole = [], trace_client.TraceServer.infos

    def spy(self, *args, **options):
        for info in whole(self, *args, **options):
            seen.append(info.trace_id)
            yield info

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace_client.TraceServer, "infos", spy)
        look(server=server, page_size=4)
    return seen


def test_traces_that_still_run_or_judge_others_are_counted_and_not_measured(look):
    judge = {"mlflow.trace.spansLocation": "TRACKING_STORE", "mlflow.trace.sourceScorer": "grounded"}
    found = look(trace(1), trace(2, state="IN_PROGRESS", execution_duration=None), trace(3, tags=judge)).window
    assert (found.enumerated, len(found.finished), found.unfinished, found.judging) == (3, 1, 1, 1)


def test_a_trace_without_spans_says_nothing_about_tools(look):
    server = Server(trace(1), trace(2))
    server.traces["tr-0002"] = (server.traces["tr-0002"][0], [])
    found = look(server=server).window
    assert found.unread == 1
    assert {each.tools for each in found.finished} == {(), None}


def test_spans_that_an_old_client_wrote_to_a_file_are_read_too(look):
    attributes = {"mlflow.spanType": '"TOOL"', "mlflow.spanInputs": '{"id": 1}'}
    info, _ = trace(1, tags={})
    old = {"name": "look_up", "status": {"code": "STATUS_CODE_ERROR"}, "attributes": attributes}
    assert only(look((info, [old, old]))).tools == (ToolUse("look_up", 2, 2, 2),)


def test_one_trace_whose_spans_are_spoilt_hides_no_other(look):
    server = Server(*(trace(n, spans=[call()]) for n in range(60)))
    server.spoilt = {"tr-0003"}
    found = look(server=server).window
    assert (len(found.finished), found.unread) == (60, 1)


def test_a_server_that_gives_no_spans_at_all_is_an_error_and_no_empty_window(look):
    server = Server(*(trace(n) for n in range(60)))
    server.spoilt = set(server.traces)
    with pytest.raises(SourceUnavailable):
        look(server=server)


@pytest.mark.parametrize("duration", ["NaNs", "-1s", "Infinitys", "1e5s", 7, ["1s"], {}, True, "9" * 100_000 + "s"])
def test_a_duration_that_is_none_is_counted_and_no_number(look, duration):
    found = look(trace(1, execution_duration=duration))
    assert only(found).seconds is None
    assert found.window.unusable == {"duration": 1}


@pytest.mark.parametrize(
    "usage",
    [
        "{",
        "[]",
        '"x"',
        '{"input_tokens": NaN}',
        '{"input_tokens": -1}',
        '{"input_tokens": true}',
        "[" * 99_999,
        None,
        3,
    ],
)
def test_token_counts_that_are_none_are_no_zero(look, usage):
    assert only(look(trace(1, trace_metadata={"mlflow.trace.tokenUsage": usage}))).input_tokens is None


@pytest.mark.parametrize(
    "garbage",
    [
        said("grounded", None),
        said("grounded", "perhaps"),
        said("grounded", 0.7),
        said("grounded", {"deep": [1]}),
        said("grounded", True, "SOURCE_TYPE_UNSPECIFIED"),
        said("grounded", True, ["HUMAN"]),
        said("grounded", True, feedback="yes"),
        said("stars", float("nan")),
        said("stars", "x" * 100_000),
    ],
)
def test_an_assessment_that_says_neither_is_counted_and_believed_by_nobody(look, garbage):
    found = look(trace(1, assessments=[garbage]))
    assert only(found).assessments == ()
    assert sum(found.window.unusable.values()) == 1


@pytest.mark.parametrize(
    "garbage", [["x"], [None], [[[]]], "x", 3, {"a": 1}, [{}], [said(["grounded"], True)], [said("n" * 100_000, True)]]
)
def test_assessments_of_any_shape_end_no_look(look, garbage):
    assert only(look(trace(1, assessments=garbage))).assessments == ()


def test_an_overridden_assessment_does_not_count_beside_the_one_that_replaced_it(look):
    found = look(trace(1, assessments=[said("grounded", True, valid=False), said("grounded", False)]))
    assert [each.positive for each in only(found).assessments] == [False]


@pytest.mark.parametrize(
    "spans",
    [
        [span("TOOL", "n" * 100_000)],
        [{"name": ["x"], "status": 3, "attributes": [{"key": "mlflow.spanType", "value": {"string_value": "TOOL"}}]}],
        [{"attributes": {"mlflow.spanType": '"TOOL"', "mlflow.spanInputs": "{" * 9_999}}],
    ],
)
def test_tools_of_any_name_are_pooled(look, spans):
    assert only(look(trace(1, spans=spans))).tools == (ToolUse("other", 1, 0, 1),)


@pytest.mark.parametrize("spans", [["x"], [None], [3], [[]]])
def test_spans_that_are_none_are_unread(look, spans):
    found = look(trace(1, spans=spans))
    assert (only(found).tools, found.window.unread) == (None, 1)


@pytest.mark.parametrize("spans", [[{}], [{"attributes": "x"}], [{"attributes": [1, {"key": 2}, {"key": "a"}]}]])
def test_spans_that_say_nothing_are_no_steps(look, spans):
    assert (only(look(trace(1, spans=spans))).steps, only(look(trace(1, spans=spans))).tools) == (0, ())


@pytest.mark.parametrize("reason", ["content_filter", "refusal"])
def test_a_model_that_refused_makes_the_trace_a_refusal(look, reason):
    told = span("CHAT_MODEL", **{"gen_ai.response.finish_reasons": [reason]})
    vendor = span("LLM", **{"mlflow.spanOutputs": {"choices": [{"finish_reason": reason}]}})
    stopped = span("LLM", **{"mlflow.spanOutputs": {"choices": [{"finish_reason": "stop"}]}})
    assert only(look(trace(1, spans=[told]))).refused
    assert only(look(trace(1, spans=[stopped, vendor]))).refused
    assert only(look(trace(1, spans=[stopped]))).refused is False
    assert only(look(trace(1, spans=[span("LLM")]))).refused is None


@pytest.mark.parametrize(
    "wrong", [{"trace_id": "a'b"}, {"trace_id": 3}, {"request_time": "yesterday"}, {"request_time": None}]
)
def test_a_trace_that_cannot_be_placed_ends_the_look(serve, reply, wrong):
    info = {**trace(1)[0], **wrong}
    answers = Server()
    answers.search = lambda _: {"traces": [info]}
    with pytest.raises(SourceGarbled, match=r"traces\.0"):
        look_at_traces(AGENT, serve(answers), now=NOW)


def test_a_server_that_gives_the_same_page_again_and_again_is_found_out(look):
    server = Server()
    server.search = lambda _: {"traces": [trace(1)[0]]}
    with pytest.raises(SourceGarbled, match="asked to leave out"):
        look(server=server, page_size=1)


def test_a_server_that_gives_other_times_than_asked_for_is_found_out(look):
    server = Server()
    server.search = lambda _: {"traces": [trace(1, START - timedelta(days=90))[0]]}
    with pytest.raises(SourceGarbled, match="out of order"):
        look(server=server)


def test_a_server_that_fails_is_tried_again_later(serve, reply):
    with pytest.raises(SourceUnavailable):
        look_at_traces(AGENT, serve(reply(500, {"error_code": "INTERNAL_ERROR"})), now=NOW)


def test_an_experiment_that_is_not_there_is_named(serve, reply):
    with pytest.raises(SourceRefused, match="no experiment 'help-desk'"):
        look_at_traces(AGENT, serve(reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST"})), now=NOW)


def test_too_many_traces_are_refused_and_never_cut(look, monkeypatch):
    monkeypatch.setattr(trace_client, "MOST_TRACES", 5)
    with pytest.raises(SourceRefused, match="shorten the agent's window"):
        look(*(trace(n) for n in range(6)))


def test_a_baseline_is_read_only_where_the_window_does_not_reach_into_it(serve):
    server = Server(trace(1, START - timedelta(days=30)), trace(2))
    before = {"since": "2026-02-01", "until": "2026-02-15"}
    apart = AGENT.model_copy(
        update={"baseline": Agent.model_validate({**AGENT.model_dump(), "baseline": before}).baseline}
    )
    found = look_at_traces(apart, serve(server), now=NOW)
    assert (found.baseline.enumerated, found.window.enumerated) == (1, 1)
    assert look_at_traces(apart, serve(server), now=NOW - timedelta(days=22)).baseline is None


def test_late_assessments_and_traces_that_went_away_are_noticed(look):
    server = Server(*(trace(n, START + timedelta(days=n % 2)) for n in range(6)))
    first = look(server=server)
    assert look(server=server, cursor=first.cursor).recheck == look(server=server, cursor=first.cursor).recheck
    quiet = look(server=server, cursor=json.loads(json.dumps(first.cursor))).recheck
    assert (quiet.days, quiet.gone, quiet.added, quiet.replaced, quiet.reassessed) == (7, 0, 0, 0, 0)
    server.traces["tr-0001"][0]["assessments"] = [said("grounded", True)]
    later = look(server=server, cursor=first.cursor)
    assert (later.recheck.reassessed, later.recheck.late_assessments) == (1, 1)
    del server.traces["tr-0000"]
    gone = look(server=server, cursor=later.cursor)
    assert (gone.recheck.gone, gone.recheck.added, gone.recheck.replaced) == (1, 0, 0)
    del server.traces["tr-0002"]
    server.traces["tr-0099"] = trace(99)
    swapped = look(server=server, cursor=gone.cursor)
    assert (swapped.recheck.gone, swapped.recheck.replaced) == (0, 1)


def test_a_cursor_of_another_experiment_is_not_compared_with(look):
    found = look(trace(1))
    assert look(trace(1), cursor={**found.cursor, "experiment": "2"}).recheck.days == 0


def test_a_cursor_of_as_many_days_as_may_be_fits_into_an_entry():
    from affidavit.collect.trace_days import cursor_of, days_of
    from affidavit.evidence import Period
    from affidavit.inventory.agents import MOST_DAYS

    days = days_of(Period(START, START + timedelta(days=MOST_DAYS)), [])
    assert len(days) == MOST_DAYS
    assert len(json.dumps(cursor_of(days, experiment="1"))) < 50_000
