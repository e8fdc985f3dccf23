"""What is measured of a table of scored rows: how its columns are read, whom it compares, and against what."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from affidavit.inventory.declared import Declared, Id, Name, first_again, refuse
from affidavit.inventory.measures import OF_ROWS
from affidavit.inventory.thresholds import Threshold, below, consistent, known
from affidavit.inventory.waiting import Waiting

Task = Literal["binary", "multiclass", "regression"]

MOST_CUSTOM = 20
"""Measures of other packages that one table may name: each takes its time."""

MOST_VALUES = 50
"""Values that the groups of one table may list in all: each of them has its own numbers in a leaf."""

_OTHER = "results would be about something else"
_POOLED = "its rows would be among the others"
_UNSEEN = "its drift would not be seen"
_ANSWER = ("task", "classes", "positive", "cut", "decision")
"""What says how an answer is read. It stands or falls together: a cut fits no regression."""

_ASKED = ("key", "endpoint", "serve", "answers", "part")
"""What says who is asked, and about what. Together likewise: nobody is asked in two ways."""

_FIELDS = {
    "weight": "rows would count for more or less than they did",
    "minimum": "smaller groups would be judged, or larger ones no longer",
    "model": _OTHER,
    "version": "which version scored the rows would be told otherwise, or not at all",
    "key": "the sample that is scored again could not be drawn as it was",
    "reference": "drift would be told against other rows",
    "days": "drift would be told of other rows",
    "every": "the course over time would be told by other steps",
    "tolerance": "other scores would count as the same",
    "seed": "another sample could be picked until one agrees",
}


class Measured(Declared):
    """How the rows of a prediction table are read, and what they are compared with.

    Classes and values of groups are written as the warehouse prints them as text. They are all that a result may name:
    of any other value only the number of rows is told.
    """

    task: Task
    model: Name = Field(description="Registered model whose answers the rows hold, one of those that the file names")
    version: Name | None = Field(
        None, description="Column that names the version of the model which scored a row; without it, the one in use"
    )
    classes: tuple[Name, ...] = Field((), description="Every label there is")
    positive: Name | None = Field(None, description="Of a binary task: the class that is decided from a score on")
    cut: float | None = Field(None, description="Of a binary task: the score from which on the positive is decided")
    decision: Name | None = Field(None, description="Column that holds the decision, instead of a cut")
    weight: Name | None = Field(None, description="Column that says how much a row counts")
    groups: dict[Name, tuple[Name, ...]] = Field(
        default_factory=dict, description="Columns whose groups are compared (protected attributes), with their values"
    )
    together: tuple[tuple[Name, ...], ...] = Field((), description="Columns of groups that are also compared together")
    minimum: int = Field(30, ge=2, description="Rows below which a group is too small to be judged")
    every: Literal["day", "week", "month"] | None = Field(None, description="Steps of the course over time")
    features: tuple[Name, ...] = Field((), description="Columns that the model is given: watched for drift")
    relevant: tuple[Name, ...] = Field((), description="Features that ought to matter, of those it is given")
    reference: Id | None = Field(None, description="Dataset of the file whose rows drift is told against")
    days: int | None = Field(None, ge=1, description="Drift is told of the latest so many days; of all rows if absent")
    key: Name | None = Field(None, description="Column that tells rows apart: a sample of them is scored again")
    endpoint: Id | None = Field(None, description="Scoring endpoint of the file that is asked to score them again")
    serve: bool = Field(False, description="Instead: fetch the version in use from MLflow, and serve it walled in")
    answers: Literal["score", "class"] = Field(
        "score", description="What the version answers when it is asked; of several classes always the class"
    )
    part: int | Name | None = Field(
        None, description="Which part of an answer is meant where a row has several: a column's name, or a position"
    )
    sample: int = Field(200, ge=30, le=2_000, description="Rows that are scored again")
    tolerance: float = Field(1e-6, ge=0, description="How far a score may be from the one that was recorded")
    seed: int = Field(0, ge=0, le=2**31, description="Of every sample that is drawn")
    custom: tuple[Name, ...] = Field(
        (), max_length=MOST_CUSTOM, description="Measures that other packages offer, taken of a sample of the rows"
    )
    thresholds: tuple[Threshold, ...] = Field((), description="What is asked of the results, fixed beforehand")

    @property
    def ordered(self) -> tuple[str, ...]:
        """The classes, of two the positive one last."""
        return tuple(sorted(self.classes, key=lambda name: name == self.positive))

    @model_validator(mode="after")
    def _whole(self) -> Measured:
        many = {"binary": (2, 2), "multiclass": (3, None), "regression": (0, 0)}
        least, most = many[self.task]
        if len(self.classes) < least or (most is not None and len(self.classes) > most):
            asked = {"binary": "name two", "multiclass": "name three or more", "regression": "leave them out"}
            raise refuse(("classes",), f"a {self.task} task with {len(self.classes)} classes", asked[self.task])
        if (n := first_again(self.classes)) is not None:
            raise refuse(("classes", n), "a class that is there twice", "name each once")
        self._decides()
        if sum(len(values) for values in self.groups.values()) > MOST_VALUES:
            raise refuse(("groups",), f"more than {MOST_VALUES} values in all", "list fewer; the rest is 'other'")
        for n, columns in enumerate(self.together):
            if len(set(columns)) < 2 or (unknown := [column for column in columns if column not in self.groups]):
                problem = "fewer than two columns" if len(set(columns)) < 2 else f"no group column {unknown[0]!r}"
                raise refuse(("together", n), problem, "name two or more of the columns under groups")
        for n, feature in enumerate(self.relevant):
            if feature not in self.features:
                raise refuse(("relevant", n), "no feature of that name", "name one of the columns under features")
        self._asks()
        self._names_custom()
        known("thresholds", self.thresholds, {*OF_ROWS, *self.custom})
        consistent("thresholds", self.thresholds)
        return self

    @property
    def asked(self) -> bool:
        """Whether a version is asked to score rows again."""
        return self.endpoint is not None or self.serve

    @property
    def answers_class(self) -> bool:
        """Whether it then answers classes; otherwise numbers."""
        return self.task == "multiclass" or (self.task == "binary" and self.answers == "class")

    def _asks(self) -> None:
        if self.endpoint is not None and self.serve:
            raise refuse(("serve",), "a version that is asked in two ways", "name an endpoint, or serve it, not both")
        if self.asked and (self.key is None or not self.features):
            name = "key" if self.key is None else "features"
            raise refuse((name,), f"a version cannot be asked without its {name}", f"name {name} too")
        if self.task == "regression" and self.answers == "class":
            raise refuse(("answers",), "a regression has no classes", "leave it out")

    def _names_custom(self) -> None:
        if (n := first_again(self.custom)) is not None:
            raise refuse(("custom", n), "a measure that is there twice", "name each once")
        for n, name in enumerate(self.custom):
            if name in OF_ROWS:
                raise refuse(("custom", n), f"{name!r} is a measure of ours", "leave it out, or rename the other one")
        if self.custom and self.key is None:
            raise refuse(("key",), "no sample can be drawn for custom measures without it", "name key too")
        for n, threshold in enumerate(self.thresholds):
            narrowed = threshold.about or threshold.group or threshold.each_group_of
            if narrowed and threshold.measure in self.custom:
                raise refuse(("thresholds", n), "a custom measure is of all sampled rows", "leave about and groups out")

    def _decides(self) -> None:
        if (self.task == "binary") != (self.positive is not None):
            fix = "name one of the two classes" if self.task == "binary" else "leave it out"
            raise refuse(("positive",), f"a {self.task} task and its positive class", fix)
        if self.positive is not None and self.positive not in self.classes:
            raise refuse(("positive",), "none of the classes", "name one of the two classes")
        if self.task != "binary":
            if self.cut is not None:
                raise refuse(("cut",), f"a {self.task} task has no cut", "leave it out")
        elif (self.cut is None) == (self.decision is None):
            raise refuse(("cut",), "a binary task needs a cut or a column decision, and not both", "keep one of them")


def measured_in_force(field: str, old: Measured | None, new: Measured | None, waiting: Waiting) -> Measured | None:
    """What stands of how a table is measured. More groups, features and thresholds weaken nothing."""
    if old is None:
        return new
    if new is None:
        return old if waiting.holds(field, old.task, None, "nothing would be measured of it any more") else None
    kept = {
        name: waiting.choose(f"{field}.{name}", getattr(old, name), getattr(new, name), True, why)
        for name, why in _FIELDS.items()
        if getattr(old, name) not in (None, getattr(new, name)) and not (old.asked and name in _ASKED)
    }
    kept |= _asked(field, old, new, waiting)
    if any(_plain(getattr(old, name)) != _plain(getattr(new, name)) for name in _ANSWER):
        was, now = ({name: getattr(each, name) for name in _ANSWER} for each in (old, new))
        if waiting.holds(f"{field}.task", was, now, "the answers would be read otherwise"):
            kept |= was
    combined = {frozenset(columns): columns for columns in new.together}
    for columns in old.together:
        if frozenset(columns) not in combined:
            why = "they would no longer be compared together"
            if waiting.holds(f"{field}.together", columns, None, why):
                combined[frozenset(columns)] = columns
    return new.model_copy(
        update={
            **kept,
            "groups": _groups(field, old, new, waiting),
            "together": tuple(combined.values()),
            "features": waiting.keep_items(f"{field}.features", old.features, new.features, _UNSEEN),
            "custom": waiting.keep_items(f"{field}.custom", old.custom, new.custom, "it would no longer be measured"),
            "relevant": _relevant(f"{field}.relevant", old, new, waiting),
            "thresholds": below(field, old.thresholds, new.thresholds, waiting),
        }
    )


def _groups(field: str, old: Measured, new: Measured, waiting: Waiting) -> dict[str, tuple[str, ...]]:
    groups = dict(new.groups)
    for column, values in old.groups.items():
        if column in groups:
            groups[column] = waiting.keep_items(f"{field}.groups.{column}", values, groups[column], _POOLED)
        elif waiting.holds(f"{field}.groups", column, None, "its groups would no longer be compared"):
            groups[column] = values
    return groups


def _asked(field: str, old: Measured, new: Measured, waiting: Waiting) -> dict[str, object]:
    """What stands of how a version is asked: to ask where nobody was asked before weakens nothing."""
    was, now = ({name: getattr(each, name) for name in _ASKED} for each in (old, new))
    if not old.asked:
        # Of another model than the one that stands nobody is asked.
        return {} if old.model == new.model else was
    if was != now:
        why = "nobody, or somebody else, would be asked to score rows again"
        if not waiting.holds(f"{field}.{'serve' if old.serve else 'endpoint'}", was, now, why):
            was = now
    fewer = new.sample < old.sample
    rows = waiting.choose(f"{field}.sample", old.sample, new.sample, fewer, "fewer rows would be scored again")
    return {**was, "sample": rows}


def _plain(value: object) -> object:
    """Without the order of a list, which means nothing."""
    return frozenset(value) if isinstance(value, tuple) else value


def _relevant(field: str, old: Measured, new: Measured, waiting: Waiting) -> tuple[str, ...]:
    """Fewer features that ought to matter ask for more, except where none is named, which asks for nothing."""
    why = "it could decide without being noticed"
    if old.relevant and not new.relevant:
        return waiting.choose(field, old.relevant, new.relevant, True, why)
    return waiting.keep_out(field, old.relevant, new.relevant, why) if old.relevant else new.relevant
