"""Agents and generative systems: which traces are theirs, which tools they may call, and who assesses them."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated

from pydantic import Field, model_validator

from affidavit.evidence import Period
from affidavit.inventory.declared import ConnectionId, Declared, Id, Name, first_again, refuse
from affidavit.inventory.measures import OF_AGENTS
from affidavit.inventory.thresholds import Threshold, consistent, known

OTHER = "other"
"""Stands for every tool that an agent's file does not list."""

MOST_TOOLS = 50
"""Tools that one agent may list: each is measured by itself, and a leaf has room for so many figures."""

MOST_DAYS = 400
"""Days that baseline and window may have together: the cursor keeps a line for each, and must fit into an entry."""


class Judged(Declared):
    """An assessment that traces carry under one name, and which values of it are positive.

    Positive are ``true`` and "yes", and of numbers those from ``at_least`` on; without it, a number is no answer.
    """

    name: Name = Field(description="Name of the assessment in MLflow")
    at_least: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        None, description="Of an assessment by number: from here on it is positive"
    )


class Assessments(Declared):
    """What assessments mean, each under the name that it has in MLflow."""

    groundedness: Judged | None = Field(
        default=None, description="Positive: what was answered is borne out by its sources"
    )
    refusal: Judged | None = Field(default=None, description="Positive: the agent declined to answer")
    feedback: Judged | None = Field(default=None, description="Positive: a person was content with the answer")

    @model_validator(mode="after")
    def _told_apart(self) -> Assessments:
        given = [(role, judged.name) for role, judged in self if judged is not None]
        if (n := first_again(name for _, name in given)) is not None:
            role, name = given[n]
            raise refuse((role, "name"), f"a second meaning of the assessment {name!r}", "give each its own name")
        return self


class Baseline(Declared):
    """Whole days (UTC) of traces that later ones are compared with."""

    since: date = Field(description="Its first day")
    until: date = Field(description="The day after its last")

    @property
    def period(self) -> Period:
        """From the first midnight to the last."""
        return Period(_midnight(self.since), _midnight(self.until))

    @model_validator(mode="after")
    def _in_order(self) -> Baseline:
        if self.until <= self.since:
            raise refuse(("until",), "a baseline that ends before it begins", "name the day after its last one")
        return self


class Agent(Declared):
    """An agent whose traces MLflow keeps in one experiment."""

    id: Id
    connection: ConnectionId = Field(description="Airflow connection id of the MLflow tracking server")
    experiment: Name = Field(description="Experiment that its traces are logged to")
    tools: tuple[Name, ...] = Field(
        (), max_length=MOST_TOOLS, description="Tools that it may call; calls of any other are counted as 'other'"
    )
    assessments: Assessments = Assessments()
    baseline: Baseline | None = Field(None, description="Traces that later ones are compared with")
    window_days: int = Field(7, ge=1, le=366, description="Days before today (UTC) that are measured")
    loop_from: int = Field(
        3,
        ge=2,
        le=1_000,
        description="So many calls of one tool with the same arguments in a trace are a loop",
    )
    fewest: int = Field(30, ge=30, le=100_000, description="Traces below which nothing is concluded")
    seed: int = Field(0, ge=0, le=2**31, description="Of every test that exchanges traces at random")
    thresholds: tuple[Threshold, ...] = Field((), description="What is asked of the results, fixed beforehand")

    @property
    def uri(self) -> str:
        """Where its traces are: ``mlflow://<connection>/traces/<experiment>``."""
        return f"mlflow://{self.connection}/traces/{self.experiment}"

    def window(self, now: datetime) -> Period:
        """The whole days that a look at ``now`` measures: those before its own."""
        end = _midnight(now.astimezone(UTC).date())
        return Period(end - timedelta(days=self.window_days), end)

    def before(self, window: Period) -> Period | None:
        """The baseline; None where none is declared, or ``window`` still reaches into it."""
        period = self.baseline.period if self.baseline else None
        return period if period and period.end and window.start and period.end <= window.start else None

    @model_validator(mode="after")
    def _whole(self) -> Agent:
        if (n := first_again(self.tools)) is not None:
            raise refuse(("tools", n), f"a second tool {self.tools[n]!r}", "name each tool once")
        if OTHER in self.tools:
            fix = "leave it out, or rename the tool"
            raise refuse(("tools", self.tools.index(OTHER)), f"{OTHER!r} stands for tools that are not listed", fix)
        days = (self.baseline.until - self.baseline.since).days if self.baseline else 0
        if days + self.window_days > MOST_DAYS:
            fix = "shorten one of the two"
            raise refuse(("baseline",), f"baseline and window have more than {MOST_DAYS} days together", fix)
        known("thresholds", self.thresholds, OF_AGENTS)
        consistent("thresholds", self.thresholds)
        for n, threshold in enumerate(self.thresholds):
            if threshold.group or threshold.each_group_of:
                raise refuse(("thresholds", n), "groups, which traces do not have", "leave them out")
        return self


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
