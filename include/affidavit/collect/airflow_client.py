"""The seam to Airflow: its REST API, as an identity of our own.

Airflow closes its own database to tasks. Of what is called here, :func:`start` alone changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from affidavit.collect.rest import Answer, Api
from affidavit.errors import SourceGarbled, SourceRefused
from affidavit.inventory import Connection

_PAGE = 100


class _Token(Answer):
    access_token: str


class _Dag(Answer):
    dag_id: str


class _Dags(Answer):
    dags: tuple[_Dag, ...]
    total_entries: int


class _Run(Answer):
    dag_run_id: str


@contextmanager
def signed_in(connection: Connection) -> Iterator[Api]:
    """Airflow's API, signed in with login and password, or with a token from ``extra``. Raises ``SourceError``."""
    with Api(connection, product="Airflow", absent="") as api:
        if not connection.extra.get("token"):
            identity = {"username": connection.login, "password": connection.password}
            api.bear(api.post(_Token, "/auth/token", identity).access_token)
        yield api


def dag_ids(connection: Connection) -> list[str]:
    """Ids of all DAGs that are not stale, paused ones too. Raises ``SourceError``."""
    found: set[str] = set()
    with signed_in(connection) as api:
        offset = 0
        while True:
            page = api.get(_Dags, "/api/v2/dags", {"limit": _PAGE, "offset": offset, "order_by": "dag_id"})
            found |= {dag.dag_id for dag in page.dags}
            offset += len(page.dags)
            if not page.dags or offset >= page.total_entries:
                return sorted(found)


def start(api: Api, dag: str, run: str, conf: dict[str, Any]) -> bool:
    """Start the run of that id; False where there is one already. Raises ``SourceError``."""
    runs = f"/api/v2/dags/{quote(dag, safe='')}/dagRuns"
    # Asked to make a run that is there already, Airflow writes fifty lines of traceback into its log.
    if api.find(_Run, f"{runs}/{quote(run, safe='')}"):
        return False
    return api.create(_Run, runs, {"dag_run_id": run, "logical_date": None, "conf": conf}) is not None


def all_admins(connection: Connection) -> bool:
    """Whether Airflow makes everybody an administrator (``[core] simple_auth_manager_all_admins``).

    Asked as nobody: in that mode it hands a stranger a token, and else refuses. Raises ``SourceError`` where nobody
    answers.
    """
    extra = {name: value for name, value in connection.extra.items() if name != "token"}
    with Api(replace(connection, login="", password="", extra=extra), product="Airflow") as api:
        try:
            api.get(_Token, "/auth/token")
        except (SourceRefused, SourceGarbled):
            return False
        return True
