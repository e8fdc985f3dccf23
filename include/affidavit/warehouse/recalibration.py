"""The slope and intercept of calibration, fitted in the warehouse: each step of Newton's method is one scan."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sa

from affidavit.measure import Estimate
from affidavit.measure.intervals import Floats
from affidavit.measure.recalibration import FAR, Judgeable, recalibration
from affidavit.measure.rows import TROUBLES
from affidavit.warehouse.facets import Expression, real, split, whole
from affidavit.warehouse.outcomes import Outcomes, judged
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import TableRef


def recalibrated(snapshot: Snapshot, table: TableRef, asked: Outcomes, *, minimum: int, about: str) -> list[Estimate]:
    """As :func:`affidavit.measure.recalibration.recalibration`, of all rows. Raises as :meth:`Snapshot.query`.

    Raises ``SourceRefused`` for a column that is absent or of no use.
    """
    where = snapshot.where(about)
    inner = judged(snapshot, table, asked, split(snapshot, table, (), where=where), probability=True, where=where)
    certain = sa.case((sa.and_(inner.c.score > whole(0), inner.c.score < whole(1)), whole(0)), else_=whole(1))
    fine = inner.c.trouble < whole(0)
    keys = [inner.c.trouble, sa.case((fine, inner.c.label), else_=whole(0)), sa.case((fine, certain), else_=whole(0))]
    counted = sa.select(*(key.label(f"k{n}") for n, key in enumerate(keys))).subquery("counted")
    grouped = sa.select(*counted.c, sa.func.count()).group_by(*counted.c)
    rows, infinite, troubles = {0: 0, 1: 0}, 0, np.zeros(len(TROUBLES), np.int64)
    for trouble, label, is_certain, n in snapshot.query(grouped, about=about):
        if trouble >= 0:
            troubles[trouble] += n
        elif is_certain:
            infinite += n
        else:
            rows[label] += n

    def sums(intercept: float, slope: float) -> Floats:
        row = snapshot.query(_sums(inner, intercept, slope), about=about)[0]
        return np.array([float(each or 0) for each in row])

    return recalibration(sums, Judgeable(rows[0], rows[1], infinite, troubles), minimum=minimum)


def _sums(inner: sa.Subquery, intercept: float, slope: float) -> sa.Select[tuple[float]]:
    """:data:`affidavit.measure.recalibration.SUMS` of the rows without trouble."""
    score = inner.c.score
    fine = sa.and_(inner.c.trouble < whole(0), score > whole(0), score < whole(1))
    odds: Expression = sa.func.ln(score / (real(1) - score))
    rows = (
        sa.select(inner.c.label, inner.c.weight, odds.label("x"), (real(intercept) + real(slope) * odds).label("line"))
        .where(fine)
        .subquery("with_odds")
    )
    line = sa.case((rows.c.line > real(FAR), real(FAR)), (rows.c.line < real(-FAR), real(-FAR)), else_=rows.c.line)
    near = sa.select(rows.c.label, rows.c.weight, rows.c.x, line.label("z")).subquery("near")
    chance = real(1) / (real(1) + sa.func.exp(-near.c.z))
    fitted = sa.select(*near.c, chance.label("p")).subquery("fitted")
    w, x, z, p = fitted.c.weight, fitted.c.x, fitted.c.z, fitted.c.p
    error = w * (fitted.c.label - p)
    # ln(1 + exp(z)), without an exponent that no double precision holds.
    size = sa.case((z > real(0), z), else_=real(0)) + sa.func.ln(real(1) + sa.func.exp(-sa.func.abs(z)))
    each: list[Expression] = [w * (size - fitted.c.label * z), error, error * x]
    for of in (w * p * (real(1) - p), error * error):
        each += [of, of * x, of * x * x]
    return sa.select(*(sa.func.sum(one) for one in each))
