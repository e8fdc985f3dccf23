"""The clinic's ML team: which samples are probably malignant? Usage: train_tumour.py WAREHOUSE ROUND.

This team logs in plain MLflow: its tables are found by the names that it gives them.
"""

from __future__ import annotations

import sys

import mlflow
import pandas as pd
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from demo.training import Candidate, Task, train

SEED = 1995


def log_input(part: str, context: str, rows: pd.DataFrame) -> None:
    """The frame, under the id of its table in the inventory."""
    mlflow.log_input(mlflow.data.from_pandas(rows, name=f"samples-{part}", targets="malignant"), context=context)


TASK = Task(
    name="tumour-triage",
    team="pathology-models",
    rows="samples",
    key="sample_id",
    label="malignant",
    left_out=(),
    carried=(),
    decisions=("routine", "first"),
    log_input=log_input,
)


def logistic(c: float) -> Candidate:
    """A logistic regression with inverse regularisation ``c``."""
    estimator = LogisticRegression(C=c, max_iter=1000, random_state=SEED)
    return Candidate("logistic_regression", estimator, {"C": c, "max_iter": 1000, "seed": SEED})


def candidates() -> list[Candidate]:
    """What the team tries, the first half of it in the first round."""
    forest = RandomForestClassifier(n_estimators=150, max_depth=6, random_state=SEED)
    boosting = GradientBoostingClassifier(n_estimators=80, max_depth=2, learning_rate=0.1, random_state=SEED)
    return [
        logistic(0.01),
        Candidate("random_forest", forest, {"n_estimators": 150, "max_depth": 6, "seed": SEED}),
        Candidate(
            "gradient_boosting", boosting, {"n_estimators": 80, "max_depth": 2, "learning_rate": 0.1, "seed": SEED}
        ),
        logistic(1.0),
    ]


if __name__ == "__main__":
    train(TASK, warehouse=sys.argv[1], tried=int(sys.argv[2]), candidates=candidates(), prepare=StandardScaler)
