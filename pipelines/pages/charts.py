"""Charts of a page, as SVG: the share of customers who have converted by days since entry, and days of a series."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from markupsafe import Markup

from pipelines.pages.formats import count, percent
from pipelines.pages.svg import element, path

Row = Mapping[str, Any]

_WIDTH, _HEIGHT = 540.0, 280.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 44.0, 76.0, 14.0, 40.0
_MOST_POINTS = 400
_MOST_BARS = 120


def nice_steps(most: float, wanted: int = 5) -> list[float]:
    """Round numbers from 0 on, about as many as wanted, the last one not below ``most``.

    >>> nice_steps(0.127), nice_steps(30)
    ([0.0, 0.05, 0.1, 0.15], [0.0, 10.0, 20.0, 30.0])
    """
    if most <= 0:
        return [0.0, 1.0]
    power: float = 10.0 ** math.floor(math.log10(most / wanted))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each * wanted >= most * 0.999)
    if step == power * 2.5:
        step = power * 5
    return [round(step * number, 10) for number in range(math.ceil(round(most / step, 6)) + 1)]


def conversion_curve(rows: Sequence[Row], *, name: str) -> Markup | None:
    """Who has converted by days since entry, one line and band for each arm.

    Args:
        rows: Of ``time_to_goal``, of one series and version.
        name: Unique within the page.

    Returns:
        None where no day is known.
    """
    arms = {arm: _thin([row for row in rows if row["arm"] == arm and row["converted_share"] is not None])
            for arm in ("treatment", "holdout")}  # fmt: skip
    known = [row for arm in arms.values() for row in arm]
    last = max((row["day"] for row in known), default=0)
    if not last:
        return None
    highest = max(row["converted_share_high"] or row["converted_share"] for row in known)
    steps = nice_steps(min(1.0, max(highest, 0.01)))
    x = _scale(0, last, _LEFT, _WIDTH - _RIGHT)
    y = _scale(0, steps[-1], _HEIGHT - _BOTTOM, _TOP)
    parts: list[Markup] = [_title("Share of customers who have converted, by days since entry", name)]
    parts += [_level(y(step), percent(step).replace(".0%", "%")) for step in steps]
    parts += [_tick(x(day), f"{day:g}") for day in nice_steps(last, 8) if day <= last and day == int(day)]
    parts.append(element("text", "days since entry", class_="axis", x=x(last / 2), y=_HEIGHT - 4, text_anchor="middle"))
    ends = []
    for arm, points in arms.items():
        if points:
            parts += _arm(arm, points, x, y)
            ends.append((y(points[-1]["converted_share"]), arm, points[-1]))
    for height, (_, arm, point) in zip(_apart(sorted(each[0] for each in ends)), sorted(ends, key=_first), strict=True):
        parts.append(_end(arm, x(last) + 8, height, percent(point["converted_share"])))
    return _chart(parts, name)


def _first(end: tuple[float, str, Row]) -> float:
    return end[0]


def _apart(heights: Sequence[float]) -> list[float]:
    """Ascending heights, moved so that two lines of text fit each."""
    found: list[float] = []
    for height in heights:
        found.append(max(height, found[-1] + 32) if found else height)
    over = max(0.0, found[-1] - (_HEIGHT - _BOTTOM - 10)) if found else 0.0
    return [height - over for height in found]


def _arm(arm: str, points: Sequence[Row], x: Any, y: Any) -> list[Markup]:
    def line(name: str) -> list[tuple[float, float]]:
        return [(x(row["day"]), y(row["converted_share"] if row[name] is None else row[name])) for row in points]

    band = [*line("converted_share_high"), *reversed(line("converted_share_low"))]
    return [
        element("path", class_=f"band {arm}", d=f"{path(*band)}Z"),
        element("path", class_=f"line {arm}", d=path(*line("converted_share"))),
    ]


def _end(arm: str, x: float, y: float, text: str) -> Markup:
    return element(
        "text",
        element("tspan", text, class_="value", x=x),
        element("tspan", arm, x=x, dy=14),
        class_=f"end {arm}",
        x=x,
        y=y,
    )


def daily_bars(rows: Sequence[Row], *, name: str) -> Markup | None:
    """Entries by day as bars, those kept aside on top of the others, with the goals of the others before them.

    Args:
        rows: Of ``daily_progress``, of one series.
        name: Unique within the page.
    """
    days = _together(rows)
    if not days:
        return None
    height, left, bottom, top = 190.0, _LEFT, 26.0, 14.0
    steps = nice_steps(max(1, *(max(entered + held_out, goals) for _, entered, held_out, goals in days)), 3)
    y = _scale(0, steps[-1], height - bottom, top)
    slot = (_WIDTH - left - 8) / len(days)
    width = min(28.0, slot * 0.76)
    parts: list[Markup] = [_title("Entries and goals by day", name)]
    parts += [_level(y(step), count(int(step)), _WIDTH - 8) for step in steps if step == int(step)]
    every = math.ceil(len(days) / 8)
    for index, (label, entered, held_out, goals) in enumerate(days):
        middle = left + slot * (index + 0.5)
        bars = [
            element("rect", class_=kind, x=middle - bar / 2, y=y(until), width=bar, height=y(since) - y(until))
            for kind, since, until, bar in (
                ("entered", 0, entered, width),
                ("kept-aside", entered, entered + held_out, width),
                ("goals", 0, goals, width * 0.5),
            )
            if until > since
        ]
        aside = f", {count(held_out)} kept aside" if held_out else ""
        text = f"{label}: {count(entered)} entered{aside}, {count(goals)} goals"
        parts.append(element("g", element("title", text), *bars))
        if index % every == 0:
            parts.append(element("text", label[5:], class_="tick", x=middle, y=height - 9, text_anchor="middle"))
    return _chart(parts, name, height)


def days_of_bar(days: int) -> int:
    """How many days one bar of `daily_bars` is about, so that there are not too many of them.

    >>> days_of_bar(14), days_of_bar(365)
    (1, 4)
    """
    return math.ceil(days / _MOST_BARS) or 1


def _together(rows: Sequence[Row]) -> list[tuple[str, int, int, int]]:
    """Day, entries, entries kept aside and goals; of several days the first, and sums."""
    each = days_of_bar(len(rows))
    groups = [rows[start : start + each] for start in range(0, len(rows), each)]
    return [
        (
            _day(group[0]["day"]),
            sum(row["entered"] for row in group),
            sum(row["held_out"] for row in group),
            sum(row["goals"] for row in group),
        )
        for group in groups
    ]


def _day(day: date) -> str:
    return day.isoformat()


def _thin(rows: Sequence[Row]) -> list[Row]:
    """Enough points for a line that looks the same: at most `_MOST_POINTS`, the last one among them."""
    every = math.ceil(len(rows) / _MOST_POINTS) or 1
    return [row for index, row in enumerate(rows) if index % every == 0 or index == len(rows) - 1]


def _scale(low: float, high: float, start: float, stop: float) -> Any:
    return lambda value: start + (value - low) / (high - low) * (stop - start)


def _level(y: float, label: str, right: float = _WIDTH - _RIGHT) -> Markup:
    return element(
        "g",
        element("line", class_="grid", x1=_LEFT, x2=right, y1=y, y2=y),
        element("text", label, class_="tick", x=_LEFT - 8, y=y + 4, text_anchor="end"),
    )


def _tick(x: float, label: str) -> Markup:
    return element("text", label, class_="tick", x=x, y=_HEIGHT - _BOTTOM + 18, text_anchor="middle")


def _title(text: str, name: str) -> Markup:
    return element("title", text, id=f"{name}-title")


def _chart(parts: Sequence[Markup], name: str, height: float = _HEIGHT) -> Markup:
    return element(
        "svg",
        *parts,
        class_="chart",
        role="img",
        aria_labelledby=f"{name}-title",
        viewBox=f"0 0 {_WIDTH:g} {height:g}",
    )


def whisker(rate: float | None, low: float | None, high: float | None, most: float) -> Markup:
    """A rate as a dot on its interval, on a scale from 0 to ``most``; blank where there is no rate."""
    known = rate is not None and low is not None and high is not None and most > 0
    rate, low, high = (rate or 0.0, low or 0.0, high or 0.0) if known else (0.0, 0.0, 0.0)
    x = _scale(0, most or 1.0, 4, 116)
    return element(
        "svg",
        element("line", class_="scale", x1=4, x2=116, y1=8, y2=8),
        element("line", class_="interval", x1=x(low), x2=x(min(high, most)), y1=8, y2=8),
        element("circle", cx=x(rate), cy=8, r=3.4),
        class_="whisker" if known else "whisker blank",
        viewBox="0 0 120 16",
        aria_hidden="true",
    )
