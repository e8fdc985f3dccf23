"""Labels that stand out: rows whose label a model that has not seen them contradicts with confidence.

Confident learning (Northcutt, Jiang and Chuang, *JAIR* 70, 2021): each row gets the probabilities of a multinomial
logistic regression fitted to other rows. A class is held confidently of a row if its probability is at least the mean
of it over the rows that carry the class as their label. A row stands out if the likeliest of the classes held
confidently of it is not its label. Rows near the border of two classes do so without any error, so that the share of
rows that stand out is no share of wrong labels by itself: it is compared with a threshold of the owner's, or with rows
whose labels are trusted.

Against trusted rows, all rows are put together, and which stand out is found without knowing which are trusted. So the
one-sided test of Fisher is exact if the two differ in nothing else: other drift shows too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.duplicates import Features
from affidavit.measure.estimate import Estimate, cannot
from affidavit.measure.shares import difference, share

SHARE, EXCESS, P_VALUE = "label_issue_share", "label_issue_excess", "label_issue_p_value"

FOLDS = 5
RIDGE = 1.0
"""Penalty on the squares of coefficients, of columns with variance 1; on the sum of losses, as 1/C of scikit-learn."""

LEAST_OF_A_CLASS = 2 * FOLDS
MOST_CATEGORIES = 50
"""A column of more categories than this is left out: it names rows, and would take a coefficient for each."""


@dataclass(frozen=True)
class Labelled:
    """Rows and the label that each carries, as text."""

    features: Features
    labels: Sequence[str]

    def __post_init__(self) -> None:
        if len(self.features) != len(self.labels):
            raise ValueError("one label for each row")


def label_issues(
    rows: Labelled, *, classes: Sequence[str], seed: int, trusted: Labelled | None = None
) -> tuple[Estimate, ...]:
    """The share of ``rows`` whose label stands out.

    With ``trusted`` rows also how much greater it is than theirs, and the one-sided p-value of that. ``classes`` are
    the declared labels; two or more. ``seed`` draws the folds.
    """
    every = rows if trusted is None else _joined(rows, trusted)
    measures = (SHARE,) if trusted is None else (SHARE, EXCESS, P_VALUE)
    given = np.array([list(classes).index(label) if label in classes else -1 for label in every.labels], dtype=int)
    why = _unjudged(
        given, len(classes), rows=len(rows.labels), trusted=None if trusted is None else len(trusted.labels)
    )
    if why:
        return tuple(cannot(measure, why, n=len(rows.labels)) for measure in measures)
    flagged = _stands_out(out_of_fold(design(every.features), given, classes=len(classes), seed=seed), given)
    return _estimates(flagged[: len(rows.labels)], flagged[len(rows.labels) :])


def _joined(rows: Labelled, trusted: Labelled) -> Labelled:
    features = Features(
        np.vstack([rows.features.numbers, trusted.features.numbers]),
        np.vstack([rows.features.categories, trusted.features.categories]),
    )
    return Labelled(features, [*rows.labels, *trusted.labels])


def _unjudged(given: NDArray[np.intp], classes: int, *, rows: int, trusted: int | None) -> str | None:
    if outside := int((given < 0).sum()):
        return f"{outside:,} rows carry labels outside the declared set"
    if not rows or trusted == 0:
        return f"no {'rows' if not rows else 'trusted rows'}"
    if (fewest := int(np.bincount(given, minlength=classes).min())) < LEAST_OF_A_CLASS:
        return f"too few: a class has {fewest} rows, {LEAST_OF_A_CLASS} are asked for"
    return None


def _estimates(flagged: NDArray[np.bool_], trusted: NDArray[np.bool_]) -> tuple[Estimate, ...]:
    rows, found = len(flagged), int(flagged.sum())
    ours = share(SHARE, found, rows)
    if not len(trusted):
        return (ours,)
    from scipy.stats import hypergeom

    theirs, both = int(trusted.sum()), rows + len(trusted)
    excess = difference(EXCESS, ours, share(SHARE, theirs, len(trusted)))
    chance = min(1.0, float(hypergeom.sf(found - 1, both, found + theirs, rows)))
    return ours, excess, Estimate(P_VALUE, chance, both)


def design(features: Features) -> NDArray[np.float64]:
    """One column of ones, each number standardised and, where any is missing, whether it is; one column a category."""
    columns = [np.ones(len(features))]
    for values in features.numbers.T.astype(float):
        finite = np.isfinite(values)
        # By ranks: a wild value moves the fit no more than the next one.
        ranks = np.searchsorted(np.sort(values[finite]), values[finite], side="left") / max(1, finite.sum())
        filled = np.full(len(values), 0.5)
        filled[finite] = ranks
        columns += [filled, *([] if finite.all() else [(~finite).astype(float)])]
        centred = np.clip(_standardised(np.where(finite, values, np.nan)), -5, 5)
        columns.append(np.where(finite, centred, 0.0))
    for column in features.categories.T:
        texts = np.array(["" if value is None else f"={value}" for value in column])
        seen = np.unique(texts)
        columns += [(texts == text).astype(float) for text in seen if len(seen) <= MOST_CATEGORIES]
    rest = [_standardised(column) for column in columns[1:]]
    return np.column_stack([columns[0], *rest])


def _standardised(column: NDArray[np.float64]) -> NDArray[np.float64]:
    known = column[np.isfinite(column)]
    deviation = float(known.std()) if len(known) else 0.0
    centred: NDArray[np.float64] = (column - known.mean()) / deviation if deviation > 0 else column * 0.0
    return centred


def out_of_fold(x: NDArray[np.float64], given: NDArray[np.intp], *, classes: int, seed: int) -> NDArray[np.float64]:
    """Probabilities, of shape (rows, classes), by models that have not seen the row; folds are even in each class."""
    generator = np.random.default_rng(seed)
    fold = np.empty(len(given), dtype=int)
    for each in range(classes):
        of_class = generator.permutation(np.flatnonzero(given == each))
        fold[of_class] = np.arange(len(of_class)) % FOLDS
    found = np.empty((len(given), classes))
    for each in range(FOLDS):
        inside = fold != each
        found[~inside] = _softmax(x[~inside] @ _fitted(x[inside], np.eye(classes)[given[inside]]))
    return found


def _fitted(x: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients of a multinomial logistic regression with a ridge penalty, but for the column of ones."""
    from scipy.optimize import minimize

    shape = (x.shape[1], wanted.shape[1])
    penalty = np.full((shape[0], 1), RIDGE)
    penalty[0] = 0.0

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        weights = flat.reshape(shape)
        scores = x @ weights
        top = scores.max(axis=1, keepdims=True)
        total = np.log(np.exp(scores - top).sum(axis=1)) + top[:, 0] - (scores * wanted).sum(axis=1)
        gradient = x.T @ (_softmax(scores) - wanted) + penalty * weights
        return float(total.sum() + (penalty * weights**2).sum() / 2), gradient.ravel()

    answer: Any = minimize(loss, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    weights: NDArray[np.float64] = answer.x.reshape(shape)
    return weights


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _stands_out(probabilities: NDArray[np.float64], given: NDArray[np.intp]) -> NDArray[np.bool_]:
    classes = probabilities.shape[1]
    usual = np.array([probabilities[given == each, each].mean() for each in range(classes)])
    held = np.where(probabilities >= usual, probabilities, -1.0)
    out: NDArray[np.bool_] = (held.max(axis=1) >= 0) & (held.argmax(axis=1) != given)
    return out
