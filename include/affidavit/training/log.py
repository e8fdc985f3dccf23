"""Logging a warehouse table as a dataset input of the active MLflow run."""

from __future__ import annotations

from typing import Any

from affidavit.errors import ConfigurationError, SourceUnavailable, UsageError
from affidavit.training.harmless import harmless


def log_table(connection: str, table: str, *, context: str = "training", timeout_seconds: int = 600) -> None:
    """Log ``table`` as a dataset input of the active run, with the fingerprint that it has now.

    ``connection`` is the id that the AI system's file names, read from ``AIRFLOW_CONN_<ID>``; ``table`` is spelled as
    it is there. ``context`` is ``training``, or ``testing``, ``validation`` or ``evaluation``. The whole table is read
    once, where it is, within ``timeout_seconds``. Never raises: what goes wrong is one warning of the logger
    ``affidavit.training``, and the run then has no such input.
    """
    with harmless("log_table logged nothing"):
        _log(connection, table, context, timeout_seconds)


def _log(connection: str, table: str, context: str, timeout_seconds: int) -> None:
    if not (isinstance(connection, str) and isinstance(table, str)):
        raise UsageError(
            "a connection and a table are given by name", where="log_table", fix='log_table("bank", "applications")'
        )
    mlflow = _mlflow()
    if mlflow.active_run() is None:
        raise UsageError("no run is active", where="log_table", fix="call it inside 'with mlflow.start_run():'")

    from affidavit.training.dataset import TableDataset

    dataset = TableDataset.look(connection, table, timeout_seconds=timeout_seconds)
    try:
        mlflow.log_input(dataset, context=context)
    except mlflow.MlflowException as error:
        raise SourceUnavailable(
            f"did not take the dataset input ({error.error_code})",
            where=f"MLflow, {dataset.name[:200]}",
            fix="see that MLflow answers; its limit of a dataset's name is 500 characters",
        ) from error


def _mlflow() -> Any:
    try:
        import mlflow
    except ImportError as error:
        raise ConfigurationError(
            "MLflow is not installed", where="log_table", fix="pip install 'affidavit[training]'"
        ) from error
    return mlflow
