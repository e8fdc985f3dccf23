"""Collector of OpenLineage events: which job read and wrote which tables, from a folder of files.

Each file holds one event, or one a line, as OpenLineage's file transport and :mod:`affidavit.training.openlineage`
write them. Names that sort in the order of time are read once: the cursor holds the last file that was read whole, and
how many files and bytes stood up to it. Where these are others now, a file grew, came or went, and all are read again.
A run that has not ended is read again until it has, for a day. Whatever is read twice counts once: an edge is recorded
only by a run that ended later than the one which the ledger has for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from affidavit import __version__
from affidavit.collect.look import NOTHING, Look, Recorded
from affidavit.collect.openlineage_events import Dataset, Event, Job, parse, read_event
from affidavit.errors import ConfigurationError, SourceGarbled, SourceUnavailable
from affidavit.evidence import (
    Circumstances,
    Collector,
    Draft,
    Json,
    Origin,
    Period,
    Stage,
    Subject,
    kinds,
    system_scope,
    timestamp,
)
from affidavit.inventory import Connection, System
from affidavit.projections.lineage import READ_BY, WROTE

NAME = "openlineage"

LONGEST_EVENT = 2**24
"""Bytes of one event."""

PATIENCE = timedelta(days=1)
"""How long after its latest event a run that has not ended may still end."""

_PORT = 5432
_DEFAULT_SCHEMAS = {"postgres": "public", "postgresql": "public", "duckdb": "main", "sqlite": "main"}


def look_at_openlineage(
    system: System,
    connections: Sequence[Connection],
    *,
    cursor: Json,
    seen: Circumstances,
    recorded: Recorded = NOTHING,
) -> Look:
    """The edges that the events in the system's folder show, from ``cursor`` on (None: from the beginning).

    ``connections`` are the warehouses of its tables, to which datasets are matched by namespace; ``recorded`` are the
    edges in the ledger. ``enumerated`` counts events, ``read`` those of runs that went well, ``withheld`` facets that
    nobody reads. Raises ``SourceGarbled`` naming file, line and field, ``SourceUnavailable``.
    """
    assert system.openlineage is not None
    folder = _Folder.of(system.openlineage)
    position = _Position.of(cursor)
    reading = _Reading(seen.observed_at)
    files = folder.files()
    for path, _ in files[position.start(files) :]:
        reading.read(folder, path)
    names = _Names(system, connections)
    edges: dict[str, Draft] = {}
    for job in reading.ended():
        for draft in _drafts(system, job, names, seen):
            name = draft.subjects[0].name
            if _newer(draft, edges.get(name), recorded):
                edges[name] = draft
    counted = [event for job in reading.jobs.values() for event in job.events]
    return Look(
        NAME,
        tuple(edges.values()),
        enumerated=reading.events,
        read=sum(event.ends is True for event in counted),
        withheld=sum(event.ignored for event in counted),
        window=Period(None, seen.observed_at),
        # What a job never told is never noticed.
        notice_delay_seconds=None,
        cursor=position.after(files, reading.unsettled()).json(),
    )


def try_folder(url: str) -> None:
    """List a folder of events, and read none. Raises as :func:`look_at_openlineage`."""
    _Folder.of(url).files()


def _newer(draft: Draft, other: Draft | None, recorded: Recorded) -> bool:
    """Whether the run behind ``draft`` ended after those that are known for the same edge."""
    end = _end(draft.effective)
    entry = recorded.get(draft.subjects[0].name)
    known = _end(Period.of(entry.statement.header["effective"])) if entry else ""
    return end > known and (other is None or end >= _end(other.effective))


def _end(period: Period | None) -> str:
    return timestamp(period.end) if period and period.end else ""


@dataclass(frozen=True)
class _Folder:
    """A folder at any fsspec URL; only ever read."""

    url: str
    fs: Any
    root: str

    @classmethod
    def of(cls, url: str) -> _Folder:
        try:
            fs, root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            fix = "give an fsspec URL, and install what its scheme needs"
            raise ConfigurationError("no folder of OpenLineage events", where=url, fix=fix) from error
        return cls(url, fs, root)

    def files(self) -> list[tuple[str, int]]:
        """Path below the root and size of each file, by path; hidden ones are still being written."""
        try:
            # An object store has no folders: where no name begins with a prefix, nothing was told yet.
            if isinstance(self.fs, LocalFileSystem) and not self.fs.isdir(self.root):
                raise SourceUnavailable(
                    "there is no such folder",
                    where=self.url,
                    fix="make it, or correct openlineage in the system's file",
                )
            found = self.fs.find(self.root, detail=True)
        except OSError as error:
            raise SourceUnavailable(f"cannot be listed ({type(error).__name__})", where=self.url) from error
        sizes = {path[len(self.root) :].lstrip("/"): int(info["size"] or 0) for path, info in found.items()}
        return sorted(
            (path, size) for path, size in sizes.items() if not any(p.startswith(".") for p in path.split("/"))
        )

    def lines(self, path: str) -> Iterator[bytes]:
        """The lines of one file, with their ends."""
        try:
            with self.fs.open(f"{self.root}/{path}", "rb") as file:
                while line := file.readline(LONGEST_EVENT + 1):
                    yield line
        except OSError as error:
            raise SourceUnavailable(f"cannot be read ({type(error).__name__})", where=f"{self.url}/{path}") from error


@dataclass(frozen=True)
class _Position:
    """Up to which file all were read whole, and how many files and bytes there were up to it."""

    last: str = ""
    files: int = 0
    bytes: int = 0

    @classmethod
    def of(cls, cursor: Json) -> _Position:
        if not isinstance(cursor, Mapping):
            return cls()
        return cls(str(cursor["last"]), int(str(cursor["files"])), int(str(cursor["bytes"])))

    def json(self) -> dict[str, Json]:
        return {"last": self.last, "files": self.files, "bytes": self.bytes}

    def start(self, files: Sequence[tuple[str, int]]) -> int:
        """How many of ``files`` were read whole and are as they were; none where any of them is not."""
        behind = [size for path, size in files if path <= self.last]
        return len(behind) if (len(behind), sum(behind)) == (self.files, self.bytes) else 0

    @staticmethod
    def after(files: Sequence[tuple[str, int]], unsettled: Iterable[str]) -> _Position:
        first = min(unsettled, default=None)
        whole = [(path, size) for path, size in files if first is None or path < first]
        return _Position(whole[-1][0], len(whole), sum(size for _, size in whole)) if whole else _Position()


@dataclass
class _Reading:
    """The runs whose events were read, and the files that have to be read again."""

    now: datetime
    events: int = 0
    jobs: dict[tuple[str, Dataset], Job] = field(default_factory=dict)
    _files: dict[tuple[str, Dataset], set[str]] = field(default_factory=dict)
    _partial: set[str] = field(default_factory=set)

    def read(self, folder: _Folder, path: str) -> None:
        """Read a file. A last line that breaks off is left for the next look."""
        for number, line in enumerate(folder.lines(path), start=1):
            where = f"{folder.url}/{path}, line {number}"
            if len(line) > LONGEST_EVENT:
                fix = "split the file into lines of one event each"
                raise SourceGarbled(f"an event of more than {LONGEST_EVENT:,} bytes", where=where, fix=fix)
            if not line.strip():
                continue
            if number > 1 and not line.endswith(b"\n") and parse(line) is None:
                self._partial.add(path)
                return
            self.events += 1
            if event := read_event(line, where=where):
                self._take(event, path)

    def _take(self, event: Event, path: str) -> None:
        if event.time > self.now:
            self._partial.add(path)  # its time has not come: what is dated ahead must not hide what comes before
            return
        key = (event.run, event.job)
        self.jobs.setdefault(key, Job(event.run, event.job)).events.append(event)
        self._files.setdefault(key, set()).add(path)

    def ended(self) -> list[Job]:
        """The runs that went well, in order of their ends."""
        done = [(job, end) for job in self.jobs.values() if (end := job.end) and end.ends]
        return [job for job, end in sorted(done, key=lambda pair: pair[1].time)]

    def unsettled(self) -> set[str]:
        """The files that are to be read again."""
        waiting = (key for key, job in self.jobs.items() if job.end is None and job.latest > self.now - PATIENCE)
        return self._partial.union(*(self._files[key] for key in waiting))


class _Names:
    """Turns what a job calls a dataset into the name that our own statements have for it.

    Of a namespace that is a declared warehouse's (``warehouse://<connection>``, ``postgres://<host>:<port>``,
    ``duckdb://<file>``, ``sqlite://<file>``) the name is ``warehouse://<connection>/<table>``, spelled as declared
    where it is declared; any other keeps its own, below ``openlineage://datasets/``. A server may hold the databases
    of several connections: then the dataset's name has to say which (``<database>.<schema>.<table>``).
    """

    def __init__(self, system: System, connections: Sequence[Connection]) -> None:
        self._declared = {table.uri for table in system.tables}
        self._homes: dict[str, list[Connection]] = {}
        for each in connections:
            for namespace in _namespaces(each):
                self._homes.setdefault(namespace, []).append(each)

    def of(self, dataset: Dataset) -> str:
        homes = [each for each in self._homes.get(dataset.namespace, ()) if _may_hold(each, dataset)]
        if len({_database(each) for each in homes}) != 1:
            return f"openlineage://datasets/{dataset.namespace}/{dataset.name}"
        names = [f"warehouse://{home.id}/{name}" for home in homes for name in _tables(home, dataset)]
        return next((name for name in names if name in self._declared), names[0])


def _namespaces(connection: Connection) -> Iterator[str]:
    yield f"warehouse://{connection.id}"
    if connection.type in {"postgres", "postgresql"}:
        yield f"postgres://{connection.host}:{connection.port or _PORT}"
    elif connection.path:
        yield f"{connection.type}://{connection.path}"


def _database(connection: Connection) -> str:
    """The database behind a connection to a server that may hold several; without a name it is the login's."""
    return connection.schema or connection.login if connection.type in {"postgres", "postgresql"} else ""


def _may_hold(home: Connection, dataset: Dataset) -> bool:
    return not _names_database(dataset) or dataset.name.split(".")[0] == _database(home)


def _names_database(dataset: Dataset) -> bool:
    return dataset.namespace.startswith("postgres://") and dataset.name.count(".") == 2


def _tables(home: Connection, dataset: Dataset) -> list[str]:
    """What the table may be called where it is declared; without the default schema comes first."""
    steps = dataset.name.split(".")
    if _names_database(dataset):
        steps = steps[1:]
    default = _DEFAULT_SCHEMAS.get(home.type)
    if len(steps) == 2 and steps[0] == default:
        steps = steps[1:]
    bare = ".".join(steps)
    return [bare, f"{default}.{bare}"] if default and len(steps) == 1 else [bare]


def _drafts(system: System, job: Job, names: _Names, seen: Circumstances) -> Iterator[Draft]:
    end = job.end
    assert end is not None
    step = {"name": f"openlineage://jobs/{job.job.namespace}/{job.job.name}", "digest": end.sha256}
    basis = (
        f"OpenLineage: run {job.run} of the job said so when it ended, at {timestamp(end.time)}; the job's digest is "
        "that of the event. Not shown: that it read and wrote what it named, and nothing else"
    )
    for relation, datasets in ((READ_BY, job.inputs()), (WROTE, job.outputs())):
        for dataset in datasets:
            table = {"name": names.of(dataset), "digest": dataset.sha256}
            start, target = (table, step) if relation == READ_BY else (step, table)
            facts = {"relation": relation, "from": start, "to": target, "basis": basis}
            yield Draft(
                kind=kinds.LINEAGE_EDGE,
                scope=system_scope(system.id),
                stage=Stage.DATA,
                origin=Origin.RECORDED,
                subjects=(Subject.of_facts(f"affidavit://lineage/{start['name']}->{target['name']}", facts),),
                facts=facts,
                collector=Collector(NAME, __version__),
                seen=seen,
                effective=Period(job.start, end.time),
            )
