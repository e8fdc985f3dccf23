"""What Airflow itself holds about a question that a person was asked: its human-in-the-loop record, over REST.

Never XCom: whoever may operate a DAG may edit that, while an answer in this record cannot be changed. A task that is
cleared is asked again as a new *try*; Airflow keeps what the earlier ones were answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pydantic import Field

from affidavit.collect.airflow_client import signed_in
from affidavit.collect.rest import Answer, Api
from affidavit.inventory import Connection

MAX_TRIES = 100
"""The latest tries of a task that are read."""


@dataclass(frozen=True)
class Try:
    """One try of a task that asks a person, as Airflow recorded it.

    ``began`` is when the try began; None where it never did. ``state`` is Airflow's word for how the task stands;
    ``success`` may be somebody's mark. ``account`` is the auth manager's id of whoever ``answered``: None for an answer
    that a time-out gave. ``options`` were chosen, ``given`` is what the form held. ``asked`` is False where nobody
    was asked.
    """

    number: int
    state: str | None
    began: datetime | None
    ended: datetime | None
    asked: bool = False
    account: str | None = None
    answered: datetime | None = None
    options: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        """Whether it was answered, or ended without an answer."""
        return self.answered is not None or self.state in _OVER


_OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


class _Instance(Answer):
    try_number: int
    state: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None


class _User(Answer):
    id: str


class _Detail(Answer):
    task_instance: _Instance
    responded_by_user: _User | None = None
    responded_at: datetime | None = None
    chosen_options: tuple[str, ...] | None = None
    params_input: dict[str, Any] = Field(default_factory=dict)


def tries(connection: Connection, dag: str, run: str, task: str) -> tuple[Try, ...]:
    """The tries of the question that ``task`` puts in one run, oldest first. Raises ``SourceError``."""
    path = f"/api/v2/dags/{quote(dag, safe='')}/dagRuns/{quote(run, safe='')}/taskInstances/{quote(task, safe='')}"
    with signed_in(connection) as api:
        newest = api.get(_Instance, path)
        numbers = range(max(1, newest.try_number - MAX_TRIES + 1), newest.try_number + 1)
        found = [_try(api, path, number, newest) for number in numbers] or [_of(newest, 0)]
        return tuple(each for each in found if each)


def _try(api: Api, path: str, number: int, newest: _Instance) -> Try | None:
    detail = api.find(_Detail, f"{path}/-1/hitlDetails/tries/{number}")
    if detail is None:
        return _of(newest, number) if number == newest.try_number else None
    return Try(
        number=number,
        state=detail.task_instance.state,
        began=detail.task_instance.start_date,
        ended=detail.task_instance.end_date,
        asked=True,
        account=detail.responded_by_user.id if detail.responded_by_user else None,
        answered=detail.responded_at,
        options=detail.chosen_options or (),
        given=detail.params_input,
    )


def _of(instance: _Instance, number: int) -> Try:
    return Try(number, instance.state, instance.start_date, instance.end_date)
