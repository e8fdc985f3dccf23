"""Data Docs of one validation: Great Expectations' own content, as plain HTML for a page of the site.

Great Expectations' renderers say what stands on the page; its templates are not used, since they load Bootstrap,
jQuery, Vega and fonts from other hosts, show a logo that carries an id, and do not escape everything. Here each piece
of content becomes plain HTML, and all text is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from string import Template
from typing import Any

from affidavit.errors import CanonicalError
from affidavit.evidence import loads
from affidavit.quality.gx import load, quiet

_LISTS = frozenset({"bullet_list", "value_list", "text", "collapse"})
_ICONS = {
    "fa-check-circle": '<span class="held">✓ held</span>',
    "fa-times": '<span class="badge failing">✗ failed</span>',
    "fa-exclamation-triangle": '<span class="badge undetermined">! not computed</span>',
}


def render(details: bytes, *, where: str) -> str:
    """What is to be said of the validation whose stored ``details`` these are, as HTML: a pure function of them.

    It needs no script, no other file and no other host; the style is the site's. Raises ``CanonicalError``, naming
    ``where``, for bytes that are no details.
    """
    document = loads(details)
    if not isinstance(document, dict) or set(document) != {"table", "suite", "rows", "results"}:
        raise CanonicalError("these bytes are no details of a validation", where=where)
    with quiet():
        sections = "".join(_section(section) for section in _content(document))
    return sections + _vacuous(document) + _reasons(document)


def _content(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    load()
    from great_expectations.core.expectation_validation_result import (
        ExpectationSuiteValidationResult,
        ExpectationValidationResult,
    )
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.validator.validation_statistics import calc_validation_statistics

    results = [
        ExpectationValidationResult(
            success=result["success"],
            expectation_config=ExpectationConfiguration(type=result["type"], kwargs=dict(result["kwargs"])),
            result=dict(result["result"]),
            exception_info={"raised_exception": False, "exception_message": None, "exception_traceback": None},
        )
        for result in document["results"]
        if not result.get("vacuous")
    ]
    counted = calc_validation_statistics(results)
    whole = ExpectationSuiteValidationResult(
        success=bool(counted.success),
        results=results,
        suite_name=document["suite"],
        statistics=counted._asdict(),
        meta={"batch_spec": {"data_asset_name": document["table"]}},
    )
    rendered = ValidationResultsPageRenderer(run_info_at_end=True).render(whole).to_json_dict()
    # The first section is totals, a percentage among them, and the page's own answer says them; the last tells of run
    # ids and library versions, as the ledger's entry does, and signs it.
    return list(rendered["sections"][1:-1])


def _section(section: Mapping[str, Any]) -> str:
    return "<section>" + "".join(_block(block) for block in section["content_blocks"]) + "</section>\n"


def _block(block: Any) -> str:
    """One piece of Great Expectations' rendered content as HTML; of a kind that is unknown, only its heading."""
    if isinstance(block, list):
        return " ".join(_block(part) for part in block)
    if not isinstance(block, Mapping):
        return _escaped(block)
    kind = block.get("content_block_type")
    heading = "".join(
        f"<{tag}>{_block(block[key])}</{tag}>" for key, tag in (("header", "h2"), ("subheader", "p")) if block.get(key)
    )
    if kind == "string_template":
        return _string(block["string_template"])
    if kind == "table":
        return heading.replace("h2>", "h3>") + _table(block)
    items = block.get(str(kind)) if kind in _LISTS else ()
    return heading + "".join(f"<div>{_block(item)}</div>" for item in items or ())


def _table(block: Mapping[str, Any]) -> str:
    head = "".join(f'<th scope="col">{_block(cell)}</th>' for cell in block.get("header_row") or ())
    rows = "".join("<tr>" + "".join(f"<td>{_block(cell)}</td>" for cell in row) + "</tr>" for row in block["table"])
    return f"<table>{f'<thead><tr>{head}</tr></thead>' if head else ''}<tbody>{rows}</tbody></table>"


def _string(template: Mapping[str, Any]) -> str:
    styling = template.get("styling") or {}
    values = {
        name: _icon((styling.get("params") or {}).get(name)) or _emphasised(value)
        for name, value in (template.get("params") or {}).items()
        if name != "html_success_icon"
    }
    values["html_success_icon"] = ""
    return Template(_escaped(template["template"])).safe_substitute(values).replace("\n", "<br>")


def _icon(styling: Mapping[str, Any] | None) -> str:
    return next((_ICONS[name] for name in (styling or {}).get("classes", ()) if name in _ICONS), "")


def _emphasised(value: Any) -> str:
    return f"<b><bdi>{_escaped(value)}</bdi></b>"


def _vacuous(document: Mapping[str, Any]) -> str:
    """What held of nothing: Great Expectations would call it a success."""
    tests = [result["test"] for result in document["results"] if result.get("vacuous")]
    if not tests:
        return ""
    mark = '<span class="badge undetermined">! nothing judged</span>'
    rows = "".join(f"<tr><td>{mark}</td><td>{_escaped(test)}</td></tr>" for test in tests)
    head = '<tr><th scope="col">Status</th><th scope="col">Test</th></tr>'
    table = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
    return f"<section><h2>There was no value to judge</h2>{table}</section>"


def _reasons(document: Mapping[str, Any]) -> str:
    told = [result for result in document["results"] if result["why"]]
    if not told:
        return ""
    rows = "".join(f"<tr><td>{_escaped(each['test'])}</td><td>{_escaped(each['why'])}</td></tr>" for each in told)
    head = '<tr><th scope="col">Test</th><th scope="col">Why it is expected</th></tr>'
    table = f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
    return f'<section class="reasons"><h2>Why it is expected</h2>{table}</section>'


def _escaped(value: Any) -> str:
    return html.escape(str(value), quote=True)
