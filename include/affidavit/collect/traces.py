"""Collector of an agent's traces: what MLflow keeps of them becomes numbers before anything else sees it.

Each look reads its windows whole, since an assessment may come days after the trace that it is about and changes no
time that could be searched for. What is remembered of every day are two digests and three counts
(:mod:`affidavit.collect.trace_days`): they show that traces went away or were dated back, and that assessments came
late.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args

from affidavit.collect.spans import understood
from affidavit.collect.trace_client import PAGE, TraceInfo, TraceServer
from affidavit.collect.trace_days import Days, Recheck, cursor_of, days_of, recheck
from affidavit.evidence import Json, Period
from affidavit.inventory import Connection
from affidavit.inventory.agents import Agent, Judged
from affidavit.measure.traces import Assessment, Role, Source, Trace

NAME = "mlflow-traces"

_DURATION = re.compile(r"\d{1,12}(\.\d{1,9})?s")
_POSITIVE = {"yes": True, "no": False}
_MOST_TOKENS = 2**53
_CHUNK = 1_000


@dataclass(frozen=True)
class TraceWindow:
    """The traces that began in ``period``: ``finished`` ones as numbers, the others counted.

    ``enumerated`` are all that MLflow listed; ``unfinished`` still ran, ``judging`` were made by scorers about other
    traces. Of the finished, ``unread`` have no spans that could be read. ``withheld`` are assessments under names that
    the agent's file does not list; ``unusable`` are figures, and assessments under listed names, that are no such
    thing, counted by what they should have been.
    """

    period: Period
    finished: tuple[Trace, ...]
    enumerated: int
    unfinished: int
    judging: int
    unread: int
    withheld: int
    unusable: dict[str, int]


@dataclass(frozen=True)
class TraceLook:
    """One look at an agent's traces.

    ``baseline`` is None where none is declared, or the window still reaches into it. ``experiment`` is MLflow's id;
    ``cursor`` goes into the next look, ``recheck`` says what is not as it was at the last one.
    """

    experiment: str
    window: TraceWindow
    baseline: TraceWindow | None
    recheck: Recheck
    cursor: Json


def look_at_traces(
    agent: Agent, connection: Connection, *, now: datetime, cursor: Json = None, page_size: int = PAGE
) -> TraceLook:
    """The traces of an agent's window, as of ``now``, and of its baseline. Raises ``SourceError``.

    Nothing of what the agent was asked, answered or told its tools is in the result, and no name but declared ones.
    """
    period = agent.window(now)
    baseline = agent.before(period)
    with TraceServer(connection) as server:
        experiment = server.experiment(agent.experiment, agent=agent.id)

        def read(period: Period) -> tuple[TraceWindow, Days]:
            infos = list(server.infos(experiment.id, period, page_size=page_size))
            return _window(server, agent, period, infos), days_of(period, infos)

        window, days = read(period)
        before: TraceWindow | None = None
        if baseline:
            before, earlier = read(baseline)
            days = {**earlier, **days}
    home = f"{experiment.id}"
    return TraceLook(home, window, before, recheck(cursor, days, experiment=home), cursor_of(days, experiment=home))


def _window(server: TraceServer, agent: Agent, period: Period, infos: Sequence[TraceInfo]) -> TraceWindow:
    made = [info for info in infos if info.tag("mlflow.trace.sourceScorer") is None]
    done = [info for info in made if info.state != "IN_PROGRESS"]
    desk = _Desk(agent)
    traces: list[Trace] = []
    # By pieces, so that what was said is in memory for few traces at once.
    for at in range(0, len(done), _CHUNK):
        chunk = {info.trace_id: info for info in done[at : at + _CHUNK]}
        traces += [desk.trace(chunk[trace_id], spans) for trace_id, spans in server.spans(list(chunk.values()))]
    return TraceWindow(
        period,
        tuple(traces),
        enumerated=len(infos),
        unfinished=len(made) - len(done),
        judging=len(infos) - len(made),
        unread=sum(trace.tools is None for trace in traces),
        withheld=desk.withheld,
        unusable=dict(sorted(desk.unusable.items())),
    )


class _Desk:
    """Where traces become numbers; counts what has to be left out."""

    def __init__(self, agent: Agent) -> None:
        self.withheld = 0
        self.unusable = Counter[str]()
        self._tools = agent.tools
        given: list[tuple[Role, Judged | None]] = [(role, getattr(agent.assessments, role)) for role in get_args(Role)]
        self._roles = {judged.name: (role, judged) for role, judged in given if judged is not None}

    def trace(self, info: TraceInfo, spans: Sequence[Any] | None) -> Trace:
        # A trace without a single span is none that was recorded whole: its first is the request itself.
        found = understood(spans, self._tools) if spans else None
        return Trace(
            failed={"OK": False, "ERROR": True}.get(info.state) if isinstance(info.state, str) else None,
            seconds=self._seconds(info.execution_duration),
            input_tokens=self._tokens(info, "input_tokens"),
            output_tokens=self._tokens(info, "output_tokens"),
            steps=found.steps if found else None,
            tools=found.tools if found else None,
            refused=found.refused if found else None,
            assessments=self._assessments(info.assessments),
        )

    def _seconds(self, value: object) -> float | None:
        if value is None:
            return None
        # A duration as protobuf writes it: NaN, an infinity or a negative one is not.
        if isinstance(value, str) and _DURATION.fullmatch(value):
            return float(value[:-1])
        self.unusable["duration"] += 1
        return None

    def _tokens(self, info: TraceInfo, key: str) -> int | None:
        used = info.metadata("mlflow.trace.tokenUsage")
        value = used.get(key) if isinstance(used, dict) else None
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST_TOKENS:
            return value
        self.unusable[key] += 1
        return None

    def _assessments(self, values: object) -> tuple[Assessment, ...]:
        found = [self._assessment(each) for each in values] if isinstance(values, list) else []
        return tuple(each for each in found if each is not None)

    def _assessment(self, value: object) -> Assessment | None:
        if not isinstance(value, dict) or value.get("valid") is False:
            # One that is not valid any more was overridden by another, which is here too.
            self.unusable["assessment"] += not isinstance(value, dict)
            return None
        name = value.get("assessment_name")
        role, judged = self._roles.get(name, (None, None)) if isinstance(name, str) else (None, None)
        if role is None or judged is None:
            self.withheld += 1
            return None
        source, positive = _source(value.get("source")), _positive(value.get("feedback"), judged)
        if source is None or positive is None:
            self.unusable[role] += 1
            return None
        return Assessment(role, positive, source)


def _source(value: object) -> Source | None:
    told = value.get("source_type") if isinstance(value, dict) else None
    known: dict[object, Source] = {"HUMAN": "human", "LLM_JUDGE": "llm_judge", "CODE": "code"}
    return known.get(told) if isinstance(told, str) else None


def _positive(feedback: object, judged: Judged) -> bool | None:
    """What a feedback says; None where it failed, or is of a kind that says neither."""
    value = feedback.get("value") if isinstance(feedback, dict) else None
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _POSITIVE.get(value.lower()) if len(value) <= 3 else None
    if isinstance(value, int | float) and judged.at_least is not None and math.isfinite(value):
        return value >= judged.at_least
    return None
