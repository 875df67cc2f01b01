"""The report in a terminal: cards, funnel, conversion over days, messages and statuses, at 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import polars as pl

from pipelines.output import bar, cards, percent, printable, table
from pipelines.report.build import Report
from pipelines.report.history import SeriesHistory
from pipelines.report.measures import is_told
from pipelines.schedule import format_instant

Row = Mapping[str, Any]

_BAR, _NAME = 20, 26
_MOST_DAYS = 10
_MEASURES = ("received", "opened", "clicked", "completed", "replied", "bounced", "goal")
_MOST_MEASURES = 5


def overview(report: Report) -> str:
    """A line for each series: who entered, who reached the goal, and what the series added."""
    if not report.series:
        return "No series here. A series is a file in series_definitions/."
    rows = [_overview_row(report, history) for history in report.series.values()]
    head = f"As of {format_instant(report.as_of)}." if report.as_of else "Nothing has run yet."
    headings = ["series", "entries", "goals", "goal rate", "in holdout", "difference"]
    notes = ["Rates are of customers, each with the first entry; `*`: so far, goal windows are still open."]
    notes += _notes(report) if report.as_of else []
    return "\n\n".join([head, table(headings, rows), *([" ".join(notes)] if report.as_of else [])])


def _overview_row(report: Report, history: SeriesHistory) -> Sequence[object]:
    totals, lift = _headline(report, history.series_id)
    exits = _rows(report.tables["goal_by_exit"], series_id=history.series_id, version=None)
    mark = "*" if _over(report, history.series_id) else ""
    return [
        history.series_id,
        sum(row["entries"] for row in exits),
        sum(row["goals"] for row in exits if row["arm"] == "treatment"),
        f"{_percent(totals['rate'])}{mark}" if totals and totals["rate"] is not None else None,
        _percent(lift["holdout_rate"]) if lift else None,
        _points(lift, "difference") if lift else None,
    ]


def one_series(report: Report, series_id: str) -> str:
    """Everything that fits a terminal about one series.

    Args:
        report: See `Report.of`.
        series_id: One of its series.
    """
    history = report.series[series_id]
    title = "\n".join(printable(line) for line in _title(history))
    parts = [title, _cards(report, history), *_sections(report, series_id)]
    return "\n\n".join(part for part in parts if part)


def _title(history: SeriesHistory) -> tuple[str, str]:
    """What it is called, and what it is for."""
    series = history.series
    title = f"{series.title} ({history.series_id})" if series and series.title else history.series_id
    goal = "No goal."
    if series and series.goal:
        goal = f"Goal: {series.goal.rule.value} within {series.goal.within / timedelta(days=1):g} days."
    newest = history.newest
    if newest is None:
        return title, f"{goal} It has never run."
    version = f"version {newest.number}" + (f" of {len(history.versions)}" if len(history.versions) > 1 else "")
    return title, f"{goal} As of {format_instant(newest.newest_as_of)}, {version}."


def _cards(report: Report, history: SeriesHistory) -> str:
    totals, lift = _headline(report, history.series_id)
    if totals is None:
        return "Nobody has entered."
    exits = _rows(report.tables["goal_by_exit"], series_id=history.series_id, version=None)
    active = sum(row["entries"] for row in exits if row["status"] == "active")
    held_out = sum(row["entries"] for row in exits if row["arm"] == "holdout")
    entries = sum(row["entries"] for row in exits)
    found = [("entries", f"{entries:,}", f"{active:,} active, {held_out:,} held out")]
    if history.series and history.series.goal:
        after = sum(row["goals_after_end"] for row in exits)
        goals = sum(row["goals"] for row in exits if row["arm"] == "treatment")
        found.append(("goals", f"{goals:,}", f"with the series, {after:,} after it ended"))
    if totals["rate"] is not None:
        so_far = "; so far" if _over(report, history.series_id) else ""
        detail = f"{percent(totals['rate_low'])} to {percent(totals['rate_high'])}{so_far}"
        found.append(("goal rate", percent(totals["rate"]), detail))
    if lift and lift["difference"] is not None:
        low, high = (f"{100 * lift[f'difference_{end}']:+.1f}" for end in ("low", "high"))
        found.append(("added by the series", f"{100 * lift['difference']:+.1f} points", f"{low} to {high}"))
    return cards(found)


def _sections(report: Report, series_id: str) -> Iterator[str]:
    """The sections in their order, each with a heading; what has nothing to tell is left out."""
    sections = (
        ("Where they are", _funnel(report, series_id)),
        ("Goal reached by days since entry", _conversion(report, series_id)),
        ("Messages", _messages(report, series_id)),
        ("What became of the entries", _statuses(report, series_id)),
        ("", " ".join([*_so_far(report, series_id), *_notes(report)])),
    )
    for heading, body in sections:
        if body:
            yield f"{heading}\n{body}" if heading else body


def _funnel(report: Report, series_id: str) -> str:
    rows = _rows(report.tables["block_funnel"], series_id=series_id, version=None)
    if not any(row["arrived"] for row in rows):
        return ""
    rows.sort(key=lambda row: (row["position"] is None, row["position"]))
    return table(
        ["block", "reached", "of entered", "", "there now"],
        [
            [
                _name(report.series[series_id], row["block_id"]),
                row["arrived"],
                _percent(row["share_of_entered"]),
                bar(row["share_of_entered"], _BAR),
                row["waiting"] or None,
            ]
            for row in rows
        ],
    )


def _conversion(report: Report, series_id: str) -> str:
    rows = _rows(report.tables["time_to_goal"], series_id=series_id, version=None)
    arms = {arm: {row["day"]: row for row in rows if row["arm"] == arm} for arm in ("treatment", "holdout")}
    treated, held = arms["treatment"], arms["holdout"]
    if not any(row["converted_customers"] for row in treated.values()):
        return ""
    most = max(row["converted_share_high"] or row["converted_share"] for row in treated.values())
    headings = ["day", "with the series", "95 % interval", "", *(["in holdout"] if held else [])]
    body = []
    for day in _days(max(treated)):
        row, other = treated[day], held.get(day)
        interval = ""
        if row["converted_share_low"] is not None:
            interval = f"{percent(row['converted_share_low'])} to {percent(row['converted_share_high'])}"
        cells = [day, _percent(row["converted_share"]), interval, bar(row["converted_share"] / most, _BAR)]
        body.append([*cells, *([_percent(other["converted_share"]) if other else None] if held else [])])
    return table(headings, body)


def _days(last: int) -> list[int]:
    """Few days up to the last, close together at the beginning."""
    if last < _MOST_DAYS:
        return list(range(last + 1))
    steps = [0, 1, 2, 3, 5, 7, 10, 14, 21, 30, 45, 60, 90, 120, 180, 270, 365]
    return [*(day for day in steps if day < last * 0.95), last][-_MOST_DAYS:]


def _messages(report: Report, series_id: str) -> str:
    """A line per content block, with the measures that most tell; what never happened gives way where they are many."""
    history = report.series[series_id]
    rows = _rows(report.tables["message_performance"], series_id=series_id, version=None)
    by_block: dict[tuple[str, str], dict[str, Row]] = {}
    for row in rows:
        by_block.setdefault((row["block_id"], row["channel"]), {})[row["measure"]] = row
    told = [name for name in _MEASURES if any(is_told(name, measures) for measures in by_block.values())]
    told.sort(key=lambda name: not any(measures.get(name, {}).get("messages") for measures in by_block.values()))
    shown = sorted(told[:_MOST_MEASURES], key=_MEASURES.index)
    if not shown:
        return ""
    order = {block_id: place for place, block_id in enumerate(history.block_ids)}
    return table(
        ["block", "channel", "sent", *shown],
        [
            [
                _name(history, block_id),
                channel,
                measures["sent"]["messages"] if "sent" in measures else 0,
                *(_percent(measures[name]["rate"]) if name in measures else None for name in shown),
            ]
            for (block_id, channel), measures in sorted(by_block.items(), key=lambda item: order.get(item[0][0], 0))
        ],
    )


def _statuses(report: Report, series_id: str) -> str:
    rows = _rows(report.tables["goal_by_exit"], series_id=series_id, version=None)
    if not rows:
        return ""
    total = sum(row["entries"] for row in rows)
    return table(
        ["status", "entries", "", "goals", "goal rate"],
        [
            [
                row["status"].replace("_", " "),
                row["entries"],
                bar(row["entries"] / total, _BAR),
                row["goals"],
                _percent(row["rate"]),
            ]
            for row in sorted(rows, key=lambda row: -row["entries"])
        ],
    )


def _notes(report: Report) -> Iterator[str]:
    """What a reader has to know beside the numbers."""
    for row in _rows(report.tables["lift"], version=None, maturity=None):
        if row["sample_ratio_ok"] is False:
            yield (
                f"{row['series_id']}: the holdout has {row['holdout_customers']:,} customers instead of "
                f"{row['expected_holdout_customers']:,.0f}, which chance does not explain; do not trust the difference."
            )
    if report.caveat:
        yield report.caveat


def _headline(report: Report, series_id: str) -> tuple[Row | None, Row | None]:
    """Treatment and lift of all entries, as the pages show them."""
    lifts = _rows(report.tables["lift"], series_id=series_id, version=None, maturity=None)
    return _treated(report, series_id, None), lifts[0] if lifts else None


def _so_far(report: Report, series_id: str) -> Iterator[str]:
    if over := _over(report, series_id):
        yield f"So far: {over}."


def _over(report: Report, series_id: str) -> str:
    """What is known for good, where goal windows are still open; nothing where all of them are over."""
    open_, over = (_treated(report, series_id, maturity) for maturity in ("censored", "matured"))
    if not open_ or not open_["measured_customers"]:
        return ""
    if not over or not over["measured_customers"]:
        return "no goal window is over"
    return f"{percent(over['rate'])} of the {over['measured_customers']:,} whose goal window is over"


def _treated(report: Report, series_id: str, maturity: str | None) -> Row | None:
    rows = _rows(
        report.tables["goal_conversion"],
        series_id=series_id,
        version=None,
        cohort_by="all",
        entry_rules=None,
        breakdown=None,
        maturity=maturity,
    )
    return next((row for row in rows if row["arm"] == "treatment"), None)


def _rows(frame: pl.DataFrame, **wanted: object) -> list[Row]:
    """The rows where the columns have these values; None is null."""
    for name, value in wanted.items():
        frame = frame.filter(pl.col(name).eq_missing(pl.lit(value)))
    return list(frame.iter_rows(named=True))


def _points(row: Row, name: str) -> str | None:
    if row[name] is None:
        return None
    value, low, high = (f"{100 * row[key]:+.1f}" for key in (name, f"{name}_low", f"{name}_high"))
    return f"{value} ({low} to {high})"


def _percent(share: float | None) -> str:
    """Of one width, so that the points of a column stand below each other."""
    return percent(share).rjust(len("100.0%")) if share is not None else ""


def _name(history: SeriesHistory, block_id: str) -> str:
    """What people call a block, at a bearable length."""
    block = history.block(block_id)
    name = (block.label if block else None) or block_id
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
