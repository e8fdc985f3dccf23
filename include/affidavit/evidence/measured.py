"""The names of measurements in statements."""

from __future__ import annotations

FAMILIES = (
    "performance",
    "fairness",
    "drift",
    "data-threats",
    "agreement",
    "comparison",
    "robustness",
    "explanation",
    "membership",
    "custom",
    "not-tested",
    "agents",
    "resources",
)
"""What is measured together, in the order of reports.

``not-tested`` holds the measures of families that nobody asked for, each with the reason.
"""

NOT_TESTED = "not-tested"


OF_ANSWERS = frozenset(
    {"performance", "fairness", "agreement", "comparison", "robustness", "explanation", "membership", "custom"}
)
"""Families about what one version of a model answers; the others are about its data, or about an agent."""


def measured_name(source: str, family: str, *, version: str | None = None, canary: bool = False) -> str:
    """The subject of a measurement. Each version has streams of its own, so that a newer one supersedes no older one.

    So has a canary, which never mixes with real evidence.
    """
    kind = "canaries" if canary else "measurements"
    return f"affidavit://{kind}/{source}/{family}" + (f"/{version}" if version is not None else "")
