"""Several tracking servers, and servers that want to know who asks."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from affidavit.collect.models import look_at_models
from affidavit.collect.runs import look_at_runs
from affidavit.errors import SourceRefused
from affidavit.inventory import Connection
from tests.collect.conftest import Team
from tests.conftest import Mlflow, serving_mlflow

BASIC = f"Basic {base64.b64encode(b'anna:hunter2').decode()}"
BEARER = "Bearer t0ken-of-a-collector"


@contextmanager
def guarded(url: str, expected: str) -> Iterator[int]:
    """A proxy before a server that lets through whoever shows ``expected``; its port."""

    class Guard(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Authorization") == expected:
                asked = requests.request(
                    self.command, url + self.path, data=body, headers={"Content-Type": "application/json"}, timeout=30
                )
                status, content = asked.status_code, asked.content
            else:
                status, content = 401, b'{"error_code": "UNAUTHENTICATED"}'
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            self.answer()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Guard) as server:
        server.daemon_threads, server.block_on_close = True, False
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server.server_port
        server.shutdown()


TOKEN, ADMIN, PASSWORD = "t0ken-of-a-collector", "admin", "a-password-for-the-test"


@pytest.fixture(scope="module")
def secured(tmp_path_factory) -> Iterator[Mlflow]:
    """A real MLflow server with its ``basic-auth`` app, which also knows a bearer token of the user ``reader``."""
    home = tmp_path_factory.mktemp("auth")
    (home / "auth.ini").write_text(
        "[mlflow]\ndefault_permission = READ\nauthorization_function = tokens:authenticate\n"
        f"database_uri = sqlite:///{home}/auth.db\nadmin_username = {ADMIN}\nadmin_password = {PASSWORD}\n"
    )
    variables = {
        "MLFLOW_AUTH_CONFIG_PATH": str(home / "auth.ini"),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "for the test",
        "PYTHONPATH": str(Path(__file__).parent),
        "COLLECTORS_TOKEN": TOKEN,
    }
    with serving_mlflow("--app-name", "basic-auth", **variables) as server:
        reader = {"username": "reader", "password": "reader-of-the-test"}
        made = requests.post(
            f"{server.url}/api/2.0/mlflow/users/create", json=reader, auth=(ADMIN, PASSWORD), timeout=30
        )
        assert made.ok, made.text
        yield server


def asked(server: Mlflow, **credentials: object) -> Connection:
    host, port = server.url.removeprefix("http://").split(":")
    return Connection("tracking", "http", host, int(port), **credentials)


@pytest.fixture
def secured_team(secured, monkeypatch) -> Team:
    """An ML team that writes to the secured server as its administrator."""
    monkeypatch.setattr(requests, "request", partial(requests.request, auth=(ADMIN, PASSWORD)))
    monkeypatch.setattr(requests, "put", partial(requests.put, auth=(ADMIN, PASSWORD)))
    monkeypatch.setattr(requests, "post", partial(requests.post, auth=(ADMIN, PASSWORD)))
    return Team(secured)


@pytest.mark.parametrize(
    "credentials",
    [{"login": "reader", "password": "reader-of-the-test"}, {"extra": {"token": TOKEN}}],
    ids=["basic", "token"],
)
def test_mlflows_own_authentication_lets_a_reader_read_everything(secured_team, secured, seen, credentials):
    team = secured_team
    run = team.run()
    team.artifact(run, "a.txt", b"a")
    version = team.register(f"models:/{team.logged_model(run, {'MLmodel': b'flavors: {}'})}", run)
    system, connection = team.system(registered_models=[team.name]), asked(secured, **credentials)
    (draft,) = look_at_runs(system, connection, cursor=None, seen=seen).drafts
    (found,) = look_at_models(system, connection, seen=seen).drafts
    assert draft.facts["artifacts"]["files"] == 1
    assert (found.facts["version"], found.facts["artifacts"]["files"]) == (version, 1)


@pytest.mark.parametrize("wrong", [{}, {"login": "reader", "password": "wrong"}, {"extra": {"token": "wrong"}}])
def test_mlflows_own_authentication_refuses_whoever_else_asks(secured_team, secured, seen, wrong):
    with pytest.raises(SourceRefused, match="answered 401") as caught:
        look_at_runs(secured_team.system(), asked(secured, **wrong), cursor=None, seen=seen)
    assert "wrong" not in caught.value.text


CREDENTIALS = {
    "basic": (BASIC, {"login": "anna", "password": "hunter2"}),
    "token": (BEARER, {"extra": {"token": "t0ken-of-a-collector"}}),
}


@pytest.mark.parametrize("kind", CREDENTIALS)
def test_a_server_that_wants_credentials_is_read_with_those_of_its_connection(team, seen, kind):
    expected, credentials = CREDENTIALS[kind]
    run = team.run()
    team.artifact(run, "a.txt", b"a")
    version = team.register(f"models:/{team.logged_model(run, {'MLmodel': b'flavors: {}'})}", run)
    system = team.system(registered_models=[team.name])
    with guarded(team.server.url, expected) as port:
        connection = Connection("tracking", "http", "127.0.0.1", port, **credentials)
        (draft,) = look_at_runs(system, connection, cursor=None, seen=seen).drafts
        (found,) = look_at_models(system, connection, seen=seen).drafts
    assert draft.facts["artifacts"]["files"] == 1
    assert (found.facts["version"], found.facts["artifacts"]["files"]) == (version, 1)


@pytest.mark.parametrize("kind", CREDENTIALS)
@pytest.mark.parametrize("wrong", [{}, {"login": "anna", "password": "wrong"}, {"extra": {"token": "wrong"}}])
def test_without_the_right_credentials_nothing_is_read_and_none_is_printed(team, seen, kind, wrong):
    with guarded(team.server.url, CREDENTIALS[kind][0]) as port:
        connection = Connection("tracking", "http", "127.0.0.1", port, **wrong)
        with pytest.raises(SourceRefused, match="answered 401") as caught:
            look_at_runs(team.system(), connection, cursor=None, seen=seen)
    assert "wrong" not in str(caught.value)
    assert "login, password or token" in caught.value.text


def test_two_servers_with_the_same_ids_have_streams_of_their_own(team, seen, ledger):
    run = team.run()
    other = replace(team.connection, id="other")
    here = look_at_runs(team.system(), team.connection, cursor=None, seen=seen, recorded={})
    there = look_at_runs(team.system(connection="other"), other, cursor=None, seen=seen, recorded=ledger(here))
    assert [draft.subjects[0].name for draft in here.drafts] == [f"mlflow://tracking/runs/{run}"]
    assert [draft.subjects[0].name for draft in there.drafts] == [f"mlflow://other/runs/{run}"]
    assert here.drafts[0].statement.stream != there.drafts[0].statement.stream
