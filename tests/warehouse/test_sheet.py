"""Sheets of XLSX workbooks: all rows as they are stored, and a workbook that would be read half is refused."""

import re
import sys
import zipfile
from datetime import date, datetime, time

import fsspec
import openpyxl
import pytest

from affidavit.errors import ConfigurationError, SourceRefused
from affidavit.warehouse import office, sheet, snapshot, upload

SHEET = "xl/worksheets/sheet1.xml"
ROWS = [("person", "until"), ("hunter2", "2026-12-31"), ("p-2", "2027-01-01"), ("p-3", None)]


@pytest.fixture
def book(tmp_path):
    """Writes a workbook; ``change`` may alter it before it is saved, ``parts`` its archive afterwards."""

    def write(rows=ROWS, *, change=None, parts=None):
        made = openpyxl.Workbook()
        for row in rows:
            made.active.append(row)
        if change:
            change(made)
        file = tmp_path / "register.xlsx"
        made.save(file)
        if parts:
            with zipfile.ZipFile(file) as zipped:
                whole = {name: zipped.read(name) for name in zipped.namelist()}
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
                for name, data in parts(whole).items():
                    zipped.writestr(name, data)
        return file

    return write


def read(file, name=None):
    with (
        upload(file, where="include/register.xlsx", sheet=name) as found,
        snapshot(found.connection, timeout_seconds=20) as opened,
    ):
        table = opened.table(found.table)
        rows = [tuple(row) for row in opened.rows(table, about="t")]
        return found, [column.name for column in table.columns], rows


def within(name, old, new):
    """Alters one part of the archive."""

    def change(whole):
        assert re.search(old, whole[name].decode())
        return whole | {name: re.sub(old, new, whole[name].decode(), count=1).encode()}

    return change


def test_a_sheet_is_a_table_of_text(book):
    told = [
        ("a", "b", "c", "d"),
        (1, 2.5, True, "  Ñandú "),
        (3.0, 10**15, False, None),
        (datetime.fromisoformat("2026-03-14T08:30"), date(2026, 3, 14), time(9, 5), None),
        (None, None, None, None),
        (None, "x"),
    ]
    found, names, rows = read(book(told))
    assert names == ["a", "b", "c", "d"]
    assert rows == [
        ("1", "2.5", "true", "  Ñandú "),
        ("3", "1000000000000000", "false", None),
        ("2026-03-14 08:30:00", "2026-03-14 00:00:00", "09:05:00", None),
        (None, "x", None, None),
    ]
    assert (found.hidden, found.coverage) == ({}, "the whole file; read is the sheet 'Sheet'")


def test_what_is_hidden_is_read_and_counted(book):
    def hide(made):
        made.active.row_dimensions[2].hidden = True
        made.active.column_dimensions["B"].hidden = True
        made.create_sheet("gone").sheet_state = "hidden"
        made.create_sheet("far gone").sheet_state = "veryHidden"

    found, _, rows = read(book(change=hide, parts=within(SHEET, r'<row r="3"', '<row r="3" ht="0"')))
    assert len(rows) == 3
    assert found.hidden == {"rows": 2, "columns": 1, "sheets": 2}


def test_of_several_sheets_one_has_to_be_named(book):
    def more(made):
        made.create_sheet("Grants").append(("key",))
        made["Grants"].append(("k",))
        made["Grants"].sheet_state = "hidden"
        made.create_sheet("Third")

    file = book(change=more)
    with pytest.raises(SourceRefused, match="2 sheets are shown") as caught:
        read(file)
    assert "'Third'" in caught.value.fix
    assert read(file, "Grants")[2] == [("k",)]
    with pytest.raises(SourceRefused, match="there is no sheet 'grants'"):
        read(file, "grants")


def test_a_formula_counts_by_the_result_that_is_stored_and_without_one_it_is_refused(book):
    told = [("n",), ("=1+1",)]
    with pytest.raises(SourceRefused, match="the formula in A2 has no result"):
        read(book(told))
    stored = within(SHEET, r"</f><v ?/>|</f><v></v>", "</f><v>2</v>")
    assert read(book(told, parts=stored))[2] == [("2",)]


def test_rows_beyond_what_the_sheet_says_of_its_size_are_read(book):
    file = book(parts=within(SHEET, r'<dimension ref="[^"]*"', '<dimension ref="A1:A2"'))
    _, names, rows = read(file)
    assert (names, len(rows)) == (["person", "until"], 3)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (lambda whole: whole | {"xl/vbaProject.bin": b"x"}, "a macro or an embedded object"),
        (within("xl/styles.xml", r"<styleSheet", "<!DOCTYPE a [<!ENTITY b 'c'>]><styleSheet"), "a document type"),
        (within(SHEET, r'<row r="3"', '<row r="2"'), "row 2 is out of order"),
        (within(SHEET, r'<row r="4"', '<row r="1048577"'), "row 1048577 is out of order"),
        (within(SHEET, r'r="A4"', 'r="XFD4"'), "more than 2,000 columns"),
        (within(SHEET, r"</sheetData>", ""), "no XLSX workbook that can be read"),
        (lambda whole: {name: data for name, data in whole.items() if name != SHEET}, "no XLSX workbook"),
    ],
)
def test_a_workbook_that_would_be_read_half_is_refused_and_never_quoted(book, parts, words):
    with pytest.raises(SourceRefused, match=words) as caught:
        read(book(parts=parts))
    assert "include/register.xlsx" in caught.value.text
    assert "hunter2" not in caught.value.text + str(caught.value.__cause__)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([("a",), ("hunter2", "x")], "B2 lies beyond the 1 columns"),
        ([("a", None, "b"), ("hunter2",)], "does not name each column once"),
        ([("a", "A"), ("hunter2",)], "does not name each column once"),
        ([], "does not name each column once"),
        ([("a",), ("#REF!",)], "the cell A2 holds an error"),
    ],
)
def test_a_sheet_that_is_no_table_is_refused_by_its_cell(book, rows, words):
    with pytest.raises(SourceRefused, match=words) as caught:
        read(book(rows))
    assert "hunter2" not in caught.value.text


def test_what_would_unpack_to_too_much_is_refused(book):
    file = book(parts=lambda whole: whole | {"xl/media/zeros.bin": bytes(office.MOST_OF_ONE + 1)})
    assert file.stat().st_size < office.MOST_OF_ONE / 100
    with pytest.raises(SourceRefused, match="it unpacks to more than"):
        read(file)


def test_a_part_that_says_it_is_smaller_than_it_is_is_refused(book):
    file = book([("a",)] + [("x" * 50,)] * 2_000)
    with zipfile.ZipFile(file) as zipped:
        size = zipped.getinfo(SHEET).file_size
    data = file.read_bytes()
    assert size.to_bytes(4, "little") in data
    file.write_bytes(data.replace(size.to_bytes(4, "little"), (1_000).to_bytes(4, "little")))
    with pytest.raises(SourceRefused, match="no archive that can be unpacked"):
        read(file)


def test_more_cells_than_are_read_at_once_are_refused(book, monkeypatch):
    monkeypatch.setattr(sheet, "MAX_CELLS", 6)
    with pytest.raises(SourceRefused, match="more than 6 cells"):
        read(book())
    monkeypatch.setattr(sheet, "MAX_CELLS", 8)
    assert len(read(book())[2]) == 3


def test_what_is_no_workbook_and_a_missing_package_are_said(tmp_path, book, monkeypatch):
    file = tmp_path / "plain.xlsx"
    file.write_bytes(b"person,until\nhunter2,2026\n")
    with pytest.raises(SourceRefused, match="no archive that can be unpacked"):
        read(file)
    written = book()
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ConfigurationError, match="openpyxl is not installed"):
        read(written)


def test_a_file_may_come_from_any_store(book):
    with fsspec.open("memory://registers/one.xlsx", "wb") as out:
        out.write(book().read_bytes())
    with upload("memory://registers/one.xlsx", where="a store") as found:
        assert found.sha256
    absent = pytest.raises(SourceRefused, match=r"cannot be read \(FileNotFoundError\)")
    with absent, upload("memory://registers/none.csv", where="a store"):
        pass
    unknown = pytest.raises(ConfigurationError, match="no file that can be reached")
    with unknown, upload("abc://registers/none.csv", where="a store"):
        pass
