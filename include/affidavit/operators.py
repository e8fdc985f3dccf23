"""Affidavit inside an Airflow task: errors, circumstances and connections, translated.

The only module of the package, beside the DAG files, that imports Airflow.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from airflow.sdk import Asset, AssetAny, get_current_context
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException

from affidavit.errors import AffidavitError, ConnectionMissing
from affidavit.evidence.statement import AirflowRun
from affidavit.inventory.connection import Connection, variable
from affidavit.inventory.load import load_lenient
from affidavit.pipeline.steps import ORGANISATION
from affidavit.settings import Settings, quiet

if TYPE_CHECKING:
    from affidavit.pipeline.collection import Visit
    from affidavit.pipeline.workplace import Workplace

RETRIES = {"retries": 3, "retry_delay": timedelta(seconds=30), "retry_exponential_backoff": 2.0}
"""For errors that trying again can mend; the others fail at once (:func:`retry_what_can_help`)."""

P = ParamSpec("P")
T = TypeVar("T")


def retry_what_can_help(function: Callable[P, T]) -> Callable[P, T]:
    """Wrap a task: an error that trying again cannot mend fails the task at once, whatever its retries."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        quiet(os.environ)
        try:
            return function(*args, **kwargs)
        except AffidavitError as error:
            kind = AirflowException if error.retryable else AirflowFailException
            raise kind(error.text) from error

    return run


def project_of(dag_file: str) -> Path:
    """The project that a DAG file belongs to: ``AFFIDAVIT_PROJECT``, else the folder above ``dags/``."""
    return Path(os.environ.get("AFFIDAVIT_PROJECT") or Path(dag_file).resolve().parents[1])


def collected(target: str) -> Asset:
    """What the collection of one AI system, or of the organisation, updates."""
    return Asset(f"affidavit://evidence/{target}")


def any_collected(project: Path) -> AssetAny:
    """Updated by every collection of the project."""
    systems = sorted(load_lenient(project / "include", project / "expectations").systems)
    return AssetAny(*(collected(target) for target in (*systems, ORGANISATION)))


def workplace(project: Path) -> Workplace:
    """The workplace of a task: settings from the worker's environment, connections from Airflow."""
    from affidavit.pipeline.workplace import Workplace

    return Workplace(Settings.read(os.environ, project), connection)


def connection(connection_id: str) -> Connection:
    """Resolve an Airflow connection id through Airflow itself (secrets backends, metadata database, environment)."""
    from airflow.sdk import Connection as AirflowConnection

    try:
        found = AirflowConnection.get(connection_id)
    except AirflowNotFoundException as error:
        raise ConnectionMissing(
            "no such connection",
            where=f"connection {connection_id!r}",
            fix=f"add it in Airflow (Admin, Connections) or set {variable(connection_id)}",
        ) from error
    return Connection(
        id=connection_id,
        type=(found.conn_type or "").replace("-", "_"),
        host=found.host or "",
        port=found.port,
        login=found.login or "",
        password=found.password or "",
        schema=found.schema or "",
        extra=found.extra_dejson,
    )


def here() -> AirflowRun:
    """The task instance that is running."""
    context = get_current_context()
    instance = context["ti"]
    return AirflowRun(instance.dag_id, instance.run_id, instance.task_id, instance.try_number)


def visit(work: Workplace, target: str) -> Visit:
    """The collection that the running DAG run stands for.

    The slot follows from the time for which the run was scheduled or triggered, so that all tasks of a run, and all
    their retries, mean the same slot; the run's start decides whether the slot could still be observed.
    """
    from affidavit.pipeline.collection import Visit, slot_of

    run: Any = get_current_context()["dag_run"]
    meant_for = run.logical_date or run.run_after
    return Visit(target, slot_of(work, target, meant_for), run.start_date or datetime.now(UTC), here())
