"""A page, read as a browser would: what is in it, and what would be wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise

VOID = frozenset({"meta", "link", "br", "hr", "img", "input"})
SELF_CLOSING = frozenset({"path", "circle", "rect"})


@dataclass
class Markup(HTMLParser):
    """Elements in order as (tag, attributes), text by element position, and problems of nesting."""

    html: str
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        HTMLParser.__init__(self)
        self.feed(self.html)
        self.close()
        if self.open:
            self.problems.append(f"never closed: {self.open}")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def attribute(self, name: str) -> list[str]:
        return [attributes[name] for _, attributes in self.elements if name in attributes]

    @property
    def headings(self) -> list[int]:
        return [int(tag[1]) for tag, _ in self.elements if tag in {"h1", "h2", "h3", "h4"}]

    def faults(self) -> list[str]:
        """What no page of ours may have."""
        faults = list(self.problems)
        ids = self.attribute("id")
        faults += [f"id twice: {i}" for i in set(ids) if ids.count(i) > 1]
        faults += [
            f"labelled by nothing: {i}" for v in self.attribute("aria-labelledby") for i in v.split() if i not in ids
        ]
        faults += [f"inline handler: {n}" for _, a in self.elements for n in a if n.startswith("on")]
        faults += ["inline style" for _, a in self.elements if "style" in a]
        faults += [f"<{t}>" for t, _ in self.elements if t in {"style", "iframe", "object", "embed", "base", "form"}]
        faults += [f"script {a}" for a in self.all("script") if not a.get("src", "").endswith("site.js")]
        faults += [f"address {u}" for u in self.addresses if ":" in u or u.startswith("/")]
        levels = self.headings
        if levels.count(1) != 1 or levels[0] != 1:
            faults.append(f"headings {levels}")
        faults += [f"h{a} then h{b}" for a, b in pairwise(levels) if b > a + 1]
        if "compliant" in self.html.lower():
            faults.append("the word that no page says")
        return faults

    @property
    def addresses(self) -> list[str]:
        return self.attribute("href") + self.attribute("src")
