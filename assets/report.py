"""The report as assets: one step that makes every table of it, and keeps of each the numbers that plot over runs."""

from collections.abc import Callable, Iterator, Mapping

import polars as pl
from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetsDefinition,
    AssetSpec,
    MaterializeResult,
    multi_asset,
)

from pipelines.model import Definitions
from pipelines.report import Report, reconcile, text
from pipelines.report.tables import TABLES

from . import policies
from .freshness import run_freshness
from .keys import RUN, Keys
from .metadata import Metadata, column_schema, instant, numbers
from .resources import Warehouse

DIFFERENCES = "differences"
"""The check that the tables, which the report is made of, agree with each other."""

_AFTER_THE_HAND_OFF = {"dagster/priority": "-1"}


def build_report_step(definitions: Definitions, keys: Keys) -> AssetsDefinition:
    """The step that makes the report; what it fails with is its own, because nothing follows from it.

    The tables are made anew from what the run has committed and are kept nowhere: Dagster has their counts and numbers.
    """

    @multi_asset(
        name="report",
        description="What the series did so far, in the tables of the report. It writes nothing to the warehouse.",
        specs=_specs(definitions, keys),
        check_specs=[
            AssetCheckSpec(
                DIFFERENCES,
                asset=keys.report("block_funnel"),
                description="Nobody is lost on the way: entries, visits, advances, messages and batches add up.",
            )
        ],
        can_subset=False,
        op_tags=_AFTER_THE_HAND_OFF,
        pool=policies.POOL,
        retry_policy=policies.RETRY,
    )
    def report(context: AssetExecutionContext, warehouse: Warehouse) -> Iterator[MaterializeResult | AssetCheckResult]:  # type: ignore[type-arg]  # results without a value
        with policies.no_retry_of_mistakes():
            made = warehouse.open().report()
        context.log.info(text.overview(made))
        yield from (MaterializeResult(keys.report(name), metadata=_metadata(name, made)) for name in TABLES)
        yield _differences(made, keys)

    return report


def _specs(definitions: Definitions, keys: Keys) -> list[AssetSpec]:
    # Not of `outbound_batches`: a batch that a guard holds stops what follows from it, and the report should not wait.
    follows = [keys.of(name) for name in RUN if name != "outbound_batches"]
    freshness = run_freshness(definitions.series.values())
    return [
        AssetSpec(
            keys.report(table.name),
            deps=follows,
            group_name="report",
            kinds={"polars", "table"},
            description=f"One row is {table.grain}.\n\n`series report --table {table.name}` shows the rows.",
            metadata={"dagster/column_schema": column_schema(table.columns)},
            freshness_policy=freshness,
        )
        for table in TABLES.values()
    ]


def _metadata(name: str, report: Report) -> Metadata:
    frame = report.tables[name]
    as_of: Metadata = {"as_of": instant(report.as_of)} if report.as_of else {}
    return as_of | numbers({"dagster/row_count": frame.height, **_plotted(name, frame)})


def _plotted(name: str, frame: pl.DataFrame) -> dict[str, int | float]:
    """A table's few numbers of each series as a whole; a number that is null is left out."""
    if name not in _NUMBERS:
        return {}
    rows = _NUMBERS[name](frame.filter(pl.col("version").is_null())).sort("series_id")
    return {
        f"{row['series_id']}: {number}": row[number]
        for row in rows.iter_rows(named=True)
        for number in rows.columns
        if number != "series_id" and row[number] is not None
    }


def _of_entries(conversion: pl.DataFrame) -> pl.DataFrame:
    """Of the treatment, whether or not the goal windows are closed."""
    together = pl.all_horizontal(pl.col("entry_rules", "breakdown", "maturity").is_null())
    whole = conversion.filter(together, arm="treatment", cohort_by="all")
    return whole.select("series_id", "entries", "goals", pl.col("rate").alias("goal rate"))


def _of_lift(lift: pl.DataFrame) -> pl.DataFrame:
    whole = lift.filter(pl.col("maturity").is_null())
    return whole.select(
        "series_id",
        "difference",
        pl.col("difference_low").alias("difference, low"),
        pl.col("difference_high").alias("difference, high"),
        pl.col("relative_lift").alias("relative lift"),
    )


def _of_blocks(funnel: pl.DataFrame) -> pl.DataFrame:
    return funnel.group_by("series_id").agg(pl.col("waiting").sum().alias("waiting now"))


def _of_messages(performance: pl.DataFrame) -> pl.DataFrame:
    sent = performance.filter(measure="sent")
    return sent.group_by("series_id").agg(pl.col("messages").sum().alias("sent messages"))


_NUMBERS: Mapping[str, Callable[[pl.DataFrame], pl.DataFrame]] = {
    "goal_conversion": _of_entries,
    "lift": _of_lift,
    "block_funnel": _of_blocks,
    "message_performance": _of_messages,
}
"""By table, what plots of it: a row for each series and a column for each number, out of the rows of all versions."""


def _differences(report: Report, keys: Keys) -> AssetCheckResult:
    found = report.differences
    return AssetCheckResult(
        asset_key=keys.report("block_funnel"),
        check_name=DIFFERENCES,
        passed=not found,
        severity=AssetCheckSeverity.ERROR,
        description=reconcile.describe(found) if found else None,
        metadata=numbers({"count": reconcile.count(found)}),
    )
