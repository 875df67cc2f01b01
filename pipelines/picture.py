"""A series drawn as it is built: one SVG, top to bottom, laid out as in the pages of the report.

Solid lines lead on from good outcomes, dashed ones from bad outcomes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from pipelines.block_words import title
from pipelines.graph import Connection, Graph
from pipelines.model import AnyBlock
from pipelines.pages.layout import Layout, lay_out

_WIDTH, _HEIGHT = 168, 44
_GAP, _MARGIN = 44, 12
_LETTERS = 24
_FILLS = {"rule": "#e8edfb", "content": "#e3f4ea", "wait": "#fdf3d9", "tag": "#f3e8f8"}
_LINES = {"rule": "#4a63b8", "content": "#2f8a57", "wait": "#b07d12", "tag": "#8a4aa5"}
_FONT = "font-family='DejaVu Sans, Helvetica, Arial, sans-serif'"

_Place = tuple[float, int]
"""How far from the left, without the margin, and in which row."""


def draw(blocks: Mapping[str, AnyBlock], graph: Graph) -> str:
    """The picture of a series without a cycle, as one SVG without anything from elsewhere."""
    ends = [(connection.from_block, connection.to_block) for connection in graph.connections]
    layout = lay_out({block_id: float(_WIDTH) for block_id in graph.order}, ends)
    width = layout.width + 2 * _MARGIN
    height = layout.layers * (_HEIGHT + _GAP) - _GAP + 2 * _MARGIN
    body = [
        *(_line(connection, layout) for connection in graph.connections),
        *(_box(blocks[block_id], *place) for block_id, place in layout.centres.items()),
    ]
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0f} {height}' width='{width:.0f}' "
        f"height='{height}'><rect width='100%' height='100%' fill='#fff'/>{''.join(body)}</svg>"
    )


def _top(level: int) -> int:
    return _MARGIN + level * (_HEIGHT + _GAP)


def _line(connection: Connection, layout: Layout) -> str:
    start, stop = layout.centres[connection.from_block], layout.centres[connection.to_block]
    route = layout.routes[connection.from_block, connection.to_block]
    dashes = "" if connection.outcome_is_good else " stroke-dasharray='5 4'"
    path = "".join(_path(start, route, stop))
    return (
        f"<path d='{path}' fill='none' stroke='#7b8494' stroke-width='1.5'{dashes}/>"
        f"<path d='M{stop[0] + _MARGIN:.0f} {_top(stop[1])}l-4 -8h8z' fill='#7b8494'/>"
    )


def _path(start: _Place, route: Sequence[_Place], stop: _Place) -> Iterator[str]:
    """From the lower side of one block to the upper side of another, straight down through the rows between."""
    x, y = start[0] + _MARGIN, float(_top(start[1]) + _HEIGHT)
    yield f"M{x:.0f} {y:.0f}"
    for place in (*route, stop):
        next_x, next_y = place[0] + _MARGIN, float(_top(place[1]))
        if place == stop:
            next_y -= 6
        middle = (y + next_y) / 2
        yield f"C{x:.0f} {middle:.0f} {next_x:.0f} {middle:.0f} {next_x:.0f} {next_y:.0f}"
        x, y = next_x, next_y
        if place != stop:
            y += _HEIGHT
            yield f"V{y:.0f}"


def _box(block: AnyBlock, middle: float, level: int) -> str:
    words = " ".join(title(block).split())
    shown = words if len(words) <= _LETTERS else f"{words[: _LETTERS - 1]}…"
    middle += _MARGIN
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
