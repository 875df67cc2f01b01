"""What became of messages, and of visits that wait for one."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipelines.model import ENGAGEMENT_KINDS, Channel, ContentBlock
from pipelines.report.frames import roll_up, with_rate
from pipelines.report.history import SeriesHistory

_BLOCK = ["series_id", "version", "block_id", "channel"]


def message_performance(
    cells: pl.DataFrame,
    engagements: pl.DataFrame,
    unsent: pl.DataFrame,
    histories: Mapping[str, SeriesHistory],
    channels: Mapping[str, Channel],
) -> pl.DataFrame:
    """`message_performance` from its cells.

    Args:
        cells: See ``sql/report/message_performance.sql.jinja``.
        engagements: See ``sql/report/message_engagements.sql.jinja``; where no run has seen any, kinds are left out.
        unsent: See ``sql/report/unsent.sql.jinja``.
        histories: The definitions, which know the channels of blocks where nothing was queued.
        channels: What their messages can be answered by; that nobody did is told only where somebody can.
    """
    known = _known_blocks(histories, channels)
    cells = _with_kinds(cells, engagements)
    counted = [name for name in cells.columns if name not in (*_BLOCK, "status")]
    wide = roll_up(cells, ["series_id", "block_id", "channel", "status"], ["version"], counted)
    measures = [name for name in counted if f"first_{name}" in counted]
    totals = wide.group_by(_BLOCK).agg(pl.col(counted).sum())
    of_sent = pl.concat(_long(totals, pl.lit(name), name) for name in measures)
    statuses = _long(wide, pl.lit("status_") + pl.col("status"), "message")
    rows = (
        of_sent.join(totals.select(*_BLOCK, base="first_sent"), on=_BLOCK, nulls_equal=True)
        .join(known.drop("channel"), on=["series_id", "block_id"], how="left")
        .filter(
            (pl.col("messages") > 0)
            | pl.col("measure").is_in(["message", "sent", "received"])
            | pl.col("measure").is_in(pl.col("answers"))
        )
        .with_columns(base=pl.when(pl.col("measure") != "message").then("base"))
    )
    others = unsent.join(known.select("series_id", "block_id", "channel"), on=["series_id", "block_id"], how="left")
    columns = [*_BLOCK, "measure", "messages", "customers"]
    return with_rate(
        pl.concat([rows.select(*columns, "base"), statuses.select(columns), others.select(columns)], how="diagonal"),
        "customers",
        "base",
    )


def _with_kinds(cells: pl.DataFrame, engagements: pl.DataFrame) -> pl.DataFrame:
    """The cells with two columns for each kind of engagement: messages, and first messages."""
    if engagements.is_empty():
        return cells
    key = [*_BLOCK, "status"]
    counts = [
        pl.col(column).filter(pl.col("kind") == kind).sum().alias(f"{prefix}{kind}")
        for kind in ENGAGEMENT_KINDS
        for prefix, column in (("", "messages"), ("first_", "first_messages"))
    ]
    wide = engagements.group_by(key).agg(counts)
    return cells.join(wide, on=key, how="left").with_columns(pl.col(wide.columns).exclude(key).fill_null(0))


def _long(wide: pl.DataFrame, measure: pl.Expr, name: str) -> pl.DataFrame:
    return wide.select(*_BLOCK, measure=measure, messages=pl.col(name), customers=pl.col(f"first_{name}"))


def _known_blocks(histories: Mapping[str, SeriesHistory], channels: Mapping[str, Channel]) -> pl.DataFrame:
    """The content blocks with their channel, and the measures that their messages can have."""
    rows = []
    for series_id, history in histories.items():
        for block_id in history.block_ids:
            block = history.block(block_id)
            if isinstance(block, ContentBlock):
                channel = channels.get(block.channel.value)
                answers = (channel.engagements if channel else None) or ENGAGEMENT_KINDS
                rows.append((series_id, block_id, block.channel.value, [*answers, *(["goal"] if block.goal else [])]))
    schema = {
        "series_id": pl.String(),
        "block_id": pl.String(),
        "channel": pl.String(),
        "answers": pl.List(pl.String),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
