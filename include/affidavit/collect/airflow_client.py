"""The seam to Airflow: its REST API, read only, as an identity of our own.

Airflow closes its own database to tasks.
"""

from __future__ import annotations

from affidavit.collect.rest import Answer, Api
from affidavit.inventory import Connection

_PAGE = 100


class _Token(Answer):
    access_token: str


class _Dag(Answer):
    dag_id: str


class _Dags(Answer):
    dags: tuple[_Dag, ...]
    total_entries: int


def dag_ids(connection: Connection) -> list[str]:
    """Ids of all DAGs that are not stale, paused ones too.

    Signs in with login and password, or with a token from ``extra``. Raises ``SourceError``.
    """
    found: set[str] = set()
    with Api(connection, product="Airflow") as api:
        if not connection.extra.get("token"):
            identity = {"username": connection.login, "password": connection.password}
            api.bear(api.post(_Token, "/auth/token", identity).access_token)
        offset = 0
        while True:
            page = api.get(_Dags, "/api/v2/dags", {"limit": _PAGE, "offset": offset, "order_by": "dag_id"})
            found |= {dag.dag_id for dag in page.dags}
            offset += len(page.dags)
            if not page.dags or offset >= page.total_entries:
                return sorted(found)
