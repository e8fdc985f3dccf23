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
    "agents",
    "resources",
)
"""What is measured together, in the order of reports."""


def measured_name(source: str, family: str, *, canary: bool = False) -> str:
    """The subject of a measurement: a canary has streams of its own, so that it never mixes with real evidence."""
    return f"affidavit://{'canaries' if canary else 'measurements'}/{source}/{family}"
