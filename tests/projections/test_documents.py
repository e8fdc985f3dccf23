import pytest

from affidavit.evidence import ORGANISATION_SCOPE, Origin, Subject, kinds
from affidavit.projections import fold
from affidavit.projections.documents import document_need, document_needs, unchanged_since
from tests.projections import papers, story
from tests.projections.papers import POLICY, section

NAME = "affidavit://documents/policy"


def told(*looks, **declared):
    ledger = story.Story()
    papers.declare(ledger, POLICY | declared)
    for text, version, *changes in looks:
        papers.look(ledger, text, version, **(changes[0] if changes else {}))
    return fold(ledger.entries)


def need(*looks, **declared):
    scope = told(*looks, **declared).organisation
    return document_need(scope, scope.organisation.value.documents[0])


def test_the_approver_is_asked_about_exactly_the_file_that_was_seen():
    scope = told(("a", "1")).organisation
    [asked] = document_needs(scope)
    assert (asked.type, asked.scope, asked.roles, asked.authors) == (
        "document",
        ORGANISATION_SCOPE,
        ("board",),
        ("p-7",),
    )
    assert asked.subjects == (Subject(NAME, story.digest("a")),)


@pytest.mark.parametrize(
    "looks",
    [
        (),
        ((None, None),),
        (("a", "1"), (None, None)),
        (("a", None),),
        (("a", "1"), ("b", "1")),
        (("a", "1"), ("b", "2"), ("c", "1")),
        (("a", "1", {"absent": ["Scope"]}),),
        (("a", "1", {"sections": [section("Purpose"), section("Scope", "template")]}),),
        (("a", "1", {"sections": [section("Purpose", "empty"), section("Scope")]}),),
    ],
)
def test_nobody_is_asked_to_sign_what_is_not_fit_for_it(looks):
    assert need(*looks) is None


def test_a_new_version_is_asked_about_again():
    assert need(("a", "1"), ("b", "2")).subjects != need(("a", "1")).subjects


def test_a_section_of_its_own_may_be_empty():
    assert need(("a", "1", {"sections": [section("Purpose"), section(None, "empty")]}))


def test_who_is_said_to_have_written_it_cannot_be_swapped_for_another():
    ledger = story.Story()
    papers.declare(ledger)
    papers.declare(ledger, POLICY | {"author": "p-4"})
    papers.look(ledger, "a")
    [asked] = document_needs(fold(ledger.entries).organisation)
    assert asked.authors == ("p-4", "p-7")


@pytest.mark.parametrize(
    ("looks", "first"),
    [
        ((("a", "1"),), 1),
        ((("a", "1"), ("b", "2")), 2),
        ((("a", "1"), ("b", "2"), ("a", "1")), 3),
        ((("a", "1"), (None, None), ("a", "1")), 1),
        ((("a", "1"), ("a", "2")), 1),
        (((None, None),), None),
    ],
)
def test_a_file_that_came_back_is_another_one_and_one_that_was_away_is_not(looks, first):
    found = unchanged_since(told(*looks).organisation.documents[NAME])
    assert (found.index if found else None) == first


@pytest.mark.parametrize("facts", [{"problem": "gone"}, {"sha256": None}])
def test_what_was_neither_read_nor_refused_counts_for_nothing(facts):
    state = told(("a", "1", facts))
    assert "neither read nor refused" in state.aside[0].why
    assert not state.organisation.documents


def test_a_look_whose_subject_is_another_file_counts_for_nothing():
    ledger = story.Story()
    facts = papers.look(ledger, "a").statement.facts
    ledger.say(kinds.DOCUMENT, NAME, facts, scope=ORGANISATION_SCOPE, sha256=story.digest("b"), origin=Origin.DECLARED)
    assert "another digest" in fold(ledger.entries).aside[0].why
