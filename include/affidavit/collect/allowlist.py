"""What of MLflow's params and tags may enter the ledger, and a proposal for what should.

A log cannot unsay: values pass by name only, and what is proposed leans to no.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from affidavit.collect.budget import LIST_BYTES, within
from affidavit.collect.mlflow_client import MlflowServer, Pair, missing
from affidavit.evidence import dumps
from affidavit.inventory import Connection, System

SAMPLE = 1_000
"""Runs of an experiment that a proposal is made from."""

_SECRET = re.compile(r"pass(word|wd|phrase)|secret|token|credential|api ?key|\bkey\b|\bauth\b|cookie|session|private")
_PERSONAL = re.compile(r"user|e ?mail|author|owner|person|(first|last|full|run|source|host) ?name|host|\bip\b|phone")
_PLACE = re.compile(r"path|\bdir\b|directory|folder|file|\buri\b|\burl\b|location|note|comment|description")
_HARMLESS_TAGS = {"mlflow.source.git.commit", "mlflow.source.git.dirty", "mlflow.source.type"}
_SECRET_VALUE = re.compile(r"-----BEGIN|\beyJ[\w-]{10,}\.|://[^/\s]+:[^/\s]+@|\b(sk|ghp|AKIA|xox[bp])[-_A-Z0-9]")
_PERSONAL_VALUE = re.compile(r"[\w.+-]+@[\w-]+\.\w|\b(\d{1,3}\.){3}\d{1,3}\b|\+\d[\d ()-]{8,}\d")
_PLACE_VALUE = re.compile(r"^(/|~|[A-Za-z]:\\|\w+://)|[/\\].*[/\\]")
_LONG = 100

What = Literal["param", "tag"]


def let_through(pairs: Iterable[Pair], allowed: Iterable[str]) -> tuple[dict[str, str], int]:
    """The values that may enter a statement, by name, and how many stay behind."""
    names, given = frozenset(allowed), {pair.key: pair.value for pair in pairs}
    # No single value takes more than half of the room: what is that long is text for people.
    fit = [(key, value) for key, value in sorted(given.items()) if key in names and len(value) <= LIST_BYTES // 2]
    kept, _ = within((len(dumps(pair)), pair) for pair in fit)
    return dict(kept), len(given) - len(kept)


@dataclass(frozen=True)
class Suggestion:
    """One name that was seen. Holds no value: what may not be recorded is not printed either.

    ``runs`` carry it, with ``distinct`` different values; ``reason`` says why it is proposed or not.
    """

    kind: What
    name: str
    runs: int
    distinct: int
    proposed: bool
    reason: str


@dataclass
class _Seen:
    runs: int = 0
    values: set[str] = field(default_factory=set)


def suggest(system: System, connection: Connection) -> tuple[Suggestion, ...]:
    """Which params and tags to let through, from the newest :data:`SAMPLE` runs of each experiment of a system.

    Raises ``SourceError``.
    """
    seen: dict[tuple[What, str], _Seen] = {}
    with MlflowServer(connection) as server:
        for name in sorted(system.mlflow.experiments):
            experiment = server.experiment(name)
            if experiment is None:
                present = [each.name for each in server.experiments()]
                raise missing(system, server, field="experiments", name=name, present=present)
            for run in server.newest_runs(experiment.id, SAMPLE):
                _count(seen, "param", run.data.params)
                _count(seen, "tag", run.data.tags)
    return tuple(_judge(kind, name, each) for (kind, name), each in sorted(seen.items()))


def _count(seen: dict[tuple[What, str], _Seen], kind: What, pairs: Sequence[Pair]) -> None:
    for pair in pairs:
        entry = seen.setdefault((kind, pair.key), _Seen())
        entry.runs += 1
        entry.values.add(pair.value)


def _judge(kind: What, name: str, seen: _Seen) -> Suggestion:
    against = _against(kind, name, seen)
    reason = against or "short values under a technical name"
    return Suggestion(kind, name, seen.runs, len(seen.values), not against, reason)


def _against(kind: What, name: str, seen: _Seen) -> str:
    words = re.sub(r"[._-]+", " ", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)).lower()
    if kind == "tag" and name in _HARMLESS_TAGS:
        return ""
    tests = (
        (_SECRET.search(words), "the name looks like a secret"),
        (_PERSONAL.search(words), "the name looks like a person or a machine"),
        (_PLACE.search(words), "the name looks like a path or free text"),
        (any(_SECRET_VALUE.search(value) for value in seen.values), "a value looks like a secret"),
        (any(_PERSONAL_VALUE.search(value) for value in seen.values), "a value looks like personal data"),
        (any(_PLACE_VALUE.search(value) for value in seen.values), "a value looks like a path or an address"),
        (any(len(value) > _LONG for value in seen.values), "a value is long: it may hold anything"),
        (kind == "tag" and name.startswith("mlflow."), "MLflow's own; nothing here judges by it"),
        (
            kind == "tag" and len(seen.values) > max(20, seen.runs // 2),
            "a new value at each run: free text?",
        ),
    )
    return next((reason for hit, reason in tests if hit), "")
