"""Agents: what their traces come to in the window, and against the baseline, as one statement for each agent.

The same traces, measured again, are the same facts, so a look that finds nothing else adds nothing. What is not as it
was at the last look (traces that went away or were dated back, assessments that came late) is told in words, and told
again as long as the window is the same one. The window ends with yesterday: what began today is measured tomorrow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from affidavit.collect.look import Look
from affidavit.collect.measurements import Taken, measurement
from affidavit.collect.trace_days import Recheck
from affidavit.collect.traces import TraceLook, TraceWindow, look_at_traces
from affidavit.evidence import Circumstances, Json, Origin, Period, timestamp
from affidavit.inventory import Agent, Connection, System
from affidavit.measure import Estimate
from affidavit.measure.agent_drift import agent_drift
from affidavit.measure.agents import agent_measures
from affidavit.measure.traces import Trace
from affidavit.pages import charts, distributions
from affidavit.pages.figures import Figure, Point
from affidavit.rules.thresholds import outcome_of

FAMILY = "agents"

_CONSISTENCY = "MLflow shows no one state of its traces: each was listed once, and read after that"
_CHANGED = "since the last look"


def look_at_agent(system: System, agent: Agent, connection: Connection, *, cursor: Json, seen: Circumstances) -> Look:
    """The traces of one agent as of ``seen``, measured; ``cursor`` is the last look's (None: there was none).

    Without a baseline that can be compared with, each measure of drift says why it was not tested. Raises
    ``SourceError``; then there is nothing to record.
    """
    look = look_at_traces(agent, connection, now=seen.observed_at, cursor=cursor)
    noticed = _noticed(cursor, look)
    name = f"agent:{agent.id}"
    taken = _Measured(agent, look).taken(noticed)
    draft, report = measurement(system, taken, origin=Origin.RECORDED, collector=name, seen=seen)
    windows = [each for each in (look.window, look.baseline) if each]
    return Look(
        name,
        (draft,),
        enumerated=sum(each.enumerated for each in windows),
        read=sum(len(each.finished) for each in windows),
        withheld=sum(each.withheld for each in windows),
        window=look.window.period,
        # Nobody reads a trace again that has left the window, so what is said of it later is not noticed at all.
        notice_delay_seconds=None,
        cursor=_cursor(look, noticed),
        blobs=(report,),
    )


@dataclass(frozen=True)
class _Measured:
    """One look, as it becomes a measurement."""

    agent: Agent
    look: TraceLook

    def taken(self, noticed: Mapping[str, str]) -> Taken:
        agent, window = self.agent, self.look.window
        drift = self._drift()
        how: dict[str, Any] = {"tools": agent.tools, "loop_from": agent.loop_from, "fewest": agent.fewest}
        return Taken(
            family=FAMILY,
            source=agent.id,
            estimates=(*agent_measures(window.finished, **how), *drift),
            rows=len(window.finished),
            settings={**self._settings(), **noticed},
            consistency=_CONSISTENCY,
            left_out=self._left_out(),
            effective=window.period,
            thresholds=agent.thresholds,
            figures=self._figures(drift),
        )

    def _drift(self) -> tuple[Estimate, ...]:
        agent, why = self.agent, self._no_baseline()
        before = self.look.baseline.finished if self.look.baseline else ()
        now = self.look.window.finished if self.look.baseline else ()
        drift = agent_drift(
            before, now, tools=agent.tools, loop_from=agent.loop_from, seed=agent.seed, fewest=agent.fewest
        )
        return drift if why is None else tuple(replace(each, why=why) for each in drift)

    def _no_baseline(self) -> str | None:
        if self.look.baseline:
            return None
        if self.agent.baseline is None:
            return "not tested: no baseline is declared"
        return "not tested: the window still reaches into the baseline"

    def _settings(self) -> dict[str, str]:
        agent, baseline = self.agent, self.look.baseline
        settings = {
            "experiment": self.look.experiment,
            "window": f"{agent.window_days} whole days (UTC) before the day of the look",
            "smallest window": f"{agent.fewest} traces",
            "loop": f"{agent.loop_from} calls of one tool with the same arguments in a trace",
        }
        if baseline:
            settings["baseline"] = f"{_days(baseline.period)}, {len(baseline.finished):,} traces"
            settings["seed"] = str(agent.seed)
            settings["p-values"] = "adjusted over all comparisons together (Holm 1979)"
        return settings

    def _left_out(self) -> dict[str, int]:
        told = _troubles(self.look.window)
        if self.look.baseline:
            told |= {f"baseline: {reason}": n for reason, n in _troubles(self.look.baseline).items()}
        return {reason: n for reason, n in told.items() if n}

    def _figures(self, drift: Sequence[Estimate]) -> tuple[Figure, ...]:
        before = self.look.baseline
        mix = distributions.tool_mix(_calls(before.finished if before else ()), _calls(self.look.window.finished))
        if before is None:
            return (mix,)
        moved = [Point(e, outcome_of(self.agent.thresholds, e)) for e in drift if e.measure == "ks_statistic"]
        return mix, charts.drift(moved, of="quantity")


def _troubles(window: TraceWindow) -> dict[str, int]:
    return {
        "still running": window.unfinished,
        "made by scorers about other traces": window.judging,
        "spans that could not be read": window.unread,
        **{f"{what}: not as it should be": n for what, n in window.unusable.items()},
        "assessments under names that the file does not list": window.withheld,
    }


def _calls(traces: Iterable[Trace]) -> Counter[str]:
    calls = Counter[str]()
    for trace in traces:
        calls.update({use.tool: use.calls for use in trace.tools or ()})
    return calls


def _noticed(cursor: Json, look: TraceLook) -> dict[str, str]:
    """What is not as it was at the last look, in words; else what was noticed before about the very same window."""
    if said := _changes(look.recheck):
        return {_CHANGED: f"{said} (of {look.recheck.days} days that both looks read)"}
    before = cursor.get("noticed") if isinstance(cursor, Mapping) else None
    if isinstance(before, Mapping) and before["window"] == _days(look.window.period):
        return {_CHANGED: str(before["said"])}
    return {}


def _changes(found: Recheck) -> str:
    counts = {
        "traces that went away": found.gone,
        "traces dated back": found.added,
        "days with other traces": found.replaced,
        "days with other assessments or states": found.reassessed,
        "assessments that came late": found.late_assessments,
    }
    return "; ".join(f"{what}: {n}" for what, n in counts.items() if n)


def _cursor(look: TraceLook, noticed: Mapping[str, str]) -> Json:
    assert isinstance(look.cursor, Mapping)
    window = _days(look.window.period)
    kept = {"noticed": {"window": window, "said": noticed[_CHANGED]}} if noticed else {}
    return {**look.cursor, **kept}


def _days(period: Period) -> str:
    assert period.start is not None
    assert period.end is not None
    return f"{timestamp(period.start)[:10]} up to {timestamp(period.end)[:10]}"
