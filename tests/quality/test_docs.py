import html
import re
from html.parser import HTMLParser

import pytest

from affidavit.errors import CanonicalError
from affidavit.evidence import dumps, loads
from affidavit.quality import render, validate
from affidavit.warehouse import snapshot
from tests.quality.suites import expects, suite

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "$column ${column} $$",
    "</style><svg/onload=alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
    "\u202egnp.exe",
]
VOID = {"meta", "br"}


class Page(HTMLParser):
    """Tags and attributes of a page, and that each tag that opens is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.open = [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture
def details(duck):
    duck.run(
        "CREATE TABLE t (id INT, name VARCHAR)",
        "INSERT INTO t SELECT i, CASE WHEN i % 3 = 0 THEN NULL ELSE 'hunter2' END FROM range(40) r(i)",
    )
    wanted = suite(
        expects("expect_column_values_to_be_unique", column="id"),
        {**expects("expect_column_values_to_not_be_null", column="name"), "why": "<b>A name</b> is needed"},
        expects("expect_column_mean_to_be_between", column="id", max_value=1),
        expects("expect_column_max_to_be_between", column="id", max_value=1),
    )
    with snapshot(duck.connection, timeout_seconds=60) as opened:
        return validate(opened, table="t", suite=wanted).details


def hostile(text):
    """Stored details in which every free text is ``text``."""
    result = {"element_count": 3, "unexpected_count": 1, "unexpected_percent": 33.3, "missing_count": 0}
    test = {"test": text, "quality": "validity", "why": text, "success": False, "vacuous": False}
    kwargs = {"column": text, "value_set": [text]}
    pair = {"column_A": text, "column_B": text}
    return dumps(
        {
            "table": text,
            "suite": text,
            "rows": 3,
            "results": [
                {**test, "type": "expect_column_values_to_be_in_set", "kwargs": kwargs, "result": result},
                {**test, "type": "expect_column_pair_values_to_be_equal", "kwargs": pair, "result": result},
                {
                    **test,
                    "type": "expect_column_values_to_be_of_type",
                    "kwargs": {"column": text, "type_": text},
                    "result": {"observed_value": text},
                },
                {
                    **test,
                    "type": "expect_column_values_to_match_regex",
                    "kwargs": {"column": text, "regex": text, "row_condition": text},
                    "result": result,
                },
            ],
        }
    )


def test_the_page_says_what_great_expectations_says(details):
    page = render(details, where="blob")
    words = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert "values must never be null." in words
    assert "14 unexpected values found. 35% of 40 total rows." in words
    assert "mean must be less than or equal to 1." in words
    assert "10 to 100" in words
    assert "<b>A name</b> is needed" in words
    assert (words.count("✓ held"), words.count("✗ failed")) == (1, 3)
    assert "hunter2" not in page


def test_what_held_of_no_value_is_not_shown_as_held(duck):
    duck.run("CREATE TABLE t (id INT, name VARCHAR)", "INSERT INTO t VALUES (1, NULL)")
    wanted = suite(
        expects("expect_column_values_to_be_unique", column="id"),
        expects("expect_column_values_to_be_in_set", column="name", value_set=["a"]),
    )
    with snapshot(duck.connection, timeout_seconds=60) as opened:
        page = render(validate(opened, table="t", suite=wanted).details, where="blob")
    words = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert (words.count("✓ held"), words.count("! nothing judged")) == (1, 1)
    assert "expect_column_values_to_be_in_set:name" in words


def test_the_page_is_a_pure_function_of_what_is_stored(details):
    pages = {render(details, where="blob") for _ in range(2)}
    assert len(pages) == 1
    changed = loads(details)
    changed["results"][0]["success"] = not changed["results"][0]["success"]
    assert render(dumps(changed), where="blob") not in pages


def test_the_page_needs_no_other_host_no_script_no_style_and_no_other_file(details):
    page = render(details, where="blob")
    parsed = Page(page)
    assert not re.search(r"https?://", page)
    assert not {"script", "style", "img", "link", "iframe", "object", "form", "svg", "base"} & set(parsed.tags)
    assert [value for _, name, value in parsed.attributes if name in {"src", "href", "action", "style"}] == []
    assert "url(" not in page
    assert "@import" not in page
    assert "great expectations" not in page.lower()  # no logo, no newsletter


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text):
    page = render(hostile(text), where=text)
    parsed = Page(page)
    assert not {"script", "img", "svg", "i"} & set(parsed.tags)
    assert not [name for _, name, _ in parsed.attributes if name.startswith("on")]
    assert "style" not in parsed.tags
    words = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert words.count(text) >= 8


def test_bytes_that_are_no_details_are_refused():
    with pytest.raises(CanonicalError):
        render(b'{"table": NaN}', where="blob")
    with pytest.raises(CanonicalError, match="no details"):
        render(b'{"table": "t"}', where="blob")
