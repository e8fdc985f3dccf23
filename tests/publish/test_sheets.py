import csv
import io
from datetime import UTC, datetime

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from affidavit.publish.sheets import LIVE, inert, write_csv, write_xlsx

NOW = datetime(2026, 3, 2, tzinfo=UTC)
HOSTILE = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=cmd|' /C calc'!A0")


def read_xlsx(data):
    return [list(row) for row in openpyxl.load_workbook(io.BytesIO(data)).active.iter_rows()]


@pytest.mark.parametrize("text", HOSTILE)
def test_what_begins_like_a_formula_is_text(text):
    [_, [cell]] = csv.reader(io.StringIO(write_csv(["a"], [[text]]).decode(), newline=""))
    assert cell == f"'{text}"
    [_, [found]] = read_xlsx(write_xlsx("T", ["a"], [[text]], now=NOW))
    assert found.data_type == "s"
    assert not str(found.value).startswith(LIVE)


@pytest.mark.parametrize("text", ["yes", "a=b", "", "2026-03-02", 'say "no", twice\nor more', "é語", "'quoted"])
def test_any_other_text_stays_as_it_is(text):
    assert [*csv.reader(io.StringIO(write_csv(["a"], [[text]]).decode(), newline=""))] == [["a"], [text]]
    [_, [found]] = read_xlsx(write_xlsx("T", ["a"], [[text]], now=NOW))
    assert (found.value or "") == text


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), max_size=4))
def test_no_cell_is_ever_live(rows):
    for row in csv.reader(io.StringIO(write_csv(["a", "b"], rows).decode(), newline="")):
        assert not any(cell.startswith(LIVE) for cell in row)
    for row in read_xlsx(write_xlsx("T", ["a", "b"], rows, now=NOW)):
        assert {cell.data_type for cell in row} <= {"s", "n", "inlineStr"}
        assert not any(str(cell.value).startswith(LIVE) for cell in row if cell.value)


def test_it_says_when_it_was_made():
    book = openpyxl.load_workbook(io.BytesIO(write_xlsx("Statement of Applicability", ["a"], [], now=NOW)))
    assert book.properties.created == NOW.replace(tzinfo=None)
    assert book.active.title == "Statement of Applicability"
    assert inert("=1") == "'=1"
