import json

import pytest

from affidavit.evidence import Entry, dumps
from affidavit.pages.evidence import entry_page, is_validation, ledger_page, log_page
from affidavit.pages.render import render
from affidavit.projections.state import Demonstration
from tests.pages import examples
from tests.pages.examples import NOON, SIMULATED, SYSTEM, Log
from tests.pages.markup import Markup


def shown(log: Log, index: int, *, superseded: int | None = None) -> Markup:
    staged = (Demonstration(SIMULATED, SYSTEM, 1),)
    return Markup(render(entry_page(log.entry(index), origin=log.origin, demonstrations=staged, superseded=superseded)))


@pytest.fixture
def log() -> Log:
    log = Log()
    for draft in (examples.system(), examples.run(), examples.snapshot(), examples.validation("12" * 32)):
        log.write(draft)
    log.write(examples.validation("34" * 32, failed=("expect_column_values_to_be_between:dir",)))
    log.write(examples.alias(None))
    log.write(examples.collection())
    log.write_raw(examples.unknown())
    return log


@pytest.mark.parametrize("index", range(8))
def test_an_entry_reads_answer_first_and_json_last(log: Log, index: int):
    page = shown(log, index)
    assert page.faults() == []
    statement = log.entry(index).statement
    assert page.text.index("What it does not show") < page.text.index("Facts") < page.text.index("Statement as JSON")
    assert log.entry(index).leaf_hash.hex() in page.attribute("title")
    assert [s.sha256 for s in statement.subjects if s.sha256 not in page.attribute("title")] == []
    assert (
        json.loads("".join(page.words).split("Statement as JSON")[1].split("Integrity means")[0]) == statement.document
    )


def test_every_fact_of_an_ordinary_entry_is_readable(log: Log):
    page = shown(log, 1)
    readable = page.text.split("Facts")[1].split("Check it yourself")[0]
    for fact in (
        "FINISHED",
        "roc_auc",
        "0.812",
        "not a number (NaN)",
        "logistic_regression",
        "applications-train",
        "81,234",
    ):
        assert fact in readable


def test_who_looked_and_when(log: Log):
    page = shown(log, 1)
    for said in ("observed by the collector", "table:applications-train", "evidence.mortgage-approval"):
        assert said in page.text
    assert "2026-03-14T12:00:00.000Z" in page.attribute("datetime")


def test_only_a_validation_links_data_docs(log: Log):
    assert f"../data-docs/{'12' * 32}.html" in shown(log, 3).addresses
    assert not [a for i in (0, 1, 2, 5, 6, 7) for a in shown(log, i).addresses if "data-docs" in a]


def test_supersession_is_a_link_where_the_entry_is_known(log: Log):
    assert "Supersedes nothing: the first of its stream" in shown(log, 3).text
    assert "../entries/3.html" in shown(log, 4, superseded=3).addresses
    assert "could not look up" in shown(log, 4).text


def test_a_demonstration_is_said_first_and_again_at_the_entry(log: Log):
    staged, real = shown(log, 3), shown(log, 5)
    for page in (staged, real):
        assert Markup(page.html.split("<body>")[1]).text.startswith("Demonstration.")
    assert "This entry is a demonstration" in staged.text
    assert "This entry is a demonstration" not in real.text


def test_facts_that_are_not_as_their_kind_says_are_not_trusted():
    document = Log.entry_of(examples.validation("12" * 32)).statement.document
    predicate = {**document["predicate"], "failedTests": None}
    entry = Entry(0, dumps({**document, "predicate": predicate}))
    page = Markup(render(entry_page(entry, origin="o", demonstrations=(), superseded=None)))
    assert "trust nothing that rests on it" in page.text
    assert not is_validation(entry)


def test_a_block_of_the_log_lists_newest_first(log: Log):
    page = log_page(0, log.entries(), origin=log.origin, demonstrations=())
    assert [row.index for row in page.rows] == list(range(7, -1, -1))
    markup = Markup(render(page))
    assert markup.faults() == []
    assert f"../data-docs/{'34' * 32}.html" in markup.addresses
    later = log_page(2, log.entries(), origin=log.origin, demonstrations=())
    assert "../log/1.html" in Markup(render(later)).addresses


def test_the_ledger_page_says_how_to_check_without_it(log: Log):
    page = Markup(render(ledger_page(log.head(), at=NOON, demonstrations=(), newest=log.entries())))
    assert page.faults() == []
    for said in ("8 entries", "affidavit verify --ledger", "author unproven", "— signature", "no outsider"):
        assert said in page.text
    assert log.head().root.hex() in page.attribute("title")
    assert "log/0.html" in page.addresses


def test_an_empty_ledger_has_a_page():
    log = Log()
    page = Markup(render(ledger_page(log.head(), at=NOON, demonstrations=(), newest=())))
    assert page.faults() == []
    assert "No entry yet" in page.text
