"""A scripted help desk for people who applied for a mortgage: an agent that calls tools, without any model behind it.

What it is asked, which tools it calls, what fails, loops or is refused, how long it takes and who assesses it is drawn
with a seed. The traces are real ones, written by MLflow's own client; each says in a tag that it is scripted. The
script keeps its own count of what it did, so that what is measured can be compared with it.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import LiveSpan

TOOLS = ("look_up_application", "compute_ratio", "search_guidelines")
"""Tools that the help desk may call."""

UNLISTED = "send_letter"
"""One that it should not, and at times does."""

SCRIPTED = "Scripted: a help desk without a model; questions, answers, delays and assessments are drawn with a seed."

CLIENT = {
    "MLFLOW_ENABLE_ASYNC_TRACE_LOGGING": "true",
    "MLFLOW_ASYNC_TRACE_LOGGING_MAX_WORKERS": "1",
    "MLFLOW_ASYNC_TRACE_LOGGING_MAX_SPAN_BATCH_SIZE": "500",
}
"""Environment of MLflow's client. Spans go together, as a request for each takes most of the time; by one worker, as
several that write spans and head of one trace at once are in each other's way, and some are dropped."""

BASELINE = (datetime(2025, 1, 6, tzinfo=UTC), datetime(2025, 1, 13, tzinfo=UTC))
"""When the help desk behaved as usual, as its file declares: long before any window."""

_EXPERIMENT, _SEED, _TRACES = "applicant-helpdesk", 42001, 60

_QUESTIONS = (
    "What became of application {number}?",
    "Is my debt too high for the loan of application {number}?",
    "Which documents does application {number} still need?",
)


@dataclass(frozen=True)
class Habit:
    """How the help desk behaves from ``start`` to ``end``.

    ``tools`` are weights by name; the rest are probabilities, but for ``slowness``, which multiplies every delay.
    """

    start: datetime
    end: datetime
    tools: Mapping[str, float]
    tool_error: float = 0.05
    failure: float = 0.03
    refusal: float = 0.06
    loop: float = 0.03
    ungrounded: float = 0.1
    slowness: float = 1.0


@dataclass
class Tally:
    """What the script did in one window, by its own count; seconds and tokens by trace, in order."""

    traces: int = 0
    failed: int = 0
    refused: int = 0
    looped: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    grounded: Counter[tuple[str, bool]] = field(default_factory=Counter)
    feedback: Counter[bool] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    input_tokens: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)


def habits(now: datetime, *, days: int = 7) -> tuple[Habit, Habit]:
    """:data:`BASELINE`, and the days before ``now``'s: they look up less, search and loop more, and are slower."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    look_up, compute, search = TOOLS
    usual = {look_up: 5, compute: 3, search: 2}
    other = {look_up: 2, compute: 2, search: 6, UNLISTED: 0.5}
    lately = Habit(midnight - timedelta(days=days), midnight, other, tool_error=0.15, loop=0.12, slowness=1.8)
    return Habit(*BASELINE, usual), lately


def run(tracking_uri: str, experiment: str, *, seed: int, traces: int, windows: Sequence[Habit]) -> tuple[Tally, ...]:
    """Write ``traces`` traces for each window to ``experiment``, made if there is none; gives what was done in each.

    Times are the windows', not the clock's. For a process of its own, told :data:`CLIENT`: tracing is set up once in
    each.
    """
    import mlflow

    mlflow.set_tracking_uri(tracking_uri)
    experiment_id = mlflow.set_experiment(experiment).experiment_id
    desk = _Desk(random.Random(seed), experiment_id)
    tallies = []
    for habit in windows:
        tallies.append(Tally())
        for _ in range(traces):
            desk.answer(habit, tallies[-1])
    mlflow.flush_trace_async_logging()
    return tuple(tallies)


@dataclass
class _Desk:
    """The help desk at work; ``at`` is its own clock, in nanoseconds."""

    random: random.Random
    experiment_id: str
    at: int = 0

    def answer(self, habit: Habit, tally: Tally) -> None:
        """Answer one question, and let code and people say what they think of it."""
        import mlflow
        from mlflow.tracing.provider import safe_set_span_in_context

        span = (habit.end - habit.start).total_seconds() - 3_600
        self.at = start = int((habit.start.timestamp() + self.random.random() * span) * 1_000) * 1_000_000
        question = self.random.choice(_QUESTIONS).format(number=self.random.randrange(10_000))
        root = mlflow.start_span_no_context(
            "help_desk",
            span_type="AGENT",
            inputs={"question": question},
            tags={"demonstration": SCRIPTED},
            experiment_id=self.experiment_id,
            start_time_ns=start,
        )
        refused, failed = self.random.random() < habit.refusal, self.random.random() < habit.failure
        steps = self._model(root, habit, tally, refused=refused)
        if not refused:
            steps += self._tools(root, habit, tally)
        root.set_outputs("Nobody may be told that." if refused else f"An answer to: {question}")
        # While the trace is the active one, what is said of it travels with it.
        with safe_set_span_in_context(root):
            for each in self._assessments(habit, tally):
                mlflow.log_feedback(trace_id=root.trace_id, **each)
        root.end(status="ERROR" if failed else "OK", end_time_ns=self.at)
        tally.traces += 1
        tally.failed += failed
        tally.refused += refused
        tally.steps.append(steps)
        tally.seconds.append((self.at - start) / 1e9)

    def _model(self, root: LiveSpan, habit: Habit, tally: Tally, *, refused: bool) -> int:
        import mlflow

        used = {"input_tokens": self.random.randint(200, 900), "output_tokens": self.random.randint(20, 200)}
        span = mlflow.start_span_no_context("plan", "CHAT_MODEL", parent_span=root, start_time_ns=self.at)
        span.set_attribute("mlflow.chat.tokenUsage", {**used, "total_tokens": sum(used.values())})
        span.set_attribute("gen_ai.response.finish_reasons", ["content_filter" if refused else "stop"])
        self._pass(habit, 0.8)
        span.end(status="OK", end_time_ns=self.at)
        tally.input_tokens.append(used["input_tokens"])
        return 1

    def _tools(self, root: LiveSpan, habit: Habit, tally: Tally) -> int:
        loop = self.random.random() < habit.loop
        names = self.random.choices(list(habit.tools), list(habit.tools.values()), k=self.random.randint(1, 4))
        calls = [(name, self.random.randrange(10**9)) for name in names]
        if loop:
            calls += [calls[-1]] * 3
        for name, number in calls:
            self._call(root, name, number, habit, tally)
        tally.looped += loop
        return len(calls)

    def _call(self, root: LiveSpan, name: str, number: int, habit: Habit, tally: Tally) -> None:
        import mlflow

        failed = self.random.random() < habit.tool_error
        span = mlflow.start_span_no_context(
            name, "TOOL", parent_span=root, inputs={"application": number}, start_time_ns=self.at
        )
        self._pass(habit, 0.3)
        span.set_outputs({"found": not failed})
        span.end(status="ERROR" if failed else "OK", end_time_ns=self.at)
        tally.calls[name] += 1
        tally.errors[name] += failed

    def _pass(self, habit: Habit, mean: float) -> None:
        seconds = self.random.lognormvariate(0, 0.5) * mean * habit.slowness
        self.at += int(seconds * 1_000) * 1_000_000

    def _assessments(self, habit: Habit, tally: Tally) -> list[dict[str, Any]]:
        from mlflow.entities import AssessmentSource

        given: list[dict[str, Any]] = []
        grounded = self.random.random() >= habit.ungrounded
        code = AssessmentSource(source_type="CODE", source_id="citation-check")
        given.append({"name": "groundedness", "value": grounded, "source": code})
        tally.grounded["code", grounded] += 1
        if self.random.random() < 0.6:
            content = self.random.random() < 0.8
            person = AssessmentSource(source_type="HUMAN", source_id="applicant")
            given.append({"name": "helpful", "value": content, "source": person, "rationale": "As scripted."})
            tally.feedback[content] += 1
        return given


def main() -> None:
    """Write the demo's traces to the tracking server that the environment names."""
    windows = habits(datetime.now(UTC))
    tallies = run(os.environ["MLFLOW_TRACKING_URI"], _EXPERIMENT, seed=_SEED, traces=_TRACES, windows=windows)
    print(f"{_EXPERIMENT}: {sum(tally.traces for tally in tallies)} traces")


if __name__ == "__main__":
    main()
