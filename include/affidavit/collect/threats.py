"""Threats to the data that a model learnt from, in the snapshot in which its answers are measured.

What is counted row by row is counted in the warehouse, over all rows: hold-out rows that training has too, features
that tell the label alone, those that only training has. Near duplicates and labels that stand out are told of a
bounded sample of each table, drawn by the key, which stays in memory.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from affidavit.collect.scored import Found, Scored, of_dataset
from affidavit.errors import SourceRefused
from affidavit.inventory import Dataset
from affidavit.measure import Estimate, cannot
from affidavit.measure import duplicates as near
from affidavit.measure import labels as outstanding
from affidavit.measure.duplicates import Features, near_duplicates
from affidavit.measure.labels import Labelled, label_issues
from affidavit.measure.leakage import leakage_information
from affidavit.measure.presence import training_only
from affidavit.warehouse import features
from affidavit.warehouse.facets import GroupColumn
from affidavit.warehouse.overlap import Rows, holdout_overlap
from affidavit.warehouse.profile import is_number
from affidavit.warehouse.sample import METHOD, sample

MOST_COMPARED = 10_000
"""Rows of each table among which near duplicates are looked for."""

MOST_LABELLED = 2_000
"""Rows of each table to which models of the label are fitted."""


class _Unsampled(Exception):
    """A dataset of which no sample can be drawn, and why."""


def threats(scored: Scored) -> Found:
    """The family of what threatens the training data (the reference) and what is held out from it.

    Raises ``SourceRefused`` for a declared column that is absent, and as :meth:`Snapshot.query`.
    """
    measured, opened, training = scored.measured, scored.opened, scored.reference
    assert training is not None
    if why := scored.elsewhere(training):
        return Found([cannot("holdout_overlap_share", why)], 0)
    table = opened.table(training.table)
    held_out = [
        each
        for each in scored.system.datasets
        if each.use in {"test", "validation"} and each.connection == training.connection
    ]
    estimates: list[Estimate] = []
    columns = [*measured.features, scored.table.label]
    for holdout in held_out:
        kept = Rows(opened, opened.table(holdout.table), holdout.table)
        shared = holdout_overlap(kept, Rows(opened, table, training.table), columns=columns)
        estimates.append(of_dataset(shared, holdout.id))
        estimates += (of_dataset(each, holdout.id) for each in _near_duplicates(scored, training, holdout))
    if measured.classes:
        for name in measured.features:
            counts = features.value_counts(
                opened, table, name, about=training.table, label=scored.table.label, classes=measured.ordered
            )
            estimates.append(leakage_information(name, counts))
        estimates += (of_dataset(_label_issues(scored, each), each.id) for each in (training, *held_out))
    seen = features.presence(
        (opened, table, training.table), (opened, scored.whole, scored.about), list(measured.features)
    )
    estimates += training_only(seen).estimates
    rows = max((each.n for each in estimates), default=0)
    settings = {
        "training data": training.id,
        "near duplicates": f"among at most {MOST_COMPARED:,} rows of each table by {METHOD}: of more, the share is "
        "of those",
        "labels that stand out": f"among at most {MOST_LABELLED:,} rows of each table, likewise",
    }
    return Found(estimates, rows, settings=settings)


def _near_duplicates(scored: Scored, training: Dataset, holdout: Dataset) -> Iterator[Estimate]:
    if why := _unsampled(scored, training) or _unsampled(scored, holdout):
        yield from (cannot(name, f"not tested: {why}") for name in (near.SHARE, near.P_VALUE))
        return
    numeric = _numeric(scored, (training, holdout))
    try:
        learnt, kept = (_drawn(scored, each, numeric, rows=MOST_COMPARED)[0] for each in (training, holdout))
    except _Unsampled as error:
        yield from (cannot(name, f"not tested: {error}") for name in (near.SHARE, near.P_VALUE))
        return
    yield from near_duplicates(learnt, kept, seed=scored.measured.seed)


def _label_issues(scored: Scored, dataset: Dataset) -> Estimate:
    if why := _unsampled(scored, dataset):
        return cannot(outstanding.SHARE, f"not tested: {why}")
    numeric = _numeric(scored, (dataset,))
    try:
        found, labels = _drawn(scored, dataset, numeric, rows=MOST_LABELLED)
    except _Unsampled as error:
        return cannot(outstanding.SHARE, f"not tested: {error}")
    carrying = [n for n, label in enumerate(labels) if label is not None]
    rows = Labelled(
        Features(found.numbers[carrying], found.categories[carrying]), [label for label in labels if label is not None]
    )
    (estimate,) = label_issues(rows, classes=scored.measured.ordered, seed=scored.measured.seed)
    return estimate


def _unsampled(scored: Scored, dataset: Dataset) -> str | None:
    """Why no sample of a dataset can be drawn; None where one can."""
    measured = scored.measured
    if measured.key is None:
        return "no key tells rows apart"
    if not measured.features:
        return "no features are named"
    there = {column.name for column in scored.opened.table(dataset.table).columns}
    lacking = [name for name in (measured.key, *measured.features, scored.table.label) if name not in there]
    return f"{dataset.id} has no column {lacking[0]}" if lacking else None


def _numeric(scored: Scored, datasets: tuple[Dataset, ...]) -> frozenset[str]:
    """The features that are columns of numbers in each of these tables."""
    tables = [scored.opened.table(each.table) for each in datasets]
    types = [{column.name: column for column in table.columns} for table in tables]
    return frozenset(name for name in scored.measured.features if all(is_number(of[name]) for of in types))


def _drawn(
    scored: Scored, dataset: Dataset, numeric: frozenset[str], *, rows: int
) -> tuple[Features, list[str | None]]:
    """A sample of a dataset: its features, and its labels as they are declared, which is none of them where another."""
    measured, opened = scored.measured, scored.opened
    assert measured.key is not None
    label = GroupColumn(scored.table.label, measured.ordered)
    asked: list[str | GroupColumn] = [*measured.features, *([label] if measured.classes else [scored.table.label])]
    table = opened.table(dataset.table)
    try:
        found = sample(opened, table, key=measured.key, columns=asked, rows=rows, seed=str(measured.seed))
    except SourceRefused as error:
        # The key is that of the scored rows: that it tells those of a dataset apart is nobody's promise.
        raise _Unsampled(f"in {dataset.id} {error.problem}") from error
    numbers = [found.numbers(name) for name in measured.features if name in numeric]
    others = [found.columns[name] for name in measured.features if name not in numeric]
    if not measured.classes:
        # Of a regression the label is one more number that copies share.
        numbers.append(found.numbers(scored.table.label))
    matrix = np.array(numbers, float).reshape(len(numbers), found.rows).T
    texts = np.empty((len(others), found.rows), object)
    for n, column in enumerate(others):
        texts[n] = column
    return Features(matrix, texts.T), found.coded[label] if measured.classes else []
