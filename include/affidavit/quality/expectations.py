"""Expectations of our own, for questions that Great Expectations has none for. Results are counts, never values.

Imports Great Expectations: import it late. Importing it registers the four, by which they can stand in any suite:

    expect_column_groups_to_match_reference      are groups represented as in a reference
    expect_compound_columns_to_not_overlap       do training and hold-out rows stay apart
    expect_column_newest_to_be_on_schedule       is there a row as new as the schedule asks for
    expect_table_columns_to_not_look_personal    does no column look like personal data
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from great_expectations.compatibility import pydantic
from great_expectations.expectations.expectation import (
    BatchExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)
from great_expectations.render.components import LegacyRendererType, RenderedStringTemplateContent
from great_expectations.render.renderer.renderer import renderer

# Imported to be registered.
from affidavit.quality import metrics as _metrics  # noqa: F401
from affidavit.quality.personal import looks_personal, named_personal

_ROUNDING = 1e-9


class _Ours(BatchExpectation, ABC):
    """One metric, judged; and one sentence for Data Docs."""

    @classmethod
    @abstractmethod
    def _sentence(cls, kwargs: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """What is expected: a template, and what its ``$names`` stand for."""

    @abstractmethod
    def _judge(self, found: Any) -> dict[str, Any]:
        """``success`` and ``result`` of what the metric found."""

    def _validate(
        self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None
    ) -> dict[str, Any]:
        del runtime_configuration, execution_engine
        (name,) = self.metric_dependencies
        return self._judge(metrics[name])

    @classmethod
    @renderer(renderer_type=LegacyRendererType.PRESCRIPTIVE)
    def _prescriptive_renderer(
        cls, configuration: Any = None, result: Any = None, runtime_configuration: Any = None, **_: Any
    ) -> list[Any]:
        del result
        kwargs = configuration.kwargs
        template, params = cls._sentence(kwargs)
        if kwargs.get("column") and (runtime_configuration or {}).get("include_column_name") is not False:
            template, params = f"$column: {template}", {"column": kwargs["column"], **params}
        shown = {"template": template, "params": dict(params)}
        return [RenderedStringTemplateContent(content_block_type="string_template", string_template=shown)]


class ExpectColumnGroupsToMatchReference(_Ours):
    """Each group's share of all rows is that of ``reference`` to within ``tolerance``, and so is all the rest's.

    ``reference`` maps the text of a value to a share of 1. Rows of no group that it names, and rows without a value,
    are the rest, whose reference is what the shares leave of 1. A table without rows does not match.
    """

    column: str
    reference: dict[str, pydantic.confloat(ge=0, le=1)]  # type: ignore[valid-type]
    tolerance: pydantic.confloat(gt=0, lt=1)  # type: ignore[valid-type]

    metric_dependencies: ClassVar[tuple[str, ...]] = ("affidavit.groups",)
    success_keys: ClassVar[tuple[str, ...]] = ("column", "reference", "tolerance")

    @pydantic.validator("reference")
    def _shares(cls, reference: dict[str, float]) -> dict[str, float]:
        if not reference or sum(reference.values()) > 1 + _ROUNDING:
            raise ValueError("the reference is one share or more, which add up to 1 at most")
        return reference

    @classmethod
    def _sentence(cls, kwargs: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        shares = ", ".join(f"{name} {share:.1%}" for name, share in kwargs["reference"].items())
        return (
            "shares of all rows must be $shares, each to within $tolerance, and so must the share of all other rows.",
            {"shares": shares, "tolerance": f"{kwargs['tolerance']:.1%}"},
        )

    def _judge(self, found: Any) -> dict[str, Any]:
        rows, groups = found["rows"], found["groups"]
        rest = rows - sum(groups.values())
        shares = [(groups[name], share) for name, share in self.reference.items()]
        shares.append((rest, 1 - sum(self.reference.values())))
        near = [abs(count / rows - share) <= self.tolerance + _ROUNDING for count, share in shares] if rows else [False]
        told = [f"{name}: {count:,}" for name, count in groups.items()]
        return {
            "success": all(near),
            "result": {
                "element_count": rows,
                "missing_count": found["missing"],
                "observed_value": f"{', '.join(told)}, all others: {rest:,}, of {rows:,} rows",
            },
        }


class ExpectCompoundColumnsToNotOverlap(_Ours):
    """No row has the same ``column_list`` as a row in another of ``tables``, which lie in the same warehouse.

    The table that is validated may stand among ``tables``, and is left out: so training and hold-out table can share
    a suite. A row with a null among the columns equals no other; such rows are counted as missing.
    """

    column_list: pydantic.conlist(str, min_items=1)  # type: ignore[valid-type]
    tables: pydantic.conlist(str, min_items=1)  # type: ignore[valid-type]

    metric_dependencies: ClassVar[tuple[str, ...]] = ("affidavit.overlap",)
    success_keys: ClassVar[tuple[str, ...]] = ("column_list", "tables")

    @classmethod
    def _sentence(cls, kwargs: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        return (
            "No row may have the same $columns as a row in another of the tables $tables.",
            {"columns": ", ".join(kwargs["column_list"]), "tables": ", ".join(kwargs["tables"])},
        )

    def _judge(self, found: Any) -> dict[str, Any]:
        rows = found["rows"]
        share = 100 * found["found"] / rows if rows else 0.0
        return {
            "success": found["found"] == 0,
            "result": {
                "element_count": rows,
                "missing_count": found["missing"],
                "unexpected_count": found["found"],
                "unexpected_percent": share,
                "unexpected_percent_total": share,
            },
        }


class ExpectColumnNewestToBeOnSchedule(_Ours):
    """The newest date of ``column`` lies in the last ``slots`` complete slots of the AI system's schedule, or after.

    ``since`` and ``at`` are set by whoever validates, never by a suite. A newest date more than a day after the look is
    no sign of freshness, and fails.
    """

    column: str
    slots: pydantic.conint(ge=1, le=1000)  # type: ignore[valid-type]
    since: str = ""
    at: str = ""

    metric_dependencies: ClassVar[tuple[str, ...]] = ("affidavit.newest",)
    success_keys: ClassVar[tuple[str, ...]] = ("column", "slots", "since", "at")

    @classmethod
    def _sentence(cls, kwargs: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        return "newest date must lie in the last $slots complete slots of the schedule.", {"slots": kwargs["slots"]}

    def _judge(self, found: Any) -> dict[str, Any]:
        return {
            "success": found["newest"] == "on time",
            "result": {
                "element_count": found["rows"],
                "missing_count": found["missing"],
                "observed_value": found["newest"],
            },
        }


class ExpectTableColumnsToNotLookPersonal(_Ours):
    """No column has a name, or holds texts, that look like personal data; those in ``allow`` may.

    It is a guess from names and common shapes of text (:mod:`affidavit.quality.personal`): what passes may still be
    personal data. A column of documents, lists or bytes is not looked into, and so has to be in ``allow``.
    """

    allow: tuple[str, ...] = ()

    metric_dependencies: ClassVar[tuple[str, ...]] = ("affidavit.personal",)
    success_keys: ClassVar[tuple[str, ...]] = ("allow",)

    @classmethod
    def _sentence(cls, kwargs: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        if not kwargs.get("allow"):
            return "No column may look like personal data.", {}
        return "No column but $allow may look like personal data.", {"allow": ", ".join(kwargs["allow"])}

    def _judge(self, found: Any) -> dict[str, Any]:
        told = []
        for name in found["names"]:
            text = found["texts"].get(name, {"values": 0, "shapes": {}})
            why = ["by its name"] if named_personal(name) else []
            why += ["of a type that is not looked into"] if name in found["hidden"] else []
            shapes = looks_personal(text["values"], text["shapes"])
            why += [f"{text['shapes'][shape]:,} of {text['values']:,} values look like {shape}" for shape in shapes]
            if why and name not in self.allow:
                told.append(f"{name} ({', '.join(why)})")
        return {"success": not told, "result": {"observed_value": "; ".join(told) or "none does"}}


class _Known(BatchExpectation, ABC):
    """Counts rows instead of judging them; no suite can ask for it, since its name is none that a suite may hold."""

    def get_validation_dependencies(self, execution_engine: Any = None, runtime_configuration: Any = None) -> Any:
        """The one count, and not all that a map expectation asks for."""
        return BatchExpectation.get_validation_dependencies(self, execution_engine, runtime_configuration)

    def _validate(
        self, metrics: Any, runtime_configuration: Any = None, execution_engine: Any = None
    ) -> dict[str, Any]:
        del runtime_configuration, execution_engine
        (name,) = self.metric_dependencies
        return {"success": True, "result": {"element_count": metrics[name], "unexpected_count": 0}}


class AffidavitKnownPair(_Known, ColumnPairMapExpectation):
    """How many rows ``ignore_row_if`` leaves of a pair of columns."""

    ignore_row_if: str

    domain_keys: ClassVar[tuple[str, ...]] = (  # type: ignore[assignment]  # one more than its base has
        *ColumnPairMapExpectation.domain_keys,
        "ignore_row_if",
    )
    map_metric = "column_pair_values.equal"
    metric_dependencies: ClassVar[tuple[str, ...]] = ("column_pair_values.equal.filtered_row_count",)


class AffidavitKnownColumns(_Known, MulticolumnMapExpectation):
    """The same of several columns."""

    map_metric = "compound_columns.unique"
    metric_dependencies: ClassVar[tuple[str, ...]] = ("compound_columns.unique.filtered_row_count",)
