"""What two versions decided about the same rows, counted in the warehouse: a join of a table with itself, by key."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from affidavit.measure.rows import TROUBLES
from affidavit.warehouse.dialect import declared
from affidavit.warehouse.facets import Expression, finite, number, position, real, those, whole
from affidavit.warehouse.outcomes import Outcomes
from affidavit.warehouse.snapshot import Snapshot
from affidavit.warehouse.tables import TableRef

_UNDECLARED, _NONE = 2, 3  # positions of what is neither of two classes, and of null


@dataclass(frozen=True)
class Answers:
    """Where answers are: the column of ``key`` that tells rows apart, and that of ``version``, who answered."""

    key: str
    version: str


@dataclass(frozen=True)
class Pairs:
    """``counts`` by label and by what either version decided, [label, old, new]; rows in trouble, by trouble.

    ``repeated`` rows have a key that another row of the same version has, and would be joined more than once;
    ``relabelled`` are rows whose label is another one in the row of the other version.
    """

    counts: NDArray[np.int64]
    troubles: NDArray[np.int64]
    repeated: int
    relabelled: int

    @property
    def rows(self) -> int:
        """Rows that both answered."""
        return int(self.counts.sum() + self.troubles.sum())


def pairs(  # noqa: PLR0913  each argument is one thing that tells the rows
    snapshot: Snapshot, table: TableRef, asked: Outcomes, answers: Answers, *, old: str, new: str, about: str
) -> Pairs:
    """Join the rows of two versions. As :func:`affidavit.measure.paired.agreement` counts, whatever the rows.

    Raises as :meth:`Snapshot.query`, and ``SourceRefused`` for a column that is absent or of no use; ValueError where
    it is not between two classes that is decided.
    """
    if len(asked.classes) != 2 or (asked.decision is None and asked.cut is None):
        raise ValueError("two classes are needed, and a column of decisions or a cut")
    first, second = (_answered(snapshot, table, asked, answers, version=version, about=about) for version in (old, new))
    keys = [first.c.label, second.c.label, first.c.decision, second.c.decision]
    joined = sa.select(*keys, sa.func.count()).select_from(first.join(second, first.c.key == second.c.key))
    counts, troubles = np.zeros((2, 2, 2), np.int64), np.zeros(len(TROUBLES), np.int64)
    relabelled = 0
    for label, again, before, after, n in snapshot.query(joined.group_by(*keys), about=about):
        relabelled += n if label != again else 0
        trouble = _trouble(label, {before, after})
        if trouble is None:
            counts[label, before, after] += n
        else:
            troubles[trouble] += n
    repeated = 0
    for side in (first, second):
        told = sa.select(sa.func.count() - sa.func.count(side.c.key.distinct())).select_from(side)
        repeated += int(snapshot.query(told, about=about)[0][0])
    return Pairs(counts, troubles, repeated, relabelled)


def _trouble(label: int, decisions: set[int]) -> int | None:
    """By position in :data:`TROUBLES`; of several the first counts."""
    if label in {_NONE, _UNDECLARED}:
        return 0 if label == _NONE else 1
    if decisions & {_NONE, _UNDECLARED}:
        return 2 if _NONE in decisions else 3
    return None


def _answered(
    snapshot: Snapshot, table: TableRef, asked: Outcomes, answers: Answers, *, version: str, about: str
) -> sa.Subquery:
    """The rows of one version, as key and positions of label and decision."""
    where = snapshot.where(about)
    rows = those(table, answers.version, version, where=where)
    (key,) = declared([table.column(answers.key, where=where)])
    columns = {
        "key": key,
        "label": position(table.column(asked.label, where=where), asked.classes),
        "decision": _decision(snapshot, table, asked, where=where),
    }
    chosen = sa.select(*(each.label(name) for name, each in columns.items())).select_from(rows.selectable)
    return chosen.where(key.is_not(None)).subquery(f"of_{version}")


def _decision(snapshot: Snapshot, table: TableRef, asked: Outcomes, *, where: str) -> Expression:
    if asked.decision is not None:
        return position(table.column(asked.decision, where=where), asked.classes)
    assert asked.score is not None
    assert asked.cut is not None
    score = number(snapshot, table.column(asked.score, where=where), where=where)
    return sa.case((sa.not_(finite(score)), whole(_NONE)), (score >= real(asked.cut), whole(1)), else_=whole(0))
