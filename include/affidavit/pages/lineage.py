"""The page of an AI system: what is in use there, what it was made from, drawn and as a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from affidavit.evidence import Entry
from affidavit.pages.frame import Frame
from affidavit.pages.layers import BOX, layout
from affidavit.pages.links import Links, anchor
from affidavit.pages.posture import Posture, page_frame
from affidavit.pages.text import LONGEST_TITLE, Name, counted, name
from affidavit.pages.words import scope_title
from affidavit.projections import Edge, Graph, Missing, Node, Thing
from affidavit.projections.lineage import PRODUCED, TRAINED_ON
from affidavit.projections.lineage_graph import LOGGED, REGISTERED_AS

DRAWN = 60
"""Boxes that a drawing holds, those nearest to what is in use; the table below it lists more edges."""

GHOSTS = 20
"""Boxes that stand for what nothing recorded; the list above the drawing names all that is missing."""

LISTED = 200
"""Edges that the table lists, those nearest to what is in use first, and entries of the list of what is missing."""

_LONGEST = 28
_LETTER = 7
"""Pixels that a letter of a label may take: labels are kept apart by what they may need."""

_LABEL_HEIGHT = 28


@dataclass(frozen=True)
class Box:
    """A node as it is drawn. ``href`` is empty where no entry is about it, ``sha256`` where it has no digest."""

    x: int
    y: int
    thing: str
    label: str
    title: str
    sha256: str
    href: str
    index: int | None


@dataclass(frozen=True)
class Arrow:
    """An edge as it is drawn: an SVG path, and a label around a point; ``missing`` where something is missing."""

    path: str
    x: int
    y: int
    width: int
    label: str
    sha256: str
    title: str
    missing: bool


@dataclass(frozen=True)
class Picture:
    """A drawing of ``width`` × ``height`` pixels at natural size; ``more`` nodes had no room."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    more: int
    box: tuple[int, int] = BOX


@dataclass(frozen=True)
class EdgeRow:
    """An edge in a table."""

    source: Name
    state: Name | None
    relation: str
    target: Name
    target_state: Name | None
    sha256: Name
    basis: str
    index: int
    href: str


@dataclass(frozen=True)
class SystemPage:
    """One AI system: its lineage around what is in use. ``verdicts`` is where the overview lists its verdicts."""

    frame: Frame
    title: str
    answer: str
    verdicts: str
    missing: tuple[str, ...]
    more_missing: int
    picture: Picture | None
    edges: tuple[EdgeRow, ...]
    more: int


def system_page(posture: Posture, scope: str) -> SystemPage:
    """The page of one AI system, ``system:<id>``."""
    links, graph = Links(depth=1), posture.lineages[scope]
    verdicts = [verdict for verdict in posture.verdicts if verdict.scope == scope]
    title = scope_title(scope, posture.titles)
    near = _near(graph)
    return SystemPage(
        frame=page_frame(posture, title, links, verdicts),
        title=title,
        answer=_answer(graph),
        verdicts=f"{links.overview}#{anchor(scope)}" if verdicts else links.overview,
        missing=tuple(missing.words for missing in graph.missing[:LISTED]),
        more_missing=max(0, len(graph.missing) - LISTED),
        picture=_picture(graph, near, links),
        edges=tuple(_row(edge, links) for edge in near[:LISTED]),
        more=max(0, len(near) - LISTED),
    )


def _near(graph: Graph) -> Sequence[Edge]:
    """The edges around what is in use; all of them where nothing is."""
    around = (*graph.upstream(graph.in_use), *graph.downstream(graph.in_use))
    return list(dict.fromkeys(around or graph.edges))


def _answer(graph: Graph) -> str:
    if not graph.in_use:
        return "No registered model is declared, so nothing tells what is in use and what it was made from."
    if graph.missing:
        lacking = "lacks an edge, or evidence contradicts one" if len(graph.missing) == 1 else "has gaps"
        return f"The lineage of what is in use {lacking}: {counted(len(graph.missing), 'place')} in all, named below."
    trained = {edge.source for edge in graph.upstream(graph.in_use) if edge.relation == TRAINED_ON}
    return (
        f"What is in use leads back to {counted(len(trained), 'fingerprint')} of training tables; "
        "no edge that ought to be recorded is missing."
    )


def _row(edge: Edge, links: Links) -> EdgeRow:
    return EdgeRow(
        source=name(edge.source.name, longest=60),
        state=name(edge.source.sha256) if edge.source.sha256 else None,
        relation=edge.relation,
        target=name(edge.target.name, longest=60),
        target_state=name(edge.target.sha256) if edge.target.sha256 else None,
        sha256=name(edge.sha256),
        basis=edge.basis,
        index=edge.entry.index,
        href=links.entry(edge.entry.index),
    )


def _picture(graph: Graph, near: Sequence[Edge], links: Links) -> Picture | None:
    nodes = _nodes(graph, near)
    # In a loop the first box stands on top: what is farthest from what is in use.
    number = {node: n for n, node in enumerate(reversed(nodes[:DRAWN]))}
    if not number:
        return None
    lines: dict[tuple[int, int], _Line] = {}
    for edge in _without_detours(near):
        if edge.source in number and edge.target in number:
            lines.setdefault((number[edge.source], number[edge.target]), _Line()).edges.append(edge)
    ghosts: list[Missing] = []
    for n, missing in enumerate(graph.missing, start=1):
        known = (missing.source, missing.target)
        if len(ghosts) == GHOSTS or any(end and end not in number for end in known):
            continue  # the list above the drawing names it
        source, target = (number[end] if end else None for end in known)
        if source is None or target is None:
            ghost = len(number) + len(ghosts)
            ghosts.append(missing)
            source, target = (ghost if source is None else source), (ghost if target is None else target)
        lines.setdefault((source, target), _Line()).missing.append(n)
    laid = layout(len(number) + len(ghosts), list(lines))
    about = _about(graph, near)
    boxes = [_box(node, about.get(node), links, laid.boxes[n]) for node, n in number.items()]
    boxes += [_ghost(missing, laid.boxes[len(number) + n]) for n, missing in enumerate(ghosts)]
    arrows: list[Arrow] = []
    for ends, line in lines.items():
        if ends in laid.lines:  # not from a box to itself
            arrows.append(_arrow(line, laid.lines[ends], arrows))
    return Picture(laid.width, laid.height, tuple(boxes), tuple(arrows), more=len(nodes) - len(number))


@dataclass
class _Line:
    """What is drawn between two boxes: edges, and the numbers of what is missing there."""

    edges: list[Edge] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)


def _nodes(graph: Graph, near: Sequence[Edge]) -> list[Node]:
    """What is in use first, then what is nearest to it, and the ends of what is missing."""
    ends = [end for missing in graph.missing for end in (missing.source, missing.target) if end]
    return list(dict.fromkeys([*graph.in_use, *ends, *(end for edge in near for end in (edge.target, edge.source))]))


def _without_detours(edges: Sequence[Edge]) -> Iterable[Edge]:
    """All edges but those from a run to a version that the drawing shows by way of the logged model."""
    registered = {(edge.source, edge.target) for edge in edges if edge.relation == REGISTERED_AS}
    models: dict[Node, set[Node]] = {}
    for edge in edges:
        if edge.relation == LOGGED:
            models.setdefault(edge.source, set()).add(edge.target)
    for edge in edges:
        by_way = edge.relation == PRODUCED and any(
            (model, edge.target) in registered for model in models.get(edge.source, ())
        )
        if not by_way:
            yield edge


def _about(graph: Graph, near: Sequence[Edge]) -> Mapping[Node, Entry]:
    """The entry that is about each node, else one that names it."""
    named = {end: edge.entry for edge in near for end in (edge.source, edge.target)}
    return {**named, **graph.about}


def _box(node: Node, entry: Entry | None, links: Links, corner: tuple[int, int]) -> Box:
    whole = f"{node.name}, sha256 {node.sha256}" if node.sha256 else node.name
    return Box(
        *corner,
        thing=node.thing.value,
        label=name(_short(node), longest=_LONGEST).plain,
        title=name(whole, longest=LONGEST_TITLE).plain,
        sha256=name(node.sha256).plain if node.sha256 else "",
        href=links.entry(entry.index) if entry else "",
        index=entry.index if entry else None,
    )


def _short(node: Node) -> str:
    """A name without what the box says already, and of MLflow without its server; tooltip and table have it whole."""
    scheme, _, rest = node.name.partition("://")
    if scheme == "mlflow":
        rest = rest.partition("/")[2].removeprefix("models/").removeprefix("runs/")
    if node.thing is Thing.VERSION:
        rest = " version ".join(rest.rsplit("/versions/", 1))
    return rest or node.name


def _ghost(missing: Missing, corner: tuple[int, int]) -> Box:
    words = name(missing.words, longest=LONGEST_TITLE).plain
    return Box(*corner, thing="missing", label="nothing recorded", title=words, sha256="", href="", index=None)


def _arrow(line: _Line, points: Sequence[tuple[int, int]], others: Sequence[Arrow]) -> Arrow:
    path = "M{} {}".format(*points[0])
    for (x, y), (to_x, to_y) in pairwise(points):
        middle = (y + to_y) / 2
        path += f"C{x} {middle:g} {to_x} {middle:g} {to_x} {to_y}"
    relations = [edge.relation for edge in line.edges] or ["missing"]
    label = name(", ".join(dict.fromkeys(relations)), longest=40).plain
    if line.missing:
        label += f" ({', '.join(map(str, line.missing))})"
    sha256 = name(line.edges[0].sha256).plain if line.edges else ""
    places = [_along(segment, share) for segment in (points[:2], points[-2:]) for share in (0.5, 0.35, 0.65, 0.2, 0.8)]
    width = _LETTER * max(len(label), len(sha256)) + 6
    free = (place for place in places if not any(_touch(place, width, other) for other in others))
    x, y = next(free, places[0])
    said = "; ".join(f"{edge.relation}, sha256 {edge.sha256}, entry {edge.entry.index}" for edge in line.edges)
    return Arrow(path, x, y, width, label, sha256, said or label, missing=bool(line.missing))


def _along(segment: Sequence[tuple[int, int]], share: float) -> tuple[int, int]:
    """The point of a curve between two points, both ends of which run straight down, at a share of its way."""
    (x, y), (to_x, to_y) = segment
    bend = share * share * (3 - 2 * share)
    fall = 1.5 * share * (1 - share) + share**3
    return round(x + (to_x - x) * bend), round(y + (to_y - y) * fall)


def _touch(place: tuple[int, int], width: int, other: Arrow) -> bool:
    apart = abs(place[0] - other.x) >= (width + other.width) / 2 or abs(place[1] - other.y) >= _LABEL_HEIGHT
    return not apart
