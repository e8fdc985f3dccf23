"""A real Airflow for a block of tests: API server, scheduler and one look at the DAG files, on a loopback port.

Its users are those of the simple auth manager, with its all-admin mode off unless it is asked for.
"""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from demo.servers import free_ports

PASSWORD = secrets.token_urlsafe(12)
SECONDS = 600
"""For which anything is waited for; a busy machine takes minutes to start an Airflow."""

PRELOAD = """
import sys

if sys.argv[1:2] == ["scheduler"]:  # its tasks are forks of it: what it has imported, none of them imports again
    import affidavit.operators, affidavit.pipeline.decisions, affidavit.collect.hitl, affidavit.ledger
"""


@dataclass
class Airflow:
    """Calls of the public REST API, each as one of the users."""

    url: str
    home: Path
    tokens: dict[str, str] = field(default_factory=dict)
    servers: list[subprocess.Popen] = field(default_factory=list)

    def call(self, method: str, path: str, user: str = "admin", **body: Any) -> requests.Response:
        if user not in self.tokens:
            given = {"username": user, "password": PASSWORD}
            answer = requests.post(f"{self.url}/auth/token", json=given, timeout=60)
            self.tokens[user] = answer.json()["access_token"]
        headers = {"Authorization": f"Bearer {self.tokens[user]}"}
        return requests.request(method, f"{self.url}/api/v2{path}", headers=headers, json=body or None, timeout=60)

    def state(self, dag: str, run: str, task: str) -> str | None:
        return self.call("GET", f"/dags/{dag}/dagRuns/{run}/taskInstances/{task}").json().get("state")

    def wait_for(self, what: str, condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + SECONDS
        while not (found := condition()):
            assert not any(server.poll() for server in self.servers), f"a server died; see {self.home}"
            assert time.monotonic() < deadline, f"{what} did not happen; see {self.home}"
            time.sleep(0.25)
        return found

    def parked(self, dag: str, run: str, task: str, number: int) -> bool:
        """Whether the scheduler has heard from its executor that a try of a task waits.

        Until then it takes a task that is answered at once for one that was killed.
        """
        log = (self.home / "scheduler.log").read_text()
        return f"(dag_id='{dag}', task_id='{task}', run_id='{run}', try_number={number}," in log


@contextmanager
def serving_airflow(
    home: Path, *, database: str, dags: Path, users: Mapping[str, str], environment: Callable[[str], Mapping[str, str]]
) -> Iterator[Airflow]:
    """Serve ``dags`` to ``users`` (name and role), with a Postgres as ``database``.

    ``environment`` gives the variables of DAGs and tasks, from the URL of the API.
    """
    (home / "config").mkdir(parents=True)
    (home / "config/airflow_local_settings.py").write_text(PRELOAD)
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    env = _environment(home, url, database, dags, users) | environment(url)
    command = [sys.executable, "-m", "airflow"]
    subprocess.run([*command, "db", "migrate"], env=env, check=True, capture_output=True)
    airflow = Airflow(url, home)
    with contextlib.ExitStack() as running:

        def start(name: str, *arguments: str) -> None:
            log = home / f"{name}.log"
            airflow.servers.append(running.enter_context(_running([*command, name, *arguments], env, log)))

        start("api-server", "--host", "127.0.0.1", "--port", str(port))
        start("dag-processor", "--num-runs", "1")
        airflow.wait_for("an answer", lambda: _answers(f"{url}/api/v2/version"))
        # Its first call builds this API, which takes seconds: better now than in the first tasks.
        airflow.wait_for("an answer", lambda: _answers(f"{url}/execution/health"))
        start("scheduler", "--skip-serve-logs")
        yield airflow


def _environment(home: Path, url: str, database: str, dags: Path, users: Mapping[str, str]) -> dict[str, str]:
    passwords = home / "passwords.json"
    passwords.write_text(json.dumps(dict.fromkeys(users, PASSWORD)))
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AIRFLOW", "AFFIDAVIT", "MLFLOW"))}
    return {
        **kept,
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": database,
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PARALLELISM": "4",
        "AIRFLOW__CORE__FERNET_KEY": urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in users.items()),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__SECRET_KEY": secrets.token_urlsafe(32),
        "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(64),
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
    }


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=60).ok
    except requests.RequestException:
        return False


@contextmanager
def _running(command: list[str], env: Mapping[str, str], log: Path) -> Iterator[subprocess.Popen]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=env, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
