"""What is recorded of a posture, and which rules it was judged by."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

from affidavit import catalogue
from affidavit.evidence import dumps
from affidavit.rules.checks import CHECKS
from affidavit.rules.verdict import Verdict

_SOURCES = {
    "affidavit.rules": None,
    "affidavit.inventory": None,
    "affidavit.projections": {
        "asking.py",
        "decisions.py",
        "deployments.py",
        "documents.py",
        "duties.py",
        "findings.py",
        "lineage.py",
        "lineage_graph.py",
        "looks.py",
        "need.py",
        "own_controls.py",
        "records.py",
        "retirement.py",
        "scope.py",
        "standing.py",
        "state.py",
    },
}


@functools.cache
def digest() -> str:
    """SHA-256, in hexadecimal, over what a verdict depends on beside the entries.

    That is the catalogue, the names of the checks, and the source of rules, inventory and projections.
    """
    sources = {
        f"{package}/{file.name}": hashlib.sha256(file.read_bytes()).hexdigest()
        for package, names in _SOURCES.items()
        for file in resources.files(package).iterdir()
        if file.name.endswith(".py") and (names is None or file.name in names)
    }
    return hashlib.sha256(
        dumps({"catalogue": catalogue.digest(), "checks": list(CHECKS), "sources": sources})
    ).hexdigest()


def assessment_facts(verdicts: Iterable[Verdict]) -> Mapping[str, Any]:
    """The facts of an ``assessment`` statement, from the verdicts of one scope."""
    return {
        "controls": {
            verdict.control: {
                "status": verdict.status.value,
                "origin": verdict.origin.value if verdict.origin else None,
            }
            for verdict in verdicts
        },
        "rules": digest(),
        "catalogue": catalogue.digest(),
    }
