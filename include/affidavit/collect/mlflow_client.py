"""The seam to MLflow: its documented REST API, read only.

Spoken to directly and not through MLflow's client, whose time-outs and many minutes of retries are settings of the
whole process, and whose import costs more than a look. Paging of runs is by keyset, because MLflow's own pages are
offsets: a run inserted or removed between two of them is seen twice or never.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from types import TracebackType
from typing import Annotated, Self

from pydantic import Field, StringConstraints

from affidavit.collect.artifacts import Artifacts
from affidavit.collect.rest import Answer, Api
from affidavit.errors import SourceRefused
from affidavit.inventory import Connection, System

PAGE = 1_000
"""Runs asked for at once."""

MAX_PAGE = 50_000
"""Most runs that MLflow gives at once."""

_MANY = 1_000
_VERSIONS = 100_000
_IDS = 100
_API = "/api/2.0/mlflow"

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
"""An id of MLflow's own making: it goes into names and requests unquoted."""

Key = Annotated[str, StringConstraints(max_length=250)]
"""A name that a person gave; MLflow itself allows no longer one."""


class Metric(Answer):
    """The latest value of a metric; MLflow writes infinities as 1.797e308."""

    key: Key
    value: float = 0.0


class Pair(Answer):
    """A param or tag."""

    key: Key
    value: str = ""


class Dataset(Answer):
    """A dataset as the run's author described it; ``source`` and ``profile`` are JSON text of any shape."""

    name: Annotated[str, StringConstraints(max_length=500)]
    digest: Annotated[str, StringConstraints(max_length=100)] = ""
    source_type: str = ""
    source: str = ""
    profile: str = ""


class DatasetInput(Answer):
    """A dataset that a run used."""

    dataset: Dataset
    tags: tuple[Pair, ...] = ()


class ModelOutput(Answer):
    """A logged model that a run made."""

    model_id: Id


class RunInfo(Answer):
    """Times are milliseconds since 1970, as the client claimed them."""

    run_id: Id
    experiment_id: Id
    status: Annotated[str, StringConstraints(max_length=50)]
    lifecycle_stage: Annotated[str, StringConstraints(max_length=50)]
    start_time: int = 0
    end_time: int | None = None
    artifact_uri: str = ""


class RunData(Answer):
    """What a run logged."""

    metrics: tuple[Metric, ...] = ()
    params: tuple[Pair, ...] = ()
    tags: tuple[Pair, ...] = ()


class RunInputs(Answer):
    """What a run used."""

    dataset_inputs: tuple[DatasetInput, ...] = ()


class RunOutputs(Answer):
    """What a run made."""

    model_outputs: tuple[ModelOutput, ...] = ()


class Run(Answer):
    """A run."""

    info: RunInfo
    data: RunData = RunData()
    inputs: RunInputs = RunInputs()
    outputs: RunOutputs = RunOutputs()

    @property
    def id(self) -> str:
        """Its id."""
        return self.info.run_id

    @property
    def running(self) -> bool:
        """Whether more is to come."""
        return self.info.status in {"RUNNING", "SCHEDULED"}


class Experiment(Answer):
    """An experiment."""

    id: Id = Field(alias="experiment_id")
    name: str
    artifact_location: str = ""


class Alias(Answer):
    """Where an alias of a registered model points at now."""

    # MLflow allows no other sign; with an '@' in it, the name of an alias could be read as another model's.
    alias: Annotated[str, StringConstraints(pattern=r"^[\w-]+$", max_length=255)]
    version: Annotated[str, StringConstraints(max_length=50)]


class RegisteredModel(Answer):
    """A registered model."""

    name: str
    aliases: tuple[Alias, ...] = ()


class ModelVersion(Answer):
    """A version of a registered model; ``run_id`` is empty where no run made it."""

    name: str
    version: Annotated[str, StringConstraints(max_length=50)]
    creation_timestamp: int
    status: Annotated[str, StringConstraints(max_length=50)] = "READY"
    description: str = ""
    source: str = ""
    run_id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{0,64}$")] = ""
    tags: tuple[Pair, ...] = ()


class _LoggedModelInfo(Answer):
    artifact_uri: str


class _LoggedModel(Answer):
    info: _LoggedModelInfo


class _Experiment(Answer):
    experiment: Experiment


class _Experiments(Answer):
    items: tuple[Experiment, ...] = Field((), alias="experiments")
    next_page_token: str = ""


class _Runs(Answer):
    runs: tuple[Run, ...] = ()
    next_page_token: str = ""


class _Run(Answer):
    run: Run


class _RegisteredModel(Answer):
    registered_model: RegisteredModel


class _RegisteredModels(Answer):
    items: tuple[RegisteredModel, ...] = Field((), alias="registered_models")
    next_page_token: str = ""


class _ModelVersion(Answer):
    model_version: ModelVersion


class _Versions(Answer):
    items: tuple[ModelVersion, ...] = Field((), alias="model_versions")
    next_page_token: str = ""


class _Model(Answer):
    model: _LoggedModel


class MlflowServer:
    """An MLflow tracking server and registry, read only. Every method raises ``SourceError``."""

    def __init__(self, connection: Connection) -> None:
        self.api = Api(connection, product="MLflow")
        self.artifacts = Artifacts(self.api)
        self._id = connection.id

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.api.__exit__(kind, error, trace)

    def uri(self, path: str) -> str:
        """The name in statements of something on this server: ``mlflow://<connection>/<path>``."""
        return f"mlflow://{self._id}/{path}"

    def experiment(self, name: str) -> Experiment | None:
        """An experiment, deleted or not; None where there is none of that name."""
        found = self.api.find(_Experiment, f"{_API}/experiments/get-by-name", {"experiment_name": name})
        return found.experiment if found else None

    def experiment_by_id(self, experiment_id: str) -> Experiment:
        """An experiment that is there, deleted or not."""
        return self.api.get(_Experiment, f"{_API}/experiments/get", {"experiment_id": experiment_id}).experiment

    def experiments(self) -> list[Experiment]:
        """All experiments that are not deleted, by name."""
        found: dict[str, Experiment] = {}
        token = ""
        while True:
            ask = {"max_results": _MANY, "order_by": ["name ASC"], "page_token": token}
            page = self.api.post(_Experiments, f"{_API}/experiments/search", ask)
            found |= {each.id: each for each in page.items}
            if not (token := page.next_page_token):
                return sorted(found.values(), key=lambda each: each.name)

    def runs(self, experiment_id: str, *, since: int | None, page_size: int = PAGE) -> Iterator[Run]:
        """All runs, deleted ones too, that start at or after ``since``, each once, in order of start time and id.

        Exact while others write: a run that is there throughout and whose start time is not before the place already
        reached is given exactly once.
        """
        edge, at_edge = since, set[str]()
        while True:
            # Runs at the very edge are read again with what follows: their ids, not their number, tell what is new.
            size = page_size + len(at_edge)
            if size > MAX_PAGE:
                raise self.api.refused(
                    f"more than {MAX_PAGE - page_size:,} runs of experiment {experiment_id} start at the same moment",
                    fix="give the runs their own start times",
                )
            page = self._search(experiment_id, f"attributes.start_time >= {edge}" if edge is not None else "", size)
            for run in page.runs:
                if run.info.start_time != edge:
                    edge, at_edge = run.info.start_time, set()
                if run.id not in at_edge:
                    at_edge.add(run.id)
                    yield run
            if not page.next_page_token:
                return

    def runs_by_id(self, experiment_id: str, ids: Sequence[str]) -> Iterator[Run]:
        """Those of the runs that still exist, deleted or not."""
        for at in range(0, len(ids), _IDS):
            chunk = ids[at : at + _IDS]
            names = ", ".join(f"'{each}'" for each in chunk)
            yield from self._search(experiment_id, f"attributes.run_id IN ({names})", len(chunk)).runs

    def artifacts_of(self, run_id: str) -> str | None:
        """The URI of a run's artifacts; None where there is no such run."""
        run = self.run(run_id)
        return run.info.artifact_uri if run else None

    def run(self, run_id: str) -> Run | None:
        """A run, deleted or not; None where there is none of that id."""
        found = self.api.find(_Run, f"{_API}/runs/get", {"run_id": run_id})
        return found.run if found else None

    def newest_runs(self, experiment_id: str, count: int) -> tuple[Run, ...]:
        """The runs that started last, newest first."""
        return self._search(experiment_id, "", count, order="DESC").runs

    def _search(self, experiment_id: str, condition: str, size: int, *, order: str = "ASC") -> _Runs:
        ask = {
            "experiment_ids": [experiment_id],
            "filter": condition,
            "run_view_type": "ALL",
            "order_by": [f"attributes.start_time {order}"],  # MLflow itself adds the run's id
            "max_results": size,
        }
        return self.api.post(_Runs, f"{_API}/runs/search", ask)

    def has_runs(self, experiment_id: str) -> bool:
        """Whether an experiment holds any run, deleted or not."""
        return bool(self._search(experiment_id, "", 1).runs)

    def registered_model(self, name: str) -> RegisteredModel | None:
        """A registered model with its aliases; None where there is none of that name."""
        found = self.api.find(_RegisteredModel, f"{_API}/registered-models/get", {"name": name})
        return found.registered_model if found else None

    def registered_models(self) -> list[str]:
        """Names of all registered models."""
        names: set[str] = set()
        token = ""
        while True:
            ask: dict[str, str | int] = {"max_results": _MANY, "page_token": token}
            page = self.api.get(_RegisteredModels, f"{_API}/registered-models/search", ask)
            names |= {each.name for each in page.items}
            if not (token := page.next_page_token):
                return sorted(names)

    def versions(self, name: str) -> list[ModelVersion]:
        """All versions of a registered model, oldest first."""
        if "'" in name and '"' in name:
            fix = "rename the registered model"
            raise self.api.refused("a name with both kinds of quotation marks cannot be searched for", fix=fix)
        quote = '"' if "'" in name else "'"
        found: dict[str, ModelVersion] = {}
        token = ""
        while True:
            ask: dict[str, str | int] = {
                "filter": f"name={quote}{name}{quote}",
                "order_by": "version_number ASC",
                "max_results": _VERSIONS,
                "page_token": token,
            }
            page = self.api.get(_Versions, f"{_API}/model-versions/search", ask)
            found |= {each.version: each for each in page.items}
            if not (token := page.next_page_token):
                return list(found.values())

    def version(self, name: str, version: str) -> ModelVersion | None:
        """One version of a registered model; None where there is no such version."""
        found = self.api.find(_ModelVersion, f"{_API}/model-versions/get", {"name": name, "version": version})
        return found.model_version if found else None

    def runs_in_use(self, names: Iterable[str]) -> frozenset[str]:
        """Ids of the runs that made the versions at which any alias of these registered models points."""
        models = [model for name in names if (model := self.registered_model(name))]
        pointed = {(model.name, alias.version) for model in models for alias in model.aliases}
        versions = [self.version(*each) for each in sorted(pointed)]
        return frozenset(version.run_id for version in versions if version and version.run_id)

    def logged_model(self, model_id: str) -> str | None:
        """The URI of a logged model's artifacts; None where there is no such model."""
        found = self.api.find(_Model, f"{_API}/logged-models/{model_id}")
        return found.model.info.artifact_uri if found else None


def missing(system: System, server: MlflowServer, *, field: str, name: str, present: Sequence[str]) -> SourceRefused:
    """The error for something that an AI system's file names and the server does not have."""
    near = get_close_matches(name, present, n=3, cutoff=0.6)
    hint = f"; there is {', '.join(repr(each[:100]) for each in near)}" if near else ""
    return SourceRefused(
        f"the server has no {name!r}{hint}",
        where=f"{server.api.where}, include/systems/{system.id}.yaml: mlflow.{field}",
        fix="correct the name, or create it before evidence is due",
    )
