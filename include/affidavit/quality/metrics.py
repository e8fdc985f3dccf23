"""What our own expectations count: counts and names of columns, never a value of a row.

Imports Great Expectations: import it late. Importing it registers the metrics. Each asks through
:class:`affidavit.quality.engine.SnapshotEngine`, so that it speaks of the same rows as everything else; of Parquet,
through :class:`affidavit.quality.spark.LakeEngine`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import sqlalchemy as sa
from great_expectations.execution_engine.sparkdf_execution_engine import SparkDFExecutionEngine
from great_expectations.execution_engine.sqlalchemy_execution_engine import SqlAlchemyExecutionEngine
from great_expectations.expectations.metrics.metric_provider import metric_value
from great_expectations.expectations.metrics.table_metric_provider import TableMetricProvider

from affidavit.quality.personal import SHAPES, holds_text, may_hide_text
from affidavit.warehouse import Column
from affidavit.warehouse.dialect import declared
from affidavit.warehouse.lake import quoted

_AHEAD = timedelta(days=1)
"""How far a row may be dated ahead of the look: a day covers a time written in the zone of where it happened."""

_COLUMNS_AT_ONCE = 200


class Groups(TableMetricProvider):
    """Rows, and rows in each group of ``reference``, by the text of ``column``."""

    metric_name = "affidavit.groups"
    value_keys = ("column", "reference")

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sql(cls, execution_engine: Any, metric_value_kwargs: Any, **_: Any) -> dict[str, Any]:
        names = list(metric_value_kwargs["reference"])
        value = sa.cast(_column(metric_value_kwargs["column"]), sa.Text)
        counts = [sa.func.sum(sa.case((value == name, 1), else_=0)) for name in names]
        rows, known, *found = _ask(execution_engine, sa.func.count(), sa.func.count(value), *counts)
        groups = {name: int(count or 0) for name, count in zip(names, found, strict=True)}
        return {"rows": rows, "missing": rows - known, "groups": groups}

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(cls, execution_engine: Any, metric_value_kwargs: Any, **_: Any) -> dict[str, Any]:
        f, names = _functions(), list(metric_value_kwargs["reference"])
        value = f.col(quoted(metric_value_kwargs["column"]))
        counts = [f.count(f.when(value.cast("string") == name, 1)) for name in names]
        rows, known, *found = _collect(execution_engine.frame, f.count(f.lit(1)), f.count(value), *counts)
        return {"rows": rows, "missing": rows - known, "groups": dict(zip(names, found, strict=True))}


class Overlap(TableMetricProvider):
    """Rows, and rows of which another of ``tables`` holds one with the same ``column_list``; null equals nothing."""

    metric_name = "affidavit.overlap"
    value_keys = ("column_list", "tables")

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sql(cls, execution_engine: Any, metric_value_kwargs: Any, **_: Any) -> dict[str, Any]:
        names = metric_value_kwargs["column_list"]
        ours = execution_engine.table.selectable.alias("ours")
        held = []
        for number, other in enumerate(execution_engine.others(metric_value_kwargs["tables"])):
            there = other.selectable.alias(f"other{number}")
            same = [_of(there, name) == _of(ours, name) for name in names]
            held.append(sa.exists(sa.select(sa.literal_column("1")).select_from(there).where(*same)))
        absent = sa.or_(*(_of(ours, name).is_(None) for name in names))
        counts = [sa.func.sum(sa.case((condition, 1), else_=0)) for condition in (absent, sa.or_(*held))]
        rows, missing, found = _ask(execution_engine, sa.func.count(), *counts, of=ours)
        return {"rows": rows, "missing": int(missing or 0), "found": int(found or 0)}

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(cls, execution_engine: Any, metric_value_kwargs: Any, **_: Any) -> dict[str, Any]:
        f, names = _functions(), metric_value_kwargs["column_list"]
        # By position, so that no name can mean something else on the other side of the join.
        keys = [f"k{number}" for number in range(len(names))]

        def keyed(frame: Any) -> Any:
            return frame.select(*(f.col(quoted(name)).alias(key) for name, key in zip(names, keys, strict=True)))

        ours = keyed(execution_engine.frame)
        theirs = reduce(
            lambda one, other: one.union(other), map(keyed, execution_engine.others(metric_value_kwargs["tables"]))
        )
        absent = reduce(lambda one, other: one | other, (f.col(key).isNull() for key in keys))
        rows, missing = _collect(ours, f.count(f.lit(1)), f.count(f.when(absent, 1)))
        return {"rows": rows, "missing": missing, "found": ours.join(theirs, keys, "left_semi").count()}


class Newest(TableMetricProvider):
    """How the newest date of ``column`` lies to the times ``since`` and ``at``, in a word; the date stays here."""

    metric_name = "affidavit.newest"
    value_keys = ("column", "since", "at")

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sql(cls, execution_engine: Any, metric_value_kwargs: Any, **_: Any) -> dict[str, Any]:
        value = _column(metric_value_kwargs["column"])
        newest = sa.cast(sa.func.max(value), sa.Text)
        rows, known, text = _ask(execution_engine, sa.func.count(), sa.func.count(value), newest)
        since, at = (datetime.fromisoformat(metric_value_kwargs[key]) for key in ("since", "at"))
        return {"rows": rows, "missing": rows - known, "newest": _placed(text, since, at)}

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(cls, execution_engine: Any, metric_value_kwargs: Any, **_: Any) -> dict[str, Any]:
        f = _functions()
        value = f.col(quoted(metric_value_kwargs["column"]))
        newest = f.max(value).cast("string")
        rows, known, text = _collect(execution_engine.frame, f.count(f.lit(1)), f.count(value), newest)
        since, at = (datetime.fromisoformat(metric_value_kwargs[key]) for key in ("since", "at"))
        return {"rows": rows, "missing": rows - known, "newest": _placed(text, since, at)}


class Personal(TableMetricProvider):
    """For each column of text: how many values there are, and how many of them have which personal shape.

    ``hidden`` are the columns whose type no shape looks into: documents, lists, bytes.
    """

    metric_name = "affidavit.personal"
    value_keys = ()

    @metric_value(engine=SqlAlchemyExecutionEngine)
    def _sql(cls, execution_engine: Any, **_: Any) -> dict[str, Any]:
        columns = [column for column in execution_engine.table.columns if holds_text(column.type)]
        found: dict[str, Any] = {}
        for start in range(0, len(columns), _COLUMNS_AT_ONCE):
            some = columns[start : start + _COLUMNS_AT_ONCE]
            asked: list[Any] = []
            for value in declared(some):
                text = sa.cast(value, sa.Text)
                asked.append(sa.func.count(value))
                asked += [sa.func.sum(sa.case((text.regexp_match(shape), 1), else_=0)) for shape in SHAPES.values()]
            counted = iter(_ask(execution_engine, *asked))
            for column in some:
                values = next(counted)
                found[column.name] = {"values": values, "shapes": {name: int(next(counted) or 0) for name in SHAPES}}
        return {**_named(execution_engine.table.columns), "texts": found}

    @metric_value(engine=SparkDFExecutionEngine)
    def _spark(cls, execution_engine: Any, **_: Any) -> dict[str, Any]:
        f, columns = _functions(), execution_engine.table.columns
        asked = []
        texts = [column.name for column in columns if holds_text(column.type)]
        for value in (f.col(quoted(name)) for name in texts):
            asked += [f.count(value), *(f.count(f.when(value.rlike(shape), 1)) for shape in SHAPES.values())]
        counted = iter(_collect(execution_engine.frame, *asked) if asked else ())
        found = {
            name: {"values": next(counted), "shapes": {shape: next(counted) for shape in SHAPES}} for name in texts
        }
        return {**_named(columns), "texts": found}


def _named(columns: Sequence[Column]) -> dict[str, list[str]]:
    hidden = [column.name for column in columns if may_hide_text(column.type)]
    return {"names": [column.name for column in columns], "hidden": hidden}


def _column(name: str) -> sa.ColumnElement[Any]:
    return sa.column(sa.sql.quoted_name(name, True))


def _of(table: sa.FromClause, name: str) -> sa.ColumnElement[Any]:
    return sa.column(sa.sql.quoted_name(name, True), _selectable=table)


def _ask(engine: Any, *counts: Any, of: sa.FromClause | None = None) -> Any:
    table = engine.table.selectable if of is None else of
    # Labels, since one count may be asked for twice.
    labelled = [count.label(f"c{number}") for number, count in enumerate(counts)]
    return engine.execute_query(sa.select(*labelled).select_from(table)).fetchone()


def _functions() -> Any:
    from pyspark.sql import functions

    return functions


def _collect(frame: Any, *counts: Any) -> list[Any]:
    labelled = [count.alias(f"c{number}") for number, count in enumerate(counts)]
    return list(frame.agg(*labelled).collect()[0])


def _placed(text: str | None, since: datetime, at: datetime) -> str:
    """``on time``, ``late``, ``dated ahead`` or ``no dated row``; a time without a zone is taken as UTC."""
    if text is None:
        return "no dated row"
    newest = datetime.fromisoformat(text)
    newest = newest if newest.tzinfo else newest.replace(tzinfo=UTC)
    if newest > at + _AHEAD:
        return "dated ahead"
    return "on time" if newest >= since else "late"
