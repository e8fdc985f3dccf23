import html
import re
from html.parser import HTMLParser

import pytest

from affidavit.errors import CanonicalError, UsageError
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
    test = {"test": text, "quality": "validity", "why": text, "success": False}
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
    page = render(details, title="Validation of t", links={"Entry 7": "../entries/7.html"})
    words = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert "values must never be null." in words
    assert "14 unexpected values found. 35% of 40 total rows." in words
    assert "mean must be less than or equal to 1." in words
    assert "19.5" in words
    assert "Successful Expectations1" in words
    assert "<b>A name</b> is needed" in words
    assert (words.count("✓ passed"), words.count("✗ failed")) == (1, 3)
    assert '<a href="../entries/7.html">Entry 7</a>' in page
    assert "warehouse://bank/t: 40 rows" in words
    assert "hunter2" not in page


def test_the_page_is_a_pure_function_of_what_is_stored(details):
    pages = {render(details, title="t", links={"Back": "../index.html"}) for _ in range(2)}
    assert len(pages) == 1
    changed = loads(details)
    changed["rows"] = 41
    assert render(dumps(changed), title="t", links={"Back": "../index.html"}) not in pages


def test_the_page_needs_no_other_host_no_script_and_no_other_file(details):
    page = render(details, title="Validation", links={"Back": "../index.html"})
    parsed = Page(page)
    assert not re.search(r"https?://", page)
    assert not {"script", "img", "link", "iframe", "object", "form", "svg", "base"} & set(parsed.tags)
    assert [value for _, name, value in parsed.attributes if name in {"src", "href", "action"}] == ["../index.html"]
    assert "url(" not in page
    assert "@import" not in page
    assert "great expectations" not in page.lower()  # no logo, no newsletter
    assert "default-src 'none'" in page


def test_a_demonstration_says_so_first(details):
    page = render(details, title="Validation", links={}, demonstration="Scripted <i>people</i>.")
    body = page.partition("<body>")[2]
    assert body.startswith('<p class="note" role="note"><b>Demonstration.</b> Scripted &lt;i&gt;people&lt;/i&gt;.</p>')
    assert "Demonstration." not in render(details, title="Validation", links={})


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text):
    page = render(hostile(text), title=text, links={text: "../x.html"}, demonstration=text)
    parsed = Page(page)
    assert not {"script", "img", "svg", "i"} & set(parsed.tags)
    assert not [name for _, name, _ in parsed.attributes if name.startswith("on")]
    assert parsed.tags.count("style") == 1
    words = html.unescape(re.sub(r"<[^>]+>", "", page.partition("<main>")[2]))
    assert words.count(text) >= 8


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "https://example.com/", "//example.com/x", "/etc/passwd", "\\\\x"]
)
def test_a_link_that_leaves_the_site_is_refused(href):
    with pytest.raises(UsageError, match="stays within the site"):
        render(hostile("x"), title="t", links={"Out": href})


def test_bytes_that_are_no_details_are_refused():
    with pytest.raises(CanonicalError):
        render(b'{"table": NaN}', title="t", links={})
    with pytest.raises(CanonicalError, match="no details"):
        render(b'{"table": "t"}', title="t", links={})
