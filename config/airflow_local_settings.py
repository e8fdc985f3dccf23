"""Loaded by each of Airflow's processes when it starts; does something in one of them.

LocalExecutor's workers are forks of the scheduler, and each task is a fork of a worker: what the scheduler has
imported, no task imports again. Great Expectations and MLflow cost seconds of import per task otherwise. In every
other process (API server, DAG processor, command line) nothing is imported here.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys

__all__: list[str] = []  # Airflow would take each public name of this module for a setting.

HEAVY = (
    "sqlalchemy",
    "alembic",
    "pandas",
    "duckdb_engine",
    "mlflow",
    "great_expectations",
    "affidavit.collect.hitl",
    "affidavit.collect.models",
    "affidavit.collect.runs",
    "affidavit.collect.tables",
    "affidavit.quality.validation",
    "affidavit.pipeline.collection",
    "affidavit.pipeline.decisions",
    "affidavit.pipeline.posture",
    "affidavit.pipeline.reminding",
    "affidavit.pipeline.ledger_audit",
)


def is_scheduler(argv: list[str]) -> bool:
    """Whether this process is ``airflow scheduler`` (or ``python -m airflow scheduler``)."""
    return argv[1:2] == ["scheduler"]


def preload(names: tuple[str, ...]) -> None:
    """Import what tasks need. What is not installed is left to the task that misses it."""
    from affidavit.settings import quiet

    quiet(os.environ)  # some of them read it while they are imported
    # It logs a line for each of its functions while it is imported.
    logging.getLogger("great_expectations._docs_decorators").setLevel(logging.WARNING)
    for name in names:
        try:
            importlib.import_module(name)
        except ImportError as error:
            logging.getLogger(__name__).warning("Not preloaded: %s (%s)", name, error)


if is_scheduler(sys.argv):
    preload(HEAVY)
