"""A version against the latest one before it that answered the same rows, by a join in the warehouse.

Whichever of the two is in use: the measurement of a version tells what came with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from affidavit.inventory import Measured
from affidavit.inventory.measures import measures_of
from affidavit.measure import Estimate, cannot
from affidavit.measure.paired import compared
from affidavit.measure.rows import TROUBLES
from affidavit.warehouse import Snapshot, TableRef
from affidavit.warehouse.outcomes import Outcomes
from affidavit.warehouse.pairs import Answers, Pairs, pairs

TRIED = 5
"""Older versions that are looked at for the same rows."""


@dataclass(frozen=True)
class Compared:
    """The results of one comparison, and what they rest on."""

    estimates: Sequence[Estimate]
    rows: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)
    settings: Mapping[str, str] = field(default_factory=dict)


def uncompared(measured: Measured) -> str | None:
    """Why versions of a table cannot be compared, whatever its rows; None where they can."""
    if measured.task != "binary":
        return "only decisions between two classes are compared"
    if measured.weight is not None:
        # Counted once each they would answer another question than every other number about these rows.
        return "rows have weights, which no comparison row by row takes"
    if measured.version is None or measured.key is None:
        return "no column tells versions apart" if measured.version is None else "no key tells rows apart"
    return None


def compare(
    opened: Snapshot, table: TableRef, asked: Outcomes, measured: Measured, *, versions: Sequence[str], about: str
) -> Compared:
    """The first of ``versions`` (the newest first) against the first of the others with some of the same keys.

    Raises as :func:`affidavit.warehouse.pairs.pairs`.
    """
    assert measured.key is not None
    assert measured.version is not None
    new, *older = versions
    answers = Answers(measured.key, measured.version)
    for old in older[:TRIED]:
        found = pairs(opened, table, asked, answers, old=old, new=new, about=about)
        if found.rows:
            settings = {"compared with": f"version {old}", "rows": f"those that both answered, by {measured.key}"}
            left_out = {name: int(n) for name, n in zip(TROUBLES, found.troubles, strict=True) if n}
            return Compared(_judged(found, measured), found.rows, left_out, settings)
    why = "not tested: no older version answered any of the same rows"
    return Compared([cannot(name, why) for name in measures_of("comparison")])


def _judged(found: Pairs, measured: Measured) -> list[Estimate]:
    why = None
    if found.repeated:
        why = f"{found.repeated} rows share their key with another row of the same version"
    elif found.relabelled:
        why = f"{found.relabelled} rows carry another label in the row of the other version"
    if why:
        return [cannot(name, why, n=found.rows) for name in measures_of("comparison")]
    return compared(found.counts, found.troubles, seed=measured.seed, minimum=measured.minimum)
