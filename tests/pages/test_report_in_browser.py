"""The report in a real browser, opened from the disk."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from affidavit.pages.figures import Figure
from affidavit.pages.render import render
from tests.pages.browser import CHROMIUM, Browser, browser
from tests.pages.markup import Markup
from tests.pages.measurements import page_with

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

SHAPES = "[...document.querySelectorAll('.sheet path, .sheet line, .sheet rect, .sheet text')]"
COLOURS = f"{SHAPES}.map(e => [getComputedStyle(e).fill, getComputedStyle(e).stroke].join(' ')).join('; ')"


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.fixture
def report(drawn: dict[str, Figure], tmp_path: Path) -> Path:
    # Without the policy, which would stop requests before they count: the page itself asks for nothing.
    html, taken = re.subn(r"<meta http-equiv=[^>]*>", "", render(page_with(*drawn.values())))
    assert taken == 1
    (tmp_path / "report.html").write_text(html)
    return tmp_path / "report.html"


def test_a_request_would_be_seen(opened: Browser, tmp_path: Path):
    (tmp_path / "picture.html").write_text('<svg><image href="http://elsewhere.invalid/x.png"/></svg>')
    opened.open(tmp_path / "picture.html")
    assert "http://elsewhere.invalid/x.png" in opened.requests


def test_it_asks_for_nothing_but_itself(opened: Browser, report: Path):
    opened.open(report)
    assert opened.requests == [report.as_uri()]


def test_charts_follow_the_theme(opened: Browser, report: Path):
    seen = {}
    for theme in ("light", "dark"):
        opened.open(report, theme=theme)
        seen[theme] = opened.value(COLOURS)
    # A paint that the browser does not understand would be black, or nothing, in both.
    assert "rgb(27, 32, 39)" in seen["light"]
    assert "rgb(230, 233, 238)" in seen["dark"]
    assert "rgb(0, 0, 0)" not in seen["light"] + seen["dark"]


def test_nothing_drawn_lies_outside_its_sheet(opened: Browser, report: Path):
    opened.open(report)
    outside = f"""{SHAPES}.filter(e => {{
        const box = e.getBoundingClientRect(), sheet = e.ownerSVGElement.getBoundingClientRect();
        return box.left < sheet.left - 1 || box.right > sheet.right + 1
            || box.top < sheet.top - 1 || box.bottom > sheet.bottom + 1;
    }}).map(e => e.textContent || e.outerHTML)"""
    assert opened.value(f"{SHAPES}.length") > 200
    assert opened.value(outside) == []


def test_every_number_can_be_reached_by_keyboard(opened: Browser, report: Path):
    opened.open(report)
    folded = len(Markup(report.read_text()).all("details"))
    assert (
        opened.value("[...document.querySelectorAll('details > summary')].filter(e => e.tabIndex === 0).length")
        == folded
    )
    assert opened.value("[...document.querySelectorAll('.sheet')].every(e => e.tabIndex === 0)")


def test_on_paper_the_tables_of_the_charts_unfold(opened: Browser, report: Path):
    opened.open(report)
    # A folded table takes no room in its frame.
    shown = """[...document.querySelectorAll('.chart details')].filter(
        e => e.getBoundingClientRect().bottom >= e.querySelector('table').getBoundingClientRect().bottom).length"""
    assert opened.value(shown) == 0
    opened.call("Emulation.setEmulatedMedia", media="print")
    assert opened.value(shown) == len(Markup(report.read_text()).all("figure"))
    opened.call("Emulation.setEmulatedMedia", media="screen")
