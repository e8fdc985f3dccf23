"""Real data and real models that several tests ask."""

import functools
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

DATA = Path(__file__).parents[2] / "demo/data/hmda_boston.csv"
NUMBERS = ["dir", "hir", "lvr", "ccs", "mcs", "uria"]
ANSWERS = ["pbcr", "dmi", "self", "single"]


@functools.cache
def mortgages():
    """Applications of HMDA Boston as a table of features, who was denied, and who is black."""
    rows = pd.read_csv(DATA).dropna()
    table = {name: rows[name].to_numpy(float) for name in NUMBERS}
    table |= {name: rows[name].astype(str).to_numpy(object) for name in ANSWERS}
    return table, (rows["deny"] == "yes").to_numpy(), rows["black"].astype(str).to_numpy(object)


@functools.cache
def tumours():
    """Wisconsin breast cancer."""
    data = load_breast_cancer()
    return {str(name): data.data[:, n].copy() for n, name in enumerate(data.feature_names)}, data.target == 1


def split(table, label, *, seed=0):
    """Two halves at random."""
    order = np.random.default_rng(seed).permutation(len(label))
    halves = order[: len(order) // 2], order[len(order) // 2 :]
    return [({name: column[half] for name, column in table.items()}, label[half]) for half in halves]


def fitted(estimator, table, label):
    """A pipeline fitted to the table, which fills gaps."""
    numbers = [name for name, column in table.items() if column.dtype.kind == "f"]
    words = [name for name in table if name not in numbers]
    prepare = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
        (make_pipeline(SimpleImputer(strategy="most_frequent", missing_values=None), OneHotEncoder()), words),
    )
    return make_pipeline(prepare, estimator).fit(pd.DataFrame(table), label)


def honest(table, label):
    """A model that cannot remember rows."""
    return fitted(LogisticRegression(max_iter=1000), table, label)


def overfit(table, label):
    """A model that does."""
    return fitted(RandomForestClassifier(30, bootstrap=False, random_state=0), table, label)


def decide(model):
    return lambda table: model.predict(pd.DataFrame(table))


def score(model):
    return lambda table: model.predict_proba(pd.DataFrame(table))[:, 1]
