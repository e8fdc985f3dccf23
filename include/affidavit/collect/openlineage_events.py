"""OpenLineage run events, read strictly: core 2-0-2 by https://openlineage.io/spec/2-0-2/OpenLineage.json. Pure.

Facets are open by design: what nobody here reads is ignored and counted. What the core names must have the type that
the core gives it, or the event is refused with file, line and field.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from affidavit.errors import SourceGarbled
from affidavit.evidence import moment

DIGEST_VERSION = re.compile(r"sha256:([0-9a-f]{64})")
"""A dataset's version that is a fingerprint of ours."""

_FIX = "mend the event, or move the file out of the folder"
_KNOWN_FACETS = frozenset({"version"})

# Without control characters: a name goes into the ledger and onto pages, and Postgres keeps no NUL in a text.
_Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000, pattern=r"^[^\x00-\x1f\x7f]*$")]
_Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")]
_Facets = dict[str, dict[str, Any]]


class _Read(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class _Run(_Read):
    runId: _Uuid  # noqa: N815  the specification's name
    facets: _Facets = {}


class _Job(_Read):
    namespace: _Text
    name: _Text
    facets: _Facets = {}


class _Dataset(_Job):
    inputFacets: _Facets = {}  # noqa: N815
    outputFacets: _Facets = {}  # noqa: N815


class _RunEvent(_Read):
    eventTime: _Text  # noqa: N815
    eventType: Literal["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"] | None = None  # noqa: N815
    producer: _Text
    schemaURL: _Text  # noqa: N815
    run: _Run
    job: _Job
    inputs: list[_Dataset] = []
    outputs: list[_Dataset] = []


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as a job names it. ``sha256`` is its version, where that is a fingerprint of ours."""

    namespace: str
    name: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One run event: which run of which job, when, what it read and wrote; ``sha256`` is of the event's own bytes.

    ``ends`` says whether the run went well (True) or not (False); None where it goes on. ``ignored`` counts facets.
    """

    run: str
    job: Dataset
    time: datetime
    ends: bool | None
    inputs: tuple[Dataset, ...]
    outputs: tuple[Dataset, ...]
    sha256: str
    ignored: int


@dataclass
class Job:
    """One run of a job, from all of its events that were read so far."""

    run: str
    job: Dataset
    events: list[Event] = field(default_factory=list)

    @property
    def start(self) -> datetime:
        """When its first event took place."""
        return min(event.time for event in self.events)

    @property
    def latest(self) -> datetime:
        """When its latest event took place."""
        return max(event.time for event in self.events)

    @property
    def end(self) -> Event | None:
        """The event that ended it, or None while it goes on; that it went well counts before that it failed."""
        ends = [event for event in self.events if event.ends is not None]
        return max(ends, key=lambda event: (event.ends, event.time), default=None)

    def inputs(self) -> Iterable[Dataset]:
        """What it read, each dataset as the latest event that names it has it."""
        return _latest(event.inputs for event in self._by_time())

    def outputs(self) -> Iterable[Dataset]:
        """What it wrote, likewise."""
        return _latest(event.outputs for event in self._by_time())

    def _by_time(self) -> list[Event]:
        return sorted(self.events, key=lambda event: event.time)


def _latest(named: Iterable[Iterable[Dataset]]) -> Iterable[Dataset]:
    return {(each.namespace, each.name): each for datasets in named for each in datasets}.values()


def read_event(line: bytes, *, where: str) -> Event | None:
    """The run event in ``line``, one JSON document; None for an event about a dataset or a job alone.

    ``where`` is the file and line. Raises ``SourceGarbled`` naming it, and the field, for what is no event.
    """
    document = parse(line)
    if not isinstance(document, dict):
        raise SourceGarbled("not an OpenLineage event: no JSON object", where=where, fix=_FIX)
    if "run" not in document and ("dataset" in document or "job" in document):
        return None
    try:
        event = _RunEvent.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        raise SourceGarbled(f"not an OpenLineage event: {place}: {first['msg']}", where=where, fix=_FIX) from None
    ends = {"COMPLETE": True, "FAIL": False, "ABORT": False}.get(event.eventType or "")
    datasets = (*event.inputs, *event.outputs)
    facets = [
        event.run.facets,
        event.job.facets,
        *(f for d in datasets for f in (d.facets, d.inputFacets, d.outputFacets)),
    ]
    return Event(
        run=event.run.runId.lower(),
        job=Dataset(clean(event.job.namespace), event.job.name),
        time=_time(event.eventTime, where),
        ends=ends,
        inputs=tuple(_dataset(each, where) for each in event.inputs),
        outputs=tuple(_dataset(each, where) for each in event.outputs),
        sha256=hashlib.sha256(line.strip()).hexdigest(),
        ignored=sum(name not in _KNOWN_FACETS for each in facets for name in each),
    )


def parse(line: bytes) -> Any:
    """The JSON document in ``line``; None where there is none."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _dataset(dataset: _Dataset, where: str) -> Dataset:
    version = dataset.facets.get("version", {}).get("datasetVersion")
    if version is not None and not isinstance(version, str):
        problem = f"not an OpenLineage event: facets.version.datasetVersion of {dataset.name[:200]!r} is no text"
        raise SourceGarbled(problem, where=where, fix=_FIX)
    digest = DIGEST_VERSION.fullmatch(version or "")
    return Dataset(clean(dataset.namespace), dataset.name, digest[1] if digest else None)


def clean(namespace: str) -> str:
    """A namespace without login and query: a log cannot unsay a password."""
    return re.sub(r"(?<=//).*@", "", re.split(r"[?#]", namespace, maxsplit=1)[0])


def _time(text: str, where: str) -> datetime:
    try:
        time = moment(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise SourceGarbled("not an OpenLineage event: eventTime: no time with a zone", where=where, fix=_FIX)
    return time
