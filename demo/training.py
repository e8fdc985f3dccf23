"""What both ML teams do with MLflow, in rounds: try candidates, register the best, release it if it is better, score.

How the two tables become inputs of a run differs between the teams. Nothing else knows that anybody collects evidence.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

import duckdb
import mlflow
import numpy as np
import pandas as pd
from mlflow.models import infer_signature
from sklearn.base import BaseEstimator
from sklearn.metrics import accuracy_score, brier_score_loss, precision_score, recall_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline

ALIAS = "champion"
THRESHOLD = 0.5
TRUSTED = ["numpy.dtype", "sklearn._loss.link.Interval", "sklearn._loss.link.LogitLink", "sklearn.tree._tree.Tree"]
"""Types that skops asks about before it loads a model of the team's own making."""

LogInput = Callable[[str, str, pd.DataFrame], None]
"""Logs a part (``train`` or ``test``) of the data, for a context, as an input of the active run; given its rows."""

ROUNDS = 2
"""The first half of the candidates is tried in the first round, and the others when evidence was collected once."""


@dataclass(frozen=True)
class Task:
    """What a team predicts: ``name`` of experiment and registered model, tables ``<rows>_train`` and ``<rows>_test``.

    ``label`` is ``yes`` or ``no``; ``carried`` are columns copied to the scored table; ``decisions`` says what is
    recommended for a score below and from the threshold; ``log_input`` tells MLflow what a run reads.
    """

    name: str
    team: str
    rows: str
    key: str
    label: str
    left_out: tuple[str, ...]
    carried: tuple[str, ...]
    decisions: tuple[str, str]
    log_input: LogInput


@dataclass(frozen=True)
class Candidate:
    """One model to try; ``params`` are logged as they stand."""

    model: str
    estimator: BaseEstimator
    params: Mapping[str, object]


@dataclass(frozen=True)
class Trained:
    """A logged run and what it made."""

    run_id: str
    model_uri: str
    pipeline: Pipeline
    roc_auc: float


def train(
    task: Task, *, warehouse: str, tried: int, candidates: Sequence[Candidate], prepare: Callable[[], BaseEstimator]
) -> None:
    """Run round ``tried`` (from 1) of a team's routine against the tracking server that the environment names."""
    share = len(candidates) // ROUNDS
    candidates = candidates[(tried - 1) * share : tried * share]
    # The label is no integer that could go missing, whatever the hint says.
    warnings.filterwarnings("ignore", message="Hint: Inferred schema contains integer")
    with duckdb.connect(warehouse) as connection:
        frames = {
            part: connection.sql(f"SELECT * FROM {task.rows}_{part} ORDER BY {task.key}").df()
            for part in ("train", "test")
        }
        mlflow.set_experiment(task.name)
        mlflow.enable_system_metrics_logging()
        trained = [_log(task, candidate, frames=frames, prepare=prepare) for candidate in candidates]
        best = max(trained, key=lambda run: run.roc_auc)
        version = str(mlflow.register_model(best.model_uri, task.name).version)
        if tried == 1 or best.roc_auc >= _in_use(task):
            mlflow.MlflowClient().set_registered_model_alias(task.name, ALIAS, version)
            _score(task, best.pipeline, rows=frames["test"], version=version, connection=connection)
    in_use = mlflow.MlflowClient().get_model_version_by_alias(task.name, ALIAS).version
    print(f"{task.name}: {len(trained)} runs in round {tried}, version {in_use} is {ALIAS}")


def _in_use(task: Task) -> float:
    client = mlflow.MlflowClient()
    run_id = client.get_model_version_by_alias(task.name, ALIAS).run_id
    return float(client.get_run(run_id).data.metrics["roc_auc"])


def _log(
    task: Task, candidate: Candidate, *, frames: Mapping[str, pd.DataFrame], prepare: Callable[[], BaseEstimator]
) -> Trained:
    train_rows, test_rows = frames["train"], frames["test"]
    features = _features(task, train_rows)
    pipeline = make_pipeline(prepare(), candidate.estimator)
    with mlflow.start_run(run_name=candidate.model) as run:
        mlflow.set_tag("team", task.team)
        mlflow.log_params({"model": candidate.model, **candidate.params})
        for part, context, rows in (("train", "training", train_rows), ("test", "testing", test_rows)):
            task.log_input(part, context, rows)
        pipeline.fit(features, train_rows[task.label] == "yes")
        scores = pipeline.predict_proba(_features(task, test_rows))[:, 1]
        metrics = _metrics(test_rows[task.label] == "yes", scores)
        mlflow.log_metrics(metrics)
        example = features.dropna().head(3)
        model = mlflow.sklearn.log_model(
            pipeline,
            name="model",
            signature=infer_signature(example, pipeline.predict(example)),
            input_example=example,
            skops_trusted_types=TRUSTED,
            pip_requirements=[f"scikit-learn=={version('scikit-learn')}", f"pandas=={version('pandas')}"],
        )
    print(f"{task.name}: {candidate.model} {dict(candidate.params)} {metrics}")
    return Trained(run.info.run_id, model.model_uri, pipeline, metrics["roc_auc"])


def _features(task: Task, rows: pd.DataFrame) -> pd.DataFrame:
    features = rows.drop(columns=[task.key, task.label, *task.left_out])
    # As floats, since an integer column of a model's signature could not carry a missing value.
    return features.astype(dict.fromkeys(features.select_dtypes("number").columns, "float64"))


def _metrics(truth: pd.Series, scores: np.ndarray) -> dict[str, float]:
    predicted = scores >= THRESHOLD
    return {
        "accuracy": float(accuracy_score(truth, predicted)),
        "brier_score": float(brier_score_loss(truth, scores)),
        "precision": float(precision_score(truth, predicted, zero_division=0)),
        "recall": float(recall_score(truth, predicted)),
        "roc_auc": float(roc_auc_score(truth, scores)),
    }


def _score(
    task: Task, pipeline: Pipeline, *, rows: pd.DataFrame, version: str, connection: duckdb.DuckDBPyConnection
) -> None:
    # Each row that is held out stands for one request, which the log knows of before it is scored.
    served = {task.key: rows[task.key], "at": datetime.now(UTC).replace(tzinfo=None)}
    _keep(connection, f"{task.rows}_requests", pd.DataFrame({**served, "model_version": version}), key=task.key)
    features = _features(task, rows)
    scores = pipeline.predict_proba(features)[:, 1]
    below, above = task.decisions
    now = datetime.now(UTC).replace(tzinfo=None)
    scored = pd.DataFrame(
        {
            task.key: rows[task.key],
            "scored_at": now,
            "model_version": version,
            "score": scores,
            "decision": np.where(scores >= THRESHOLD, above, below),
            task.label: rows[task.label],
            **{column: rows[column] for column in task.carried},
            **{column: rows[column] for column in features.columns},
        }
    )
    _keep(connection, f"{task.rows}_scored", scored, key=task.key)
    events = pd.DataFrame({task.key: rows[task.key], "at": now, "event": "scored"})
    _keep(connection, f"{task.rows}_events", events, key=task.key)


def _keep(connection: duckdb.DuckDBPyConnection, table: str, rows: pd.DataFrame, *, key: str) -> None:
    connection.register("kept", rows)
    # What an earlier version answered makes room: the log holds requests of the version in use.
    connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT * FROM kept ORDER BY {key}")
    connection.unregister("kept")
