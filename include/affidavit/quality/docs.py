"""The Data Docs page of one validation: Great Expectations' own content in a page of ours.

Great Expectations' renderers say what stands on the page; its templates are not used, since they load Bootstrap,
jQuery, Vega and fonts from other hosts, show a logo that carries an id, and do not escape everything. Here each piece
of content becomes plain HTML, and all text is escaped.
"""

from __future__ import annotations

import html
from collections.abc import Mapping
from string import Template
from typing import Any
from urllib.parse import urlsplit

from affidavit.errors import CanonicalError, UsageError
from affidavit.evidence import loads
from affidavit.quality.gx import load, quiet

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --dim: #57606a; --line: #d0d7de; --page: #fff; --good: #116329;
  --bad: #a40e26; --mark: #fff3cd; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --dim: #9da7b1; --line: #3d444d; --page: #0d1117;
  --good: #56d364; --bad: #ff7b72; --mark: #4d3b00; } }
body { color: var(--ink); background: var(--page); font: 16px/1.5 system-ui, sans-serif; max-width: 1100px;
  margin: 0 auto; padding: 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .6rem; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; }
th { color: var(--dim); font-weight: 600; }
section { margin: 1.5rem 0; }
a { color: inherit; }
b { font-weight: 600; }
.good { color: var(--good); white-space: nowrap; } .bad { color: var(--bad); white-space: nowrap; }
.note { background: var(--mark); padding: .6rem .8rem; } .dim { color: var(--dim); }
@media print { body { max-width: none; } a { text-decoration: none; } section { break-inside: avoid; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_LISTS = frozenset({"bullet_list", "value_list", "text", "collapse"})
_ICONS = {
    "fa-check-circle": '<span class="good">✓ passed</span>',
    "fa-times": '<span class="bad">✗ failed</span>',
    "fa-exclamation-triangle": '<span class="bad">! not computed</span>',
}


def render(details: bytes, *, title: str, links: Mapping[str, str], demonstration: str | None = None) -> str:
    """The page of the validation whose stored ``details`` these are: a pure function of its arguments.

    ``links`` maps words to relative addresses, the way back to the ledger entry among them; ``demonstration`` says in
    words what is scripted or simulated, and stands first. The page needs no other file and no other host. Raises
    ``UsageError`` for a link that leaves the site, ``CanonicalError`` for bytes that are no details.
    """
    document = loads(details)
    if not isinstance(document, dict) or set(document) != {"table", "suite", "rows", "results"}:
        raise CanonicalError("these bytes are no details of a validation", where=title[:200])
    banner = f'<p class="note" role="note"><b>Demonstration.</b> {_escaped(demonstration)}</p>' if demonstration else ""
    ways = " · ".join(f'<a href="{_relative(href)}">{_escaped(text)}</a>' for text, href in links.items())
    with quiet():
        sections = "".join(_section(section) for section in _content(document))
    return (
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_escaped(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>{banner}<header><nav>{ways}</nav><h1><bdi>{_escaped(title)}</bdi></h1>"
        f"<p>{_escaped(document['table'])}: {document['rows']:,} rows. "
        '<span class="dim">Counts and aggregates only; values of rows are withheld.</span></p></header>\n'
        f"<main>{sections}{_reasons(document)}</main></body></html>\n"
    )


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
    # The last section tells of run ids and library versions: the ledger's entry does, and signs it.
    return list(rendered["sections"][:-1])


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


def _reasons(document: Mapping[str, Any]) -> str:
    told = [result for result in document["results"] if result["why"]]
    if not told:
        return ""
    rows = "".join(f"<tr><td>{_escaped(each['test'])}</td><td>{_escaped(each['why'])}</td></tr>" for each in told)
    head = '<tr><th scope="col">Test</th><th scope="col">Why it is expected</th></tr>'
    return f"<section><h2>Why it is expected</h2><table><thead>{head}</thead><tbody>{rows}</tbody></table></section>"


def _relative(href: str) -> str:
    parts = urlsplit(href)
    if parts.scheme or parts.netloc or href.startswith(("/", "\\")):
        raise UsageError(
            "a link on a Data Docs page stays within the site", where=href[:200], fix="pass a relative address"
        )
    return _escaped(href)


def _escaped(value: Any) -> str:
    return html.escape(str(value), quote=True)
