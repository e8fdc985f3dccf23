"""A starting suite for a table, drafted from its profile: a first text for a reviewer, never a suite.

A bound that was taken from data passes on that data and says nothing of what the data should hold. So each expectation
carries the key :data:`MARK`, with which no suite is read (:func:`affidavit.inventory.load.load_suite`): whoever has
decided on a bound removes it there. Bounds are counts and edges of the profile's bins; no value of a row is in it.
"""

from __future__ import annotations

from typing import Any

import yaml

from affidavit.inventory import Suite, Table
from affidavit.inventory.load import MARK
from affidavit.quality.validation import validate
from affidavit.warehouse import EDGES, Column, Profile, Snapshot
from affidavit.warehouse.profile import ColumnProfile

_KEY_NAMES = ("id", "key", "uuid")
_NEARLY = 0.9
"""Estimated distinct values to rows: what may be unique is then looked at exactly."""


def draft(snapshot: Snapshot, profile: Profile, table: Table, *, name: str) -> str:
    """The YAML of a suite called ``name`` for ``table``, whose ``profile`` was taken in the same ``snapshot``.

    Raises as :func:`affidavit.quality.validate`.
    """
    unique = _unique(snapshot, profile, table, name=name)
    wanted = [
        *_of_the_table(profile),
        *(each for column in profile.columns for each in _of(column, profile, unique=column.name in unique)),
    ]
    source = f"drafted from the {profile.rows:,} rows of {table.uri} that it would judge; decide, then remove this line"
    document = {
        "name": name,
        "description": f"What {table.table} must hold.",
        "expectations": [{**each, MARK: source} for each in wanted],
    }
    # Wide, so that no mark is broken over two lines.
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000)
    return "# yaml-language-server: $schema=../include/schema/suite.schema.json\n" + text


def _unique(snapshot: Snapshot, profile: Profile, table: Table, *, name: str) -> frozenset[str]:
    """The columns that hold no value twice, among those that may."""
    candidates = [column.name for column in profile.columns if _may_be_unique(column, profile)]
    if not candidates:
        return frozenset()
    asked = [_expectation("expect_column_values_to_be_unique", "uniqueness", column=name) for name in candidates]
    suite = Suite.model_validate({"name": name, "description": "candidates", "expectations": asked})
    failed = {failure.column for failure in validate(snapshot, table=table.table, suite=suite).failed}
    return frozenset(candidates) - failed


def _may_be_unique(column: Column, profile: Profile) -> bool:
    counted = profile.counts[column.name]
    if not profile.rows or counted.nulls:
        return False
    if counted.distinct is None:
        return column.name.lower().rpartition("_")[2] in _KEY_NAMES
    return counted.distinct >= _NEARLY * profile.rows


def _of_the_table(profile: Profile) -> list[dict[str, Any]]:
    columns = [column.name for column in profile.columns]
    return [
        _expectation("expect_table_columns_to_match_set", "consistency", column_set=columns),
        _expectation("expect_table_row_count_to_be_between", "completeness", min_value=max(1, profile.rows // 2)),
        _expectation("expect_table_columns_to_not_look_personal", "validity"),
    ]


def _of(column: Column, profile: Profile, *, unique: bool) -> list[dict[str, Any]]:
    counted, found = profile.counts[column.name], []
    if counted.nulls < profile.rows:
        # Rounded down, so that as many nulls as there are pass.
        mostly = (profile.rows - counted.nulls) * 100 // profile.rows / 100
        some = {"mostly": mostly} if counted.nulls else {}
        if mostly:
            found.append(
                _expectation("expect_column_values_to_not_be_null", "completeness", column=column.name, **some)
            )
    if unique:
        found.append(_expectation("expect_column_values_to_be_unique", "uniqueness", column=column.name))
    if bounds := _bounds(counted):
        found.append(_expectation("expect_column_values_to_be_between", "validity", column=column.name, **bounds))
    return found


def _bounds(counted: ColumnProfile) -> dict[str, int]:
    """The edges around all values of a column of numbers; on a side where values lie beyond every edge, none."""
    bins = counted.histogram or ()
    held = [number for number, count in enumerate(bins) if count]
    if not held:
        return {}
    bounds = {}
    if held[0] > 0:
        bounds["min_value"] = _plain(EDGES[held[0] - 1])
    if held[-1] < len(EDGES):
        bounds["max_value"] = _plain(EDGES[held[-1]])
    return bounds


def _plain(edge: float) -> int:
    return int(edge)


def _expectation(kind: str, quality: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "quality": quality}
