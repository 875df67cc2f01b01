"""Goals reached, by slices of the entries, and what the series added to them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pipelines.report.frames import roll_up, share, with_interval, with_rate
from pipelines.statistics import (
    newcombe_interval,
    relative_lift_interval,
    sample_ratio_p_value,
    smallest_detectable_difference,
)

SAMPLE_RATIO_ALARM = 0.001
"""Below this p value the arms are not what the definition says; one in a thousand sound series is accused."""

_COUNTS = ("entries", "customers", "met_at_entry", "goals", "measured_customers", "converted_customers")
_ADDITIVE = (*_COUNTS, "converted_before_message", "value")
_COHORTS = {"day": "1d", "week": "1w", "month": "1mo"}


def goal_conversion(cells: pl.DataFrame, with_goal: frozenset[str]) -> pl.DataFrame:
    """`goal_conversion` from its cells.

    Args:
        cells: See ``sql/report/goal_conversion.sql.jinja``.
        with_goal: The series that have a goal; the others have no rate.
    """
    return _by_cohort(cells, ["breakdown", "breakdown_value"], with_goal)


def tag_conversion(cells: pl.DataFrame, with_goal: frozenset[str]) -> pl.DataFrame:
    """`tag_conversion` from its cells (see ``sql/report/tag_conversion.sql.jinja``)."""
    return _by_cohort(cells, ["tag"], with_goal)


def _by_cohort(cells: pl.DataFrame, slices: Sequence[str], with_goal: frozenset[str]) -> pl.DataFrame:
    fixed = ["series_id", "arm", "cohort_by", "cohort", *slices]
    day = pl.col("entered_on")
    by_cohort = pl.concat(
        [
            cells.with_columns(cohort_by=pl.lit("all"), cohort=pl.lit(None, dtype=pl.Date)),
            *(
                cells.with_columns(cohort_by=pl.lit(name), cohort=day.dt.truncate(every))
                for name, every in _COHORTS.items()
            ),
        ]
    )
    counts = roll_up(by_cohort, fixed, ["version", "entry_rules", "maturity"], _ADDITIVE)
    return with_rate(_without_rates(counts, with_goal), "converted_customers", "measured_customers")


def goal_by_exit(cells: pl.DataFrame, with_goal: frozenset[str]) -> pl.DataFrame:
    """`goal_by_exit` from its cells."""
    measures = [name for name in cells.columns if name not in ("series_id", "version", "arm", "status")]
    counts = roll_up(cells, ["series_id", "arm", "status"], ["version"], measures)
    return with_rate(_without_rates(counts, with_goal), "converted_customers", "measured_customers")


def _without_rates(counts: pl.DataFrame, with_goal: frozenset[str]) -> pl.DataFrame:
    """Nobody is measured where there is no goal."""
    has_goal = pl.col("series_id").is_in(list(with_goal))
    return counts.with_columns(
        pl.when(has_goal).then(pl.col(name)).otherwise(0).alias(name)
        for name in ("measured_customers", "converted_customers", "converted_before_message")
        if name in counts.columns
    )


def lift(cells: pl.DataFrame, holdouts: pl.DataFrame, with_goal: frozenset[str]) -> pl.DataFrame:
    """`lift` from the cells of `goal_conversion`.

    Args:
        cells: See ``sql/report/goal_conversion.sql.jinja``; those of no breakdown.
        holdouts: ``series_id``, ``version`` and ``holdout``, the share that each version keeps aside.
        with_goal: The series that have a goal; the others have no lift.
    """
    keys = ["series_id", "version", "maturity"]
    measures = ["customers", "measured_customers", "converted_customers", "measured_value"]
    kept = cells.join(holdouts, on=["series_id", "version"], how="left").with_columns(
        pl.col("holdout").fill_null(0) * pl.col("customers")
    )
    counts = roll_up(kept, ["series_id", "arm"], ["version", "maturity"], [*measures, "holdout"])
    counts = with_rate(_without_rates(counts, with_goal), "converted_customers", "measured_customers")
    arms = [
        counts.filter(arm=arm).select(*keys, pl.exclude(*keys, "arm").name.prefix(f"{arm}_"))
        for arm in ("treatment", "holdout")
    ]
    both = arms[0].join(arms[1], on=keys, how="full", nulls_equal=True, coalesce=True)
    both = both.with_columns(
        pl.col(f"{arm}_{name}").fill_null(0)
        for arm in ("treatment", "holdout")
        for name in ("customers", "measured_customers", "converted_customers", "holdout")
    ).with_columns(expected_holdout_customers=pl.col("treatment_holdout") + pl.col("holdout_holdout"))
    both = both.filter((pl.col("expected_holdout_customers") > 0) | (pl.col("holdout_customers") > 0))
    return _with_split(_with_values(_with_difference(both)))


def _with_difference(both: pl.DataFrame) -> pl.DataFrame:
    counts = [
        f"{arm}_{name}" for arm in ("treatment", "holdout") for name in ("converted_customers", "measured_customers")
    ]
    both = both.with_columns(
        difference=pl.col("treatment_rate") - pl.col("holdout_rate"),
        relative_lift=pl.when(pl.col("holdout_rate") > 0).then(pl.col("treatment_rate") / pl.col("holdout_rate") - 1),
    ).with_columns(added_conversions=pl.col("difference") * pl.col("treatment_measured_customers"))
    both = with_interval(both, newcombe_interval, counts, "difference")
    return with_interval(both, relative_lift_interval, counts, "relative_lift")


def _with_values(both: pl.DataFrame) -> pl.DataFrame:
    return both.with_columns(
        share(f"{arm}_measured_value", f"{arm}_measured_customers").alias(f"value_per_customer_{arm}")
        for arm in ("treatment", "holdout")
    ).with_columns(value_difference=pl.col("value_per_customer_treatment") - pl.col("value_per_customer_holdout"))


def _with_split(both: pl.DataFrame) -> pl.DataFrame:
    p_values, smallest = [], []
    for row in both.iter_rows(named=True):
        treated, held = row["treatment_customers"], row["holdout_customers"]
        expected = row["expected_holdout_customers"] / (treated + held) if treated + held else 0
        p_values.append(sample_ratio_p_value(held, treated, expected))
        sizes = (row["treatment_measured_customers"], row["holdout_measured_customers"])
        rate = row["holdout_rate"]
        smallest.append(None if rate is None else smallest_detectable_difference(rate, *sizes))
    return both.with_columns(
        pl.Series("sample_ratio_p_value", p_values, dtype=pl.Float64),
        pl.Series("smallest_detectable_difference", smallest, dtype=pl.Float64),
    ).with_columns(sample_ratio_ok=pl.col("sample_ratio_p_value") >= SAMPLE_RATIO_ALARM)
