"""What a model's answers rest on, how stable that is, and whether it is what somebody declared.

Permutation importance: L. Breiman, *Machine Learning* 45 (2001). Shapley values by sampling: E. Štrumbelj and
I. Kononenko, *Knowledge and Information Systems* 41 (2014); a feature that is absent has the value of a row drawn from
the background. Neither says what causes what, and both spread importance over features that say the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affidavit.measure.asking import Ask, Floats, Table, answers, chosen, length, scores, with_column
from affidavit.measure.estimate import Estimate, cannot
from affidavit.measure.intervals import student

IMPORTANCE, STABILITY = "permutation_importance", "permutation_importance_rank_correlation"
AGREEMENT, OUTSIDE = "declared_relevance_auc", "importance_share_outside_declared"
REASON, REASONS = "shapley_value", "top_reasons_overlap"

_REPEATS = 4
"""How often the reasons of one decision are drawn, to see whether they stay."""


def permutation_importance(
    ask: Ask, table: Table, label: NDArray[Any], *, features: Sequence[str], seed: int, repeats: int = 10
) -> Floats:
    """By how much the accuracy of ``ask`` falls when a column is shuffled: an array [features, repeats].

    Raises ``ValueError`` for no rows, or fewer than two repeats.
    """
    if not length(table) or repeats < 2:
        raise ValueError("importance needs rows, and two repeats or more")
    whole = float((answers(ask, table) == label).mean())
    found = np.empty((len(features), repeats))
    for n, name in enumerate(features):
        rng = np.random.default_rng([seed, *name.encode()])
        for repeat in range(repeats):
            shuffled = with_column(table, name, rng.permutation(table[name]))
            found[n, repeat] = whole - float((answers(ask, shuffled) == label).mean())
    return found


def importances(found: Floats, *, features: Sequence[str], declared: Sequence[str], rows: int) -> list[Estimate]:
    """What :func:`permutation_importance` found of ``rows``, and how it agrees with the features ``declared`` relevant.

    Each importance is a mean with Student's interval over repeats, not over other rows. The rank correlation
    (Spearman's) is the mean over pairs of repeats. ``declared_relevance_auc`` is the share of pairs of a declared and
    another feature in which the declared one is the more important (ties half); the share outside is of all importance
    above 0.
    """
    means = found.mean(axis=1)
    low, high = student(means, found.var(axis=1, ddof=1) / found.shape[1], found.shape[1])
    each = [
        Estimate(IMPORTANCE, float(means[n]), rows, float(low[n]), float(high[n]), about=name)
        for n, name in enumerate(features)
    ]
    named = np.isin(list(features), list(declared))
    return [*each, _rank_correlation(found, rows), _relevance(means, named, rows), _outside(means, named, rows)]


def _rank_correlation(found: Floats, rows: int) -> Estimate:
    from scipy import stats

    if len(found) < 2 or (np.ptp(found, axis=0) == 0).any():
        return cannot(STABILITY, "in some repeat every feature is as important as any other", n=rows)
    ranks = stats.rankdata(found, axis=0)
    correlation = np.corrcoef(ranks, rowvar=False)
    pairs = correlation[np.triu_indices(found.shape[1], 1)]
    return Estimate(STABILITY, float(pairs.mean()), rows)


def _relevance(means: Floats, named: NDArray[np.bool_], rows: int) -> Estimate:
    if named.all() or not named.any():
        which = "every" if named.all() else "no"
        return cannot(AGREEMENT, f"{which} feature is declared relevant", n=rows)
    difference = means[named][:, None] - means[~named]
    return Estimate(AGREEMENT, float(((difference > 0) + (difference == 0) / 2).mean()), rows)


def _outside(means: Floats, named: NDArray[np.bool_], rows: int) -> Estimate:
    above = np.maximum(means, 0.0)
    if above.sum() == 0:
        return cannot(OUTSIDE, "no feature matters: shuffling any of them leaves the accuracy as it is", n=rows)
    return Estimate(OUTSIDE, float(above[~named].sum() / above.sum()), rows)


def shapley(ask: Ask, row: Table, background: Table, *, seed: int, samples: int = 100) -> Floats:
    """What each feature of one ``row`` adds to its score, over that of the background: an array [samples, features].

    Each sample draws a background row and an order of the features, and asks about ``features`` + 1 rows. The mean of
    a column is the Shapley value; each sample adds up to the difference of the two scores.
    """
    names = list(row)
    rng = np.random.default_rng(seed)
    drawn = rng.integers(length(background), size=samples)
    orders = np.array([rng.permutation(len(names)) for _ in range(samples)])
    place = np.argsort(orders, axis=1)  # place[s, f]: when feature f takes the row's own value
    steps = np.arange(len(names) + 1)
    asked = {}
    for f, name in enumerate(names):
        own = steps > place[:, [f]]  # [samples, steps]
        other = np.repeat(background[name][drawn], len(steps)).reshape(samples, -1)
        asked[name] = np.where(own, row[name][0], other).ravel().astype(background[name].dtype)
    found = scores(ask, asked).reshape(samples, -1)
    gains = np.diff(found, axis=1)
    return np.take_along_axis(gains, place, axis=1)


def reasons(found: Floats, *, features: Sequence[str]) -> list[Estimate]:
    """The reasons of one decision: each feature's ``shapley_value``, with Student's interval over the samples."""
    mean, n = found.mean(axis=0), len(found)
    low, high = student(mean, found.var(axis=0, ddof=1) / n, n)
    return [
        Estimate(REASON, float(mean[f]), n, float(low[f]), float(high[f]), about=name)
        for f, name in enumerate(features)
    ]


def reason_overlap(
    ask: Ask, rows: Table, background: Table, *, seed: int, samples: int = 100, top: int = 3
) -> Estimate:
    """Whether the same decision gets the same ``top`` reasons when they are drawn again.

    ``top_reasons_overlap`` is the share of the reasons that two repeats have in common, the mean over pairs of repeats
    and over ``rows``; Student's interval over rows, cut at 0 and 1. 1 is what reasons should be that people are given.
    """
    n, about = length(rows), f"top {top}"
    if n < 2:
        return cannot(REASONS, "two rows or more are asked for", n=n, about=about)
    if len(rows) <= top:
        return cannot(REASONS, f"there are no more than {top} features", n=n, about=about)
    shares = np.empty(n)
    for at in range(n):
        row = chosen(rows, np.array([at]))
        best = []
        for repeat in range(_REPEATS):
            size = np.abs(shapley(ask, row, background, seed=_seed(seed, at, repeat), samples=samples).mean(axis=0))
            best.append(frozenset(np.argsort(-size, kind="stable")[:top].tolist()))
        shares[at] = np.mean([len(a & b) / top for a, b in itertools.combinations(best, 2)])
    low, high = student(shares.mean(), shares.var(ddof=1) / n, n)
    return Estimate(REASONS, float(shares.mean()), n, max(0.0, float(low)), min(1.0, float(high)), about=about)


def _seed(seed: int, at: int, repeat: int) -> int:
    return int(np.random.SeedSequence([seed, at, repeat]).generate_state(1)[0])
