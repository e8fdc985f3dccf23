"""The measures that a threshold may be about, and the family that each is measured with."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from affidavit.inventory.thresholds import Threshold

_RATES = ("accuracy", "precision", "recall", "specificity", "false_positive_rate", "false_negative_rate", "f1")

_COMPARED = ("selection_rate", "recall", "false_positive_rate", "precision")

_OF_ROWS: Mapping[str, tuple[str, ...]] = {
    "performance": (
        *_RATES,
        "balanced_accuracy",
        "matthews_corrcoef",
        "roc_auc",
        "average_precision",
        "brier_score",
        "log_loss",
        "expected_calibration_error",
        "calibration_in_the_large",
        "calibration_intercept",
        "calibration_slope",
        "selection_rate",
        "prevalence",
        *(f"{rate}_{average}" for rate in ("precision", "recall", "f1") for average in ("macro", "weighted")),
        "mean_absolute_error",
        "root_mean_squared_error",
        "mean_error",
        "median_absolute_error",
        "r2",
    ),
    "fairness": (
        *(f"{rate}_{how}" for rate in _COMPARED for how in ("difference", "ratio")),
        "demographic_parity_difference",
        "demographic_parity_ratio",
        "equal_opportunity_difference",
        "equalized_odds_difference",
        "equalized_odds_ratio",
        "predictive_parity_difference",
    ),
    "drift": (
        "drift_alarm",
        "population_stability_index",
        "ks_statistic",
        "wasserstein_distance",
        "normalised_wasserstein_distance",
        "total_variation_distance",
        "cramers_v",
        "unseen_share",
        "missing_share_difference",
        "chi_square",
        *(f"{test}_p_value{how}" for test in ("ks", "chi_square", "missing_share") for how in ("", "_adjusted")),
    ),
    "data-threats": (
        "holdout_overlap_share",
        "near_duplicate_share",
        "near_duplicate_p_value",
        "label_issue_share",
        "target_leakage_information",
        "training_only_features",
    ),
    "agreement": ("score_agreement", "decision_agreement"),
    "comparison": (
        *(f"{name}_change" for name in ("accuracy", "recall", "specificity", "precision", "f1", "matthews_corrcoef")),
    ),
    "robustness": ("flip_rate", "adversarial_flip_rate", "adversarial_median_radius"),
    "explanation": (
        "permutation_importance",
        "permutation_importance_rank_correlation",
        "declared_relevance_auc",
        "importance_share_outside_declared",
        "top_reasons_overlap",
        "proxy_auc",
        "normalized_mutual_info_score",
    ),
    "membership": ("membership_inference_auc", "membership_inference_advantage"),
}

OF_ROWS: Mapping[str, str] = MappingProxyType({name: family for family, names in _OF_ROWS.items() for name in names})
"""Of scored rows: measure to family."""

_RATES_OF_AGENTS = ("tool_error_rate", "trace_error_rate", "loop_rate", "refusal_rate")

OF_AGENTS = frozenset(
    {
        "tool_call_share",
        "tool_error_rate",
        "trace_error_rate",
        *(f"latency_p{p}" for p in (50, 95, 99)),
        *(f"{name}_p{p}" for name in ("input_tokens", "output_tokens", "steps") for p in (50, 95)),
        "loop_rate",
        "refusal_rate",
        "groundedness",
        "groundedness_assessed_share",
        "human_feedback_positive_share",
        "human_feedback_assessed_share",
        "total_variation_distance",
        "ks_statistic",
        "wasserstein_distance",
        *(f"{rate}_difference" for rate in _RATES_OF_AGENTS),
        *(f"{name}_p_value" for name in ("total_variation_distance", "ks_statistic")),
        *(f"{rate}_difference_p_value" for rate in _RATES_OF_AGENTS),
    }
)
"""Of agents: all of them are one family."""


def measures_of(family: str) -> tuple[str, ...]:
    """The measures of one family of scored rows."""
    return _OF_ROWS[family]


CUSTOM = "custom"
"""The family of measures that another package offers (:mod:`affidavit.measure.custom`)."""


def family_of(threshold: Threshold) -> str:
    """The family whose results a threshold about scored rows judges: by group, performance is a matter of fairness."""
    family = OF_ROWS.get(threshold.measure, CUSTOM)
    by_group = threshold.group or threshold.each_group_of
    return "fairness" if by_group and family == "performance" else family
