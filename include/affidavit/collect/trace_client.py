"""The seam to MLflow's traces: its REST API (3.17), read only.

MLflow's own pages of traces are offsets, as those of runs are: here they are keyset. What a trace holds beside its id
and its time was written by whoever runs the agent, and any of it may be anything: it is taken as it comes, and
understood in :mod:`affidavit.collect.traces`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

from pydantic import AwareDatetime, Field

from affidavit.collect.mlflow_client import Experiment, Id, MlflowServer
from affidavit.collect.position import milliseconds
from affidavit.collect.rest import Answer
from affidavit.errors import SourceError, SourceRefused
from affidavit.evidence import Period
from affidavit.inventory import Connection

PAGE = 500
"""Traces asked for at once: the most that MLflow gives."""

MOST_AT_ONCE = 10_000
"""Most traces that may begin in the same millisecond: their ids are listed in the question for what follows."""

MOST_TRACES = 200_000
"""Most traces of one window."""

_API = "/api/3.0/mlflow/traces"
_BATCH = 50
_PATIENCE = 5
_BATCH_BYTES = 2**24
_STORED = {"TRACKING_STORE", "ARCHIVE_REPO"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 1, 1, tzinfo=UTC)


class TraceInfo(Answer):
    """What MLflow keeps of a trace beside its spans."""

    trace_id: Id
    request_time: AwareDatetime
    execution_duration: Any = None
    state: Any = None
    trace_metadata: Any = None
    tags: Any = None
    assessments: Any = None

    @property
    def start(self) -> int:
        """When it began: milliseconds since 1970."""
        return milliseconds(self.request_time)

    def tag(self, key: str) -> Any:
        """The value of a tag; None where there is none."""
        return self.tags.get(key) if isinstance(self.tags, dict) else None

    def metadata(self, key: str) -> Any:
        """Likewise of its metadata; what is JSON text there is read, and None if it cannot be."""
        value = self.trace_metadata.get(key) if isinstance(self.trace_metadata, dict) else None
        try:
            return json.loads(value) if isinstance(value, str) else None
        except (ValueError, RecursionError):
            return None


class _Page(Answer):
    traces: tuple[TraceInfo, ...] = ()


class _Named(Answer):
    trace_id: Id


class _Whole(Answer):
    info: _Named = Field(alias="trace_info")
    spans: tuple[Any, ...] = ()


class _Batch(Answer):
    traces: tuple[_Whole, ...] = ()


class _Data(Answer):
    spans: tuple[Any, ...] = ()


class TraceServer:
    """The traces of an MLflow tracking server, read only. Every method raises ``SourceError``."""

    def __init__(self, connection: Connection) -> None:
        self._server = MlflowServer(connection)
        self._api = self._server.api

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._api.__exit__(kind, error, trace)

    def experiment(self, name: str, *, agent: str) -> Experiment:
        """The experiment that an agent's file names."""
        found = self._server.experiment(name)
        if found is None:
            raise self._api.refused(
                f"the server has no experiment {name!r}", fix=f"correct the experiment of agent {agent!r}, or create it"
            )
        return found

    def uri(self, path: str) -> str:
        """The name in statements of something on this server: ``mlflow://<connection>/<path>``."""
        return self._server.uri(path)

    def infos(self, experiment_id: str, period: Period, *, page_size: int = PAGE) -> Iterator[TraceInfo]:
        """All traces that begin in ``period`` (its end not in it), each once, in order of time and id.

        Exact while others write: a trace that is there throughout, and does not begin before the place already
        reached, is given exactly once.
        """
        edge, end = milliseconds(period.start or _EPOCH), milliseconds(period.end or _LATEST)
        at_edge, many = set[str](), 0
        while True:
            page = self._search(experiment_id, (edge, end), at_edge, page_size)
            new = [info for info in page if info.trace_id not in at_edge]
            if len(new) < len(page):
                raise self._api.garbled("gave a trace that it was asked to leave out")
            for info in new:
                if not edge <= info.start < end:
                    raise self._api.garbled("gave traces out of order, or of another time than it was asked for")
                if info.start != edge:
                    edge, at_edge = info.start, set()
                at_edge.add(info.trace_id)
                yield info
            many += len(new)
            self._bounded(experiment_id, many, len(at_edge))
            if len(page) < page_size:
                return

    def spans(self, infos: Sequence[TraceInfo]) -> Iterator[tuple[str, tuple[Any, ...] | None]]:
        """The spans of each trace by its id, unread; None where they cannot be had.

        Raises ``SourceError`` only where those of no trace of a batch can be had.
        """
        stored, files = _by_place(infos)
        for batch in _batches(stored):
            yield from self._together(batch).items()
        for info in files:
            yield info.trace_id, self._file(info.trace_id)

    @property
    def requests(self) -> int:
        """How many were made so far."""
        return self._api.requests

    def _search(self, experiment_id: str, span: tuple[int, int], known: set[str], size: int) -> tuple[TraceInfo, ...]:
        condition = f"attributes.timestamp_ms >= {span[0]} AND attributes.timestamp_ms < {span[1]}"
        if known:
            # Ids of these very traces: they match Id, so nothing in them needs quoting.
            names = ", ".join(f"'{each}'" for each in sorted(known))
            condition += f" AND attributes.request_id NOT IN ({names})"
        ask = {
            "locations": [{"type": "MLFLOW_EXPERIMENT", "mlflow_experiment": {"experiment_id": experiment_id}}],
            "filter": condition,
            "max_results": size,
            "order_by": ["attributes.timestamp_ms ASC"],  # MLflow itself adds the trace's id
        }
        return self._api.post(_Page, f"{_API}/search", ask).traces

    def _bounded(self, experiment_id: str, many: int, at_edge: int) -> None:
        if at_edge > MOST_AT_ONCE:
            problem = f"more than {MOST_AT_ONCE:,} traces of experiment {experiment_id} begin in the same millisecond"
            raise self._api.refused(problem, fix="give the traces their own start times")
        if many > MOST_TRACES:
            problem = f"more than {MOST_TRACES:,} traces of experiment {experiment_id} in one window"
            raise self._api.refused(problem, fix="shorten the agent's window or baseline")

    def _together(self, batch: Sequence[TraceInfo]) -> Mapping[str, tuple[Any, ...] | None]:
        try:
            found = self._batch([info.trace_id for info in batch])
        except SourceError:
            found = self._one_by_one(batch)
        # MLflow leaves out traces of which it has fewer spans than it was told to expect.
        return {info.trace_id: found.get(info.trace_id) for info in batch}

    def _one_by_one(self, batch: Sequence[TraceInfo]) -> dict[str, tuple[Any, ...]]:
        """The batch failed: one trace whose spans are spoilt must not hide the others."""
        found, failures = dict[str, tuple[Any, ...]](), list[SourceError]()
        for info in batch:
            try:
                found |= self._batch([info.trace_id])
            except SourceError as error:
                failures.append(error)
            if len(failures) == _PATIENCE and not found:
                break  # it is the server, not a trace
        if failures and not found:
            raise failures[-1]
        return found

    def _batch(self, ids: Sequence[str]) -> dict[str, tuple[Any, ...]]:
        answer = self._api.get(_Batch, f"{_API}/batchGet", {"trace_ids": ids})
        return {each.info.trace_id: each.spans for each in answer.traces}

    def _file(self, trace_id: str) -> tuple[Any, ...] | None:
        """The spans of a trace whose client wrote them to a file, as clients before MLflow 3.6 did."""
        try:
            found = self._api.find(_Data, "/ajax-api/3.0/mlflow/get-trace-artifact", {"request_id": trace_id})
        except SourceRefused:
            return None
        return found.spans if found else None


def requests_for_spans(infos: Sequence[TraceInfo]) -> int:
    """How many requests :meth:`TraceServer.spans` makes where the server gives every batch."""
    stored, files = _by_place(infos)
    return sum(1 for _ in _batches(stored)) + len(files)


def _by_place(infos: Sequence[TraceInfo]) -> tuple[list[TraceInfo], list[TraceInfo]]:
    """Traces whose spans MLflow has in its store, and those whose client wrote them to a file."""
    stored = [info for info in infos if info.tag("mlflow.trace.spansLocation") in _STORED]
    return stored, [info for info in infos if info.tag("mlflow.trace.spansLocation") not in _STORED]


def _batches(infos: Sequence[TraceInfo]) -> Iterator[list[TraceInfo]]:
    """Few enough for the address of a request, and as far as MLflow tells their size, for one answer."""
    batch, size = list[TraceInfo](), 0
    for info in infos:
        told = info.metadata("mlflow.trace.sizeBytes")
        cost = told if isinstance(told, int) and told > 0 else 0
        if batch and (len(batch) == _BATCH or size + cost > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(info)
        size += cost
    if batch:
        yield batch
