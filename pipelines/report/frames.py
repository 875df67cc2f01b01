"""From the rows of a SELECT to a table of the report: sums over dimensions, rates, columns in their order and types."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import chain, combinations
from typing import Any

import polars as pl

from pipelines.report.columns import ReportTable
from pipelines.sql_text import render
from pipelines.statistics import Interval, wilson_interval
from warehouse.adapter import Warehouse
from warehouse.table import CUSTOMER_ID

_TYPES: dict[str, pl.DataType] = {
    "VARCHAR": pl.String(),
    "BIGINT": pl.Int64(),
    "DOUBLE": pl.Float64(),
    "BOOLEAN": pl.Boolean(),
    "DATE": pl.Date(),
    "TIMESTAMP": pl.Datetime("us"),
}


def fetch(warehouse: Warehouse, name: str, **structure: Any) -> pl.DataFrame:
    """The rows of ``sql/report/<name>.sql.jinja``; sums of whole numbers, which DuckDB widens, as integers."""
    frame = pl.from_arrow(warehouse.fetch_arrow(render(f"report/{name}", **structure)))
    assert isinstance(frame, pl.DataFrame)
    return frame.cast({pl.Decimal(38, 0): pl.Int64})


def conform(frame: pl.DataFrame, table: ReportTable) -> pl.DataFrame:
    """The table's columns in their order and types; columns that the frame lacks are null. Rows in the key's order."""
    columns = []
    for column in table.columns:
        value = pl.col(column.name) if column.name in frame.columns else pl.lit(None)
        type_ = frame.schema[column.name] if column.type == CUSTOMER_ID else _TYPES[column.type]
        columns.append(value.cast(type_).alias(column.name))
    return frame.select(columns).sort(table.key, nulls_last=False)


def schema_of(table: ReportTable) -> dict[str, pl.DataType]:
    """The table's columns with their types in a frame; none of them may hold ids of customers."""
    return {column.name: _TYPES[column.type] for column in table.columns}


def roll_up(
    cells: pl.DataFrame, fixed: Sequence[str], optional: Sequence[str], measures: Sequence[str]
) -> pl.DataFrame:
    """Sums of the cells by every choice of the optional dimensions; one that is not chosen is null.

    Args:
        cells: Rows whose measures add up.
        fixed: Dimensions that are always told apart.
        optional: Dimensions that are told apart or put together.
        measures: Columns to be summed; the sum of nulls only is null.
    """
    sums = [pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum()).alias(name) for name in measures]
    choices = chain.from_iterable(combinations(optional, size) for size in range(len(optional) + 1))
    parts = [
        cells.group_by([*fixed, *chosen])
        .agg(sums)
        .with_columns(pl.lit(None, dtype=cells.schema[name]).alias(name) for name in optional if name not in chosen)
        .select([*fixed, *optional, *measures])
        for chosen in choices
    ]
    return pl.concat(parts)


def share(part: str, whole: str) -> pl.Expr:
    """One column divided by another; null where there is nothing to divide by."""
    return pl.when(pl.col(whole) > 0).then(pl.col(part) / pl.col(whole))


def with_rate(frame: pl.DataFrame, successes: str, trials: str, name: str = "rate") -> pl.DataFrame:
    """The rate of two columns of counts with its Wilson interval; null where there are no trials."""
    return with_interval(
        frame.with_columns(share(successes, trials).alias(name)), wilson_interval, (successes, trials), name
    )


def with_interval(
    frame: pl.DataFrame, interval: Callable[..., Interval | None], counts: Iterable[str], name: str
) -> pl.DataFrame:
    """An interval of the counts in each row as ``<name>_low`` and ``<name>_high``; null where a count is.

    Small slices often have the same counts, so that each choice of counts is looked at once.
    """
    columns = list(counts)
    each = frame.select(columns).unique()
    found = [None if None in values else interval(*values) for values in each.iter_rows()]
    ends = each.with_columns(
        pl.Series(f"{name}_low", [one.low if one else None for one in found], dtype=pl.Float64),
        pl.Series(f"{name}_high", [one.high if one else None for one in found], dtype=pl.Float64),
    )
    return frame.join(ends, on=columns, how="left", nulls_equal=True)
