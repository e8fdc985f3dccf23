"""The version in use, asked again about a sample of the rows that it is said to have scored.

1. The table is fingerprinted and the sample drawn in one snapshot, which is closed before anybody is asked.
2. The version is asked at its endpoint, or fetched from MLflow by its recorded digest and served walled in
   (:mod:`affidavit.collect.sandbox`): its files may run code, and never run here.
3. What it answers is measured (:mod:`affidavit.collect.answers`), each family a statement that we re-performed.

To serve a version takes many seconds. So it is not asked again while its artifacts, the table's fingerprint, that of
the rows it was trained on, and every setting are what they were when it was asked last: the statements of then are
given again, and nothing is new. An endpoint is asked each time, since nothing says what stands behind it.

Which version is in use, its digest and the fingerprint of its training rows are those that the ledger held before this
collection: what changed is asked about one collection later. An endpoint may change between two looks unnoticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import affidavit
from affidavit.collect.answers import FAMILIES, QUESTIONS, SECONDS, Asked, Drawn, answered, not_tested
from affidavit.collect.artifacts import stood
from affidavit.collect.look import Look
from affidavit.collect.measurements import Taken, measurement, thresholds_digest
from affidavit.collect.mlflow_client import MlflowServer
from affidavit.collect.models import artifact_root
from affidavit.collect.rest import Api
from affidavit.collect.sandbox import Sandbox
from affidavit.collect.scoring import Scorer
from affidavit.collect.serving import ask
from affidavit.collect.tables import Before, fingerprint_of
from affidavit.errors import ConfigurationError, IntegrityError, SourceError, SourceUnavailable
from affidavit.evidence import Circumstances, Draft, Entry, Origin, Subject
from affidavit.evidence.measured import measured_name
from affidavit.inventory import Connection, Endpoint, Measured, PredictionTable, System
from affidavit.inventory.measures import family_of, measures_of
from affidavit.measure import Estimate
from affidavit.measure.agreement import MINIMUM
from affidavit.projections import InUse
from affidavit.warehouse import Fingerprint, Snapshot, TableRef, sample, snapshot
from affidavit.warehouse.facets import GroupColumn, those
from affidavit.warehouse.sample import METHOD

MAX_MODEL = 4 * 2**30
"""Most bytes of a version's artifacts."""

_ROOM = 2_000
"""Characters that one setting may take."""

_ISOLATION = "isolation"
_UNKNOWN = "which version is in use is unknown"


@dataclass(frozen=True)
class Places:
    """Where things are: the table's warehouse, the server of the registered model, the endpoint that is asked.

    ``secrets`` are files, folders and sockets that a version must not reach.
    """

    warehouse: Connection
    tracking: Connection | None = None
    endpoint: tuple[Endpoint, Connection] | None = None
    secrets: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """What the ledger holds: the version in use, the table's last snapshot, the measurements by subject.

    ``training`` is the fingerprint of the reference dataset.
    """

    used: InUse | None = None
    before: Before | None = None
    measurements: Mapping[str, Sequence[Entry]] = field(default_factory=lambda: MappingProxyType({}))
    training: str | None = None


def look_at_version(
    system: System, table: PredictionTable, places: Places, *, known: Recorded, seen: Circumstances
) -> Look:
    """Ask the version whose answers ``table`` holds about a sample of them. The table's file says that it is asked.

    Of a table that moved while it was read, or is read through Spark, nobody is asked, and nothing is told. Of a
    version that cannot be started that is told, and it is tried anew at the next look. Raises ``SourceError`` naming
    table and version where it does not answer as it must, ``ConfigurationError`` where it could reach a secret; then
    there is nothing to record.
    """
    return _Rescoring(system, table, places, known, seen).look()


class _CannotStart(Exception):
    """A version that cannot be served, and why."""


@dataclass(frozen=True)
class _Version:
    """Who is asked, or ``why`` nobody is. ``subjects`` are its artifacts, ``digest`` is theirs."""

    name: str | None
    why: str | None = None
    digest: str | None = None
    subjects: tuple[Subject, ...] = ()


@dataclass(frozen=True)
class _Read:
    """What one snapshot of the warehouse gave: ``left_out`` are drawn rows that no question can carry."""

    digest: Fingerprint
    consistency: str
    rows: Drawn
    training: Drawn | str
    left_out: int


@dataclass(frozen=True)
class _Rescoring:
    system: System
    table: PredictionTable
    places: Places
    known: Recorded
    seen: Circumstances

    @property
    def measured(self) -> Measured:
        assert self.table.measured is not None
        return self.table.measured

    @property
    def name(self) -> str:
        return f"model:{self.table.id}"

    def look(self) -> Look:
        if self.places.warehouse.type == "spark":
            return Look(self.name, (), enumerated=0, read=0)
        version = self.endpoints() if self.places.endpoint else self.recorded()
        with snapshot(self.places.warehouse, timeout_seconds=self.table.timeout_seconds) as opened:
            whole = opened.table(self.table.table)
            digest, _ = fingerprint_of(opened, whole, self.table, seen=self.seen, before=self.known.before)
            if again := self.unchanged(version, digest):
                return Look(self.name, again, enumerated=len(again), read=0)
            read = self.read(opened, whole, version, digest)
        if read is None:
            return Look(self.name, (), enumerated=1, read=0)
        with self.named(version):
            results, more = self.results(version, read)
        drafts, blobs = [], []
        for family, estimates in results:
            taken = self.taken(family, estimates, version, read)
            taken = replace(taken, settings={**taken.settings, **more})
            origin = Origin.REPERFORMED if more else Origin.OBSERVED
            draft, report = measurement(self.system, taken, origin=origin, collector=self.name, seen=self.seen)
            drafts.append(draft)
            blobs.append(report)
        return Look(self.name, tuple(drafts), enumerated=len(drafts), read=len(drafts), blobs=tuple(blobs))

    def endpoints(self) -> _Version:
        """The version that the endpoint names."""
        assert self.places.endpoint is not None
        endpoint, connection = self.places.endpoint
        if endpoint.model != self.measured.model:
            return _Version(None, f"the endpoint {endpoint.id} serves another model")
        name, unknown = ask(endpoint, connection)
        return _Version(name, f"the endpoint {endpoint.id} names no version ({unknown})" if unknown else None)

    def recorded(self) -> _Version:
        """The version in use, by its digest in the ledger."""
        used = self.known.used
        if used is None or used.version is None or used.version_name is None:
            return _Version(used.version_name if used else None, _UNKNOWN)
        artifacts = used.version.statement.facts["artifacts"]
        if not stood(artifacts):
            return _Version(used.version_name, "its artifacts were never read, so that nobody knows their digest")
        return _Version(used.version_name, digest=artifacts["sha256"], subjects=used.version.statement.subjects[1:])

    def unchanged(self, version: _Version, digest: Fingerprint) -> tuple[Draft, ...]:
        """The statements of last time, where asking again could tell nothing new; else none."""
        names = [measured_name(self.table.id, family, version=version.name) for family in FAMILIES]
        entries = [self.known.measurements[name][-1] for name in names if name in self.known.measurements]
        same = all(self.same(entry, version, digest) for entry in entries)
        if self.places.endpoint or len(entries) < len(FAMILIES) or not same:
            return ()
        return tuple(replace(Draft.of(entry.statement), seen=self.seen) for entry in entries)

    def same(self, entry: Entry, version: _Version, digest: Fingerprint) -> bool:
        facts = entry.statement.facts
        settings = dict(facts["settings"])
        served = settings.pop(_ISOLATION, None) is not None
        return (
            served
            and facts["version"] == version.name
            and facts["fingerprint"]["sha256"] == digest.sha256
            and settings == self.settings(version)
            and facts["thresholds"] == thresholds_digest(self.thresholds(facts["family"]))
            and entry.statement.header["collector"] == {"name": self.name, "version": affidavit.__version__}
        )

    def read(self, opened: Snapshot, whole: TableRef, version: _Version, digest: Fingerprint) -> _Read | None:
        """The sample, and that of the training rows; None of a table that moved."""
        rows = whole
        if self.measured.version is not None and version.name is not None:
            rows = those(whole, self.measured.version, version.name, where=opened.where(self.table.table))
        found, left_out = self.drawn(opened, rows, scored=True)
        training = self.training(opened)
        if not opened.dialect.one_state:
            after, _ = fingerprint_of(opened, whole, self.table, seen=self.seen, before=self.known.before)
            if after.sha256 != digest.sha256:
                return None
        return _Read(digest, opened.consistency, found, training, left_out)

    def training(self, opened: Snapshot) -> Drawn | str:
        """A sample of the rows that it was trained on, or why there is none."""
        measured = self.measured
        reference = next((each for each in self.system.datasets if each.id == measured.reference), None)
        if reference is None:
            return "no dataset is named as the reference"
        if reference.use != "training":
            return f"the reference {reference.id} is no training data"
        if reference.connection != self.table.connection:
            return "the training rows lie in another warehouse, and so not in the same snapshot"
        assert measured.key is not None
        found = opened.table(reference.table)
        there = {column.name for column in found.columns}
        lacking = [name for name in (measured.key, self.table.label, *measured.features) if name not in there]
        if lacking:
            return f"the training rows have no column {lacking[0]}"
        return self.drawn(opened, found, scored=False)[0]

    def drawn(self, opened: Snapshot, rows: TableRef, *, scored: bool) -> tuple[Drawn, int]:
        """A sample, without the rows that no question can carry, whose number is told."""
        measured, classes = self.measured, self.measured.ordered
        assert measured.key is not None

        def declared(column: str) -> str | GroupColumn:
            return GroupColumn(column, classes) if classes else column

        label, decision = declared(self.table.label), declared(measured.decision or "")
        score = declared(self.table.score) if measured.task == "multiclass" else self.table.score
        groups = {name: GroupColumn(name, values) for name, values in measured.groups.items()} if scored else {}
        answer = [score, *([decision] if measured.decision else [])] if scored else []
        asked = [*measured.features, label, *answer, *groups.values()]
        found = sample(opened, rows, key=measured.key, columns=asked, rows=measured.sample, seed=str(measured.seed))
        features = [found.columns[name] for name in measured.features]
        fit = [n for n in range(found.rows) if all(_sendable(column[n]) for column in features)]

        def of(column: str | GroupColumn) -> list[Any]:
            values = found.coded[column] if isinstance(column, GroupColumn) else found.columns[column]
            return [values[n] for n in fit]

        drawn = Drawn(
            features={name: of(name) for name in measured.features},
            label=of(label),
            score=of(score) if scored else (),
            decision=of(decision) if scored and measured.decision else None,
            groups={name: of(column) for name, column in groups.items()},
        )
        return drawn, found.rows - len(fit)

    def results(self, version: _Version, read: _Read) -> tuple[list[tuple[str, list[Estimate]]], dict[str, str]]:
        """Each family with its results, and what kept whoever answered from us; nothing where nobody was asked."""
        if why := version.why or _too_few(read.rows.rows):
            return _untried(why), {}
        try:
            with self.opened(version) as (api, isolation):
                measured = self.measured
                scorer = Scorer(
                    api,
                    path=self.places.endpoint[0].invocations if self.places.endpoint else "/invocations",
                    classes=measured.classes if measured.answers_class else (),
                    part=measured.part,
                )
                results = list(answered(Asked(measured, scorer, read.rows, read.training)))
        except _CannotStart as error:
            # Nobody answered, as where nobody was asked: that is told, and keeps nothing else from being recorded.
            return _untried(f"the version could not be asked: {error}"), {}
        except IntegrityError as error:
            # Its artifacts were overwritten: the look at models records that, and must not be kept from it.
            return _untried(error.problem), {}
        if self.places.endpoint and self.endpoints() != version:
            fix = "ask again when no version is being put in its place"
            raise SourceUnavailable("the endpoint named another version afterwards", fix=fix)
        return results, {_ISOLATION: isolation}

    @contextmanager
    def opened(self, version: _Version) -> Iterator[tuple[Api, str]]:
        """Whoever answers, for the block."""
        if self.places.endpoint:
            with Api(self.places.endpoint[1], product="scoring endpoint") as api:
                yield api, "none of ours: it runs where it is deployed"
            return
        assert self.places.tracking is not None
        assert version.name is not None
        with Sandbox(secrets=self.places.secrets) as box:
            with MlflowServer(self.places.tracking) as server:
                found = server.version(self.measured.model, version.name)
                root = artifact_root(server, found.source) if found else None
                if root is None:
                    raise IntegrityError("MLflow no longer has its artifacts")
                server.artifacts.save(root, box.model, sha256=version.digest, limit=MAX_MODEL)
            try:
                api, isolation = box.start()
            except SourceUnavailable as error:
                raise _CannotStart(error.problem) from error
            with api:
                yield api, isolation.text

    @contextmanager
    def named(self, version: _Version) -> Iterator[None]:
        """Let errors name the table and the version."""
        try:
            yield
        except (SourceError, ConfigurationError) as error:
            where = f"{self.table.uri}, scored again by {self.measured.model} version {version.name}"
            problem = f"{error.where}: {error.problem}" if error.where else error.problem
            raise type(error)(problem, where=where, fix=error.fix) from error

    def taken(self, family: str, estimates: Sequence[Estimate], version: _Version, read: _Read) -> Taken:
        left_out = {"carry a value that no question can carry": read.left_out} if read.left_out else {}
        return Taken(
            family=family,
            source=self.table.id,
            estimates=tuple(estimates),
            rows=read.rows.rows,
            settings=self.settings(version),
            consistency=read.consistency,
            left_out=left_out,
            model=self.measured.model,
            version=version.name,
            fingerprint=read.digest,
            thresholds=self.thresholds(family),
            about=(Subject(self.table.uri, read.digest.sha256), *version.subjects),
        )

    def thresholds(self, family: str) -> tuple[Any, ...]:
        return tuple(each for each in self.measured.thresholds if family_of(each) == family)

    def settings(self, version: _Version) -> dict[str, str]:
        """Whatever the results depend on but the rows themselves, in words."""
        measured, endpoint = self.measured, self.places.endpoint
        said = {
            "task": measured.task,
            "asked": f"at endpoint://{endpoint[0].connection}{endpoint[0].invocations}"
            if endpoint
            else f"served from its artifacts, of the SHA-256 {version.digest or 'that nobody knows'}",
            "answers": "classes" if measured.answers_class else "scores",
            "sample": f"{measured.sample} rows by {METHOD}",
            "seed": str(measured.seed),
            "features": _listed(measured.features),
            "relevant": _listed(measured.relevant),
            "groups": _listed([f"{name} ({', '.join(values)})" for name, values in measured.groups.items()]),
            "classes": _listed(measured.ordered),
            "tolerance": f"{measured.tolerance:g}",
            "training rows": self.known.training or "of no known state",
            "questions": f"at most {QUESTIONS:,} rows a family, and {SECONDS:g} s for all",
        }
        if measured.cut is not None:
            said["decided positive from"] = repr(measured.cut)
        if measured.part is not None:
            said["part of an answer"] = str(measured.part)
        return said


def _untried(why: str) -> list[tuple[str, list[Estimate]]]:
    return [(family, not_tested(measures_of(family), why)) for family in FAMILIES]


def _listed(names: Sequence[str]) -> str:
    """The names; of so many that a leaf has no room for them, what tells them from others."""
    text = ", ".join(names)
    if len(text) > _ROOM:
        return f"{len(names)}, whose names have the SHA-256 {hashlib.sha256(text.encode()).hexdigest()}"
    return text or "none"


def _too_few(rows: int) -> str | None:
    return f"the table holds {rows} rows of that version, {MINIMUM} are asked for" if rows < MINIMUM else None


def _sendable(value: Any) -> bool:
    """Whether JSON can carry it: no number that is infinite, no bytes."""
    if isinstance(value, bytes | bytearray | memoryview):
        return False
    return not (isinstance(value, float) and value in (float("inf"), float("-inf")))
