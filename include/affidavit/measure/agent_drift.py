"""How an agent's behaviour moved between a baseline window and now ("agentic drift"). Pure.

Each comparison says how far (an effect) and how surely (a p-value), because with many traces the smallest shift is
sure, and with few the largest is chance: who alarms asks for both. The p-values are adjusted by Holm's method (1979,
Scandinavian Journal of Statistics 6) over all comparisons made at once: it holds the chance of any false alarm at the
nominal level whatever they have to do with each other, and latency, tokens and steps have much.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from affidavit.inventory.agents import OTHER
from affidavit.measure import clusters
from affidavit.measure.agents import FEWEST, NO_SPANS, calls_of, too_few
from affidavit.measure.estimate import Estimate, cannot
from affidavit.measure.multiplicity import holm
from affidavit.measure.traces import Trace

DRAWS = 4_999
"""Random exchanges of traces between the windows that a permutation test looks at."""

_NUMBERS: tuple[tuple[str, Callable[[Trace], float | None]], ...] = (
    ("latency", lambda trace: trace.seconds),
    ("input_tokens", lambda trace: trace.input_tokens),
    ("output_tokens", lambda trace: trace.output_tokens),
    ("steps", lambda trace: trace.steps),
)

Flag = Callable[[Trace], bool | None]


@dataclass(frozen=True, slots=True)
class _Compared:
    """What one comparison found; the p-value is not adjusted yet, and None where nothing was tested."""

    effects: tuple[Estimate, ...]
    p_value: float | None = None

    def estimates(self) -> Iterator[Estimate]:
        """The effects, and the p-value under the first one's name."""
        yield from self.effects
        first = self.effects[0]
        name = f"{first.measure}_p_value"
        if self.p_value is None:
            yield replace(first, measure=name)
        else:
            yield Estimate(name, self.p_value, first.n, about=first.about)


def agent_drift(
    baseline: Sequence[Trace],
    now: Sequence[Trace],
    *,
    tools: Sequence[str],
    loop_from: int = 3,
    seed: int,
    fewest: int = FEWEST,
) -> tuple[Estimate, ...]:
    """Every comparison of ``now`` with ``baseline``; ``n`` counts the traces of both windows that it rests on.

    ``total_variation_distance`` of the tool mix (half the sum of differences between shares of calls),
    ``ks_statistic`` and ``wasserstein_distance`` (in interquartile ranges of the baseline) of latency, tokens and
    steps, and differences of error, loop and refusal rates (now less baseline) with intervals. Each effect that is
    tested is followed by its p-value, adjusted over all of them. ``fewest`` are asked of either window.
    """
    random = np.random.default_rng(seed)
    rates: tuple[tuple[str, Flag, str], ...] = (
        ("trace_error_rate", lambda trace: trace.failed, "a window has no trace that says how it ended"),
        ("loop_rate", lambda trace: trace.loops(loop_from), NO_SPANS),
        ("refusal_rate", lambda trace: trace.refusal, "a window has no trace that says whether it was a refusal"),
    )
    compared = [
        _tool_mix(baseline, now, (*tools, OTHER), fewest, random),
        _tool_errors(baseline, now, fewest, random),
        *(_numbers(name, _known(baseline, of), _known(now, of), fewest) for name, of in _NUMBERS),
        *(_flags(name, _known(baseline, of), _known(now, of), (fewest, why)) for name, of, why in rates),
    ]
    adjusted = iter(holm([each.p_value for each in compared if each.p_value is not None]))
    told = [each if each.p_value is None else replace(each, p_value=next(adjusted)) for each in compared]
    return tuple(estimate for each in told for estimate in each.estimates())


def _known(traces: Iterable[Trace], of: Callable[[Trace], float | None]) -> clusters.Floats:
    return clusters.floats([value for trace in traces if (value := of(trace)) is not None])


def _tool_mix(
    baseline: Sequence[Trace], now: Sequence[Trace], tools: Sequence[str], fewest: int, random: np.random.Generator
) -> _Compared:
    old, new = (np.stack([calls_of(traces, tool)[1] for tool in tools], axis=1) for traces in (baseline, now))
    old, new = (calls[calls.any(axis=1)] for calls in (old, new))
    few = min(len(old), len(new))
    name, about, n = "total_variation_distance", "tool_mix", len(old) + len(new)
    if few < fewest:
        why = too_few(few, fewest, "traces with a call of a tool in one of the windows")
        return _Compared((cannot(name, why, n=n, about=about),))

    def distance(old: clusters.Floats, new: clusters.Floats) -> clusters.Floats:
        shares = (calls / calls.sum(axis=-1, keepdims=True) for calls in (old, new))
        first, second = shares
        moved: clusters.Floats = np.abs(first - second).sum(axis=-1) / 2
        return moved

    value = float(distance(old.sum(axis=0), new.sum(axis=0)))
    return _Compared((Estimate(name, value, n, about=about),), _permuted(old, new, distance, random))


def _tool_errors(
    baseline: Sequence[Trace], now: Sequence[Trace], fewest: int, random: np.random.Generator
) -> _Compared:
    old, new = (np.stack(calls_of(traces, None), axis=1) for traces in (baseline, now))
    old, new = (pairs[pairs[:, 1] > 0] for pairs in (old, new))
    few = min(len(old), len(new))
    name, n = "tool_error_rate_difference", len(old) + len(new)
    if few < fewest:
        why = too_few(few, fewest, "traces with a call of a tool in one of the windows")
        return _Compared((cannot(name, why, n=n),))

    def distance(old: clusters.Floats, new: clusters.Floats) -> clusters.Floats:
        moved: clusters.Floats = np.abs(new[..., 0] / new[..., 1] - old[..., 0] / old[..., 1])
        return moved

    found = clusters.difference(clusters.ratio(new[:, 0], new[:, 1]), clusters.ratio(old[:, 0], old[:, 1]))
    effect = Estimate(name, found.value, n, found.low, found.high)
    return _Compared((effect,), _permuted(old, new, distance, random))


def _permuted(
    old: clusters.Floats,
    new: clusters.Floats,
    distance: Callable[[clusters.Floats, clusters.Floats], clusters.Floats],
    random: np.random.Generator,
) -> float:
    """How often traces that change places at random are as far apart: of rows (traces, counts), by their sums.

    Exact for traces that can be exchanged, however the calls of one hang together (Phipson and Smyth 2010,
    Statistical Applications in Genetics and Molecular Biology 9). Traces with the same counts are drawn together.
    """
    rows, how_many = np.unique(np.concatenate([old, new]), axis=0, return_counts=True)
    drawn = random.multivariate_hypergeometric(how_many, len(new), size=DRAWS, method="marginals") @ rows
    observed = distance(old.sum(axis=0), new.sum(axis=0))
    # Equal up to rounding is as far apart: the same sums are added in another order.
    as_far = int((distance(rows.T @ how_many - drawn, drawn) >= observed - 1e-12).sum())
    return (1 + as_far) / (1 + DRAWS)


def _numbers(about: str, old: clusters.Floats, new: clusters.Floats, fewest: int) -> _Compared:
    n, few = len(old) + len(new), min(len(old), len(new))
    names = ("ks_statistic", "wasserstein_distance")
    if few < fewest:
        why = too_few(few, fewest, "traces that carry it in one of the windows")
        return _Compared(tuple(cannot(name, why, n=n, about=about) for name in names))
    test = stats.ks_2samp(old, new, method="asymp")
    ks = Estimate(names[0], float(test.statistic), n, about=about)
    spread = float(np.subtract(*np.quantile(old, (0.75, 0.25))))
    far = float(stats.wasserstein_distance(old, new))
    if spread > 0:
        moved = Estimate(names[1], far / spread, n, about=about)
    else:
        why = "the middle half of the baseline is one value, so there is no spread to measure a distance in"
        moved = cannot(names[1], why, n=n, about=about)
    return _Compared((ks, moved), float(test.pvalue))


def _flags(name: str, old: clusters.Floats, new: clusters.Floats, ask: tuple[int, str]) -> _Compared:
    (fewest, nothing), n, few = ask, len(old) + len(new), min(len(old), len(new))
    measure = f"{name}_difference"
    if few < fewest:
        return _Compared((cannot(measure, too_few(few, fewest) if few else nothing, n=n),))
    (a, b), (c, d) = ((int(flags.sum()), len(flags)) for flags in (old, new))
    found = clusters.difference(clusters.proportion(c, d), clusters.proportion(a, b))
    p_value = float(stats.fisher_exact([[a, b - a], [c, d - c]]).pvalue)
    return _Compared((Estimate(measure, found.value, n, found.low, found.high),), p_value)
