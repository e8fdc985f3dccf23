"""Predictions and what came true, added up in the warehouse: what :mod:`affidavit.measure` needs, whatever the rows.

Each gives what the function of the same name in :mod:`affidavit.measure` gives from arrays. Memory here depends on the
groups, never on the rows. Labels may be missing (those rows are left out, and counted); whatever else is wrong with a
row is counted, and what would have rested on the row cannot be judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa

from affidavit.measure import calibration, ranking
from affidavit.measure.calibration import EDGES, Probabilities
from affidavit.measure.confusion import Confusion
from affidavit.measure.ranking import Ranking
from affidavit.measure.rows import TROUBLES
from affidavit.warehouse.facets import By, Expression, Split, finite, number, position, real, split, whole
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import TableRef


@dataclass(frozen=True)
class Outcomes:
    """Columns of predictions. ``classes`` are what labels may be, as text; of two the second is the positive one.

    A decision is what ``decision`` holds, or positive from ``cut`` on; ``score`` is a probability, or any number by
    which rows are only ranked.
    """

    label: str
    classes: tuple[str, ...]
    decision: str | None = None
    score: str | None = None
    cut: float | None = None
    weight: str | None = None

    def __post_init__(self) -> None:
        if self.cut is not None and (self.score is None or self.decision is not None or len(self.classes) != 2):
            raise ValueError("a cut decides between two classes, by a score and without a column of decisions")


def confusion(snapshot: Snapshot, table: TableRef, asked: Outcomes, *, by: By = (), about: str) -> Confusion:
    """Count decisions by label in one scan. Raises as :meth:`Snapshot.query`, and ``SourceRefused`` for bad columns.

    Raises ValueError where neither a decision nor a cut is asked for.
    """
    return _counted(snapshot, table, asked, by, about)[0]


def confusion_and_probabilities(
    snapshot: Snapshot, table: TableRef, asked: Outcomes, *, by: By = (), about: str
) -> tuple[Confusion, Probabilities]:
    """Both, in one scan; the score has to be a probability. Raises as :func:`confusion`."""
    if asked.score is None or len(asked.classes) != 2:
        raise ValueError("probabilities need a column of scores, and two classes")
    counted, found = _counted(snapshot, table, asked, by, about, probability=True)
    return counted, Probabilities(counted.groups, found, counted.troubles)


def _counted(
    snapshot: Snapshot, table: TableRef, asked: Outcomes, by: By, about: str, *, probability: bool = False
) -> tuple[Confusion, Any]:
    if asked.decision is None and asked.cut is None:
        raise ValueError("decisions are needed: a column of them, or a cut of a score")
    how = split(snapshot, table, by, where=snapshot.where(about))
    inner = judged(snapshot, table, asked, how, probability=probability, where=snapshot.where(about))
    keys = [inner.c[name] for name in ("code", "span", "trouble", "label", "decision", "bin")]
    statement = sa.select(*keys, *_sums(inner, probability=probability)).group_by(*keys)
    answer = snapshot.query(statement, about=about)
    groups, place = how.places([(row[0], row[1]) for row in answer])
    size, names = len(asked.classes), len(calibration.SUMS)
    rows = np.zeros((len(groups), size, size), np.int64)
    weight, square = np.zeros(rows.shape), np.zeros(rows.shape)
    troubles = np.zeros((len(groups), len(TROUBLES)), np.int64)
    sums = np.zeros((len(groups), calibration.BINS, 2, names))
    for (code, span, trouble, label, decision, bin_, *found), at in zip(answer, place, strict=True):
        del code, span
        if trouble >= 0:
            troubles[at, trouble] += int(found[0])
            continue
        rows[at, label, decision] += int(found[0])
        weight[at, label, decision] += float(found[1])
        square[at, label, decision] += float(found[2])
        if probability:
            sums[at, bin_, label] += [float(each) for each in found]
    return Confusion(asked.classes, groups, rows, weight, square, troubles), sums


def judged(
    snapshot: Snapshot, table: TableRef, asked: Outcomes, how: Split, *, probability: bool, where: str
) -> sa.Subquery:
    """Each row of ``table`` as group, trouble (-1 for none), positions of label and decision, score, bin and weight.

    ``where`` names the table in errors. Raises ``SourceRefused`` for a column that is absent or of no use.
    """
    label = position(table.column(asked.label, where=where), asked.classes)
    size = len(asked.classes)
    score = None if asked.score is None else number(snapshot, table.column(asked.score, where=where), where=where)
    wrong: list[tuple[Expression, Expression]] = [
        (label == whole(size + 1), whole(0)),
        (label == whole(size), whole(1)),
    ]
    decision: Expression = whole(0)
    if score is not None:
        wrong.append((sa.not_(finite(score)), whole(2)))
        if probability:
            wrong.append((sa.or_(score < whole(0), score > whole(1)), whole(4)))
        if asked.cut is not None:
            decision = sa.case((score >= real(asked.cut), whole(1)), else_=whole(0))
    if asked.decision is not None:
        decision = position(table.column(asked.decision, where=where), asked.classes)
        wrong += [(decision == whole(size + 1), whole(2)), (decision == whole(size), whole(3))]
    weight, unusable = _weight(snapshot, table, asked.weight, where=where)
    edges: list[tuple[Expression, Expression]] = []
    if probability and score is not None:
        edges = [(score < real(edge), whole(n)) for n, edge in enumerate(EDGES)]
    columns = {
        "code": how.code,
        "span": how.span,
        "label": label,
        "decision": decision,
        "weight": weight,
        "trouble": sa.case(*wrong, *unusable, else_=whole(-1)),
        "score": whole(0) if score is None else score,
        "bin": sa.case(*edges, else_=whole(len(EDGES))) if edges else whole(0),
    }
    return sa.select(*(each.label(name) for name, each in columns.items())).select_from(table.selectable).subquery("r")


def _weight(
    snapshot: Snapshot, table: TableRef, column: str | None, *, where: str
) -> tuple[Expression, list[tuple[Expression, Expression]]]:
    if column is None:
        return real(1), []
    weight = number(snapshot, table.column(column, where=where), where=where)
    return weight, [(sa.or_(sa.not_(finite(weight)), weight < whole(0)), whole(5))]


def _sums(inner: sa.Subquery, *, probability: bool) -> list[Expression]:
    """:data:`affidavit.measure.calibration.SUMS`, or the first three of them."""
    weight, score, label = inner.c.weight, inner.c.score, inner.c.label
    # Rows in trouble are only counted: what they hold may be of no use in arithmetic.
    fine = inner.c.trouble < whole(0)

    def total(of: Expression) -> Expression:
        return sa.func.coalesce(sa.func.sum(sa.case((fine, of))), 0)

    asked = [sa.func.count(), total(weight), total(weight * weight)]
    if not probability:
        return asked
    given = sa.case((label == whole(1), score), else_=real(1) - score)
    error = score - label
    log = sa.case((sa.and_(fine, given > whole(0)), -sa.func.ln(sa.case((sa.and_(fine, given > whole(0)), given)))))
    for loss in (score, error * error, log):
        asked += [total(weight * loss), total(weight * weight * loss), total(weight * loss * weight * loss)]
    return [*asked, total(sa.case((given <= whole(0), whole(1)), else_=whole(0)))]


def rank(snapshot: Snapshot, table: TableRef, asked: Outcomes, *, by: By = (), about: str) -> Ranking:
    """Sort by score within each group, in the warehouse; two scans. Raises as :func:`confusion`."""
    if asked.score is None or len(asked.classes) != 2:
        raise ValueError("a ranking needs a column of scores, and two classes")
    how = split(snapshot, table, by, where=snapshot.where(about))
    inner = judged(snapshot, table, asked, how, probability=False, where=snapshot.where(about))
    counts = sa.select(inner.c.code, inner.c.span, inner.c.trouble, sa.func.count())
    every = snapshot.query(counts.group_by(inner.c.code, inner.c.span, inner.c.trouble), about=about)
    answer = snapshot.query(_ranked(inner), about=about)
    groups, place = how.places([(row[0], row[1]) for row in (*every, *answer)])
    troubles = np.zeros((len(groups), len(TROUBLES)), np.int64)
    sums = np.zeros((len(groups), len(ranking.SUMS)))
    for row, at in zip(every, place[: len(every)], strict=True):
        if row[2] >= 0:
            troubles[at, row[2]] += int(row[3])
    for row, at in zip(answer, place[len(every) :], strict=True):
        sums[at] = [float(each or 0) for each in row[2:]]
    return Ranking(groups, sums, troubles)


def _ranked(inner: sa.Subquery) -> sa.Select[Any]:
    """:data:`affidavit.measure.ranking.SUMS` by group: over the distinct scores, twice in order."""
    keys = ("code", "span")

    def total(of: Expression, label: int) -> Expression:
        return sa.func.sum(sa.case((inner.c.label == whole(label), of), else_=real(0)))

    weight = inner.c.weight
    sums = {
        f"{name}_{sign}": total(of, label)
        for name, of in (("rows", real(1)), ("weight", weight), ("square", weight * weight))
        for sign, label in (("positive", 1), ("negative", 0))
    }
    scores = [inner.c[name] for name in (*keys, "score")]
    distinct = (
        sa.select(*scores, *(each.label(name) for name, each in sums.items()))
        .where(inner.c.trouble < whole(0))
        .group_by(*scores)
        .subquery("distinct_scores")
    )

    def window(table: sa.Subquery, of: Expression, *, order: bool = True) -> Expression:
        by = [table.c[key] for key in keys]
        return sa.func.sum(of).over(partition_by=by, order_by=table.c.score if order else None)

    pos, neg = distinct.c.weight_positive, distinct.c.weight_negative
    totals = {"p": window(distinct, pos), "n": window(distinct, neg)}
    totals |= {"all_p": window(distinct, pos, order=False), "all_n": window(distinct, neg, order=False)}
    to = sa.select(*distinct.c, *(each.label(name) for name, each in totals.items())).subquery("up_to")
    pos, neg = to.c.weight_positive, to.c.weight_negative
    hits = to.c.all_p - to.c.p + pos
    columns = {"above": to.c.n - neg / 2, "below": to.c.p - pos / 2, "hits": hits}
    columns["chosen"] = sa.func.nullif(hits + to.c.all_n - to.c.n + neg, 0)
    placed = sa.select(*to.c, *(each.label(name) for name, each in columns.items())).subquery("placed")
    share = placed.c.hits / placed.c.chosen
    per = placed.c.weight_positive / placed.c.chosen
    last = sa.select(
        *placed.c,
        share.label("share"),
        window(placed, per * (1 - share)).label("up"),
        window(placed, per * share).label("down"),
    ).subquery("last")
    pos, pos_2, neg_2 = last.c.weight_positive, last.c.square_positive, last.c.square_negative
    moved = last.c.share + last.c.up
    added = (
        *(last.c[name] for name in ranking.SUMS[:6]),
        *(pos * last.c.above, pos_2 * last.c.above, pos_2 * last.c.above * last.c.above),
        *(neg_2 * last.c.below, neg_2 * last.c.below * last.c.below),
        *(pos * last.c.share, pos_2 * moved, pos_2 * moved * moved, neg_2 * last.c.down * last.c.down),
    )
    groups = [last.c[key] for key in keys]
    return sa.select(*groups, *(sa.func.sum(each) for each in added)).group_by(*groups)
