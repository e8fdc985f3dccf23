import pytest

from affidavit.evidence import Origin, Stage, Statement, kinds
from affidavit.pages.words import (
    ENDING,
    KINDS,
    ORIGIN_MEANS,
    STAGE_MEANS,
    STATUS_MEANS,
    answer,
    kind_words,
    scope_title,
)
from affidavit.rules.verdict import Status
from tests.pages import examples


def test_every_kind_status_origin_and_stage_has_words():
    assert set(KINDS) == {kind.name for kind in kinds.ALL}
    assert set(STATUS_MEANS) == set(Status)
    assert set(ORIGIN_MEANS) == set(Origin)
    assert set(STAGE_MEANS) == set(Stage)


def test_the_answer_names_the_worst_first():
    counts = {Status.SUPPORTED: 12, Status.FAILING: 1, Status.MISSING: 3}
    assert answer(counts) == "Of 16 verdicts, 1 is failing, 3 lack evidence and 12 are supported."


def test_the_answer_says_when_nothing_is_supported():
    assert answer({Status.MISSING: 1}) == "Of 1 verdict, 1 lacks evidence and none is supported."
    assert "nothing is supported" in answer({})


@pytest.mark.parametrize("status", list(Status))
def test_no_other_status_counts_as_supported(status: Status):
    said = answer({status: 2})
    assert ("are supported" in said) == (status is Status.SUPPORTED)
    assert ("none is supported" in said) == (status is not Status.SUPPORTED)


def test_only_better_statuses_end():
    assert {Status.SUPPORTED, Status.ACCEPTED, Status.NOT_YET_DUE} == ENDING


@pytest.mark.parametrize(
    ("draft", "says"),
    [
        (examples.validation("0" * 64, failed=("t",)), "1 of 9 tests failed over 2,381 rows"),
        (examples.validation("0" * 64, warned=("t",)), "1 of 9 tests had nothing to judge over 2,381 rows"),
        (examples.validation("0" * 64, failed=("t", "u"), warned=("v",)), "2 of 9 tests failed, 1 of 9 tests had"),
        (examples.validation("0" * 64), "all 9 tests passed over 2,381 rows"),
        (examples.alias("2"), "points at version"),
        (examples.alias(None), "points at nothing"),
        (examples.snapshot(7), "held 7 rows in 14 columns"),
        (examples.run(), "2 metrics and 1 dataset input"),
        (examples.collection(), "1 collector brought 2 new facts and found 1 unchanged"),
        (examples.system(), "include/systems/mortgage-approval.yaml"),
    ],
)
def test_what_an_entry_says(draft, says: str):
    words = kind_words(draft.statement)
    assert says in words.says(draft.facts)
    assert words.not_shown


def test_an_unknown_kind_says_that_it_counts_for_nothing():
    words = kind_words(Statement.parse(examples.unknown()))
    assert "urn:elsewhere:thing:v9" in words.says({})
    assert "counts for nothing" in words.not_shown


def test_a_scope_without_a_title_shows_its_id():
    assert scope_title("system:x", {}) == "x"
    assert scope_title("system:x", {"system:x": "The X"}) == "The X"
    assert scope_title("organisation", {}) == "Organisation"
