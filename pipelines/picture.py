"""A series drawn as it is built: one SVG, top to bottom, a row for each level of its graph.

A connection that passes a level takes a place of its own in that row, so that no line runs through a block. Solid lines
lead on from good outcomes, dashed ones from bad outcomes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from pipelines.block_words import title
from pipelines.graph import Connection, Graph
from pipelines.model import AnyBlock

_WIDTH, _HEIGHT = 168, 44
_GAP_X, _GAP_Y, _MARGIN = 28, 44, 12
_PASSING = 16
_LETTERS = 24
_SWEEPS = 4
_FILLS = {"rule": "#e8edfb", "content": "#e3f4ea", "wait": "#fdf3d9", "tag": "#f3e8f8"}
_LINES = {"rule": "#4a63b8", "content": "#2f8a57", "wait": "#b07d12", "tag": "#8a4aa5"}
_FONT = "font-family='DejaVu Sans, Helvetica, Arial, sans-serif'"

_Place = tuple[str, int]
"""A block in its level's row; or, with the number of a connection in the name, where that one passes the row."""


@dataclass(frozen=True, slots=True)
class _Way:
    """A connection with the places it passes, from the block it leaves to the block it reaches."""

    connection: Connection
    places: tuple[_Place, ...]


def draw(blocks: Mapping[str, AnyBlock], graph: Graph) -> str:
    """The picture of a series without a cycle, as one SVG without anything from elsewhere."""
    ways = [_way(number, connection, graph.levels) for number, connection in enumerate(graph.connections)]
    rows = _rows(graph, ways)
    widths = {place: _WIDTH if place[0] in blocks else _PASSING for row in rows for place in row}
    total = max((_row_width(row, widths) for row in rows), default=0) + 2 * _MARGIN
    height = len(rows) * (_HEIGHT + _GAP_Y) - _GAP_Y + 2 * _MARGIN
    middles = _middles(rows, widths, total)
    body = [
        *(_line(way, middles) for way in ways),
        *(_box(blocks[block_id], middles[block_id, level], level) for block_id, level in graph.levels.items()),
    ]
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {total} {height}' width='{total}' height='{height}'>"
        f"<rect width='100%' height='100%' fill='#fff'/>{''.join(body)}</svg>"
    )


def _way(number: int, connection: Connection, levels: Mapping[str, int]) -> _Way:
    start, stop = levels[connection.from_block], levels[connection.to_block]
    passed = ((f" {number}", level) for level in range(start + 1, stop))
    return _Way(connection, ((connection.from_block, start), *passed, (connection.to_block, stop)))


def _rows(graph: Graph, ways: Sequence[_Way]) -> list[list[_Place]]:
    """The places of each level, each near the middle of what leads to it and what it leads to."""
    rows: list[list[_Place]] = [[] for _ in range(max(graph.levels.values(), default=-1) + 1)]
    places = [*graph.levels.items(), *(place for way in ways for place in way.places[1:-1])]
    for place in places:
        rows[place[1]].append(place)
    above: dict[_Place, list[_Place]] = {place: [] for place in places}
    below: dict[_Place, list[_Place]] = {place: [] for place in places}
    for way in ways:
        for upper, lower in zip(way.places, way.places[1:], strict=False):
            above[lower].append(upper)
            below[upper].append(lower)
    for sweep in range(_SWEEPS):
        neighbours, order = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        for row in order:
            _sort(row, neighbours, rows)
    return rows


def _sort(row: list[_Place], neighbours: Mapping[_Place, list[_Place]], rows: Sequence[list[_Place]]) -> None:
    def position(place: _Place) -> float:
        return (rows[place[1]].index(place) + 0.5) / len(rows[place[1]])

    wanted = {
        place: sum(map(position, found)) / len(found) if (found := neighbours[place]) else position(place)
        for place in row
    }
    row.sort(key=wanted.__getitem__)


def _row_width(row: Sequence[_Place], widths: Mapping[_Place, int]) -> int:
    return sum(widths[place] for place in row) + _GAP_X * (len(row) - 1)


def _middles(rows: Sequence[Sequence[_Place]], widths: Mapping[_Place, int], total: int) -> dict[_Place, float]:
    middles: dict[_Place, float] = {}
    for row in rows:
        left = (total - _row_width(row, widths)) / 2
        for place in row:
            middles[place] = left + widths[place] / 2
            left += widths[place] + _GAP_X
    return middles


def _top(level: int) -> int:
    return _MARGIN + level * (_HEIGHT + _GAP_Y)


def _line(way: _Way, middles: Mapping[_Place, float]) -> str:
    dashes = "" if way.connection.outcome_is_good else " stroke-dasharray='5 4'"
    path = "".join(_path(way, middles))
    tip, stop = middles[way.places[-1]], _top(way.places[-1][1])
    return (
        f"<path d='{path}' fill='none' stroke='#7b8494' stroke-width='1.5'{dashes}/>"
        f"<path d='M{tip:.0f} {stop}l-4 -8h8z' fill='#7b8494'/>"
    )


def _path(way: _Way, middles: Mapping[_Place, float]) -> Iterator[str]:
    first, *rest = way.places
    x, y = middles[first], float(_top(first[1]) + _HEIGHT)
    yield f"M{x:.0f} {y:.0f}"
    for place in rest:
        next_x, next_y = middles[place], float(_top(place[1]))
        if place == way.places[-1]:
            next_y -= 6
        middle = (y + next_y) / 2
        yield f"C{x:.0f} {middle:.0f} {next_x:.0f} {middle:.0f} {next_x:.0f} {next_y:.0f}"
        x, y = next_x, next_y
        if place != way.places[-1]:
            y += _HEIGHT
            yield f"V{y:.0f}"


def _box(block: AnyBlock, middle: float, level: int) -> str:
    words = " ".join(title(block).split())
    shown = words if len(words) <= _LETTERS else f"{words[: _LETTERS - 1]}…"
    left, top = middle - _WIDTH / 2, _top(level)
    return (
        f"<g><title>{escape(words)}</title>"
        f"<rect x='{left:.0f}' y='{top}' width='{_WIDTH}' height='{_HEIGHT}' rx='6' fill='{_FILLS[block.kind]}' "
        f"stroke='{_LINES[block.kind]}'/>"
        f"<text x='{middle:.0f}' y='{top + 19}' {_FONT} font-size='11.5' fill='#1c2333' text-anchor='middle'>"
        f"{escape(shown)}</text>"
        f"<text x='{middle:.0f}' y='{top + 34}' {_FONT} font-size='9.5' fill='{_LINES[block.kind]}' "
        f"text-anchor='middle'>{block.kind}</text></g>"
    )
