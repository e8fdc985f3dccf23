"""The real data, loaded into DuckDB as a data team would: two warehouses, nothing cleaned.

Ids and dates of receipt are the demo's own, because the sources carry none; the inventory's ``demonstration`` field
says so. Missing values become NULL and implausible ones stay.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd
from sklearn.datasets import load_breast_cancer

HELD_OUT = frozenset({2, 5, 8})
"""Last digits of the ids that are kept for the test: three rows in ten, the same ones each time."""

FIRST_DAY = date(1990, 1, 2)
DAYS = 363


def load_bank(path: Path, *, csv: Path) -> dict[str, int]:
    """Make ``applications_train`` and ``applications_test`` in the DuckDB file ``path``; returns rows by table."""
    applications = pd.read_csv(csv)
    count = len(applications)
    received = [FIRST_DAY + timedelta(days=row * DAYS // count) for row in range(count)]
    applications.insert(0, "application_id", range(1, count + 1))
    applications.insert(1, "received_on", received)
    return _write(path, applications, name="applications", key="application_id")


def load_clinic(path: Path) -> dict[str, int]:
    """Make ``samples_train`` and ``samples_test`` in the DuckDB file ``path``; returns rows by table.

    The source is scikit-learn's copy of the Breast Cancer Wisconsin (Diagnostic) data: 569 samples, 30 measurements.
    """
    source = load_breast_cancer(as_frame=True)
    samples = source.data.rename(columns=lambda name: name.replace(" ", "_"))
    samples.insert(0, "sample_id", range(1, len(samples) + 1))
    # The source's classes are numbered: 0 malignant, 1 benign.
    samples["malignant"] = source.target.map({0: "yes", 1: "no"})
    return _write(path, samples, name="samples", key="sample_id")


def _write(path: Path, rows: pd.DataFrame, *, name: str, key: str) -> dict[str, int]:
    held_out = (rows[key] % 10).isin(HELD_OUT)
    tables = {f"{name}_train": rows[~held_out], f"{name}_test": rows[held_out]}
    with duckdb.connect(path) as connection:
        for table, part in tables.items():
            connection.register("part", part)
            connection.execute(f"CREATE TABLE {table} AS SELECT * FROM part ORDER BY {key}")
            connection.unregister("part")
    return {table: len(part) for table, part in tables.items()}
