"""Airflow from outside: the calls of its public REST API that the demo needs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from affidavit.errors import SourceGarbled, SourceRefused, SourceUnavailable

Answer = dict[str, Any]

FINISHED = frozenset({"success", "failed"})


WAITING = "awaiting_input"


@dataclass(frozen=True)
class Question:
    """What the task of a run asks a person, under ``title``; ``state`` is the task's."""

    dag_id: str
    run_id: str
    task_id: str
    title: str
    state: str | None


class Airflow:
    """A client with one user's token; ``log`` is where the API server says why it refused.

    Raises ``SourceUnavailable`` when nobody answers or it failed inside, ``SourceRefused`` when the answer is no,
    ``SourceGarbled`` when it is not JSON.
    """

    def __init__(self, url: str, *, user: str, password: str, log: Path) -> None:
        self._log = str(log)
        # Loopback only: no proxy of the caller's environment may see the token.
        self._client = httpx.Client(base_url=url, timeout=90, trust_env=False)
        token = self._call("POST", "/auth/token", json={"username": user, "password": password})["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def health(self) -> dict[str, str | None]:
        """Status by component: ``healthy``, ``unhealthy`` or None."""
        return {name: part.get("status") for name, part in self._call("GET", "/api/v2/monitor/health").items()}

    def create_pool(self, name: str, *, slots: int) -> None:
        """Make a pool."""
        self._call("POST", "/api/v2/pools", json={"name": name, "slots": slots, "include_deferred": False})

    def dag_ids(self) -> set[str]:
        """DAGs that were parsed and are active."""
        return {dag["dag_id"] for dag in self._call("GET", "/api/v2/dags", params={"limit": 100})["dags"]}

    def import_errors(self) -> dict[str, str]:
        """Stack trace by file, of DAG files that do not import."""
        found = self._call("GET", "/api/v2/importErrors")["import_errors"]
        return {error["filename"]: error["stack_trace"] for error in found}

    def trigger(self, dag_id: str) -> str:
        """Start a run; returns its id."""
        return str(self._call("POST", f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None})["dag_run_id"])

    def runs(self, dag_id: str) -> dict[str, str]:
        """State by run id of a DAG's runs."""
        found = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns", params={"limit": 100})["dag_runs"]
        return {run["dag_run_id"]: run["state"] for run in found}

    def causes(self, dag_id: str, run_id: str) -> set[str]:
        """Ids of the runs whose asset events started this one.

        Raises ``SourceUnavailable`` while any run that one of these events started is queued: Airflow 3.3 then
        answers 500.
        """
        found = self._call("GET", f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/upstreamAssetEvents")["asset_events"]
        return {event["source_run_id"] for event in found}

    def tasks(self, dag_id: str, run_id: str) -> list[Answer]:
        """Task instances of a run."""
        path = f"/api/v2/dags/{dag_id}/dagRuns/{run_id}/taskInstances"
        found: list[Answer] = self._call("GET", path, params={"limit": 1000})["task_instances"]
        return found

    def questions(self) -> list[Question]:
        """What people are asked, or were."""
        found = self._call("GET", "/api/v2/dags/~/dagRuns/~/hitlDetails", params={"limit": 100})["hitl_details"]
        return [
            Question(task["dag_id"], task["dag_run_id"], task["task_id"], each["subject"], task["state"])
            for each in found
            for task in [each["task_instance"]]
        ]

    def answer(self, question: Question, *, option: str, reasons: str) -> None:
        """Answer what is asked, as this client's user. Raises ``SourceRefused`` for a user who may not."""
        path = f"/api/v2/dags/{question.dag_id}/dagRuns/{question.run_id}/taskInstances/{question.task_id}"
        given = {"chosen_options": [option], "params_input": {"reasons": reasons}}
        self._call("PATCH", f"{path}/-1/hitlDetails", json=given)

    def progress(self, dag_id: str, run_id: str) -> str:
        """How far a run is: ``5 of 9 tasks``."""
        states = Counter(task["state"] for task in self.tasks(dag_id, run_id))
        return f"{sum(states[state] for state in ('success', 'skipped', 'failed'))} of {states.total()} tasks"

    def _call(self, method: str, path: str, **arguments: Any) -> Answer:
        call, fix = f"{method} {path}", "read this log, then try again"
        try:
            response = self._client.request(method, path, **arguments)
        except httpx.HTTPError as error:
            problem = f"no answer to {call} ({type(error).__name__})"
            raise SourceUnavailable(problem, where=self._log, fix=fix) from error
        if response.is_error:
            kind = SourceUnavailable if response.is_server_error else SourceRefused
            raise kind(f"{call} answered {response.status_code}", where=self._log, fix=fix)
        try:
            answer: Answer = response.json()
        except ValueError as error:
            raise SourceGarbled(f"{call} answered something that is not JSON", where=self._log, fix=fix) from error
        return answer
