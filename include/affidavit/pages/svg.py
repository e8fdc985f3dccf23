"""A chart as what stands inside an ``<svg>``: shapes, lines and text, and nothing that acts, loads or can be linked to.

Altair describes it and vl-convert draws it on this machine, without a browser and without a network. What comes back is
taken apart and put together again: only the elements and attributes named here, in the colours of the site's style
(so that it follows light, dark and paper), without ids (so that several stand on one page), numbers to two decimals (so
that the same chart has the same bytes). Text keeps the page's own font.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    import altair

_SHAPES = frozenset({"path", "line", "rect", "text"})
_ATTRIBUTES = (
    "d",
    "x",
    "y",
    "x2",
    "y2",
    "width",
    "height",
    "transform",
    "text-anchor",
    "font-size",
    "font-weight",
    "stroke-width",
    "stroke-dasharray",
)
_PAINTS = ("fill", "stroke")
_PAINT = re.compile(r"none|var\(--[a-z]+(?:-[a-z]+)*\)")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e-?\d+)?")
_SVG = "{http://www.w3.org/2000/svg}"


def paint(colour: str) -> str:
    """The colour of the style with this name, for fills and strokes."""
    return f"var(--{colour})"


def drawn(chart: altair.LayerChart | altair.VConcatChart) -> str:
    """What stands inside the ``<svg>``.

    Raises ``ValueError`` for a chart with an element, or in a colour, that a page does not have.
    """
    import vl_convert

    # No address may be loaded; there is none in the charts of this room.
    # To validate each layer against all of Vega-Lite costs more than to draw it; the tests look at what is drawn.
    svg = vl_convert.vegalite_to_svg(chart.to_dict(validate=False), allowed_base_urls=[])
    return inner(svg)


def inner(svg: str) -> str:
    """What is drawn in ``svg``, an SVG document, with nothing else."""
    root = ElementTree.fromstring(svg)  # noqa: S314  drawn by vl-convert from text made visible before
    clean = ElementTree.Element("svg")
    clean.extend(list(_clean(root)))
    return "".join(ElementTree.tostring(child, encoding="unicode") for child in clean)


def _clean(parent: ElementTree.Element) -> Iterator[ElementTree.Element]:
    """What is drawn in ``parent``; groups only where they move what is in them."""
    for child in parent:
        tag = child.tag.removeprefix(_SVG)
        if tag == "g":
            moved = ElementTree.Element("g", {"transform": _rounded(child.get("transform", ""))})
            moved.extend(list(_clean(child)))
            if len(moved):
                yield from (moved,) if moved.get("transform") not in ("", "translate(0,0)") else moved
        elif tag not in _SHAPES:
            raise ValueError(f"a chart has no <{tag}>")
        elif _is_seen(child):
            kept = {key: _rounded(child.attrib[key]) for key in _ATTRIBUTES if child.get(key)}
            element = ElementTree.Element(tag, kept | {key: _paint(child, key) for key in _PAINTS if child.get(key)})
            element.text = child.text
            yield element


def _is_seen(element: ElementTree.Element) -> bool:
    """Not the frames that Vega puts around each group, nor its white sheet of paper."""
    return element.get("class") not in ("background", "foreground") and element.get("fill") != "white"


def _paint(element: ElementTree.Element, key: str) -> str:
    colour = element.attrib[key]
    if not _PAINT.fullmatch(colour):
        raise ValueError(f"a chart is drawn in the colours of the style, not in {colour}")
    return colour


def _rounded(text: str) -> str:
    return _NUMBER.sub(lambda found: f"{round(float(found[0]), 2) + 0.0:g}", text)
