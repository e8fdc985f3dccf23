"""What the demo makes of Airflow's answers."""

import http.server
import json
import threading
from pathlib import Path

import pytest

from affidavit.errors import SourceGarbled, SourceRefused, SourceUnavailable
from demo.airflow_api import Airflow


@pytest.fixture
def answering():
    """A server on loopback that answers a login, and anything else with ``status`` and ``body``."""

    class Handler(http.server.BaseHTTPRequestHandler):
        status, body = 200, b"{}"

        def do_GET(self):
            self.reply(self.status, self.body)

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.reply(201, json.dumps({"access_token": "t"}).encode())

        def reply(self, status, body):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        airflow = Airflow(
            f"http://127.0.0.1:{server.server_address[1]}", user="u", password="p", log=Path("api-server.log")
        )
        yield airflow, Handler
        airflow.close()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(500, b"", SourceUnavailable), (404, b"", SourceRefused), (403, b"{}", SourceRefused), (200, b"<", SourceGarbled)],
)
def test_an_answer_that_is_none_names_the_call_and_the_log(answering, status, body, error):
    airflow, handler = answering
    handler.status, handler.body = status, body
    with pytest.raises(
        error, match=r"api-server\.log: GET /api/v2/dags/posture/dagRuns/r/upstreamAssetEvents answered"
    ):
        airflow.causes("posture", "r")


def test_the_causes_of_a_run_are_the_runs_whose_events_started_it(answering):
    airflow, handler = answering
    handler.body = json.dumps({"asset_events": [{"source_run_id": "a"}, {"source_run_id": "b"}]}).encode()
    assert airflow.causes("posture", "r") == {"a", "b"}
