"""Where the boxes of a layered drawing stand, and how its lines run: from the top down, loops included.

After Sugiyama, Tagawa and Toda (1981): lines that close a loop are turned round, each box takes the layer above its
lowest neighbour, long lines pass through the layers between, and boxes stand near the middle of their neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

BOX = (284, 62)
"""Width and height of a box, in pixels at natural size."""

_ROOM_BETWEEN = 22
_LANE = 20
_LAYER = 128
_MARGIN = 14
_SWEEPS = 12

Line = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """Top left corners of the boxes, in their order, and for each line the points from its source to its target."""

    width: int
    height: int
    boxes: tuple[tuple[int, int], ...]
    lines: Mapping[Line, tuple[tuple[int, int], ...]]


def layout(boxes: int, lines: Sequence[Line]) -> Layout:
    """Lay out boxes 0 to before ``boxes``; a line is ``(source, target)``, and one from a box to itself is left out.

    Where lines form a loop, the box with the lowest number stands on top of it.
    """
    wanted = [line for line in dict.fromkeys(lines) if line[0] != line[1]]
    turned = _closing(boxes, wanted)
    down = list(dict.fromkeys((b, a) if (a, b) in turned else (a, b) for a, b in wanted))
    layers = _layers(boxes, down)
    grid = _Grid.of(boxes, down, layers)
    grid.order()
    middles = grid.middles()
    left = min((x - grid.width(each) / 2 for each, x in middles.items()), default=0)
    x_of = {each: round(x - left) + _MARGIN for each, x in middles.items()}
    right = max((x + grid.width(each) / 2 for each, x in x_of.items()), default=0)
    corners = tuple((x_of[box] - BOX[0] // 2, _MARGIN + layers[box] * _LAYER) for box in range(boxes))
    routes = {}
    for a, b in wanted:
        chain = grid.chains[(b, a) if (a, b) in turned else (a, b)]
        points = [(x_of[chain[0]], _MARGIN + grid.layer[chain[0]] * _LAYER + BOX[1])]
        for lane in chain[1:-1]:
            top = _MARGIN + grid.layer[lane] * _LAYER
            points += [(x_of[lane], top), (x_of[lane], top + BOX[1])]
        points.append((x_of[chain[-1]], _MARGIN + grid.layer[chain[-1]] * _LAYER))
        routes[a, b] = tuple(reversed(points)) if (a, b) in turned else tuple(points)
    deepest = max(layers, default=0)
    return Layout(round(right) + _MARGIN, 2 * _MARGIN + deepest * _LAYER + BOX[1], corners, routes)


def _closing(boxes: int, lines: Sequence[Line]) -> set[Line]:
    """The lines that close a loop, by depth-first search from the first box on, without recursion."""
    onward: dict[int, list[int]] = {}
    for a, b in lines:
        onward.setdefault(a, []).append(b)
    done: set[int] = set()
    found: set[Line] = set()
    for start in range(boxes):
        path, on_path = [(start, iter(onward.get(start, ())))], {start}
        if start in done:
            continue
        while path:
            here, rest = path[-1]
            there = next(rest, None)
            if there is None:
                path.pop()
                on_path.discard(here)
                done.add(here)
            elif there in on_path:
                found.add((here, there))
            elif there not in done:
                on_path.add(there)
                path.append((there, iter(onward.get(there, ()))))
    return found


def _layers(boxes: int, down: Sequence[Line]) -> list[int]:
    """The longest way from above; then each box sinks to the layer above the highest box that it leads to."""
    onward: dict[int, list[int]] = {}
    waiting = [0] * boxes
    for a, b in down:
        onward.setdefault(a, []).append(b)
        waiting[b] += 1
    order = [box for box in range(boxes) if not waiting[box]]
    layers = [0] * boxes
    for a in order:  # it grows while it is walked
        for b in onward.get(a, ()):
            layers[b] = max(layers[b], layers[a] + 1)
            waiting[b] -= 1
            if not waiting[b]:
                order.append(b)
    for a in reversed(order):
        if a in onward:
            layers[a] = min(layers[b] for b in onward[a]) - 1
    return layers


@dataclass
class _Grid:
    """Boxes and the lanes of long lines, by layer; numbers from ``boxes`` on are lanes."""

    boxes: int
    layer: dict[int, int]
    rows: list[list[int]]
    chains: dict[Line, list[int]]
    above: dict[int, list[int]]
    below: dict[int, list[int]]

    @classmethod
    def of(cls, boxes: int, down: Sequence[Line], layers: Sequence[int]) -> _Grid:
        grid = cls(boxes, dict(enumerate(layers)), [[] for _ in range(max(layers, default=-1) + 1)], {}, {}, {})
        for a, b in down:
            chain = [a]
            for layer in range(layers[a] + 1, layers[b]):
                lane = len(grid.layer)
                grid.layer[lane] = layer
                chain.append(lane)
            chain.append(b)
            grid.chains[a, b] = chain
            for one, other in pairwise(chain):
                grid.below.setdefault(one, []).append(other)
                grid.above.setdefault(other, []).append(one)
        for each, layer in grid.layer.items():
            grid.rows[layer].append(each)
        return grid

    def width(self, each: int) -> int:
        return BOX[0] if each < self.boxes else _LANE

    def order(self) -> None:
        """Sort each row by the mean place of its neighbours, down and up in turns, so that fewer lines cross."""
        for sweep in range(_SWEEPS):
            rows = self.rows if sweep % 2 == 0 else self.rows[::-1]
            neighbours = self.above if sweep % 2 == 0 else self.below
            for beside, row in pairwise(rows):
                place = {each: float(n) for n, each in enumerate(beside)}
                mean = {each: _mean([place[n] for n in neighbours.get(each, ())]) for each in row}
                known = {each: float(n) if mean[each] is None else mean[each] for n, each in enumerate(row)}
                row.sort(key=lambda each, by=known: by[each])  # type: ignore[misc]

    def middles(self) -> dict[int, float]:
        """The middle of each box and lane: near the mean of its neighbours, never over the next one."""
        x: dict[int, float] = {}
        for row in self.rows:
            self._settle(row, dict.fromkeys(row, 0.0), x)
        for sweep in range(_SWEEPS):
            neighbours = self.above if sweep % 2 == 0 else self.below
            for row in self.rows if sweep % 2 == 0 else self.rows[::-1]:
                wanted = {each: _mean([x[n] for n in neighbours.get(each, ())]) for each in row}
                self._settle(row, {each: x[each] if want is None else want for each, want in wanted.items()}, x)
        return x

    def _settle(self, row: Sequence[int], wanted: Mapping[int, float], x: dict[int, float]) -> None:
        before: int | None = None
        for each in row:
            x[each] = wanted[each]
            if before is not None:
                apart = (self.width(before) + self.width(each)) / 2 + _ROOM_BETWEEN
                x[each] = max(x[each], x[before] + apart)
            before = each
        shift = sum(wanted[each] - x[each] for each in row) / max(len(row), 1)
        for each in row:
            x[each] += shift


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
