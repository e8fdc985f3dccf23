"""Affidavit inside an Airflow task: errors, circumstances and connections, translated.

The only module of the package, beside the DAG files, that imports Airflow. For DAGs of other people's:
:func:`evidence`, a decorator that records what a task returns, and :class:`ValidateTable`, an operator that validates a
table.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from airflow.providers.standard.operators.hitl import HITLEntryOperator
from airflow.sdk import Asset, AssetAny, BaseNotifier, BaseOperator, Param, get_current_context
from airflow.sdk.configuration import conf
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowNotFoundException

from affidavit.errors import AffidavitError, ConfigurationError, ConnectionMissing, SourceUnavailable, UsageError
from affidavit.evidence import kinds
from affidavit.evidence.statement import AirflowRun, Period
from affidavit.inventory.connection import Connection, variable
from affidavit.inventory.load import load_lenient
from affidavit.inventory.steps import ORGANISATION
from affidavit.settings import Settings, quiet

if TYPE_CHECKING:
    from affidavit.inventory.reminding import Channel
    from affidavit.pages.reminder import Message
    from affidavit.pipeline.collection import Visit
    from affidavit.pipeline.outside import Task
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


def auth_manager() -> str:
    """The class of the auth manager that this Airflow is configured with: who vouches for its users."""
    return str(conf.get_mandatory_value("core", "auth_manager")).rpartition(".")[2]


def notify(channel: Channel, message: Message) -> None:
    """Hand ``message`` to the notifier of a channel, whose templates know it beside the running task's context.

    Raises ``ConfigurationError`` for a class that is none of Airflow's notifiers or is not made with those arguments,
    ``SourceUnavailable`` where it fails. What it says is logged by Airflow and not repeated: it may hold an address.
    """
    where = f"reminders.channels {channel.id} in include/organisation.yaml"
    module, _, name = channel.notifier.rpartition(".")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except ImportError as error:
        fix = "install the provider that it belongs to, where tasks run, or name another class"
        raise ConfigurationError(f"{channel.notifier} cannot be imported", where=where, fix=fix) from error
    if not (inspect.isclass(found) and issubclass(found, BaseNotifier)):
        fix = "name a class of a provider's notifications, with its module"
        raise ConfigurationError(f"{channel.notifier} is none of Airflow's notifiers", where=where, fix=fix)
    try:
        notifier = found(**channel.arguments)
    except Exception as error:
        problem = f"{name} is not made with these arguments ({type(error).__name__})"
        raise ConfigurationError(problem, where=where, fix="give the arguments that its documentation names") from error
    try:
        notifier({**get_current_context(), "message": message})
    except Exception as error:
        fix = "read the log of this task, see that the notifier's connection stands, and clear the task"
        raise SourceUnavailable(f"{name} failed ({type(error).__name__})", where=where, fix=fix) from error


def visit(work: Workplace, target: str) -> Visit:
    """The collection that the running DAG run stands for.

    The slot follows from the time for which the run was scheduled or triggered, so that all tasks of a run, and all
    their retries, mean the same slot; the run's start decides whether the slot could still be observed.
    """
    from affidavit.pipeline.collection import Visit, slot_of

    run: Any = get_current_context()["dag_run"]
    meant_for = run.logical_date or run.run_after
    return Visit(target, slot_of(work, target, meant_for), run.start_date or datetime.now(UTC), here())


def evidence(*, kind: str, system: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Record what a task of anybody's DAG returns: the facts of a ``kind``, about an AI system, by its id.

        @task
        @evidence(kind="lineage-edge", system="mortgage-approval")
        def prepare() -> dict: ...

    It stands below ``@task``, and hands on what the function returns. The statement is named for the task
    (``airflow://<dag>/<task>``), is ``recorded``, and is about the data interval of the run. A task whose evidence
    cannot be recorded fails; one that runs again and returns the same adds nothing.

    Raises ``UsageError``, while the DAG is parsed, for a kind that no task may claim (see
    :data:`affidavit.evidence.kinds.FROM_OUTSIDE`), or where it decorates no plain function.
    """
    known = {each.name: each for each in kinds.FROM_OUTSIDE}
    if kind not in known:
        fix = f"choose one of: {', '.join(known)}"
        raise UsageError(f"no task may claim evidence of the kind {kind!r}", where="@evidence", fix=fix)

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        if not inspect.isfunction(function) or inspect.iscoroutinefunction(function):
            raise UsageError("no plain function", where="@evidence", fix="write @evidence below @task, above a def")

        @functools.wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> T:
            result: T = function(*args, **kwargs)
            record(result)
            return result

        return run

    @retry_what_can_help
    def record(facts: Any) -> None:
        from affidavit.pipeline import outside

        outside.claim(_workplace(), system, known[kind], facts, task=_speaker(), now=datetime.now(UTC))

    return decorate


class ValidateTable(BaseOperator):
    """Run the suite of a declared table on it, and record snapshot and validation; then fail if the table did.

    ``system`` and ``table`` are ids of the inventory, where the table's connection and suite stand. What was found is
    recorded before the task fails, which it does at once, whatever its retries: so nothing downstream reads the table.
    A test that had nothing to judge does not fail the task, since no row broke it; it is recorded as warned, and what
    rests on that validation is undetermined.
    """

    def __init__(self, *, system: str, table: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.system = system
        self.table = table

    @retry_what_can_help
    def execute(self, context: Mapping[str, Any]) -> dict[str, int]:  # noqa: ARG002
        """Validate; returns how many entries were added and rows read."""
        from affidavit.pipeline import outside

        run, now = here(), lambda: datetime.now(UTC)
        done = outside.validate_table(_workplace(), self.system, self.table, run=run, now=now)
        if done.failed:
            raise AirflowFailException(
                f"the table {self.table} of {self.system} failed {', '.join(done.failed)}; this is recorded. "
                "Fix: mend the data, then clear this task"
            )
        return {"entries": done.entries, "rows": done.rows}


class AskHolders(HITLEntryOperator):
    """Ask the people who hold the roles that a decision needs, and nobody else; then wait, without a worker.

    ``target`` is an AI system or the organisation. The decision is the one whose id the run has. What is decided on is
    read from the ledger as it stood when this try began, and never handed over by XCom, which can be edited. Nothing is
    answered by default. Fails where there is nothing to decide, where nobody can answer, and for an answer without
    reasons; what Airflow holds of it is recorded all the same.
    """

    def __init__(self, *, target: str, project: Path, **kwargs: Any) -> None:
        reasons = Param(
            "", type="string", format="multiline", title="Reasons", description="Why; without naming anybody"
        )
        # No try of its own: to ask again is a person's decision, and an answer must not be asked for twice.
        own = {"retries": 0, "do_xcom_push": False, "params": {"reasons": reasons}}
        super().__init__(subject="A decision", options=["to be asked"], **kwargs | own)
        self.target = target
        self.project = project

    @retry_what_can_help
    def execute(self, context: Any) -> None:
        """Put the question; the task then waits."""
        from affidavit.pipeline import decisions

        named, run = context["params"]["decision"], context["run_id"]
        if named not in ("", run):
            fix = "start the run with the decision's id as its run id"
            raise UsageError(f"the run {run!r} is not the decision {named[:80]!r}", where=self.dag_id, fix=fix)
        question = decisions.ask(workplace(self.project), self.target, run, at=context["ti"].start_date)
        self.subject, self.body, self.options = question.title, question.text, list(question.options)
        self.assigned_users = [{"id": account, "name": account} for account in question.accounts]
        self.response_timeout = question.patience
        super().execute(context)

    @retry_what_can_help
    def execute_complete(self, context: Any, event: dict[str, Any]) -> None:  # noqa: ARG002
        """Take note of the answer: the ``record`` task reads it where nobody can edit it."""
        from affidavit.pipeline import decisions

        if "error" in event:
            problem = "nobody answered in time" if event["error_type"] == "timeout" else "no answer could be waited for"
            raise UsageError(problem, where=self.task_id, fix="none: the same is asked anew by the next posture")
        decisions.check_reasons((event["params_input"] or {}).get("reasons"))


def _workplace() -> Workplace:
    return workplace(project_of(get_current_context()["dag"].fileloc))


def _speaker() -> Task:
    """The task that runs, and what its run is about: its data interval, else the moment that it is for."""
    from affidavit.pipeline.outside import Task

    context = get_current_context()
    run: Any = context["dag_run"]
    name = f"airflow://{context['ti'].dag_id}/{context['ti'].task_id}"
    if (index := context["ti"].map_index) is not None and index >= 0:
        name = f"{name}/{index}"
    moment = run.logical_date or run.run_after
    return Task(name, here(), Period(run.data_interval_start or moment, run.data_interval_end or moment))
