"""The bank's ML team: which applications would be denied? Usage: train_mortgage.py WAREHOUSE ROUND.

The protected attribute ``black`` is no feature; it is carried to the scored table so that groups can be compared.
This team uses Affidavit's two lines: each run records the fingerprints of the tables that it used.
"""

from __future__ import annotations

import sys

from sklearn.base import BaseEstimator
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from affidavit.training import log_table
from demo.training import Candidate, Task, train

SEED = 1990
NUMBERS = ["dir", "hir", "lvr", "ccs", "mcs", "uria", "comdominiom"]
ANSWERS = ["pbcr", "dmi", "self", "single"]

TASK = Task(
    name="mortgage-approval",
    team="lending-models",
    rows="applications",
    key="application_id",
    label="deny",
    left_out=("received_on", "black"),
    carried=("black",),
    decisions=("approve", "deny"),
    log_input=lambda part, context, _rows: log_table("bank", f"applications_{part}", context=context),
)


def logistic(c: float, class_weight: str | None) -> Candidate:
    """A logistic regression with inverse regularisation ``c``."""
    estimator = LogisticRegression(C=c, class_weight=class_weight, max_iter=1000, random_state=SEED)
    params = {"C": c, "class_weight": class_weight, "max_iter": 1000, "seed": SEED}
    return Candidate("logistic_regression", estimator, params)


def candidates() -> list[Candidate]:
    """What the team tries, the first half of it in the first round."""
    forest = RandomForestClassifier(n_estimators=150, max_depth=8, class_weight="balanced", random_state=SEED)
    boosting = GradientBoostingClassifier(n_estimators=100, max_depth=3, learning_rate=0.05, random_state=SEED)
    return [
        logistic(0.05, None),
        logistic(1.0, "balanced"),
        Candidate(
            "random_forest", forest, {"n_estimators": 150, "max_depth": 8, "class_weight": "balanced", "seed": SEED}
        ),
        Candidate(
            "gradient_boosting", boosting, {"n_estimators": 100, "max_depth": 3, "learning_rate": 0.05, "seed": SEED}
        ),
    ]


def prepare() -> BaseEstimator:
    """Fill gaps, scale numbers, encode yes and no."""
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    answers = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(drop="if_binary"))
    return make_column_transformer((numbers, NUMBERS), (answers, ANSWERS))


if __name__ == "__main__":
    train(TASK, warehouse=sys.argv[1], tried=int(sys.argv[2]), candidates=candidates(), prepare=prepare)
