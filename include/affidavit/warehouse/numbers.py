"""Predicted numbers and what came true, added up in the warehouse: :mod:`affidavit.warehouse.outcomes` does classes."""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from affidavit.measure.estimate import Estimate
from affidavit.measure.residuals import POWERS, Residuals, median_absolute_error, ranks_of_median
from affidavit.measure.rows import TROUBLES
from affidavit.warehouse.facets import By, Expression, Split, finite, number, real, split, whole
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import TableRef

_AT_ONCE = 200
"""Groups whose medians one statement asks for."""


@dataclass(frozen=True)
class Numbers:
    """Columns of a predicted number, and of what it turned out to be."""

    label: str
    prediction: str
    weight: str | None = None


def residuals(snapshot: Snapshot, table: TableRef, asked: Numbers, *, by: By = (), about: str) -> Residuals:
    """Add up errors and labels: one scan for the mean label, from which labels are counted, and one for the sums.

    Raises as :meth:`Snapshot.query`, and ``SourceRefused`` for columns that are absent or hold no numbers.
    """
    how = split(snapshot, table, by, where=snapshot.where(about))
    inner = _rows(snapshot, table, asked, how, where=snapshot.where(about))
    fine = inner.c.trouble < whole(0)
    mean = snapshot.query(sa.select(sa.func.avg(sa.case((fine, inner.c.label)))), about=about)[0][0]
    error, centred = inner.c.error, inner.c.label - real(float(mean or 0))
    values: list[Expression] = [sa.func.count()]
    for i, j, k in POWERS[1:]:
        values.append(_total(fine, [inner.c.weight] * i + [error] * j + [centred] * k))
    values += [_total(fine, [inner.c.weight] * i + [sa.func.abs(error)]) for i in (1, 2)]
    keys = [inner.c.code, inner.c.span, inner.c.trouble]
    answer = snapshot.query(sa.select(*keys, *values).group_by(*keys), about=about)
    groups, place = how.places([(row[0], row[1]) for row in answer])
    sums = np.zeros((len(groups), len(POWERS) + 2))
    troubles = np.zeros((len(groups), len(TROUBLES)), np.int64)
    for (_, _, trouble, *found), at in zip(answer, place, strict=True):
        if trouble >= 0:
            troubles[at, trouble] += int(found[0])
        else:
            sums[at] = [float(each) for each in found]
    return Residuals(groups, sums, troubles)


def median_error(
    snapshot: Snapshot, table: TableRef, asked: Numbers, found: Residuals, *, by: By = (), about: str
) -> list[Estimate]:
    """The exact ``median_absolute_error`` of each group of ``found``, which :func:`residuals` gave for the same ``by``.

    Absolute errors are put in order in the warehouse; of each group four come back. Weights count for nothing. Raises
    as :func:`residuals`.
    """
    how = split(snapshot, table, by, where=snapshot.where(about))
    inner = _rows(snapshot, table, asked, how, where=snapshot.where(about))
    rows = found[0, 0, 0].astype(np.int64)
    size = sa.func.abs(inner.c.error)
    keys = [inner.c.code, inner.c.span]
    place = sa.func.row_number().over(partition_by=keys, order_by=size)
    ordered = sa.select(*keys, size.label("size"), place.label("place")).where(inner.c.trouble < whole(0)).subquery()
    counted = sa.select(*keys, sa.func.count()).where(inner.c.trouble < whole(0)).group_by(*keys)
    met = [(row[0], row[1], int(row[2])) for row in snapshot.query(counted, about=about)]
    known = {group: n for n, group in enumerate(found.groups)}
    names, at = how.places([(code, span) for code, span, _ in met])
    values: list[dict[int, float]] = [{} for _ in found.groups]
    of = {(code, span): known[names[n]] for (code, span, _), n in zip(met, at, strict=True)}
    for start in range(0, len(met), _AT_ONCE):
        wanted = [_wanted(ordered, each) for each in met[start : start + _AT_ONCE]]
        for code, span, error, rank in snapshot.query(sa.select(ordered).where(sa.or_(*wanted)), about=about):
            values[of[code, span]][int(rank)] = float(error)
    return median_absolute_error(found.groups, rows, values, found.troubles)


def _wanted(ordered: sa.Subquery, group: tuple[int, str | None, int]) -> Expression:
    code, span, rows = group
    ranks = ordered.c.place.in_([whole(rank) for rank in sorted(set(ranks_of_median(rows)))])
    same = ordered.c.span.is_(None) if span is None else ordered.c.span == span
    return sa.and_(ordered.c.code == whole(code), same, ranks)


def _rows(snapshot: Snapshot, table: TableRef, asked: Numbers, how: Split, *, where: str) -> sa.Subquery:
    columns = (asked.label, asked.prediction, asked.weight)
    label, prediction, weight = (
        real(1) if name is None else number(snapshot, table.column(name, where=where), where=where) for name in columns
    )
    wrong: list[tuple[Expression, Expression]] = [
        (label.is_(None), whole(0)),
        (sa.not_(finite(label)), whole(1)),
        (sa.not_(finite(prediction)), whole(2)),
        (sa.or_(sa.not_(finite(weight)), weight < whole(0)), whole(5)),
    ]
    trouble = sa.case(*wrong, else_=whole(-1))
    fine = trouble < whole(0)
    named = {"code": how.code, "span": how.span, "trouble": trouble, "label": label, "weight": weight}
    # Of infinite values there is no difference.
    named["error"] = sa.case((fine, prediction - label))
    return sa.select(*(each.label(name) for name, each in named.items())).select_from(table.selectable).subquery("r")


def _total(fine: Expression, factors: Iterable[Any]) -> Expression:
    return sa.func.coalesce(sa.func.sum(sa.case((fine, functools.reduce(operator.mul, factors)))), 0)
