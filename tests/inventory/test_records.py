from typing import get_args

import pytest
from pydantic import ValidationError

from affidavit.errors import InventoryError
from affidavit.inventory import Book, BookKind
from affidavit.inventory.load import load
from affidavit.inventory.record_fields import FIELDS, GROUPS, misfit

BOOKS = """
books:
  - {id: risks, kind: risks, file: records/risks.yaml}
  - {id: actions, kind: risk-actions, connection: bank, table: grc.actions, columns: {id: action_id, due: due_on}}
"""
EMPTY = {group: {} for group in GROUPS.values()}


def test_books_are_read_from_both_kinds_of_file(project):
    for path in (project.mortgage, project.organisation):
        path.write_text(path.read_text().partition("\nbooks:")[0] + BOOKS)
    inventory = load(project.include, project.suites)
    for declared in (inventory.systems["mortgage-approval"], inventory.organisation):
        risks, actions = declared.books
        assert (risks.uri, risks.name) == ("file:include/records/risks.yaml", "affidavit://records/risks/")
        assert actions.uri == "warehouse://bank/grc.actions"


# (old text, new text, field, words, fix)
FAULTS = [
    ("kind: risks,", "kind: risk,", "books[0].kind", "not one of the values", "risks"),
    ("table: grc.actions, ", "", "books[1]", "a book is either a table or a file", "connection and a table"),
    ("due: due_on", "date: due_on", "books[1].columns.date", "has no date", "its fields are id, title"),
    ("risks.yaml", "risks.txt", "books[0].file", "not a name", "a .yaml, .csv or .xlsx file"),
    ("records/risks.yaml", "../risks.yaml", "books[0].file", "not a path below", "records/risks.yaml"),
    ("records/risks.yaml", "s3://grc/risks.yaml", "books[0].file", "lies below include/", "CSV or XLSX"),
    ("risks.yaml", "risks.yaml, columns: {id: x}", "books[0].columns", "has no columns", "as the fields"),
    ("risks.yaml", "risks.csv, sheet: one", "books[0].sheet", "only an XLSX file", "leave it out"),
    ("id: actions", "id: risks", "books[1].id", "a second book", "its own id"),
    ("file: records", "path: records", "books[0].path", "unknown key", "the keys here are"),
]


@pytest.mark.parametrize(("old", "new", "field", "words", "fix"), FAULTS)
def test_a_book_that_cannot_be_meant_is_refused_with_its_field_and_the_fix(project, old, new, field, words, fix):
    assert old in BOOKS
    path = project.organisation
    path.write_text(path.read_text().partition("\nbooks:")[0] + BOOKS.replace(old, new))
    with pytest.raises(InventoryError, match=words) as caught:
        load(project.include, project.suites)
    assert field in caught.value.where
    assert fix in caught.value.fix


def test_every_kind_of_book_has_fields_and_each_field_a_group_or_lies_outside_the_ledger():
    assert set(FIELDS) == set(get_args(BookKind))
    for fields in FIELDS.values():
        assert "id" not in fields
        for spec in fields.values():
            assert (spec.holds in GROUPS) == (spec.holds != "text")
            assert not spec.not_before or fields[spec.not_before].holds == spec.holds == "day"
            assert bool(spec.words) == (spec.holds == "word")


@pytest.mark.parametrize(
    "facts",
    [
        {"words": {"state": "fine"}},
        {"words": {"title": "open"}},
        {"days": {"reviewed": "2026-02-30"}},
        {"days": {"state": "2026-02-03"}},
        {"numbers": {"likelihood": 6}},
        {"numbers": {"likelihood": 1.5}},
        {"numbers": {"likelihood": "float:nan"}},
        {"links": {"controls": ["A sentence about somebody"]}},
        {"people": {"auditor": "p-1"}},
    ],
)
def test_a_field_that_its_kind_has_not_fits_no_record(facts):
    assert misfit("risks", EMPTY) == ""
    assert misfit("risks", {**EMPTY, **facts})
    assert misfit("wishes", EMPTY)


def test_a_book_is_frozen():
    book = Book(id="risks", kind="risks", file="risks.csv")
    with pytest.raises(ValidationError, match="frozen"):
        book.file = "other.csv"
