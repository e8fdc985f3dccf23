import threading

import pytest

from affidavit.collect.rest import Answer, Api, base_url
from affidavit.errors import ConfigurationError, SourceGarbled, SourceRefused, SourceUnavailable
from affidavit.inventory import Connection


class Greeting(Answer):
    hello: str


def ask(connection: Connection) -> Greeting:
    with Api(connection, product="MLflow") as api:
        return api.get(Greeting, "/greeting")


def test_a_closed_port_is_an_unavailable_source_named_by_its_connection():
    closed = Connection("tracking", "http", "127.0.0.1", 1, login="anna", password="hunter2")
    with pytest.raises(SourceUnavailable, match="MLflow tracking: cannot be reached") as caught:
        ask(closed)
    assert caught.value.retryable
    assert "hunter2" not in caught.value.text


@pytest.mark.parametrize(
    ("status", "error", "words"),
    [
        (500, SourceUnavailable, "answered 500"),
        (503, SourceUnavailable, "answered 503"),
        (429, SourceUnavailable, "answered 429"),
        (401, SourceRefused, "login, password or token"),
        (403, SourceRefused, "right to read"),
        (404, SourceRefused, "host, port and prefix"),
        (400, SourceRefused, "answered 400 INVALID_PARAMETER_VALUE"),
        (302, SourceGarbled, "sends us elsewhere"),
    ],
)
def test_each_status_that_is_no_success_becomes_an_error_of_ours(serve, reply, status, error, words):
    said = {"error_code": "INVALID_PARAMETER_VALUE" if status == 400 else "", "message": "for hunter2 of anna"}
    with pytest.raises(error, match=words) as caught:
        ask(serve(reply(status, said, Location="http://127.0.0.1:1/")))
    assert "hunter2" not in caught.value.text, "what a server says may hold anything"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<!doctype html><title>Sign in</title>", "an HTML page instead of JSON"),
        ("", "not the JSON"),
        ('{"hello":', "not the JSON"),
        ("\x00\xff", "not the JSON"),
        ("[]", "not the JSON"),
        ("{}", "'hello' is absent"),
        ('{"hello": {"password": "hunter2"}}', "'hello' is absent or of another type"),
        ("[" * 100_000, "not the JSON"),
    ],
)
def test_an_answer_of_another_shape_is_garbled_and_its_values_stay_out_of_the_message(serve, reply, text, words):
    with pytest.raises(SourceGarbled, match=words) as caught:
        ask(serve(reply(text=text)))
    assert caught.value.retryable
    assert "hunter2" not in caught.value.text + str(caught.value.__cause__)


@pytest.fixture
def released():
    """An event that lets hanging handlers go, once the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_a_server_that_never_answers_is_left_after_the_time_out(serve, released):
    with pytest.raises(SourceUnavailable, match=r"no answer within 0\.5 s"):
        ask(serve(lambda _: released.wait(30), timeout=0.5))


def test_a_server_that_drips_is_left_although_it_is_never_silent_for_long(serve, released):
    def drip(handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while not released.wait(0.05):
                handler.wfile.write(b" ")
        except OSError:
            pass

    with pytest.raises(SourceUnavailable, match="more than"):
        ask(serve(drip, timeout=0.5))


def test_a_server_that_hangs_up_in_the_middle_is_unavailable(serve):
    def half(handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"hello": ')

    connection = serve(half)
    with pytest.raises(SourceUnavailable, match="hung up"):
        ask(connection)
    with pytest.raises(SourceUnavailable, match="hung up"), Api(connection, product="MLflow") as api:
        list(api.stream("/file"))


def test_a_passing_gateway_error_is_tried_again_and_a_wish_for_a_long_wait_is_not_obeyed(serve, reply):
    answers = iter([reply(503, Retry_After="3600"), reply(502), reply(200, {"hello": "there"})])

    def answer(handler) -> None:
        next(answers)(handler)

    assert ask(serve(answer)).hello == "there"


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ({"login": "anna", "password": "hünter"}, "Basic YW5uYTpow7xudGVy"),
        ({"extra": {"token": "t0ken"}}, "Bearer t0ken"),
        ({}, None),
    ],
)
def test_the_identity_of_the_connection_is_used_and_no_other(serve, monkeypatch, tmp_path, connection, expected):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login mallory password stolen\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    sent = []

    def answer(handler) -> None:
        sent.append(handler.headers.get("Authorization"))
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b'{"hello": "there"}')

    ask(Connection("tracking", "http", "127.0.0.1", serve(answer).port, **connection))
    assert sent == [expected]


def test_a_token_that_cannot_be_one_is_refused_without_being_shown():
    with pytest.raises(ConfigurationError) as caught:
        Api(Connection("tracking", "http", "localhost", extra={"token": "t0ken\nX-Evil: 1"}), product="MLflow")
    assert "t0ken" not in caught.value.text


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        (Connection("t", "http", "host", 5000), "http://host:5000"),
        (Connection("t", "https", "host"), "https://host"),
        (Connection("t", "mlflow", "host", 80), "http://host:80"),
        (Connection("t", "http", "host", schema="https"), "https://host"),
        (Connection("t", "http", "https://host/mlflow/"), "https://host/mlflow"),
        (Connection("t", "http", "https://host:8443", 5000), "https://host:8443"),
        (Connection("t", "http", "::1", 5000), "http://[::1]:5000"),
        (Connection.parse("t", "http://https%3A%2F%2Fhost"), "https://host"),
        (Connection.parse("t", "http://user:pw@host:5000/https"), "https://host:5000"),
    ],
)
def test_the_address_is_read_as_airflow_reads_it(connection, expected):
    assert base_url(connection, where="MLflow t") == expected


@pytest.mark.parametrize("host", ["", "file:///etc", "https://", "http://[::1", "http://host?x=1"])
def test_what_is_no_http_address_is_refused(host):
    with pytest.raises(ConfigurationError, match="http"):
        base_url(Connection("t", "http", host), where="MLflow t")


def test_credentials_within_the_host_are_refused_without_being_shown():
    with pytest.raises(ConfigurationError) as caught:
        base_url(Connection("t", "http", "https://anna:hunter2@host"), where="MLflow t")
    assert "hunter2" not in caught.value.text


@pytest.mark.parametrize("timeout", ["soon", "-1", "1e9", "nan"])
def test_a_time_out_that_is_none_is_refused(timeout):
    with pytest.raises(ConfigurationError, match="timeout"):
        Api(Connection("t", "http", "host", extra={"timeout": timeout}), product="MLflow")


def test_an_endless_answer_is_cut(serve, monkeypatch):
    monkeypatch.setattr("affidavit.collect.rest.MAX_DOCUMENT", 10_000)

    def endless(handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b" " * 50_000)

    with pytest.raises(SourceGarbled, match="more than 10,000 bytes"):
        ask(serve(endless))


def test_a_server_that_drips_its_headers_is_left_after_the_time_out(serve, released):
    def drip(handler) -> None:
        try:
            while not released.wait(0.05):
                handler.wfile.write(b"H")
        except OSError:
            pass

    with pytest.raises(SourceUnavailable, match=r"no answer within 0\.5 s"):
        ask(serve(drip, timeout=0.5))


def test_a_server_that_drips_between_the_chunks_of_its_answer_is_left_too(serve, released):
    def drip(handler) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"1;")
        try:
            while not released.wait(0.05):
                handler.wfile.write(b"x")
        except OSError:
            pass

    with pytest.raises(SourceUnavailable, match="more than"):
        ask(serve(drip, timeout=0.5))


@pytest.mark.parametrize(
    ("code", "said"), [("RESOURCE_DOES_NOT_EXIST", {"error_code": "RESOURCE_DOES_NOT_EXIST"}), ("", {})]
)
def test_what_is_absent_is_none_where_the_api_says_so_its_own_way_and_an_error_otherwise(serve, reply, code, said):
    with Api(serve(reply(404, said)), product="Airflow", absent=code) as api:
        assert api.find(Greeting, "/greeting") is None
    with Api(serve(reply(404, {"error_code": "ENDPOINT_NOT_FOUND"})), product="Airflow", absent=code) as api:
        with pytest.raises(SourceRefused, match="answered 404"):
            api.find(Greeting, "/greeting")
        with pytest.raises(SourceRefused, match="answered 404"):
            api.create(Greeting, "/greeting", {})


def test_what_is_there_already_is_not_made_again_and_that_is_no_error(serve, reply):
    with Api(serve(reply(409, {"detail": "there is one"})), product="Airflow") as api:
        assert api.create(Greeting, "/greetings", {"hello": "there"}) is None
        with pytest.raises(SourceRefused, match="answered 409"):
            api.post(Greeting, "/greetings", {"hello": "there"})
    with Api(serve(reply(201, {"hello": "there"})), product="Airflow") as api:
        assert api.create(Greeting, "/greetings", {"hello": "there"}) == Greeting(hello="there")
