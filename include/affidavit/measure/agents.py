"""How an agent behaved in a window of traces: tools, errors, latency, tokens, refusals, groundedness, loops. Pure.

Shares of traces have Wilson's interval, shares of calls one that knows that the calls of a trace belong together,
percentiles one between order statistics (:mod:`affidavit.measure.clusters`). Traces are taken for independent draws:
where one user's session makes many of them, the intervals are too narrow.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from affidavit.inventory.agents import OTHER
from affidavit.measure import clusters
from affidavit.measure.estimate import Estimate, cannot
from affidavit.measure.traces import SOURCES, Role, Trace

NO_SPANS = "no trace has spans that could be read"
FEWEST = 30
"""Fewest traces from which anything is concluded, where the inventory does not ask for more."""

_LATENCY = (0.5, 0.95, 0.99)
_SIZES = (0.5, 0.95)


def agent_measures(
    traces: Sequence[Trace], *, tools: Sequence[str], loop_from: int = 3, fewest: int = FEWEST
) -> tuple[Estimate, ...]:
    """Every measure of one window, in an order that depends on ``tools`` alone.

    ``tools`` are those that the agent may call, each with its share of all calls and its own rate of errors; calls of
    others are those of :data:`OTHER`. Latency is in seconds. What fewer than ``fewest`` traces speak of is not judged.
    """
    return (
        *_of_tools(traces, tools, fewest),
        _rate("trace_error_rate", [trace.failed for trace in traces], fewest, "no trace says how it ended"),
        *_percentiles("latency", [trace.seconds for trace in traces], _LATENCY, fewest),
        *_percentiles("input_tokens", [trace.input_tokens for trace in traces], _SIZES, fewest),
        *_percentiles("output_tokens", [trace.output_tokens for trace in traces], _SIZES, fewest),
        *_percentiles("steps", [trace.steps for trace in traces], _SIZES, fewest),
        _rate("loop_rate", [trace.loops(loop_from) for trace in traces], fewest, NO_SPANS),
        _rate("refusal_rate", [trace.refusal for trace in traces], fewest, "no trace says whether it was a refusal"),
        *_groundedness(traces, fewest),
        *_feedback(traces, fewest),
    )


def too_few(n: int, fewest: int, what: str = "traces") -> str:
    """Why so few are not judged."""
    return f"too few: {n:,} {what}, {fewest:,} are asked for"


def calls_of(traces: Iterable[Trace], tool: str | None) -> tuple[clusters.Floats, clusters.Floats]:
    """Errors and calls of ``tool`` (None: of all), shape (traces,) each, of traces whose spans could be read."""
    pairs = [
        (
            sum(use.errors for use in trace.tools if tool in {None, use.tool}),
            sum(use.calls for use in trace.tools if tool in {None, use.tool}),
        )
        for trace in traces
        if trace.tools is not None
    ]
    table = np.asarray(pairs, dtype=np.float64).reshape(-1, 2)
    return table[:, 0], table[:, 1]


def _of_tools(traces: Sequence[Trace], tools: Sequence[str], fewest: int) -> Iterator[Estimate]:
    errors, calls = calls_of(traces, None)
    for tool in (*tools, OTHER):
        yield _share("tool_call_share", calls_of(traces, tool)[1], calls, fewest=fewest, about=tool)
    yield _share("tool_error_rate", errors, calls, fewest=fewest)
    for tool in (*tools, OTHER):
        yield _share("tool_error_rate", *calls_of(traces, tool), fewest=fewest, about=tool)


def _share(
    measure: str, hits: clusters.Floats, of: clusters.Floats, *, fewest: int, about: str | None = None
) -> Estimate:
    """A share of calls; ``n`` counts the calls."""
    n, calling = int(of.sum()), int(np.count_nonzero(of))
    if not len(of):
        return cannot(measure, NO_SPANS, about=about)
    if calling < fewest:
        return cannot(measure, too_few(calling, fewest, "traces with a call of it"), n=n, about=about)
    share = clusters.ratio(hits, of)
    return Estimate(measure, share.value, n, share.low, share.high, about)


def _rate(
    measure: str, flags: Iterable[bool | None], fewest: int, nothing: str, *, about: str | None = None
) -> Estimate:
    """The share of those flags that say true among those that say anything."""
    known = [flag for flag in flags if flag is not None]
    n = len(known)
    if n < fewest:
        return cannot(measure, too_few(n, fewest) if n else nothing, n=n, about=about)
    share = clusters.proportion(sum(known), n)
    return Estimate(measure, share.value, n, share.low, share.high, about)


def _percentiles(
    what: str, values: Iterable[float | None], percentiles: Sequence[float], fewest: int
) -> Iterator[Estimate]:
    known = clusters.floats([value for value in values if value is not None])
    n = len(known)
    for q in percentiles:
        measure = f"{what}_p{round(q * 100)}"
        if n < fewest:
            yield cannot(measure, too_few(n, fewest) if n else f"no trace carries its {what.replace('_', ' ')}", n=n)
            continue
        value, ends = clusters.quantile(known, q)
        low, high = ends or (None, None)
        yield Estimate(measure, value, n, low, high)


def _groundedness(traces: Sequence[Trace], fewest: int) -> Iterator[Estimate]:
    """The share of grounded traces among those assessed; of all sources (each must say so), then of each by itself."""
    yield _assessed("groundedness_assessed_share", traces, "groundedness", SOURCES, fewest)
    for about, sources in ((None, SOURCES), *((source, (source,)) for source in SOURCES)):
        said = [trace.said("groundedness", *sources) for trace in traces]
        flags = [all(each) if each else None for each in said]
        yield _rate("groundedness", flags, fewest, "no trace was assessed", about=about)


def _feedback(traces: Sequence[Trace], fewest: int) -> Iterator[Estimate]:
    """What people thought; a trace is positive where each of them who said anything was content."""
    yield _assessed("human_feedback_assessed_share", traces, "feedback", ("human",), fewest)
    said = [trace.said("feedback", "human") for trace in traces]
    flags = [all(each) if each else None for each in said]
    yield _rate("human_feedback_positive_share", flags, fewest, "no person said anything")


def _assessed(measure: str, traces: Sequence[Trace], role: Role, sources: Sequence[str], fewest: int) -> Estimate:
    flags = [any(each.role == role and each.source in sources for each in trace.assessments) for trace in traces]
    return _rate(measure, flags, fewest, "no trace in the window")
