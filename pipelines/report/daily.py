"""What happened to each series day by day."""

from __future__ import annotations

import polars as pl

_MEASURES = (
    "entered", "held_out", "goals", "holdout_goals", "ended", "messages_queued", "messages_received",
)  # fmt: skip


def daily_progress(cells: pl.DataFrame, last_days: pl.DataFrame) -> pl.DataFrame:
    """`daily_progress` from its cells: every day from the first entry on, also those on which nothing happened.

    Args:
        cells: See ``sql/report/daily_progress.sql.jinja``.
        last_days: ``series_id`` and ``last_day``: the day of the newest run in the project's time zone.
    """
    days = (
        cells.group_by("series_id")
        .agg(first=pl.col("day").min(), last=pl.col("day").max())
        .join(last_days, on="series_id")
        .select("series_id", day=pl.date_ranges("first", pl.max_horizontal("last", "last_day")))
        .explode("day")
    )
    counts = cells.group_by("series_id", "day").agg(
        pl.col("times").filter(measure=name).sum().alias(name) for name in _MEASURES
    )
    return (
        days.join(counts, on=["series_id", "day"], how="left")
        .with_columns(pl.col(_MEASURES).fill_null(0))
        .sort("series_id", "day")
        .with_columns(active=(pl.col("entered") - pl.col("ended")).cum_sum().over("series_id"))
    )
