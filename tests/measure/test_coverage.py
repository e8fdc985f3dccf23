"""Intervals hold what they say: in 93 to 97 of 100 samples at nominal 95 %.

Of two proportions and of one the coverage is summed up exactly, over all samples that there can be; it swings with the
counts, so that single points may lie a little outside. Else it is simulated with a seed: by night over 2,000 samples of
each setting, by day over a few hundred, with the slack that chance needs there.
"""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from affidavit.measure import intervals
from affidavit.measure.calibration import calibrated, probabilities
from affidavit.measure.confusion import Confusion
from affidavit.measure.disparity import Shares, difference, shortfall
from affidavit.measure.paired import auc_difference, compared
from affidavit.measure.performance import binary, multiclass
from affidavit.measure.ranking import ranked, ranking
from affidavit.measure.residuals import median_absolute_error, ranks_of_median, regression, residuals
from affidavit.measure.rows import TROUBLES, Facet

NIGHT = 2_000
RUNS = [pytest.param(200, 0.04), pytest.param(NIGHT, 0.005, marks=pytest.mark.nightly)]
"""Samples, and what their chance may take from either end."""


def within(covered, slack=0.0):
    return 0.93 - slack <= np.mean(covered) <= 0.97 + slack


def samples(runs, n):
    return [Facet("run", np.repeat(np.arange(runs), n), tuple(range(runs)))]


def covered(estimates, truth):
    """Shares of intervals that hold the truth, by measure; of those that are given."""
    held = {}
    for each in estimates:
        name = (each.measure, each.about)
        if each.low is not None:
            held.setdefault(name, []).append(each.low <= truth[name] <= each.high)
    return {name: np.mean(each) for name, each in held.items()}


@pytest.mark.parametrize("n", [30, 50, 100, 300])
def test_of_a_proportion(n):
    found = []
    for p in np.linspace(0.1, 0.9, 81):
        if n * p * (1 - p) < 5:
            continue
        low, high = intervals.wilson(np.arange(n + 1) / n, n)
        found.append((stats.binom.pmf(np.arange(n + 1), n, p) * ((low <= p) & (p <= high))).sum())
    assert 0.945 < np.mean(found) < 0.955
    assert all(0.92 < each < 0.98 for each in found)


@pytest.mark.parametrize("function", [intervals.newcombe, intervals.ratio])
@pytest.mark.parametrize("sizes", [(30, 60), (60, 100), (300, 60)])
def test_of_two_proportions(function, sizes):
    (n, m), (x, y) = sizes, (np.arange(sizes[0] + 1)[:, None], np.arange(1, sizes[1] + 1)[None])
    low, high = function(x / n, n, y / m, m)
    for p in (0.15, 0.3, 0.5, 0.8):
        for q in (0.1, 0.3, 0.6, 0.9):
            truth = p - q if function is intervals.newcombe else p / q
            chance = stats.binom.pmf(x, n, p) * stats.binom.pmf(y, m, q)
            assert within((chance * ((low <= truth) & (truth <= high))).sum() / chance.sum()), (p, q)


@pytest.mark.parametrize("n", [30, 100])
@pytest.mark.parametrize("changed", [(0.1, 0.1), (0.2, 0.1), (0.3, 0.05)])
def test_of_two_shares_of_the_same_rows(n, changed):
    up, down = np.meshgrid(np.arange(n + 1), np.arange(n + 1), indexing="ij")
    possible = up + down <= n
    up, down = up[possible], down[possible]
    chance = stats.multinomial.pmf(np.stack([up, down, n - up - down], 1), n, [*changed, 1 - sum(changed)])
    low, high = intervals.bonett_price(up, down, n)
    truth = changed[0] - changed[1]
    assert within((chance * ((low <= truth) & (truth <= high))).sum())


def drawn(rng, joint, runs, n, weighted):
    """That many confusion matrices of ``n`` rows, and the one that they are drawn from."""
    k = len(joint)
    groups = tuple((("run", str(run)),) for run in range(runs))
    cells = rng.choice(k * k, size=(runs, n), p=joint.ravel())
    weights = rng.gamma(2, 0.5, cells.shape) * (1 + cells % k) if weighted else np.ones(cells.shape)
    place = (cells + np.arange(runs)[:, None] * k * k).ravel()
    rows, weight, square = (
        np.bincount(place, weights=weights.ravel() ** power, minlength=runs * k * k).reshape(runs, k, k)
        for power in (0, 1, 2)
    )
    truth = np.rint(joint * (1 + np.arange(k) if weighted else 1) * 1e8)[None]
    classes, none = tuple("abc"[:k]), np.zeros((runs, len(TROUBLES)), np.int64)
    whole = Confusion(classes, ((),), truth.astype(np.int64), truth, truth, none[:1])
    return Confusion(classes, groups, rows.astype(np.int64), weight, square, none), whole


@pytest.mark.parametrize(("runs", "slack"), RUNS)
@pytest.mark.parametrize(("n", "weighted", "classes"), [(100, False, 2), (200, True, 2), (200, False, 3)])
def test_of_measures_of_confusion(runs, slack, n, weighted, classes):
    right = {2: [[0.5, 0.2], [0.1, 0.2]], 3: [[0.35, 0.1, 0.05], [0.05, 0.2, 0.05], [0.05, 0.05, 0.1]]}[classes]
    counted, whole = drawn(np.random.default_rng(1), np.array(right), runs, n, weighted)
    measures = binary if classes == 2 else multiclass
    truth = {(each.measure, each.about): each.value for each in measures(whole, seed=1, draws=10)}
    found = covered(measures(counted, seed=1, draws=400), truth)
    assert len(found) == len(truth)
    assert {name: each for name, each in found.items() if not within(each, slack)} == {}


@pytest.mark.parametrize(("runs", "slack"), RUNS)
@pytest.mark.parametrize(("n", "positive", "apart"), [(100, 0.4, 1.0), (200, 0.3, 1.5)])
def test_of_rankings(runs, slack, n, positive, apart):
    rng = np.random.default_rng(2)

    def made(rows):
        label = (rng.random(rows) < positive).astype(int)
        return label, rng.normal(size=rows) + apart * label

    label, score = made(300_000)
    truth = {
        ("roc_auc", None): metrics.roc_auc_score(label, score),
        ("average_precision", None): metrics.average_precision_score(label, score),
    }
    label, score = made(runs * n)
    found = covered(ranked(ranking(label, score, classes=(0, 1), by=samples(runs, n))), truth)
    assert {name: each for name, each in found.items() if not within(each, slack)} == {}


@pytest.mark.parametrize(("runs", "slack"), RUNS)
def test_of_losses_of_probabilities(runs, slack):
    rng = np.random.default_rng(3)
    often, score = rng.beta(1, 2, 1_000_000), rng.beta(1, 2, runs * 60)
    chance = often**1.3
    truth = {
        ("brier_score", None): (chance * (1 - often) ** 2 + (1 - chance) * often**2).mean(),
        ("log_loss", None): -(chance * np.log(often) + (1 - chance) * np.log(1 - often)).mean(),
        ("calibration_in_the_large", None): (often - chance).mean(),
    }
    label = (rng.random(len(score)) < score**1.3).astype(int)
    found = covered(calibrated(probabilities(label, score, classes=(0, 1), by=samples(runs, 60))), truth)
    assert set(found) == set(truth)
    assert {name: each for name, each in found.items() if not within(each, slack)} == {}


@pytest.mark.parametrize(("runs", "slack"), RUNS)
@pytest.mark.parametrize("n", [100, 300])
def test_of_errors_of_numbers(runs, slack, n):
    rng = np.random.default_rng(4)
    label = rng.normal(50, 2, runs * n)
    prediction = label + rng.normal(0.5, 1, len(label))
    mean = stats.foldnorm(0.5).mean()
    truth = {("mean_error", None): 0.5, ("mean_absolute_error", None): mean, ("r2", None): 1 - 1.25 / 4}
    truth |= {("root_mean_squared_error", None): np.sqrt(1.25)}
    truth |= {("median_absolute_error", None): stats.foldnorm(0.5).median()}
    added = residuals(label, prediction, by=samples(runs, n))
    sizes = np.sort(np.abs(prediction - label).reshape(runs, n), axis=1)
    ordered = [{rank: float(one[rank - 1]) for rank in ranks_of_median(n)} for one in sizes]
    rows = added[0, 0, 0].astype(np.int64)
    medians = median_absolute_error(added.groups, rows, [*ordered, {}, {}], added.troubles)
    found = covered([*regression(added), *medians], truth)
    assert set(found) == set(truth)
    assert {name: each for name, each in found.items() if not within(each, slack)} == {}


@pytest.mark.parametrize(("runs", "slack"), RUNS)
def test_of_two_versions_on_the_same_rows(runs, slack):
    rng = np.random.default_rng(5)
    joint = np.array([[[0.35, 0.05], [0.05, 0.05]], [[0.1, 0.1], [0.05, 0.25]]])
    none = np.zeros(len(TROUBLES), np.int64)
    whole = np.rint(joint * 1e8).astype(np.int64)
    truth = {(each.measure, None): each.value for each in compared(whole, none, seed=1, draws=10)}
    found = []
    for counts in rng.multinomial(500, joint.ravel(), size=runs).reshape(runs, 2, 2, 2):
        found += compared(counts, none, seed=1, draws=400)
    shares = covered(found, truth)
    assert {name: each for name, each in shares.items() if not within(each, slack)} == {}


@pytest.mark.parametrize(("runs", "slack"), RUNS)
def test_of_the_difference_of_two_areas(runs, slack):
    rng = np.random.default_rng(6)

    def made(n):
        label = (np.arange(n) % 3 == 0).astype(int)
        old = label + rng.normal(size=n)
        return label, old, old + 0.5 * label + rng.normal(size=n) / 2

    label, old, new = made(300_000)
    truth = metrics.roc_auc_score(label, new) - metrics.roc_auc_score(label, old)
    found = covered(
        [auc_difference(*made(120), classes=(0, 1)) for _ in range(runs)], {("roc_auc_change", None): truth}
    )
    assert within(found["roc_auc_change", None], slack)


SPREAD = {
    "two alike": ([100, 200], [0.3, 0.3]),
    "two near": ([100, 200], [0.3, 0.4]),
    "two apart": ([100, 200], [0.2, 0.6]),
    "five alike": ([100, 60, 200, 80, 150], [0.3] * 5),
    "one of five": ([100, 60, 200, 80, 150], [0.3, 0.3, 0.3, 0.3, 0.5]),
    "five spread": ([100, 60, 200, 80, 150], [0.1, 0.2, 0.3, 0.4, 0.5]),
}


def tried(disparity):
    """By night every spread, by day one for each disparity."""
    by_day = "two near" if disparity is difference else "one of five"
    yield pytest.param(disparity, by_day, 40, 0.08)
    for name in SPREAD:
        yield pytest.param(disparity, name, 1_000, 0.015, marks=pytest.mark.nightly)


@pytest.mark.parametrize(
    ("disparity", "spread", "runs", "slack"), [each for how in (difference, shortfall) for each in tried(how)]
)
def test_of_the_largest_disparity(disparity, spread, runs, slack):
    sizes, rates = (np.array(each, float)[None] for each in SPREAD[spread])
    rng, truth, held = np.random.default_rng(7), float(disparity(rates)), []
    for run in range(runs):
        seen = rng.binomial(sizes.astype(int), rates) / sizes
        low, high = Shares(seen, sizes).interval(disparity, seed=run, draws=300)
        held.append(low - 1e-9 <= truth <= high + 1e-9)
    assert within(held, slack), np.mean(held)
