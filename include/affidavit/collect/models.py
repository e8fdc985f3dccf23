"""Collector of registered model versions and aliases.

Every version and alias is read at each look. The artifacts of the version in use are hashed each time, so that
overwriting them is noticed; those of other versions when something else about them changed. MLflow keeps no history
of aliases: between two looks the version in use is unknown. No model is ever loaded; what a model says about itself is
read from the text of its MLmodel file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from affidavit import __version__
from affidavit.collect.allowlist import let_through
from affidavit.collect.artifacts import Tree
from affidavit.collect.look import Look
from affidavit.collect.mlflow_client import MlflowServer, ModelVersion, RegisteredModel, missing
from affidavit.collect.runs import Recorded, moment_of, nothing_recorded
from affidavit.evidence import (
    Circumstances,
    Collector,
    Draft,
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
    known_aliases: frozenset[str] = frozenset(),
    recorded: Recorded = nothing_recorded,
) -> Look:
    """All versions and aliases of a system's registered models.

    ``known_aliases`` are subject names of aliases already in the ledger: one that is gone is recorded with version
    null. ``recorded`` spares versions that are unchanged and not in use a second hashing. Raises ``SourceError``.
    """
    drafts: list[Draft] = []
    with MlflowServer(connection) as server:
        desk = _Desk(system, server, recorded, seen)
        for name in sorted(system.mlflow.registered_models):
            known = desk.aliases_of(name, known_aliases)
            model = server.registered_model(name)
            if model is None and not known:
                raise missing(
                    system, connection, field="registered_models", name=name, present=server.registered_models()
                )
            drafts += desk.drafts(model or RegisteredModel(name=name), known)
    return Look(
        NAME,
        tuple(drafts),
        enumerated=len(drafts),
        read=len(drafts),
        withheld=sum(sum(draft.facts["withheld"].values()) for draft in drafts if "withheld" in draft.facts),
        window=Period(None, seen.observed_at),
        notice_delay_seconds=None,
    )


@dataclass(frozen=True)
class _Desk:
    """Where versions and aliases become drafts."""

    system: System
    server: MlflowServer
    recorded: Recorded
    seen: Circumstances

    def aliases_of(self, model: str, known: frozenset[str]) -> list[str]:
        """Aliases of ``model`` among subject names in the ledger."""
        prefix = self.server.uri(f"models/{model}@")
        return sorted(name.removeprefix(prefix) for name in known if name.startswith(prefix))

    def drafts(self, model: RegisteredModel, known: list[str]) -> list[Draft]:
        # Aliases were read before versions, so the version that an alias points at is among them.
        aliases: dict[str, str | None] = dict.fromkeys(known)
        aliases |= {each.alias: each.version for each in model.aliases}
        in_use = aliases.get(self.system.mlflow.in_use_alias)
        versions = self.server.versions(model.name)
        return [
            *(self._version(each, in_use=each.version == in_use) for each in versions),
            *(self._alias(model.name, alias, version) for alias, version in sorted(aliases.items())),
        ]

    def _version(self, version: ModelVersion, *, in_use: bool) -> Draft:
        uri = self.server.uri(f"models/{version.name}/versions/{version.version}")
        facts = self._facts(version)
        known = self.recorded(uri)
        if known and not in_use and known["artifacts"] is not None and _bare(known) == _bare(facts):
            facts = {**facts, **{name: known[name] for name in _HASHED}}
        else:
            facts = {**facts, **self._hashed(version)}
        subjects = [Subject.of_facts(uri, facts)]
        if facts["artifacts"] and facts["artifacts"]["files"]:
            subjects.append(Subject(facts["logged_model"] or f"{uri}/artifacts", facts["artifacts"]["sha256"]))
        return self._draft(kinds.MODEL_VERSION, subjects, facts, moment_of(version.creation_timestamp))

    def _facts(self, version: ModelVersion) -> dict[str, Any]:
        logged = _LOGGED_MODEL.fullmatch(version.source)
        tags, withheld = let_through(version.tags, self.system.mlflow.allow.tags)
        created = moment_of(version.creation_timestamp)
        if created is None:
            raise self.server.api.garbled(f"version {version.version} has no time of creation that a calendar has")
        return {
            "model": version.name,
            "version": version.version,
            "status": version.status,
            "created_at": timestamp(created),
            "run": self.server.uri(f"runs/{version.run_id}") if version.run_id else None,
            "logged_model": self.server.uri(f"models/{logged[1]}") if logged else None,
            "described": bool(version.description.strip()),
            "tags": tags,
            "withheld": {"params": 0, "tags": withheld},
        }

    def _hashed(self, version: ModelVersion) -> dict[str, Any]:
        root = self._root(version.source)
        tree = self.server.artifacts.tree(root) if root else None
        if root is None or tree is None:
            return {"artifacts": None, "signature": False, "environment": False}
        names = {each.path for each in tree.files}
        return {
            "artifacts": tree.json(),
            "signature": self._signed(root, tree),
            "environment": bool(names & _ENVIRONMENTS),
        }

    def _root(self, source: str) -> str | None:
        if logged := _LOGGED_MODEL.fullmatch(source):
            return self.server.logged_model(logged[1])
        if below := _BELOW_RUN.fullmatch(source):
            artifacts = self.server.artifacts_of(below[1])
            return f"{artifacts}/{below[2]}" if artifacts else None
        return source

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

    def _draft(self, kind: Kind, subjects: list[Subject], facts: Mapping[str, Any], start: Any = None) -> Draft:
        return Draft(
            kind=kind,
            scope=system_scope(self.system.id),
            stage=Stage.DEPLOYMENT,
            origin=Origin.RECORDED,
            subjects=tuple(subjects),
            facts=facts,
            collector=Collector(NAME, __version__),
            seen=self.seen,
            effective=Period(start, None) if start else None,
        )


def _bare(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if name not in _HASHED}
