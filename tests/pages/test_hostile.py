"""What sources, files and forms can carry, through every field that a page shows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from affidavit import catalogue
from affidavit.evidence import AirflowRun, Circumstances, Collector, Entry, Subject, dumps
from affidavit.pages.calendar import calendar_page
from affidavit.pages.evidence import entry_page, ledger_page, log_page
from affidavit.pages.posture import Completeness, Posture, control_page, overview
from affidavit.pages.render import render
from affidavit.projections import Calendar, Came, Due, Lack
from affidavit.projections.reader import Head
from affidavit.projections.state import Demonstration
from affidavit.rules.operation import Lapse, Operation
from affidavit.rules.verdict import Part, Status
from tests.pages import examples
from tests.pages.examples import NOON, Log
from tests.pages.markup import Markup

CORPUS = {
    "script": "<script>alert(1)</script>",
    "closes everything": "\"'></td></title></pre></script><script src=//evil.example/x.js></script>",
    "handler": '" onmouseover="alert(1)" x="',
    "image": "<img src=x onerror=alert(1)>",
    "svg": "<svg/onload=alert(1)><use href=data:x>",
    "link": "javascript:alert(1)",
    "data link": "data:text/html,<script>alert(1)</script>",
    "template": "{{ 7919*7907 }}{% include '/etc/passwd' %}${7919*7907}",
    "style": "</style><style>*{background:url(//evil.example)}",
    "comment": "<!-- --><!--[if IE]>",
    "right to left": "\u202egnp.exe\u2066\u200f\u061c",
    "invisible": "a\u200b\u00ad\ufeff\u0000\u001b[31m\U000e0041b",
    "path": "../../../etc/passwd%2e%2e/",
    "formula": '=cmd|"/c calc"!A1',
    "long": "long " + "x" * 100_000,
    "long and hostile": "<b>" * 30_000,
    "line ends": "one\r\ntwo\u2028three",
}
FORBIDDEN = {chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200B, 0x200F, 0x61C, 0xFEFF, 0, 0x1B)}
ISOLATES = {"\u2068", "\u2069"}  # our own, in pairs, around names in sentences


@pytest.fixture(params=CORPUS.values(), ids=CORPUS)
def nasty(request: pytest.FixtureRequest) -> str:
    return request.param


def harmless(html: str, like: str) -> None:
    """``html`` has the very elements of ``like``, the same page about a harmless name, and nothing invisible."""
    page, twin = Markup(html), Markup(like)
    assert page.faults() == []
    assert shapes(page) == shapes(twin)
    assert not (FORBIDDEN - ISOLATES) & set(html)
    assert html.count("\u2068") == html.count("\u2069")
    assert "62615533" not in html


def shapes(page: Markup) -> list[tuple[str, list[str]]]:
    """Each element with the names of its attributes; long names are spans and carry a title."""
    return sorted((tag, sorted(set(a) - {"title"})) for tag, a in page.elements if tag != "span")


def posture_pages(text: str) -> list[str]:
    part = Part(text, Status.FAILING, text, (0,), None, text, None)
    verdict = replace(
        examples.verdict("A.7.4", Status.FAILING, entries=(0,)), sentence=text, not_shown=text, parts=(part,)
    )
    strange = replace(verdict, control=text, scope=text, owner=text, next_action=text)
    posture = Posture(
        verdicts=(verdict, strange),
        catalogue=catalogue.load(),
        head=Head(text, 1, bytes(32), NOON, text[:2000]),
        at=NOON,
        demonstrations=(Demonstration(text, text, 1),),
        entries={0: entry(text)},
        titles={text: text},
        validations=(Log.entry_of(examples.validation("12" * 32, table=named(text[:8000]))),),
        lineages={},
        completeness=completeness(text),
    )
    ledger = ledger_page(posture.head, at=NOON, demonstrations=posture.demonstrations, newest=posture.entries.values())
    pages = (
        overview(posture),
        control_page(posture, "A.7.4"),
        control_page(posture, text),
        calendar_page(posture),
        ledger,
    )
    return [render(page) for page in pages]


def completeness(text: str) -> Completeness:
    lack = Lack((text,) * 9, Came.NEVER, text, index=0)
    due = Due(NOON - timedelta(days=2), NOON - timedelta(days=1), NOON, (text,), (lack,))
    lapse = Lapse(NOON, None, text, text, text, 0)
    operations = {text: (Operation(text, text, 1, 0, (lapse,)),)}
    return Completeness({text: Calendar(text, NOON, NOON, text, (due,))}, operations, NOON)


def named(text: str) -> str:
    """What of ``text`` can stand in the name of a subject, which holds no NUL."""
    return text.replace("\0", "")


def entry(text: str) -> Entry:
    """A statement that carries ``text`` wherever a source could have put it, as far as it fits into a leaf."""
    text = text[:6000]
    draft = replace(
        examples.run(text, **{text: text}),
        subjects=(Subject(named(text), "0" * 64),),
        collector=Collector(text, text),
        by=text,
        seen=Circumstances(NOON, AirflowRun(text, "r", "t", 1), text[:500]),
        scope=f"system:{text[:100]}",
    )
    return Log.entry_of(draft)


def unknown(text: str) -> Entry:
    return Entry(0, examples.unknown(text[:50_000] or "none"))


def odd_facts(text: str) -> Entry:
    """An open document, as declared in a file."""
    text = text[:2000]
    inner: dict[str, Any] = {text: [text, {text: text}], "table": [{"a": text, "b": text}] * 3}
    document = Log.entry_of(examples.system()).statement.document
    predicate = {**document["predicate"], "system": inner, "file": text}
    return Entry(0, dumps({**document, "predicate": predicate}))


def evidence_pages(text: str) -> list[str]:
    staged = (Demonstration(text, text, 1),)
    pages = [
        render(entry_page(make(text), origin=text, demonstrations=staged, superseded=None))
        for make in (entry, unknown, odd_facts)
    ]
    return [*pages, render(log_page(0, [entry(text)], origin=text, demonstrations=staged))]


def test_a_posture_page_shows_it_and_does_nothing(nasty: str):
    for html, like in zip(posture_pages(nasty), posture_pages("harmless name"), strict=True):
        harmless(html, like)


def test_an_evidence_page_shows_it_and_does_nothing(nasty: str):
    for html, like in zip(evidence_pages(nasty), evidence_pages("harmless name"), strict=True):
        harmless(html, like)


@pytest.mark.parametrize("name", ["long", "long and hostile"])
def test_a_name_of_100_kb_does_not_make_a_page_of_100_kb(name: str):
    assert max(len(html) for html in posture_pages(CORPUS[name])) < 150_000
    assert max(len(html) for html in evidence_pages(CORPUS[name])) < 300_000


def test_the_overview_of_many_demonstrations_stays_short():
    head = Head("o", 1, bytes(32), NOON, "")
    staged = [Demonstration(f"simulated {i}", f"system:{i}", 1) for i in range(1000)]
    text = Markup(render(ledger_page(head, at=NOON, demonstrations=staged, newest=()))).text
    assert "simulated 4" in text
    assert "simulated 5" not in text
    assert "and 995 more" in text
