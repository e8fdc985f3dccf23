import json
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from affidavit.pages.text import LONGEST, LONGEST_TITLE, counted, moment, moment_of, name, visible, visible_json

ANYTHING = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=400)


@given(ANYTHING)
def test_nothing_invisible_stays_invisible(text: str):
    assert not {unicodedata.category(c) for c in visible(text)} & {"Cc", "Cf", "Co", "Cn", "Zl", "Zp"}


def test_a_direction_override_is_written_out():
    assert visible("gpj\u202e.exe") == "gpj\\u202e.exe"
    assert visible("a\u200bb\x00c") == "a\\u200bb\\u0000c"


@given(st.recursive(ANYTHING, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANYTHING, inner, max_size=3)))
def test_json_made_visible_still_means_the_same(value):
    assert json.loads(visible_json(json.dumps(value, indent=2, ensure_ascii=False))) == value


def test_a_digest_shows_its_ends_and_keeps_the_whole():
    digest = "0123456789abcdef" * 4
    short = name(digest)
    assert (short.head, short.tail) == ("01234567", "abcdef")
    assert short.head + short.middle + short.tail == short.title == digest


@given(ANYTHING)
def test_a_name_that_fits_on_the_page_is_there_as_a_whole(text: str):
    short = name(text)
    assert short.head + short.middle + short.tail == visible(text)
    assert len(short.plain) <= max(LONGEST + 1, 66)


def test_a_name_of_100_kb_is_cut_and_says_by_how_much():
    short = name("start" + "x" * 100_000 + "the end")
    assert short.head.startswith("start")
    assert short.tail.endswith("the end")
    assert len(short.title) < LONGEST_TITLE + 100
    kept = len(short.head + short.middle + short.tail)
    assert short.left_out + kept == 100_012
    assert f"{short.left_out:,}" in short.title


def test_a_time_is_shown_in_utc_with_the_exact_one_beside_it():
    east = datetime(2026, 3, 14, 1, 30, 12, tzinfo=timezone(timedelta(hours=5)))
    assert moment(east).shown == "2026-03-13 20:30 UTC"
    assert moment(east).iso == "2026-03-13T20:30:12.000Z"


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        moment(datetime(2026, 3, 14))  # noqa: DTZ001


@pytest.mark.parametrize("text", ["2026-03-14", "20260314", "1990", "2026-03-14T12:00:00", "not a time", ""])
def test_only_a_whole_time_reads_as_one(text: str):
    assert moment_of(text) is None


def test_the_time_of_a_statement_reads_as_one():
    assert moment_of("2026-03-14T12:00:00.000Z") == moment(datetime(2026, 3, 14, 12, tzinfo=UTC))


def test_one_is_singular():
    assert counted(1, "entry", "entries") == "1 entry"
    assert counted(2_000, "test") == "2,000 tests"
