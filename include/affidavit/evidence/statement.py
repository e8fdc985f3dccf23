"""Statements: what a collector drafts, what the ledger keeps, and how one is told from another.

A *stream* is (kind, scope, first subject, interval where one applies). The ledger compares a draft only with the
latest entry of its stream: the same facts add nothing; changed facts add an entry that names the leaf it supersedes.
Time of observation, collector, Airflow run and ``basis`` are about the looking, not about what was seen: they are no
part of the facts that are compared.

Three SHA-256 tell statements apart; each is over a line of its own, a newline, and what follows:

- *stream*: ``affidavit stream v1``, RFC 8785 of ``[kind, scope, name of the first subject, interval]``;
- *facts digest*: ``affidavit facts v1``, RFC 8785 of the whole statement without :data:`NOT_COMPARED` in its header;
- *identity*: ``affidavit identity v1``, stream, leaf hash of the superseded entry (or 32 zero bytes), facts digest.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from affidavit.errors import CanonicalError, FieldNotAllowed, StatementTooLarge
from affidavit.evidence import shapes
from affidavit.evidence.canonical import Json, dumps, dumps_plain, glance, loads, plain, shallow
from affidavit.evidence.kinds import BY_PREDICATE_TYPE, Kind
from affidavit.evidence.once import once

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
MAX_LEAF = 65_535
"""Bytes a leaf may hold; what is larger is a blob under its SHA-256."""

NOT_COMPARED = frozenset({"airflow", "basis", "collector", "observed_at", "supersedes"})
"""Fields of the header that are about the looking; all others are compared, with the rest of the statement."""

_LEAF_HASH = re.compile("[0-9a-f]{64}")

HEADER = b'"header":'
STREAM = b"affidavit stream v1\n"
FACTS = b"affidavit facts v1\n"

ORGANISATION_SCOPE = "organisation"


def system_scope(system_id: str) -> str:
    """The scope of one AI system."""
    return f"system:{system_id}"


CANARY_SCOPES = "canary:"
"""What the scopes begin with whose entries challenge a control: no projection takes them in, and no rule sees them."""

CANARY = "a canary: a control is challenged with planted defects, and this is no evidence"
"""The mark of every entry in such a scope, where others say what is scripted; verification and pages name it."""


def canary_scope(system_id: str) -> str:
    """The scope of the challenges of one AI system's controls."""
    return f"{CANARY_SCOPES}{system_id}"


class Origin(StrEnum):
    """Who vouches for the facts, weakest first; a verdict is as strong as the weakest evidence it needs."""

    DECLARED = "declared"
    RECORDED = "recorded"
    OBSERVED = "observed"
    REPERFORMED = "re-performed"


class Stage(StrEnum):
    """Lifecycle stages of an AI system, and the one that belongs to none of them."""

    INCEPTION = "inception_design"
    DATA = "data_acquisition"
    DEVELOPMENT = "development"
    VERIFICATION = "verification_validation"
    DEPLOYMENT = "deployment"
    OPERATION = "operation_monitoring"
    RETIREMENT = "retirement"
    CROSS = "cross_lifecycle"


@lru_cache(maxsize=256)  # all statements of one look carry the same few times
def timestamp(moment: datetime) -> str:
    """``moment`` in UTC with milliseconds, so that times of equal width sort as text."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone could be any of 24 hours")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The time that :func:`timestamp` wrote."""
    return datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True)
class Period:
    """A period; an open end is None."""

    start: datetime | None
    end: datetime | None

    @classmethod
    def of(cls, value: Mapping[str, str | None] | None) -> Period | None:
        """The period that :meth:`json` wrote."""
        if value is None:
            return None
        start, end = value["from"], value["to"]
        return cls(moment(start) if start else None, moment(end) if end else None)

    def json(self) -> dict[str, str | None]:
        """``{"from": …, "to": …}``."""
        return {
            "from": timestamp(self.start) if self.start else None,
            "to": timestamp(self.end) if self.end else None,
        }


@dataclass(frozen=True, slots=True)
class Subject:
    """What a statement is about: a URI-like name, and a SHA-256 in hexadecimal."""

    name: str
    sha256: str

    @classmethod
    def of_facts(cls, name: str, facts: Mapping[str, Json]) -> Subject:
        """A subject that has no bytes of its own: its digest is that of the collected facts."""
        return cls(name, hashlib.sha256(dumps(facts)).hexdigest())


@dataclass(frozen=True, slots=True)
class Collector:
    """Which code looked."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class AirflowRun:
    """Which task instance looked."""

    dag: str
    run: str
    task: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Circumstances:
    """When and how a look took place: the same for every draft of one look, and no part of the compared facts."""

    observed_at: datetime
    airflow: AirflowRun | None = None
    demonstration: str | None = None
    """In words, what is scripted or simulated about this evidence; None for the real thing."""


@dataclass(frozen=True)
class Draft:
    """A statement that is not yet in a ledger: everything but the leaf it supersedes.

    ``interval`` makes the stream one of its own per slot; ``effective`` is the period the facts are about;
    ``basis`` is the ledger's head (``size``, ``root``) that a derived statement was computed from.
    """

    kind: Kind
    scope: str
    stage: Stage
    origin: Origin
    subjects: tuple[Subject, ...]
    facts: Mapping[str, Any]
    collector: Collector
    seen: Circumstances
    effective: Period | None = None
    interval: Period | None = None
    by: str | None = None
    basis: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        if not self.subjects:
            raise FieldNotAllowed("a statement has at least one subject", where=self.kind.name)
        shapes.check(self.facts, self.kind.facts, where=self.kind.name)
        for subject in self.subjects:
            shapes.check(subject.name, shapes.NAME, where=f"{self.kind.name}.subject.name")
            shapes.check(subject.sha256, shapes.DIGEST, where=f"{self.kind.name}.subject.digest")

    @classmethod
    def of(cls, statement: Statement) -> Draft:
        """The draft that ``statement`` was sealed from. Raises ``FieldNotAllowed`` for an unknown kind."""
        header, kind = statement.header, BY_PREDICATE_TYPE.get(statement.predicate_type)
        if kind is None:
            raise FieldNotAllowed("an unknown kind cannot be drafted", where=statement.predicate_type[:200])
        run = header["airflow"]
        return cls(
            kind=kind,
            scope=statement.scope,
            stage=Stage(statement.stage),
            origin=statement.origin,
            subjects=statement.subjects,
            facts=statement.facts,
            collector=Collector(**header["collector"]),
            seen=Circumstances(
                observed_at=moment(statement.observed_at),
                airflow=AirflowRun(run["dag"], run["run"], run["task"], run["try"]) if run else None,
                demonstration=statement.demonstration,
            ),
            effective=Period.of(header["effective"]),
            interval=Period.of(header["interval"]),
            by=header["by"],
            basis=header["basis"],
        )

    @once
    def statement(self) -> Statement:
        """The draft as a statement that supersedes nothing yet."""
        document = self._document
        return Statement(document, dumps=dumps_plain if plain(document) else dumps)

    def seal(self, supersedes: bytes | None) -> bytes:
        """The leaf: canonical bytes of the statement that follows the leaf hash ``supersedes`` in its stream.

        Raises ``StatementTooLarge`` over :data:`MAX_LEAF`, ``CanonicalError`` for what could not be read again.
        """
        leaf = self.statement.sealed(supersedes)
        if not self.statement.plain or not shallow(leaf):
            loads(leaf)
        if len(leaf) > MAX_LEAF:
            raise StatementTooLarge(
                f"the statement has {len(leaf):,} bytes, more than {MAX_LEAF:,}",
                where=f"{self.kind.name} of {self.subjects[0].name[:200]}",
                fix="let less of it through (fewer allow-listed params and tags, a smaller suite)",
            )
        return leaf

    @property
    def _document(self) -> dict[str, Any]:
        header = {
            "scope": self.scope,
            "stage": self.stage.value,
            "origin": self.origin.value,
            "effective": self.effective.json() if self.effective else None,
            "interval": self.interval.json() if self.interval else None,
            "observed_at": timestamp(self.seen.observed_at),
            "collector": {"name": self.collector.name, "version": self.collector.version},
            "by": self.by,
            "airflow": _airflow(self.seen.airflow),
            "basis": dict(self.basis) if self.basis else None,
            "demonstration": self.seen.demonstration,
            "supersedes": None,
        }
        foreign = {name: value for name, value in self.facts.items() if name in self.kind.foreign}
        own = {name: value for name, value in self.facts.items() if name not in self.kind.foreign}
        predicate = {**foreign, "affidavit": {"header": header, **own}} if foreign else {"header": header, **own}
        return {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": s.name, "digest": {"sha256": s.sha256}} for s in self.subjects],
            "predicateType": self.kind.predicate_type,
            "predicate": predicate,
        }


def _airflow(run: AirflowRun | None) -> dict[str, Any] | None:
    return {"dag": run.dag, "run": run.run, "task": run.task, "try": run.attempt} if run else None


class Statement:
    """A statement as it is read: a frozen view of one in-toto document.

    A statement of an unknown kind keeps its document, its subjects and an empty header: it can be shown, and nothing
    counts on it.
    """

    def __init__(
        self, document: Mapping[str, Any], *, dumps: Callable[[Json], bytes] = dumps, canonical: bytes | None = None
    ) -> None:
        """Take a parsed document; ``dumps`` may be ``dumps_plain`` where it is plain.

        ``canonical`` are its canonical bytes, where they are at hand.
        """
        self.document = document
        self.plain = dumps is dumps_plain
        self._dumps = dumps
        self._canonical = canonical
        self.predicate_type: str = document["predicateType"]
        kind = BY_PREDICATE_TYPE.get(self.predicate_type)
        self.known = kind is not None
        """Whether this version of the code knows the kind; if not, it counts for nothing."""
        self.kind = kind.name if kind else self.predicate_type
        """The kind's name, or the whole predicate type where the kind is unknown."""
        predicate: Mapping[str, Any] = document["predicate"]
        foreign = "header" not in predicate and isinstance(predicate.get("affidavit"), Mapping)
        self._own: Mapping[str, Any] = predicate["affidavit"] if foreign else predicate
        self.header: Mapping[str, Any] = self._own["header"]
        """The common header."""

    @classmethod
    def parse(cls, leaf: bytes) -> Statement:
        """Read a leaf. Raises ``CanonicalError`` for anything that is not an in-toto Statement of ours."""
        try:
            document = glance(leaf)
            statement = cls(loads(leaf)) if document is None else cls(document, dumps=dumps_plain, canonical=leaf)
            if statement.document["_type"] != STATEMENT_TYPE:
                raise CanonicalError(f"not an in-toto Statement v1 but {str(statement.document['_type'])[:80]!r}")
            _ = (statement.subjects, statement.scope, statement.stream, statement.observed_at, statement.supersedes)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise CanonicalError(f"not a statement: {type(error).__name__} {error}") from error
        return statement

    @once
    def facts(self) -> Mapping[str, Any]:
        """The facts, whichever level of the predicate they stand at."""
        predicate, own = self.document["predicate"], self._own
        facts = _without(("header",), own)
        return facts if own is predicate else {**_without(("affidavit",), predicate), **facts}

    @once
    def subjects(self) -> tuple[Subject, ...]:
        """What it is about; never empty."""
        subjects = tuple([Subject(s["name"], s["digest"]["sha256"]) for s in self.document["subject"]])
        if not subjects:
            raise CanonicalError("a statement without a subject")
        return subjects

    @property
    def subject(self) -> Subject:
        """The first subject, which is part of the stream."""
        return self.subjects[0]

    @property
    def scope(self) -> str:
        """``organisation`` or ``system:<id>``."""
        return str(self.header["scope"])

    @property
    def stage(self) -> str:
        """Lifecycle stage."""
        return str(self.header["stage"])

    @property
    def origin(self) -> Origin:
        """Who vouches for it."""
        return Origin(self.header["origin"])

    @property
    def observed_at(self) -> str:
        """When it was observed (UTC, milliseconds)."""
        return str(self.header["observed_at"])

    @property
    def demonstration(self) -> str | None:
        """What is scripted or simulated about it, in words; None for the real thing."""
        return self.header.get("demonstration")

    @property
    def supersedes(self) -> bytes | None:
        """Leaf hash of the entry it supersedes."""
        return leaf_named(self.header["supersedes"])

    @once
    def stream(self) -> bytes:
        """SHA-256 that names the stream; the kind's version is no part of it, so a new version supersedes the old."""
        name = [self.kind, self.scope, self.subject.name, self.header.get("interval")]
        return hashlib.sha256(STREAM + self._dumps(name)).digest()

    @once
    def facts_digest(self) -> bytes:
        """SHA-256 over everything that is compared within a stream."""
        return hashlib.sha256(FACTS + self._whole(compared(self.header))).digest()

    def sealed(self, supersedes: bytes | None) -> bytes:
        """The canonical bytes of this statement where it supersedes the leaf hash ``supersedes``."""
        header = {**self.header, "supersedes": supersedes.hex() if supersedes else None}
        return self._whole(header)

    def _whole(self, header: Mapping[str, Any]) -> bytes:
        """The canonical bytes of this statement under another header."""
        before, after = self._around_header
        return b"%b%b%b" % (before, self._dumps(header), after)

    @once
    def _around_header(self) -> tuple[bytes, bytes]:
        # Everything but the header is written once, for the leaf and for the digest of its facts.
        before, _, rest = (self._canonical or self._dumps(self.document)).partition(HEADER)
        if HEADER in rest:  # a fact looks like the header
            before, after = self._around_mark()
        else:
            after = rest[len(self._dumps(self.header)) :]
        return before + HEADER, after

    def _around_mark(self) -> tuple[bytes, bytes]:
        predicate, own = self.document["predicate"], self._own
        for number in itertools.count():  # until the mark stands in the bytes once
            mark = b"%b%d" % (HEADER, number)
            marked = {**own, "header": number}
            whole = {**self.document, "predicate": marked if own is predicate else {**predicate, "affidavit": marked}}
            before, found, after = self._dumps(whole).partition(mark)
            if found and mark not in after:
                return before, after
        raise AssertionError("counting ended")

    @once
    def identity(self) -> bytes:
        """SHA-256 over stream, superseded leaf and facts; unique in a ledger, so that append is exactly-once."""
        return identity(self.stream, self.supersedes, self.facts_digest)


def leaf_named(digest: object) -> bytes | None:
    """The leaf hash that a header's ``supersedes`` names, None for none. Raises ``CanonicalError`` where it is none."""
    if digest is None:
        return None
    if not isinstance(digest, str) or not _LEAF_HASH.fullmatch(digest):
        raise CanonicalError("it supersedes what is no leaf hash")
    return bytes.fromhex(digest)


def compared(header: Mapping[str, Any]) -> dict[str, Any]:
    """What of a header is compared within a stream."""
    return _without(NOT_COMPARED, header)


def _without(names: Iterable[str], document: Mapping[str, Any]) -> dict[str, Any]:
    rest = dict(document)
    for name in names:
        rest.pop(name, None)
    return rest


def identity(stream: bytes, supersedes: bytes | None, facts_digest: bytes) -> bytes:
    """The identity of a statement, from its three parts (see :attr:`Statement.identity`)."""
    return hashlib.sha256(b"affidavit identity v1\n" + stream + (supersedes or bytes(32)) + facts_digest).digest()
