"""What a person is asked, as Markdown: nobody's text is more than text there."""

from datetime import UTC, datetime

import pytest

from affidavit.evidence import Subject
from affidavit.inventory import Organisation
from affidavit.pages.decision import MAX_LINE, asked, plain
from affidavit.projections import Head, Need

NOON = datetime(2026, 3, 14, 12, tzinfo=UTC)
HEAD = Head("affidavit.example/log", 1_234, b"\xab" * 32, NOON, "")
HARBOUR = Organisation.model_validate(
    {
        "id": "harbour",
        "title": "Harbour",
        "roles": {"lead": {"title": "Lead of AI", "holders": ["p-1"]}},
        "owners": {},
        "people": {"p-1": {}, "p-2": {}},
        "committees": {"board": {"members": ["p-1", "p-2"], "quorum": 2}},
    }
)


def need(**changes) -> Need:
    fields = {
        "type": "deployment",
        "scope": "system:loans",
        "title": "loans version 2",
        "question": "May it be in use?",
        "subjects": (Subject("mlflow://tracking/models/loans/versions/2", "c" * 64),),
        "options": ("approve", "reject"),
        "roles": ("lead",),
    }
    return Need(**{**fields, **changes})


def page(**changes) -> str:
    return asked(need(**changes), organisation=HARBOUR, head=HEAD, until=NOON, longest=4_000)


def test_the_page_says_what_is_decided_on_by_whom_until_when_and_over_what():
    text = page()
    for said in (
        "May it be in use?",
        "c" * 64,
        "*Lead of AI*",
        "2026-03-14T12:00:00.000Z",
        "1,234",
        "ab" * 32,
        "4,000",
    ):
        assert said in text


def test_who_made_it_and_who_asked_for_it_are_told_that_they_do_not_decide():
    assert "does not decide on it: p\\-2, p\\-3" in page(authors=("p-2", "p-3"))
    assert "Nor does p\\-4" in page(requested_by="p-4")
    assert "decide on it" not in page()


def test_committees_votes_and_competence_are_named():
    assert "the committee *board*" in page(roles=("board",), ballot="p-2")
    assert "the vote of p\\-2" in page(roles=("board",), ballot="p-2")
    assert "competent for A\\.7\\.4" in page(roles=("competence:A.7.4",))


def test_how_far_an_approval_reaches_is_said():
    envelope = {
        "measures": {"auc": {"at_least": 0.8, "at_most": None}},
        "data": {"population_stability_index": {"at_least": None, "at_most": 0.1}},
        "carries_to": "next version",
    }
    text = page(envelope=envelope, until=NOON)
    assert (
        "auc on the new version's own rows at least 0.8; population\\_stability\\_index of its data at most 0.1" in text
    )
    assert "What is approved ends at 2026-03-14" in text


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "![x](https://e.example/x.png)",
        "[x](javascript:alert(1))",
        "| a | b |",
        "**bold** _it_ `code` ~~x~~",
        "https://e.example/ and www.e.example and a@b.example",
        "line\n# heading\n\n- item\n> quote\n---\n1. one",
        "&lt;b&gt; \\<b\\>",
    ],
)
def test_a_name_or_question_of_anybody_s_is_text_and_nothing_else(hostile):
    text = plain(hostile)
    assert "\n" not in text
    escaped = text.replace("\\\\", "").split("\\")
    # Behind each backslash stands the character that it takes the meaning from; nowhere else is there one.
    rest = escaped[0] + "".join(each[1:] for each in escaped[1:])
    assert not set(rest) & set("`*_{}[]()<>#+-.!|~&:@$")
    whole = page(question=hostile, title=hostile, subjects=(Subject(hostile, "c" * 64),))
    assert whole.count("\n| ") == 2, "one row of the table, below its head"
    assert "\n#" not in whole


def test_a_text_of_a_megabyte_is_cut_and_its_digest_stands_for_it():
    text = page(question="<b>" * 350_000, subjects=(Subject("x" * 1_000_000, "c" * 64),))
    assert len(text) < 8 * MAX_LINE
    assert "…" in text
