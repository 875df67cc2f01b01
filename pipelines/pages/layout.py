"""Where the blocks of a graph stand on paper: in layers from top to bottom, with few crossings and straight ways.

The steps are those of Sugiyama, Tagawa and Toda (1981), "Methods for visual understanding of hierarchical system
structures", IEEE Trans. SMC 11: layers by longest path, long connections cut by bends, order by barycentres, then
places. Blocks that follow each other stand in columns, as in Brandes and Köpf (2002), "Fast and simple horizontal
coordinate assignment". It is pure arithmetic, so a page holds a finished picture and needs no script to show it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GAP = 28
"""Between two blocks side by side."""

_BEND_WIDTH = 22
_SWEEPS = 12
_PASSES = 40
_MOST_WIDER = 1.6

Node = tuple[str, ...]
"""A block, ``(id,)``, or the bend of a long connection in a layer, ``(from, to, layer)``."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Places of blocks and connections.

    Attributes:
        width: Of the whole, from 0.
        layers: How many rows of blocks there are.
        centres: The middle of each block, from the left, and its layer, from 0.
        routes: For each connection the points between its ends: x and the layer they are in.
    """

    width: float
    layers: int
    centres: Mapping[str, tuple[float, int]]
    routes: Mapping[tuple[str, str], tuple[tuple[float, int], ...]]


def lay_out(widths: Mapping[str, float], connections: Sequence[tuple[str, str]]) -> Layout:
    """Place the blocks of a graph without cycles.

    Args:
        widths: How wide each block is, in the order in which equals shall stand from left to right.
        connections: From which block to which; both are in ``widths``. The first ones shall run straight.
    """
    levels = _levels(widths, connections)
    bends = {
        (source, target): tuple((source, target, str(level)) for level in range(levels[source] + 1, levels[target]))
        for source, target in connections
    }
    layers: list[list[Node]] = [[] for _ in range(max(levels.values(), default=-1) + 1)]
    for block in widths:
        layers[levels[block]].append((block,))
    for bent in bends.values():
        for bend in bent:
            layers[int(bend[2])].append(bend)
    up: dict[Node, list[Node]] = {node: [] for layer in layers for node in layer}
    down: dict[Node, list[Node]] = {node: [] for node in up}
    for (source, target), bent in bends.items():
        way = [(source,), *bent, (target,)]
        for upper, lower in itertools.pairwise(way):
            down[upper].append(lower)
            up[lower].append(upper)
    _order(layers, up, down)
    size = {node: widths[node[0]] if len(node) == 1 else _BEND_WIDTH for node in up}
    x = _places(layers, _most_straight_first(bends), size)
    left = min((x[node] - size[node] / 2 for node in x), default=0.0)
    return Layout(
        width=max((x[node] + size[node] / 2 for node in x), default=0.0) - left,
        layers=len(layers),
        centres={block: (x[(block,)] - left, levels[block]) for block in widths},
        routes={ends: tuple((x[bend] - left, int(bend[2])) for bend in bent) for ends, bent in bends.items()},
    )


def _most_straight_first(bends: Mapping[tuple[str, str], Sequence[Node]]) -> list[tuple[Node, Node]]:
    """All edges from layer to layer: first those between bends, then as the connections are given."""
    ways = [[(source,), *bent, (target,)] for (source, target), bent in bends.items()]
    edges = [edge for way in ways for edge in itertools.pairwise(way)]
    return sorted(edges, key=lambda edge: len(edge[0]) + len(edge[1]) < 6)


def _levels(widths: Mapping[str, float], connections: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Longest way from a block that nothing leads to."""
    after: dict[str, list[str]] = {block: [] for block in widths}
    open_ends = dict.fromkeys(widths, 0)
    for source, target in connections:
        after[source].append(target)
        open_ends[target] += 1
    levels = dict.fromkeys(widths, 0)
    ready = [block for block in widths if not open_ends[block]]
    while ready:
        block = ready.pop()
        for target in after[block]:
            levels[target] = max(levels[target], levels[block] + 1)
            open_ends[target] -= 1
            if not open_ends[target]:
                ready.append(target)
    return levels


def _order(layers: list[list[Node]], up: Mapping[Node, list[Node]], down: Mapping[Node, list[Node]]) -> None:
    """Sort each layer by where its neighbours stand, down and up again; the order with the fewest crossings stays."""
    best, fewest = [list(layer) for layer in layers], _crossings(layers, down)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        downwards = sweep % 2 == 0
        neighbours = up if downwards else down
        for index in range(1, len(layers)) if downwards else range(len(layers) - 2, -1, -1):
            fixed = {node: place for place, node in enumerate(layers[index - 1 if downwards else index + 1])}
            own = {node: float(place) for place, node in enumerate(layers[index])}
            means = {node: _mean(neighbours[node], fixed, own[node]) for node in own}
            layers[index].sort(key=means.__getitem__)
        crossings = _crossings(layers, down)
        if crossings < fewest:
            best, fewest = [list(layer) for layer in layers], crossings
    layers[:] = best


def _mean(nodes: Sequence[Node], places: Mapping[Node, float], otherwise: float) -> float:
    return sum(places[node] for node in nodes) / len(nodes) if nodes else otherwise


def _crossings(layers: Sequence[Sequence[Node]], down: Mapping[Node, Sequence[Node]]) -> int:
    total = 0
    for upper, lower in itertools.pairwise(layers):
        place = {node: number for number, node in enumerate(lower)}
        ends = [place[target] for node in upper for target in sorted(down[node], key=place.__getitem__)]
        total += sum(earlier > later for index, later in enumerate(ends) for earlier in ends[:index])
    return total


def _columns(layers: Sequence[Sequence[Node]], edges: Sequence[tuple[Node, Node]]) -> list[list[Node]]:
    """Put nodes below each other, each in one column: along the first edges first, as long as none would cross."""
    place = {node: number for layer in layers for number, node in enumerate(layer)}
    layer_of = {node: number for number, layer in enumerate(layers) for node in layer}
    below: dict[Node, Node] = {}
    above: dict[Node, Node] = {}
    straight: list[list[tuple[int, int]]] = [[] for _ in layers]
    for upper, lower in edges:
        ends = place[upper], place[lower]
        links = straight[layer_of[upper]]
        crosses = any((ends[0] < other[0]) != (ends[1] < other[1]) for other in links)
        if upper not in below and lower not in above and not crosses:
            below[upper], above[lower] = lower, upper
            links.append(ends)
    columns = []
    for node in place:
        if node not in above:
            column = [node]
            while column[-1] in below:
                column.append(below[column[-1]])
            columns.append(column)
    return columns


def _places(
    layers: Sequence[Sequence[Node]], edges: Sequence[tuple[Node, Node]], size: Mapping[Node, float]
) -> dict[Node, float]:
    """Straight columns, unless they make the whole much wider: in deep graphs they push each other aside."""
    straight = _pulled(layers, edges, size, _columns(layers, edges))
    if _width(layers, straight) <= _MOST_WIDER * max((_needed(layer, size) for layer in layers), default=0.0):
        return straight
    return _pulled(layers, edges, size, [[node] for layer in layers for node in layer])


def _width(layers: Sequence[Sequence[Node]], x: Mapping[Node, float]) -> float:
    return max(x[layer[-1]] for layer in layers) - min(x[layer[0]] for layer in layers) if layers else 0.0


def _needed(layer: Sequence[Node], size: Mapping[Node, float]) -> float:
    return sum(size[node] + GAP for node in layer)


def _pulled(
    layers: Sequence[Sequence[Node]],
    edges: Sequence[tuple[Node, Node]],
    size: Mapping[Node, float],
    columns: Sequence[Sequence[Node]],
) -> dict[Node, float]:
    """Place columns between the leftmost and the rightmost places, then pull each towards what it is connected with."""
    column_of = {node: number for number, column in enumerate(columns) for node in column}
    lefts: list[dict[int, float]] = [{} for _ in columns]
    rights: list[dict[int, float]] = [{} for _ in columns]
    for layer in layers:
        for left, right in itertools.pairwise(layer):
            distance = (size[left] + size[right]) / 2 + GAP
            one, other = column_of[left], column_of[right]
            lefts[other][one] = rights[one][other] = max(distance, lefts[other].get(one, 0.0))
    near: list[list[int]] = [[] for _ in columns]
    for upper, lower in edges:
        one, other = column_of[upper], column_of[lower]
        if one != other:
            near[one].append(other)
            near[other].append(one)
    x = _between(lefts, rights)
    for number in range(_PASSES):
        for column in range(len(columns)) if number % 2 else reversed(range(len(columns))):
            wanted = sum(x[other] for other in near[column]) / len(near[column]) if near[column] else x[column]
            low = max((x[left] + distance for left, distance in lefts[column].items()), default=-math.inf)
            high = min((x[right] - distance for right, distance in rights[column].items()), default=math.inf)
            x[column] = max(low, min(wanted, high))
    return {node: x[column] for node, column in column_of.items()}


def _between(lefts: Sequence[Mapping[int, float]], rights: Sequence[Mapping[int, float]]) -> list[float]:
    """Half-way between as far left and as far right as each column can be."""
    leftmost = _packed(lefts, rights)
    rightmost = [-place for place in _packed(rights, lefts)]
    shift = max(leftmost) - max(rightmost) if leftmost else 0.0
    return [(left + right + shift) / 2 for left, right in zip(leftmost, rightmost, strict=True)]


def _packed(before: Sequence[Mapping[int, float]], after: Sequence[Mapping[int, float]]) -> list[float]:
    """The smallest places from 0 on that keep each distance; columns without crossings are never left of themselves."""
    places = [0.0] * len(before)
    missing = [len(each) for each in before]
    ready = [column for column, number in enumerate(missing) if not number]
    while ready:
        column = ready.pop()
        for other, distance in after[column].items():
            places[other] = max(places[other], places[column] + distance)
            missing[other] -= 1
            if not missing[other]:
                ready.append(other)
    return places
