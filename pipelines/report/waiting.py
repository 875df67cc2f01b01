"""How long it takes: to the goal, and at the blocks where somebody waits now."""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator
from datetime import timedelta
from itertools import accumulate
from operator import add
from typing import Any

import polars as pl

from pipelines.report.frames import roll_up
from pipelines.statistics import kaplan_meier, survival_quantile, weighted_quantile

_DAY = timedelta(days=1)
_SCHEMA = {
    "series_id": pl.String, "version": pl.Int64, "arm": pl.String, "day": pl.Int64, "at_risk": pl.Int64,
    "converted_customers": pl.Int64, "converted_share": pl.Float64, "converted_share_low": pl.Float64,
    "converted_share_high": pl.Float64, "median_days": pl.Float64, "p90_days": pl.Float64,
    "converted_median_days": pl.Float64, "converted_p90_days": pl.Float64,
}  # fmt: skip


def time_to_goal(cells: pl.DataFrame) -> pl.DataFrame:
    """`time_to_goal` from its cells (see ``sql/report/time_to_goal.sql.jinja``)."""
    days = (pl.col("last_seen_at") - pl.col("entered_at")) / _DAY
    durations = (
        cells.with_columns(
            days=days.cast(pl.Float64).clip(lower_bound=0),
            events=pl.when("converted").then("customers").otherwise(0),
            censored=pl.when("converted").then(0).otherwise("customers"),
        )
        .group_by("series_id", "version", "arm", "days")
        .agg(pl.col("events", "censored").sum())
    )
    wide = roll_up(durations, ["series_id", "arm", "days"], ["version"], ["events", "censored"]).sort("days")
    rows = [
        dict(zip(("series_id", "version", "arm"), key, strict=True)) | row
        for key, group in wide.group_by("series_id", "version", "arm")
        for row in _curve(*(group[name].to_list() for name in ("days", "events", "censored")))
    ]
    return pl.DataFrame(rows, schema=_SCHEMA)


def _curve(days: list[float], events: list[int], censored: list[int]) -> Iterator[dict[str, Any]]:
    """A row for each day until the last of them ends."""
    steps = kaplan_meier(days, events, censored)
    quantiles = {
        "median_days": survival_quantile(steps, 0.5),
        "p90_days": survival_quantile(steps, 0.9),
        "converted_median_days": weighted_quantile(days, events, 0.5),
        "converted_p90_days": weighted_quantile(days, events, 0.9),
    }
    seen = [0, *accumulate(map(add, events, censored))]
    converted = [0, *accumulate(events)]
    step_times = [each.time for each in steps]
    for day in range(math.ceil(days[-1]) + 1):
        reached = bisect.bisect_right(step_times, day)
        step = steps[reached - 1] if reached else None
        yield {
            "day": day,
            "at_risk": seen[-1] - seen[bisect.bisect_left(days, day)],
            "converted_customers": converted[bisect.bisect_right(days, day)],
            "converted_share": 1 - step.survival if step else 0.0,
            "converted_share_low": 1 - step.interval.high if step and step.interval else None,
            "converted_share_high": 1 - step.interval.low if step and step.interval else None,
            **quantiles,
        }


def waiting_days(cells: pl.DataFrame, as_of: pl.DataFrame) -> pl.DataFrame:
    """For who waits now: how long half of them, and nine in ten, have done so at most.

    Args:
        cells: See ``sql/report/waiting.sql.jinja``.
        as_of: The newest run of each series, naive UTC.

    Returns:
        By ``series_id``, ``version`` (null: all) and ``block_id``: ``waiting_days_p50`` and ``waiting_days_p90``.
    """
    ages = cells.join(as_of, on="series_id").with_columns(
        days=((pl.col("as_of") - pl.col("arrived_at")) / _DAY).cast(pl.Float64).clip(lower_bound=0)
    )
    ages = roll_up(ages, ["series_id", "block_id", "days"], ["version"], ["entries"])
    keys = ["series_id", "version", "block_id"]
    return (
        ages.sort("days")
        .group_by(keys, maintain_order=True)
        .agg(
            pl.col("days").filter(pl.col("entries").cum_sum() >= pl.col("entries").sum() * part).first().alias(name)
            for name, part in (("waiting_days_p50", 0.5), ("waiting_days_p90", 0.9))
        )
    )
