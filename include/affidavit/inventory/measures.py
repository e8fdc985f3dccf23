"""The measures that a threshold may be about, each with the family that it is measured with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "performance": ("accuracy", "recall", "roc_auc"),
    "fairness": ("selection_rate", "selection_rate_ratio"),
    "drift": ("population_stability_index",),
}

MEASURES: Mapping[str, str] = MappingProxyType(
    {measure: family for family, measures in _FAMILIES.items() for measure in measures}
)
"""Name of each measure to its family (:data:`affidavit.evidence.measured.FAMILIES`)."""
