"""A book as a workbook: whatever its texts are, it is read back as the same records."""

import json
from dataclasses import replace

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from affidavit.collect.record_rows import Row, understood
from affidavit.errors import ConfigurationError, SourceRefused, UsageError
from affidavit.evidence import kinds
from affidavit.evidence.salted import payload
from affidavit.inventory.record_fields import as_cell, of_cell
from affidavit.pipeline.record_export import ERASED, _row, export_book
from affidavit.projections.records import Record
from affidavit.publish.sheets import inert, write_xlsx
from tests.collect.test_records import IMPROVEMENT, NAMES, NOW, OF_KIND, RISK, book, look
from tests.collect.test_records import write as write_rows
from tests.pipeline.test_records import RISKS, kept, records, write  # noqa: F401  (kept is a fixture)
from tests.projections.story import Story

TEXTS = st.one_of(
    st.text(min_size=1, max_size=40),
    st.tuples(st.sampled_from(["=", "'", "'=", "''=", "-", "@", "+", "'+1"]), st.text(max_size=10)).map("".join),
)
FEW = settings(max_examples=20, deadline=None)


def through_a_workbook(folder, kind, row):
    """What a row says, and what is said by the workbook that it is exported to."""
    asked = book(kind)
    try:
        [made] = understood(asked, [Row("row", row)], replace(NAMES, risks={"R-1"}), today=NOW.date())
    except SourceRefused:
        return None
    empty = {"book": kind, "kind": kind, "record": made.id, "source": "", "withdrawn": False, "details": None}
    entry = Story().say(kinds.RECORD, f"{asked.name}{made.id}", {**empty, **made.facts})
    cells = _row(kind, Record("organisation", (entry,)), made.texts)
    (folder / "book.xlsx").write_bytes(write_xlsx(kind, ("id", *asked.fields), [cells], now=NOW))
    write_rows(folder, "risks.yaml", RISK)
    found = look(folder, book(kind, file="book.xlsx"), book())
    assert found.unread is None, found.unread
    [draft], texts = found.drafts, [json.loads(payload(blob)) for blob in found.blobs]
    facts = {**draft.facts, "source": "", "details": None}
    return ({**empty, **made.facts}, [dict(made.texts)] if made.texts else []), (facts, texts)


@pytest.mark.parametrize("kind", OF_KIND)
def test_every_kind_comes_back_as_it_was(kind, tmp_path):
    before, after = through_a_workbook(tmp_path, kind, OF_KIND[kind])
    assert before == after


@FEW
@given(TEXTS, TEXTS)
@example("=cmd|' /C calc'!A0", "'=1")
@example("_x0041_", "line\r\nbreak\ttab")
@example("2026-03-02", "00012.50")
@example("TRUE", "#N/A")
def test_any_text_comes_back_as_it_was(tmp_path_factory, title, description):
    row = {**RISK, "title": title, "description": description}
    found = through_a_workbook(tmp_path_factory.mktemp("book"), "risks", row)
    assume(found is not None)
    assert found[0] == found[1]


@FEW
@given(st.decimals(-10_000, 10_000, places=6), st.integers(-(10**14), 10**14))
def test_any_figure_comes_back_as_it_was(tmp_path_factory, before, after):
    row = {**IMPROVEMENT, "figure_before": float(before), "figure_after": after}
    one, other = through_a_workbook(tmp_path_factory.mktemp("book"), "improvements", row)
    assert one == other


@given(TEXTS)
def test_a_quote_is_added_once_and_taken_off_once(text):
    assert of_cell(inert(as_cell(text))) == text


def test_what_the_ledger_holds_of_a_book_is_written_but_for_what_is_withdrawn(kept, tmp_path):  # noqa: F811
    kept.collect()
    write(kept, "risks", {**RISK, "owner": "ml-lead", "controls": ["A.5.2"]})
    kept.tomorrow()
    kept.collect()
    to = tmp_path / "risks.xlsx"
    assert export_book(kept.workplace, "risks", system="loans", to=to, now=NOW).records == 1
    found = look(tmp_path, book(file="risks.xlsx"))
    recorded = [e.statement.facts for e in kept.entries(kind="record") if e.statement.facts["record"] == "R-1"][-1]
    assert [{**draft.facts, "source": "", "details": None} for draft in found.drafts] == [
        {**recorded, "source": "", "details": None}
    ]
    with pytest.raises(ConfigurationError, match="such a file already"):
        export_book(kept.workplace, "risks", system="loans", to=to, now=NOW)
    with pytest.raises(UsageError, match=r"no book 'risk' of loans is recorded.*did you mean 'risks'"):
        export_book(kept.workplace, "risk", system="loans", to=tmp_path / "b.xlsx", now=NOW)
    with pytest.raises(UsageError, match="no book 'risks' of the organisation"):
        export_book(kept.workplace, "risks", system=None, to=tmp_path / "b.xlsx", now=NOW)
    with pytest.raises(UsageError, match="not an XLSX file"):
        export_book(kept.workplace, "risks", system="loans", to=tmp_path / "risks.csv", now=NOW)


def test_what_was_erased_is_said_to_be():
    facts = {"book": "risks", "kind": "risks", "record": "R-1", "source": "", "withdrawn": False, "details": None}
    [made] = understood(book(), [Row("row", RISK)], NAMES, today=NOW.date())
    entry = Story().say(kinds.RECORD, "affidavit://records/risks/R-1", {**facts, **made.facts})
    cells = _row("risks", Record("organisation", (entry,)), None)
    assert cells[1] == ERASED
    assert cells[2] == ""
