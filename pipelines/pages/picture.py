"""A series as a picture: its blocks from top to bottom, with how many customers went where."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pipelines.block_words import describe
from pipelines.model import RuleBlock
from pipelines.pages.formats import count, shorten, words
from pipelines.pages.layout import Layout, lay_out
from pipelines.pages.svg import element, number
from pipelines.report.history import SeriesHistory
from pipelines.report.measures import ENDED_AS
from warehouse.tables import OUTCOMES

Row = Mapping[str, Any]

_WIDTH, _HEIGHT = 212.0, 58.0
_DISTANCE = 62.0
_MARGIN = 16.0
_TITLE_LENGTH = 24
_WIDEST = 15.0
_ASIDE = 46.0
_MOST_TEXT = 400


def block_title(history: SeriesHistory, block_id: str) -> str:
    """What people call a block: its label, or its id as words."""
    block = history.block(block_id)
    return block.label if block and block.label else words(block_id)


def block_text(history: SeriesHistory, block_id: str) -> str:
    """What a block does, in a few words."""
    block = history.block(block_id)
    return describe(block) if block else "no longer defined"


@dataclass(frozen=True, slots=True)
class Picture:
    """The finished picture, with its own size in pixels."""

    svg: Markup
    width: float
    height: float


def draw(history: SeriesHistory, funnel: Sequence[Row], flows: Sequence[Row], *, name: str) -> Picture | None:
    """The graph of the newest definition, with the numbers of one version or all.

    Args:
        history: The definitions.
        funnel: Rows of ``block_funnel`` of one version.
        flows: Rows of ``path_flow`` of the same.
        name: Unique within the page; ids of the picture's parts begin with it.

    Returns:
        None where the series has no blocks.
    """
    counts = {row["block_id"]: row for row in funnel if row["position"] is not None}
    if not counts:
        return None
    blocks = [block_id for block_id in history.order if block_id in counts]
    ways = [row for row in flows if row["in_definition"] and row["from_block"] in counts and row["to_block"] in counts]
    ways.sort(key=lambda row: (row["branch"] == "else", history.order.index(row["from_block"])))
    layout = lay_out(dict.fromkeys(blocks, _WIDTH), [(row["from_block"], row["to_block"]) for row in ways])
    width = layout.width + 2 * _MARGIN
    height = layout.layers * (_HEIGHT + _DISTANCE) - _DISTANCE + 2 * _MARGIN + 8
    most = max((row["advanced"] + row["merged"] for row in ways), default=0)
    lines, labels = [], []
    for row in ways:
        line, label = _connection(history, row, layout, most)
        lines.append(line)
        labels.append(label)
    boxes = [_block(history, counts[block_id], layout) for block_id in blocks]
    title = f"The series' {len(blocks)} blocks and how many entries went where"
    svg = element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("g", *lines, aria_hidden="true"),
        element("g", *labels),
        element("g", *boxes),
        class_="graph",
        role="group",
        aria_labelledby=f"{name}-title",
        viewBox=f"0 0 {number(width)} {number(height)}",
        data_width=width,
        data_height=height,
        style=f"--width:{number(width)}px;--w:{number(width)};--h:{number(height)}",
    )
    return Picture(svg, width, height)


def _top(layer: int) -> float:
    return _MARGIN + layer * (_HEIGHT + _DISTANCE)


def _connection(history: SeriesHistory, row: Row, layout: Layout, most: int) -> tuple[Markup, Markup]:
    ends = row["from_block"], row["to_block"]
    (from_x, from_layer), (to_x, to_layer) = (layout.centres[end] for end in ends)
    moved = row["advanced"] + row["merged"]
    thickness = 1.2 + (_WIDEST - 1.2) * moved / most if most else 1.2
    stops = [
        (from_x, _top(from_layer) + _HEIGHT),
        *((x, _top(layer) + edge) for x, layer in layout.routes[ends] for edge in (0.0, _HEIGHT)),
        (to_x, _top(to_layer)),
    ]
    # Ways to and from the sides end at the sides, so that they neither cover nor cross each other at the block.
    stops[0], stops[-1] = _aside(stops[0], stops[1][0]), _aside(stops[-1], stops[-2][0])
    line = element(
        "path",
        d=_curve([(x + _MARGIN, y) for x, y in stops]),
        class_=f"way {row['branch'] or 'then'}{'' if moved else ' none'}",
        stroke_width=thickness,
    )
    (x, y), (next_x, next_y) = stops[0], stops[1]
    at_half = (x + next_x) / 2 + _MARGIN, (y + next_y) / 2 + 4
    word = _branch_word(history, row)
    label = element(
        "text",
        element("tspan", f"{word} " if word else "", class_="branch"),
        element("tspan", count(moved)),
        class_="moved",
        x=at_half[0],
        y=at_half[1],
    )
    return line, label


def _aside(stop: tuple[float, float], towards: float) -> tuple[float, float]:
    x, y = stop
    return x + max(-_ASIDE, min(_ASIDE, (towards - x) * 0.3)), y


def _branch_word(history: SeriesHistory, row: Row) -> str:
    block = history.block(row["from_block"])
    if row["branch"] == "both" or not block or not block.els:
        return ""
    yes, no = ("yes", "no") if isinstance(block, RuleBlock) else ("received", "not")
    return yes if row["branch"] == "then" else no


def _curve(stops: Sequence[tuple[float, float]]) -> str:
    """Through the stops, leaving and reaching each of them straight down."""
    parts = [f"M{number(stops[0][0])},{number(stops[0][1])}"]
    for (x, y), (next_x, next_y) in itertools.pairwise(stops):
        half = number((y + next_y) / 2)
        end = f"{number(next_x)},{number(next_y)}"
        parts.append(f"L{end}" if x == next_x else f"C{number(x)},{half} {number(next_x)},{half} {end}")
    return "".join(parts)


def _block(history: SeriesHistory, row: Row, layout: Layout) -> Markup:
    block_id, kind = row["block_id"], row["kind"] or "gone"
    centre, layer = layout.centres[block_id]
    x, y = centre - _WIDTH / 2 + _MARGIN, _top(layer)
    title, arrived = block_title(history, block_id), count(row["arrived"])
    room = int((_WIDTH - 36 - 8.4 * len(arrived)) / 6.7)
    parts = [
        element("title", _facts(history, row)),
        element("rect", class_="box", width=_WIDTH, height=_HEIGHT, rx=9),
        element("rect", class_="mark", x=0, y=10, width=4, height=_HEIGHT - 20, rx=2),
        element("text", shorten(title, _TITLE_LENGTH), class_="name", x=16, y=24),
        element("text", shorten(block_text(history, block_id), room), class_="detail", x=16, y=43),
        element("text", arrived, class_="arrived", x=_WIDTH - 12, y=43),
    ]
    if row["waiting"]:
        text = f"{count(row['waiting'])} waiting"
        pill = 16 + 6.2 * len(text)
        parts.append(
            element(
                "g",
                element("rect", width=pill, height=18, rx=9),
                element("text", text, x=pill / 2, y=13),
                class_="waiting",
                transform=f"translate({number(_WIDTH - pill - 10)},{number(_HEIGHT - 7)})",
            )
        )
    return element(
        "g",
        *parts,
        class_=f"block {kind}",
        tabindex="0",
        role="img",
        data_block=block_id,
        transform=f"translate({number(x)},{number(y)})",
    )


def _facts(history: SeriesHistory, row: Row) -> str:
    """All there is to say of a block, one fact a line: what a pointer or a screen reader gets."""
    block_id = row["block_id"]
    lines = [
        block_title(history, block_id),
        f"{row['kind'] or 'block'} {block_id}: {shorten(block_text(history, block_id), _MOST_TEXT)}",
        f"arrived: {count(row['arrived'])}",
        f"waiting now: {count(row['waiting'])}",
    ]
    lines += [f"{words(outcome)}: {count(row[outcome])}" for outcome in OUTCOMES if row[outcome]]
    lines += [f"ended here, {status}: {count(row[f'ended_{status}'])}" for status in ENDED_AS if row[f"ended_{status}"]]
    if row["waiting_days_p50"] is not None:
        lines.append(f"half of those waiting: up to {row['waiting_days_p50']:.1f} days")
    return "\n".join(lines)
