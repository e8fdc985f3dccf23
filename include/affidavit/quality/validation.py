"""Run a suite against a table inside a snapshot, and keep what may be kept: verdicts and counts, no value of a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from affidavit.errors import SourceGarbled, SourceRefused, SourceUnavailable, SuiteError
from affidavit.evidence import dumps
from affidavit.inventory import Expectation, Suite
from affidavit.quality import redaction
from affidavit.quality.due import Due
from affidavit.quality.gx import load, quiet
from affidavit.warehouse import Snapshot, TableRef
from affidavit.warehouse.lake import Lake
from affidavit.warehouse.tables import near

_ROWS = "affidavit:rows"
_VALUES = "affidavit:values:"
"""Names of what we ask beside the suite, in scans that are made anyway: how many rows there are, and how many values a
test is about whose own result does not say."""

_COUNTS_ITSELF = "expect_column_value"
"""How each expectation of single values is called, whose result counts them."""

_OF_THE_SCHEMA = frozenset({"expect_column_to_exist", "expect_column_type_to_be"})
_OF_WHOLE_ROWS = frozenset({"expect_compound_columns_to_be_unique", "expect_multicolumn_sum_to_equal"})
"""Expectations of several columns that say nothing of a row in which one of them is null."""

_KNOWN_TOGETHER = {
    "column_A": ("affidavit_known_pair", "either_value_is_missing"),
    "column_list": ("affidavit_known_columns", "any_value_is_missing"),
}
"""By the argument that names columns: what counts the rows that have a value in each."""

_OF_NULLS = "expect_column_proportion_of_non_null_values_to_be_between"

_NOT_FOR_A_SUITE = frozenset(
    {"at", "batch_id", "catch_exceptions", "id", "meta", "rendered_content", "result_format", "since"}
)
_OVERLAP = "expect_compound_columns_to_not_overlap"
_ON_SCHEDULE = "expect_column_newest_to_be_on_schedule"
_NAMES_OF_COLUMNS = ("column", "column_A", "column_B")
_ROWS_AND_COLUMN = ("column", "column_A", "column_B", "column_list", "row_condition", "condition_parser")


@dataclass(frozen=True)
class Failure:
    """A test that failed: its name, its column, how many values were unexpected and missing, and in words why."""

    test: str
    column: str | None
    unexpected: int | None
    missing: int | None
    reason: str | None


@dataclass(frozen=True)
class Validation:
    """The outcome of one suite on one table.

    What is in ``warned`` held because there was nothing that it could be false of, and says nothing of the data;
    ``success`` needs each test to be in ``passed``. ``details`` are canonical bytes of the redacted result: the same
    facts give the same bytes.
    """

    success: bool
    rows: int
    passed: tuple[str, ...]
    warned: tuple[str, ...]
    failed: tuple[Failure, ...]
    details: bytes


def validate(snapshot: Snapshot | Lake, *, table: str, suite: Suite, due: Due | None = None) -> Validation:
    """Run ``suite`` on ``table`` (``table`` or ``schema.table``) within ``snapshot``.

    ``due`` is what freshness is judged by; without it a suite that asks for freshness is refused.

    Raises ``SuiteError``, naming the suite's file, the expectation and the column, where the suite does not fit the
    table or Great Expectations does not know what it asks; then nothing is concluded. Raises ``SourceError`` where the
    warehouse fails.
    """
    found = snapshot.table(table)
    for expectation in suite.expectations:
        _check_columns(expectation, found, suite)
        _check_others(expectation, found, suite, snapshot)
    load()
    with quiet():
        results = _results(snapshot, found, about=table, suite=suite, due=due)
    rows = int(results[_ROWS].result["observed_value"])
    documents = [
        redaction.document(expectation, results[expectation.test], judged=_judged(expectation, results))
        for expectation in suite.expectations
    ]
    passed = tuple(document["test"] for document in documents if document["success"] and not document["vacuous"])
    return Validation(
        success=len(passed) == len(documents),
        rows=rows,
        passed=passed,
        warned=tuple(document["test"] for document in documents if document["vacuous"]),
        failed=tuple(_failure(document) for document in documents if not document["success"]),
        details=dumps({"table": snapshot.where(table), "suite": suite.name, "rows": rows, "results": documents}),
    )


def _check_columns(expectation: Expectation, table: TableRef, suite: Suite) -> None:
    if expectation.type == "expect_column_to_exist":
        return
    known = [column.name for column in table.columns]
    listed = expectation.kwargs.get("column_list") if "columns_to_match" not in expectation.type else None
    named = [expectation.kwargs[key] for key in _NAMES_OF_COLUMNS if key in expectation.kwargs]
    for name in [*named, *(listed or ())]:
        if name not in known:
            raise SuiteError(
                f"{expectation.type} asks for the column {name!r}, which the table {table.name!r} does not have",
                where=_file(suite),
                fix=near(str(name), known),
            )


def _check_others(expectation: Expectation, table: TableRef, suite: Suite, snapshot: Snapshot | Lake) -> None:
    """That the tables from which rows are to be apart are there, with the columns that are compared."""
    if expectation.type != _OVERLAP:
        return
    names = [str(name) for name in expectation.kwargs.get("tables") or ()]
    try:
        others = [other for other in map(snapshot.table, names) if other != table]
    except SourceRefused as error:
        raise SuiteError(f"{expectation.type}: {error.problem}", where=_file(suite), fix=error.fix) from error
    if names and not others:
        _refuse(suite, expectation, "the only table it names is the one that is validated")
    for other in others:
        _check_columns(expectation, other, suite)


def _engine(snapshot: Snapshot | Lake, table: TableRef, *, about: str) -> Any:
    if isinstance(snapshot, Lake):
        from affidavit.quality.spark import LakeEngine

        return LakeEngine(snapshot, table, about=about)
    from affidavit.quality.engine import SnapshotEngine

    return SnapshotEngine(snapshot, table, about=about)


def _results(
    snapshot: Snapshot | Lake, table: TableRef, *, about: str, suite: Suite, due: Due | None
) -> dict[str, Any]:
    asked = {expectation.test: configured(expectation, suite, due) for expectation in suite.expectations}
    rows = _configuration("expect_table_row_count_to_be_between", {"min_value": 0}, _ROWS)
    values = [_values(expectation) for expectation in suite.expectations if _asks_for_values(expectation)]
    engine = _engine(snapshot, table, about=about)
    results = engine.run(table, [rows, *values, *asked.values()])
    if isinstance(engine.failure, SourceUnavailable | SourceGarbled):
        raise engine.failure
    by_name = {result.expectation_config.meta["test"]: result for result in results}
    raised = [name for name, result in by_name.items() if _raised(result)]
    if raised or engine.failure:
        # Expectations that share a query fail together, and a transaction that has failed answers nothing more: each
        # is asked again alone, only to find the one to name.
        for expectation in suite.expectations:
            if expectation.test in raised:
                snapshot.restart()
                alone = _engine(snapshot, table, about=about)
                (result,) = alone.run(table, [asked[expectation.test]])
                if isinstance(alone.failure, SourceUnavailable | SourceGarbled):
                    raise alone.failure
                if alone.failure or _raised(result):
                    _refuse(suite, expectation, alone.failure.problem if alone.failure else _kind(result))
        raise engine.failure or SourceGarbled("the suite failed once and not again", where=snapshot.where(about))
    return by_name


def _asks_for_values(expectation: Expectation) -> bool:
    kind = expectation.type
    if "column_A" in expectation.kwargs:
        # A pair that is expected to hold a null is judged where there is one.
        return not any(None in pair for pair in expectation.kwargs.get("value_pairs_set") or ())
    if kind in _OF_WHOLE_ROWS:
        return True
    return "column" in expectation.kwargs and not kind.startswith(_COUNTS_ITSELF) and kind not in _OF_THE_SCHEMA


def _values(expectation: Expectation) -> Any:
    """The question that counts rows and nulls among the rows that the expectation is about."""
    about = {key: expectation.kwargs[key] for key in _ROWS_AND_COLUMN if key in expectation.kwargs}
    for key, (counted, left_out) in _KNOWN_TOGETHER.items():
        if key in expectation.kwargs:
            return _configuration(counted, {**about, "ignore_row_if": left_out}, _VALUES + expectation.test)
    return _configuration("expect_column_values_to_not_be_null", about, _VALUES + expectation.test)


def _judged(expectation: Expectation, results: Mapping[str, Any]) -> int | None:
    """How many values a test is about; None where it is about the table, or nothing counts them."""
    counted = results.get(_VALUES + expectation.test)
    if counted is None:
        own = results[expectation.test].result
        return own["element_count"] - (own.get("missing_count") or 0) if "element_count" in own else None
    rows, nulls = counted.result["element_count"], counted.result["unexpected_count"] or 0  # of no rows, no count
    return int(rows if expectation.type == _OF_NULLS else rows - nulls)


def configured(expectation: Expectation, suite: Suite, due: Due | None) -> Any:
    """One expectation as Great Expectations takes it. Raises as :func:`validate`."""
    from great_expectations.exceptions.exceptions import ExpectationNotFoundError

    if own := sorted(_NOT_FOR_A_SUITE & set(expectation.kwargs)):
        _refuse(suite, expectation, f"{own[0]!r} is not for a suite to choose")
    configuration = _configuration(
        expectation.type, {**expectation.kwargs, **_times(expectation, suite, due)}, expectation.test
    )
    try:
        configuration.to_domain_obj()
    except ExpectationNotFoundError as error:
        raise SuiteError(
            f"Great Expectations knows no {expectation.type!r}", where=_file(suite), fix=_near_type(expectation.type)
        ) from error
    except (ValueError, TypeError, AttributeError) as error:
        _refuse(suite, expectation, " ".join(str(error).split())[:300], cause=error)
    return configuration


def _times(expectation: Expectation, suite: Suite, due: Due | None) -> dict[str, str]:
    """What freshness is judged by. It is no part of what is stored: the same facts look the same at the next look."""
    if expectation.type != _ON_SCHEDULE:
        return {}
    slots = expectation.kwargs.get("slots")
    if due is None or type(slots) is not int or not 1 <= slots <= 1000:
        _refuse(suite, expectation, "it needs the schedule of an AI system, and slots from 1 to 1000")
    return {"since": due.since(slots).isoformat(), "at": due.at.isoformat()}


def _configuration(kind: str, kwargs: Mapping[str, Any], name: str) -> Any:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    return ExpectationConfiguration(type=kind, kwargs=dict(kwargs), meta={"test": name})


def _near_type(name: str) -> str:
    from great_expectations.expectations.registry import list_registered_expectation_implementations

    return near(name, list_registered_expectation_implementations())


def _refuse(suite: Suite, expectation: Expectation, problem: str, *, cause: Exception | None = None) -> NoReturn:
    raise SuiteError(
        f"{expectation.test} cannot be computed ({problem})",
        where=_file(suite),
        fix="correct the expectation's type or kwargs, or the type of the column",
    ) from cause


def _raised(result: Any) -> bool:
    information = result.exception_info or {}
    return bool(information.get("raised_exception")) or any(
        isinstance(part, dict) and part.get("raised_exception") for part in information.values()
    )


def _kind(result: Any) -> str:
    """The exception's class alone: its text may quote a value."""
    information = result.exception_info
    parts = [information] if "exception_traceback" in information else list(information.values())
    last = str(parts[0].get("exception_traceback", "")).strip().splitlines()[-1:]
    return "Great Expectations raised " + (last[0].split(":")[0].split(".")[-1][:80] if last else "an error")


def _failure(document: Mapping[str, Any]) -> Failure:
    result, column = document["result"], document["test"].partition(":")[2] or None
    observed, unexpected, elements = (result.get(k) for k in ("observed_value", "unexpected_count", "element_count"))
    if observed is not None and document["type"] not in redaction.AGGREGATES:
        reason = f"observed: {observed}"
    elif unexpected is not None:
        reason = f"{unexpected:,} of {elements or 0:,} rows are unexpected"
    elif document["type"] == "expect_column_to_exist":
        reason = "there is no such column"
    else:
        reason = "what was observed may tell the value of a row, and is withheld"
    return Failure(document["test"], column, unexpected, result.get("missing_count"), reason[:500])


def _file(suite: Suite) -> str:
    return f"expectations/{suite.name}.yaml"
