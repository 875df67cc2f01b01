"""What a page's filters work on: the smallest slices of the entries, which add up to all others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import polars as pl

MOST_CELLS = 6_000
"""So that a page stays small; beyond, days are put together, and then rare values of breakdowns."""

MEASURES = (
    "entries",
    "customers",
    "measured_customers",
    "converted_customers",
    "converted_before_message",
    "value",
)
COHORTS = ("day", "week", "month")
_DIMENSIONS = ("version", "entry_rules", "maturity", "breakdown", "breakdown_value", "tag", "arm")


def cohort_length(days: Sequence[date]) -> str:
    """Days, weeks or months: what tells cohorts apart without too many of them.

    >>> cohort_length([date(2026, 3, 1), date(2026, 3, 8)]), cohort_length([date(2025, 3, 1), date(2026, 3, 8)])
    ('day', 'month')
    """
    span = (max(days) - min(days)).days if days else 0
    return "day" if span <= 20 else "week" if span <= 26 * 7 else "month"


def cells(conversion: pl.DataFrame, by_tag: pl.DataFrame) -> dict[str, Any]:
    """The cells of one series in columns, as JSON; texts and days are numbers that point into ``values``.

    Args:
        conversion: ``goal_conversion`` of one series.
        by_tag: ``tag_conversion`` of it.

    Returns:
        ``by``: what a cell's cohort is, a day, week or month; ``cohort``: which one the page shows it in; ``values``
        and ``columns``, each by name (``value`` only where a goal has one); ``gathered``: whether rare values of
        breakdowns stand together as ``null``, and rare tags are left out.
    """
    smallest = pl.concat([conversion, by_tag], how="diagonal").filter(
        pl.col("version").is_not_null() & pl.col("entry_rules").is_not_null() & pl.col("maturity").is_not_null()
    )
    shown = cohort_length(conversion.filter(cohort_by="day")["cohort"].to_list())
    by, frame, gathered = _few_enough(smallest, COHORTS.index(shown))
    every = {"day": "1d", "week": "1w", "month": "1mo"}[shown]
    frame = frame.with_columns(shown=pl.col("cohort").dt.truncate(every))
    names = (*_DIMENSIONS, "cohort", "shown")
    values = {name: sorted(frame[name].drop_nulls().unique().to_list()) for name in names}
    columns: dict[str, list[float | None]] = {}
    for name in names:
        place = {value: index for index, value in enumerate(values[name])}
        columns[name] = [None if value is None else place[value] for value in frame[name]]
    for name in MEASURES:
        if name != "value" or frame[name].is_not_null().any():
            columns[name] = frame[name].fill_null(0).to_list()
    return {"by": by, "shown": shown, "values": values, "columns": columns, "gathered": gathered}


def _few_enough(smallest: pl.DataFrame, coarsest: int) -> tuple[str, pl.DataFrame, bool]:
    """The finest cohorts that are few enough, not coarser than those that the page shows; else fewer breakdowns."""
    for by in COHORTS[: coarsest + 1]:
        frame = smallest.filter(cohort_by=by)
        if frame.height <= MOST_CELLS:
            return by, frame, False
    by = COHORTS[coarsest]
    for most in (20, 8, 3, 0):
        frame = _gather(smallest.filter(cohort_by=by), most)
        if frame.height <= MOST_CELLS:
            return by, frame, True
    # So many versions and entry rules are not told apart any more; the filters for them are then left out.
    return by, _sum(frame.with_columns(version=pl.lit(None), entry_rules=pl.lit(None))), True


def _gather(frame: pl.DataFrame, most: int) -> pl.DataFrame:
    """Keep the values of each breakdown with the most customers; the others stand together, as unknown ones."""
    if not most:
        return frame.filter(pl.col("breakdown").is_null() & pl.col("tag").is_null())
    frame = _keep_tags(frame, most)
    sizes = frame.group_by("breakdown", "breakdown_value").agg(pl.col("customers").sum())
    kept = (
        sizes.sort("customers", descending=True).group_by("breakdown").head(most).select("breakdown", "breakdown_value")
    )
    known = kept.with_columns(is_kept=pl.lit(value=True))
    joined = frame.join(known, on=["breakdown", "breakdown_value"], how="left", nulls_equal=True)
    value = pl.when(pl.col("is_kept") | pl.col("breakdown").is_null()).then("breakdown_value")
    return _sum(joined.with_columns(value.alias("breakdown_value")))


def _keep_tags(frame: pl.DataFrame, most: int) -> pl.DataFrame:
    """The tags of the most customers; who has none of them is in the other rows all the same."""
    sizes = frame.drop_nulls("tag").group_by("tag").agg(pl.col("customers").sum())
    kept = sizes.sort("customers", "tag", descending=[True, False]).head(most)["tag"]
    return frame.filter(pl.col("tag").is_null() | pl.col("tag").is_in(kept.implode()))


def _sum(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.group_by(*_DIMENSIONS, "cohort", maintain_order=True).agg(pl.col(name).sum() for name in MEASURES)
