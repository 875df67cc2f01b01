"""What became of messages, and of visits that wait for one."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipelines.model import ENGAGEMENT_KINDS
from pipelines.report.frames import with_rate
from pipelines.report.history import SeriesHistory

_OF_SENT = ("sent", "received", *ENGAGEMENT_KINDS, "goal")
_BLOCK = ["series_id", "version", "block_id"]


def message_performance(
    cells: pl.DataFrame, unsent: pl.DataFrame, histories: Mapping[str, SeriesHistory]
) -> pl.DataFrame:
    """`message_performance` from its cells.

    Args:
        cells: See ``sql/report/message_performance.sql.jinja``.
        unsent: See ``sql/report/unsent.sql.jinja``.
        histories: The definitions, which know the channels of blocks where nothing was queued.
    """
    channels = pl.DataFrame(
        [
            (series_id, block_id, history.channel(block_id))
            for series_id, history in histories.items()
            for block_id in history.block_ids
        ],
        schema={"series_id": pl.String, "block_id": pl.String, "channel": pl.String},
        orient="row",
    )
    rows = pl.concat(
        [cells, unsent.join(channels, on=["series_id", "block_id"], how="left").select(cells.columns)],
        how="vertical_relaxed",
    )
    sent = rows.filter(measure="sent").select(*_BLOCK, "channel", customers_sent="customers")
    rows = rows.join(sent, on=[*_BLOCK, "channel"], how="left", nulls_equal=True).with_columns(
        customers_measured=pl.when(pl.col("measure").is_in(_OF_SENT)).then("customers"),
        customers_sent=pl.when(pl.col("measure").is_in(_OF_SENT)).then("customers_sent").otherwise(0),
    )
    return with_rate(rows, "customers_measured", "customers_sent")
