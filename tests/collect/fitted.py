"""A small model that was fitted to real rows, in MLflow's own format, and a warehouse with the scores that it gave."""

import pickle
from functools import cache
from pathlib import Path

import duckdb
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

FEATURES = ["mean radius", "mean texture", "mean smoothness"]
HOLDOUT = 269
"""Rows that the model was not fitted to; the other 300 trained it."""

_LOADER = """
import pickle

class Model:
    def __init__(self, path):
        with open(path, "rb") as file:
            self.model = pickle.load(file)

    def predict(self, model_input, params=None):
        return self.model.predict_proba(model_input)

def _load_pyfunc(path):
    return Model(path)
"""
_FLAVOUR = """
flavors:
  python_function: {loader_module: pickled, code: code, data: model.pkl, python_version: 3.11.0}
model_uuid: 6a3b6a3b6a3b6a3b6a3b6a3b6a3b6a3b
utc_time_created: '2026-03-14 12:00:00'
"""


@cache
def fitted():
    """The model, and all rows, of which the first :data:`HOLDOUT` are held out."""
    data = load_breast_cancer(as_frame=True)
    rows = data.data[FEATURES].assign(malignant=["yes" if each == 0 else "no" for each in data.target])
    rows = rows.sample(frac=1, random_state=1)  # they are not in the order of chance
    train = rows.iloc[HOLDOUT:]
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train[FEATURES], train["malignant"] == "yes")
    return model, rows


def files() -> dict[str, bytes]:
    """The saved model, by path."""
    return {
        "MLmodel": _FLAVOUR.encode(),
        "code/pickled.py": _LOADER.encode(),
        "model.pkl": pickle.dumps(fitted()[0]),
    }


def fill(database: Path, *, version: str = "1") -> None:
    """``scored``: the rows held out, with the scores of ``version``; ``train``: the others."""
    model, rows = fitted()
    rows = rows.assign(id=range(len(rows)), side=["left" if n % 2 else "right" for n in range(len(rows))])
    held, train = rows.iloc[:HOLDOUT], rows.iloc[HOLDOUT:]
    held = held.assign(score=model.predict_proba(held[FEATURES])[:, 1], version=version)
    with duckdb.connect(str(database)) as connection:
        for name, kept in (("scored", held), ("train", train)):
            connection.register("kept", kept)
            connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM kept")
            connection.unregister("kept")
