from dataclasses import replace
from datetime import timedelta

import pytest

from affidavit import catalogue
from affidavit.pages.posture import LINKED, LISTED, MOVES, Posture, control_page, needed, overview
from affidavit.pages.render import render
from affidavit.pages.words import FRAMEWORKS, slug
from affidavit.projections.state import Demonstration
from affidavit.rules.verdict import Status, Verdict
from tests.pages import examples
from tests.pages.examples import NOON, NOTHING_DUE, SIMULATED, SYSTEM, Log, verdict
from tests.pages.markup import Markup

LATER = NOON + timedelta(days=2)


@pytest.fixture
def log() -> Log:
    log = Log()
    log.write(examples.system())
    log.write(examples.snapshot())
    log.write(examples.validation("12" * 32))
    return log


def posture(log: Log, *verdicts: Verdict, **changes) -> Posture:
    entries = {i: log.entry(i) for i in needed(verdicts)}
    known = Posture(
        verdicts=verdicts,
        catalogue=catalogue.load(),
        head=log.head(),
        at=NOON,
        demonstrations=(),
        entries=entries,
        titles={SYSTEM: "Mortgage approval"},
        validations=(),
        lineages={},
        completeness=NOTHING_DUE,
    )
    return replace(known, **changes)


def page(log: Log, *verdicts: Verdict, **changes) -> Markup:
    return Markup(render(overview(posture(log, *verdicts, **changes))))


@pytest.mark.parametrize("status", list(Status))
def test_each_status_has_a_word_a_shape_and_a_place_in_the_counts(log: Log, status: Status):
    shown = page(log, verdict("A.7.4", status))
    assert shown.faults() == []
    assert f"shape-{slug(status)}" in shown.attribute("id")
    assert status.value in shown.text
    row = next(a for t, a in shown.elements if t == "tr" and a.get("data-status"))
    assert (row["data-status"], row["id"]) == (status.value, "system-mortgage-approval--A.7.4")
    cells = [a for a in shown.all("td") if a.get("data-count") == status.value]
    assert [("zero" in a["class"], a["data-scope"]) for a in cells] == [
        (False, "system-mortgage-approval"),
        (False, ""),
    ]


def test_the_answer_comes_first_in_the_content(log: Log):
    shown = page(log, verdict("A.7.4", Status.FAILING), verdict("A.7.5", Status.SUPPORTED, entries=(1,)))
    content = shown.text.split("Skip to the content")[1]
    assert content.index("1 is failing and 1 is supported") < content.index("Verdicts by status")
    assert "%" not in content


def test_a_demonstration_is_said_before_anything_else(log: Log):
    staged = (Demonstration(SIMULATED, SYSTEM, 2),)
    given = posture(log, verdict("A.7.4", Status.MISSING), demonstrations=staged)
    for markup in (render(overview(given)), render(control_page(given, "A.7.4"))):
        body = Markup(markup.split("<body>")[1])
        assert body.text.startswith("Demonstration.")
        assert SIMULATED in body.text
        assert "(2 entries)" in body.text


def test_without_a_demonstration_none_is_claimed(log: Log):
    assert "Demonstration" not in page(log, verdict("A.7.4", Status.MISSING)).text


def test_as_of_names_time_entries_and_head(log: Log):
    shown = page(log)
    assert "As of 2026-03-14 12:00 UTC · 3 entries · head" in shown.text
    assert log.head().root.hex() in shown.attribute("title")


def test_a_row_links_its_evidence_by_kind(log: Log):
    shown = page(log, verdict("A.7.4", Status.SUPPORTED, entries=(1, 2)))
    assert "table snapshot 1 data validation 2" in shown.text
    assert {"entries/1.html", "entries/2.html", "controls/A.7.4.html"} <= set(shown.addresses)


def test_more_evidence_than_a_row_holds_is_counted_and_linked(log: Log):
    for rows in range(20):
        log.write(examples.snapshot(rows))
    shown = page(log, verdict("A.7.4", Status.SUPPORTED, entries=tuple(range(1, LINKED + 4))))
    assert "3 earlier entries" in shown.text
    assert f"entries/{LINKED + 3}.html" in shown.addresses
    assert "entries/1.html" not in shown.addresses


def test_a_supported_verdict_carries_its_end_and_says_it_without_scripts(log: Log):
    shown = page(log, verdict("A.7.4", Status.SUPPORTED, entries=(1,), valid_until=LATER))
    assert shown.attribute("data-valid-until") == ["2026-03-16T12:00:00.000Z"]
    assert "Valid until 2026-03-16 12:00 UTC . Scripts are off" in shown.text
    assert "outdated" in shown.attribute("id")


def test_the_page_is_valid_until_the_first_of_its_verdicts_ends(log: Log):
    early = verdict("A.7.4", Status.SUPPORTED, entries=(1,), valid_until=NOON + timedelta(hours=1))
    shown = page(log, verdict("A.7.5", Status.SUPPORTED, entries=(1,), valid_until=LATER), early)
    assert "Valid until 2026-03-14 13:00 UTC" in shown.text


@pytest.mark.parametrize("status", [Status.FAILING, Status.MISSING, Status.STALE, Status.UNDETERMINED, Status.AWAITING])
def test_a_bad_verdict_has_no_end(log: Log, status: Status):
    shown = page(log, verdict("A.7.4", status, valid_until=LATER))
    assert shown.attribute("data-valid-until") == []
    assert "noscript" not in shown.html


def test_next_moves_come_worst_first_and_once_for_each_owner_and_action(log: Log):
    shown = overview(
        posture(
            log,
            verdict("A.7.3", Status.MISSING, next_action="Write a datasheet"),
            verdict("A.7.3", Status.MISSING, next_action="Write a datasheet", scope="system:other"),
            verdict("A.7.4", Status.FAILING, next_action="Mend the table"),
            verdict("A.7.5", Status.SUPPORTED, next_action="Nothing, really"),
        )
    )
    assert [(m.action, len(m.rows)) for m in shown.moves] == [("Mend the table", 1), ("Write a datasheet", 2)]
    anchors = {a.get("id") for _, a in Markup(render(shown)).elements}
    assert {href.split("#")[1] for m in shown.moves for _, href in m.rows} <= anchors


def test_moves_beyond_the_first_are_counted(log: Log):
    many = [verdict("A.7.4", Status.MISSING, next_action=f"Do {i}", scope=f"system:s{i}") for i in range(MOVES + 5)]
    assert "5 more actions in the tables below" in page(log, *many).text


def test_a_control_without_a_verdict_is_named(log: Log):
    shown = page(log, verdict("A.7.4", Status.SUPPORTED, entries=(1,)))
    assert "Not judged:" in shown.text
    assert "A.7.3," in shown.text
    everything = [verdict(r.id, Status.MISSING, scope="organisation") for r in catalogue.load()]
    assert "Not judged" not in page(log, *everything).text


def test_each_validation_links_its_entry_and_its_data_docs(log: Log):
    shown = page(log, validations=(log.entry(2),))
    assert {"entries/2.html", f"data-docs/{'12' * 32}.html"} <= set(shown.addresses)
    assert "all 9 tests passed" in shown.text


def test_a_failed_validation_says_so_in_words(log: Log):
    index = log.write(examples.validation("34" * 32, failed=("expect_x:c", "expect_y:c")))
    assert "✕ 2 of 9 tests failed" in page(log, validations=(log.entry(index),)).text


def test_a_validation_with_nothing_to_judge_is_no_pass(log: Log):
    index = log.write(examples.validation("34" * 32, warned=("expect_x:c",)))
    assert "✕ 1 of 9 tests had nothing to judge" in page(log, validations=(log.entry(index),)).text


def test_nothing_yet_says_what_would_fill_it(log: Log):
    shown = page(log)
    assert shown.faults() == []
    assert "Nothing has been judged yet, so nothing is supported." in shown.text
    for command in ("affidavit collect", "affidavit assess", "expectations/"):
        assert command in shown.text


def test_a_control_page_answers_in_all_scopes(log: Log):
    given = posture(
        log,
        verdict("A.7.4", Status.FAILING, entries=(1, 2), next_action="Mend the table"),
        verdict("A.7.4", Status.MISSING, scope="system:other"),
        verdict("A.7.3", Status.SUPPORTED, entries=(1,)),
    )
    shown = Markup(render(control_page(given, "A.7.4")))
    known = catalogue.load().get("A.7.4")
    assert known
    assert shown.faults() == []
    assert "Of 2 verdicts, 1 is failing, 1 lacks evidence and none is supported." in shown.text
    for said in (known.title, known.question, "suite_passed/1", "Mend the table", "Whether the suite asks enough."):
        assert said in shown.text
    # The catalogue's text is a proposal: what was in fact looked at are the checks below it.
    assert f"What we propose to look at {known.check}" in " ".join(shown.text.split())
    assert "What is looked at" not in shown.text
    assert {"../entries/1.html", "../entries/2.html", f"../data-docs/{'12' * 32}.html"} <= set(shown.addresses)


def test_crosswalks_that_only_we_support_stay_hidden(log: Log):
    requirement = next(r for r in catalogue.load() if r.links() and len(r.links()) < len(r.crosswalks))
    shown = control_page(posture(log), requirement.id)
    assert [link for _, links in shown.crosswalks for link in links if link.proposal] == []
    assert sum(len(links) for _, links in shown.crosswalks) == len(requirement.links())


def test_a_control_page_lists_the_newest_entries_and_counts_the_others(log: Log):
    for rows in range(LISTED + 10):
        log.write(examples.snapshot(rows))
    given = posture(log, verdict("A.7.4", Status.SUPPORTED, entries=tuple(range(LISTED + 5))))
    shown = control_page(given, "A.7.4").stands[0]
    assert [row.index for row in shown.entries] == list(range(LISTED + 4, 4, -1))
    assert shown.more == 5


def test_an_unknown_control_and_one_without_a_verdict_have_a_page(log: Log):
    unknown = Markup(render(control_page(posture(log, verdict("Z.9", Status.MISSING)), "Z.9")))
    assert "catalogue does not know Z.9" in unknown.text
    unjudged = Markup(render(control_page(posture(log), "A.7.4")))
    assert "Not judged in any scope yet" in unjudged.text
    assert unknown.faults() == unjudged.faults() == []


def test_every_framework_of_the_catalogue_has_a_title():
    assert {link.framework for r in catalogue.load() for link in r.crosswalks} <= set(FRAMEWORKS)


def test_a_verdict_without_an_owner_says_so(log: Log):
    ownerless = replace(verdict("A.7.4", Status.MISSING, next_action="Do it"), owner="")
    given = posture(log, ownerless)
    for html in (render(overview(given)), render(control_page(given, "A.7.4"))):
        assert "no owner named" in Markup(html).text
