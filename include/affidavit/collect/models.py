"""Collector of registered model versions and aliases.

Every version and alias is read at each look, and what the ledger knows and MLflow no longer has is recorded as gone.
The artifacts of the version in use are hashed each time, so that overwriting them is noticed; those of others when
something else about them changed, and in rotation. MLflow keeps no history of aliases: between two looks the version in
use is unknown. No model is ever loaded; what a model says about itself is read from the text of its MLmodel file.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from affidavit import __version__
from affidavit.collect.allowlist import let_through
from affidavit.collect.artifacts import Tree, stood
from affidavit.collect.look import GONE, NOTHING, Look, Recorded
from affidavit.collect.mlflow_client import MlflowServer, ModelVersion, missing
from affidavit.collect.position import moment_of
from affidavit.collect.rotation import turn
from affidavit.evidence import (
    Circumstances,
    Collector,
    Draft,
    Entry,
    Json,
    Kind,
    Origin,
    Period,
    Stage,
    Subject,
    kinds,
    system_scope,
    timestamp,
)
from affidavit.inventory import Connection, System
from affidavit.inventory.schedule import seconds_between_ticks

NAME = "mlflow-models"

_LOGGED_MODEL = re.compile(r"models:/(m-[0-9a-f]{1,60})/?")
_BELOW_RUN = re.compile(r"runs:/([A-Za-z0-9_-]{1,64})/(.+)")
_ENVIRONMENTS = {"requirements.txt", "conda.yaml", "python_env.yaml"}
_MLMODEL_BYTES = 2**20
_HASHED = ("artifacts", "signature", "environment")


def look_at_models(
    system: System,
    connection: Connection,
    *,
    seen: Circumstances,
    cursor: Json = None,
    versions: Recorded = NOTHING,
    aliases: Recorded = NOTHING,
) -> Look:
    """All versions and aliases of a system's registered models.

    ``versions`` and ``aliases`` are those in the ledger: an alias that is gone is recorded with version null, and what
    is unchanged is not hashed again before its turn, which ``cursor`` keeps. Raises ``SourceError``.
    """
    with MlflowServer(connection) as server:
        known = _of(versions, server, system)
        sizes = {uri: (entry.statement.facts["artifacts"] or {}).get("bytes", 0) for uri, entry in known.items()}
        due = turn(sizes, after=_last(cursor))
        desk = _Desk(system, server, known, _of(aliases, server, system), seen, due.names)
        drafts = tuple(draft for name in sorted(system.mlflow.registered_models) for draft in desk.drafts(name))
    return Look(
        NAME,
        drafts,
        enumerated=len(drafts),
        read=len(drafts),
        withheld=sum(sum(draft.facts["withheld"].values()) for draft in drafts if "withheld" in draft.facts),
        window=Period(None, seen.observed_at),
        notice_delay_seconds=due.looks * seconds_between_ticks(system.schedule),
        cursor={"reread": due.last},
    )


def artifact_root(server: MlflowServer, source: str) -> str | None:
    """Where the artifacts are that a version names as its ``source``; None where MLflow has no such run or model."""
    if logged := _LOGGED_MODEL.fullmatch(source):
        return server.logged_model(logged[1])
    if below := _BELOW_RUN.fullmatch(source):
        artifacts = server.artifacts_of(below[1])
        return f"{artifacts}/{below[2]}" if artifacts else None
    return source


def _last(cursor: Json) -> str | None:
    last = cursor["reread"] if isinstance(cursor, Mapping) else None
    return str(last) if last is not None else None


def _of(recorded: Recorded, server: MlflowServer, system: System) -> Recorded:
    """What is recorded of the system's models on this server, told by facts: names of models hold almost any sign."""
    home, models = server.uri("models/"), system.mlflow.registered_models
    return {
        uri: entry
        for uri, entry in recorded.items()
        if uri.startswith(home) and entry.statement.facts["model"] in models
    }


@dataclass(frozen=True)
class _Desk:
    """Where versions and aliases become drafts. ``again`` are versions whose artifacts are hashed in any case."""

    system: System
    server: MlflowServer
    versions: Recorded
    aliases: Recorded
    seen: Circumstances
    again: frozenset[str]

    def drafts(self, name: str) -> list[Draft]:
        """Those of one registered model."""
        # Aliases are read before versions, so the version that an alias points at is among them.
        model = self.server.registered_model(name)
        known = [entry for entry in self.versions.values() if entry.statement.facts["model"] == name]
        aliases: dict[str, str | None] = {
            entry.statement.facts["alias"]: None
            for entry in self.aliases.values()
            if entry.statement.facts["model"] == name
        }
        if model is None and not known and not aliases:
            present = self.server.registered_models()
            raise missing(self.system, self.server, field="registered_models", name=name, present=present)
        aliases |= {each.alias: each.version for each in model.aliases} if model else {}
        in_use = aliases.get(self.system.mlflow.in_use_alias)
        versions = self.server.versions(name) if model else []
        return [
            *(self._version(each, in_use=each.version == in_use) for each in versions),
            *self._gone(known, {each.version for each in versions}),
            *(self._alias(name, alias, version) for alias, version in sorted(aliases.items())),
        ]

    def _gone(self, known: Sequence[Entry], present: Collection[str]) -> Iterator[Draft]:
        for entry in known:
            facts = entry.statement.facts
            if facts["version"] in present or facts["lifecycle"] == GONE:
                continue
            # Asked for by its own name before it is called gone: the listing may be older than the version.
            if version := self.server.version(facts["model"], facts["version"]):
                yield self._version(version, in_use=False)
            else:
                subjects, effective = entry.statement.subjects[1:], Period.of(entry.statement.header["effective"])
                facts = {**facts, "lifecycle": GONE}
                subject = Subject.of_facts(entry.statement.subject.name, facts)
                yield self._draft(kinds.MODEL_VERSION, [subject, *subjects], facts, effective)

    def _version(self, version: ModelVersion, *, in_use: bool) -> Draft:
        uri = self.server.uri(f"models/{version.name}/versions/{version.version}")
        facts = self._facts(version)
        known = self.versions[uri].statement.facts if uri in self.versions and uri not in self.again else None
        if known and not in_use and stood(known["artifacts"]) and _bare(known) == _bare(facts):
            facts = {**facts, **{name: known[name] for name in _HASHED}}
        else:
            facts = {**facts, **self._hashed(version)}
        subjects = [Subject.of_facts(uri, facts)]
        if facts["artifacts"] and facts["artifacts"]["files"] and facts["artifacts"]["sha256"]:
            subjects.append(Subject(facts["logged_model"] or f"{uri}/artifacts", facts["artifacts"]["sha256"]))
        effective = Period(moment_of(version.creation_timestamp), None)
        return self._draft(kinds.MODEL_VERSION, subjects, facts, effective)

    def _facts(self, version: ModelVersion) -> dict[str, Any]:
        logged = _LOGGED_MODEL.fullmatch(version.source)
        tags, withheld = let_through(version.tags, self.system.mlflow.allow.tags)
        created = moment_of(version.creation_timestamp)
        if created is None:
            raise self.server.api.garbled(f"version {version.version} has no time of creation that a calendar has")
        return {
            "model": version.name,
            "version": version.version,
            "lifecycle": "active",
            "status": version.status,
            "created_at": timestamp(created),
            "run": self.server.uri(f"runs/{version.run_id}") if version.run_id else None,
            "logged_model": self.server.uri(f"models/{logged[1]}") if logged else None,
            "described": bool(version.description.strip()),
            "tags": tags,
            "withheld": {"tags": withheld},
        }

    def _hashed(self, version: ModelVersion) -> dict[str, Any]:
        root = artifact_root(self.server, version.source)
        tree = self.server.artifacts.tree(root) if root else None
        if root is None or tree is None:
            return {"artifacts": None, "signature": False, "environment": False}
        names = {each.path for each in tree.files}
        return {
            "artifacts": tree.json(),
            "signature": self._signed(root, tree),
            "environment": bool(names & _ENVIRONMENTS),
        }

    def _signed(self, root: str, tree: Tree) -> bool:
        if not any(each.path == "MLmodel" for each in tree.files):
            return False
        try:
            description = yaml.safe_load(self.server.artifacts.text(root, "MLmodel", limit=_MLMODEL_BYTES))
        except (yaml.YAMLError, ValueError, RecursionError):
            return False  # whoever serves the model could not read it either
        return isinstance(description, Mapping) and bool(description.get("signature"))

    def _alias(self, model: str, alias: str, version: str | None) -> Draft:
        facts = {"model": model, "alias": alias, "version": version}
        return self._draft(
            kinds.MODEL_ALIAS, [Subject.of_facts(self.server.uri(f"models/{model}@{alias}"), facts)], facts
        )

    def _draft(
        self, kind: Kind, subjects: list[Subject], facts: Mapping[str, Any], effective: Period | None = None
    ) -> Draft:
        return Draft(
            kind=kind,
            scope=system_scope(self.system.id),
            stage=Stage.DEPLOYMENT,
            origin=Origin.RECORDED,
            subjects=tuple(subjects),
            facts=facts,
            collector=Collector(NAME, __version__),
            seen=self.seen,
            effective=effective,
        )


def _bare(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in _HASHED}
