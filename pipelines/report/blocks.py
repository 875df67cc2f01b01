"""Where customers are on their way: blocks and connections."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pipelines.report.frames import roll_up, share
from pipelines.report.history import SeriesHistory
from pipelines.report.measures import ENDED_AS
from warehouse.tables import OUTCOMES

_WAYS = {"series_id": pl.String(), "from_block": pl.String(), "to_block": pl.String(), "is_move": pl.Boolean()}
_KEY = ["series_id", "version", "block_id"]
_COUNTS = ["arrived", "waiting", *OUTCOMES, *(f"ended_{status}" for status in ENDED_AS)]


def block_funnel(
    cells: pl.DataFrame,
    previous: pl.DataFrame,
    waiting: pl.DataFrame,
    entered: pl.DataFrame,
    histories: Mapping[str, SeriesHistory],
) -> pl.DataFrame:
    """`block_funnel` from its cells; every block of the newest definition has a row, reached or not.

    Args:
        cells: See ``sql/report/block_funnel.sql.jinja``.
        previous: See ``sql/report/block_previous.sql.jinja``.
        waiting: See `pipelines.report.waiting.waiting_days`.
        entered: Entries of the treatment by ``series_id`` and ``version``.
        histories: The definitions.
    """
    known = _known_blocks(histories)
    counts = roll_up(cells, ["series_id", "block_id"], ["version"], _COUNTS)
    before = _previous(counts, roll_up(previous, ["series_id", "block_id"], ["version"], ["previous"]), histories)
    began = roll_up(entered, ["series_id"], ["version"], ["began"])
    every = known.filter(pl.col("position").is_not_null()).select("series_id", "block_id")
    rows = pl.concat([counts.select(_KEY), _in_every_version(every, histories).select(_KEY)]).unique()
    return (
        rows.join(counts, on=_KEY, how="left", nulls_equal=True)
        .with_columns(pl.col(_COUNTS).fill_null(0))
        .join(known, on=["series_id", "block_id"], how="left")
        .join(before, on=_KEY, how="left", nulls_equal=True)
        .join(began, on=["series_id", "version"], how="left", nulls_equal=True)
        .join(waiting, on=_KEY, how="left", nulls_equal=True)
        .with_columns(pl.when("is_entry_rule").then("began").otherwise("previous").alias("previous"))
        .with_columns(share_of_previous=share("arrived", "previous"), share_of_entered=share("arrived", "began"))
    )


def _previous(counts: pl.DataFrame, converging: pl.DataFrame, histories: Mapping[str, SeriesHistory]) -> pl.DataFrame:
    """How many entries reached a block that leads to each block: where one does, that one's own count."""
    ways = [(series_id, *way) for series_id, history in histories.items() for way in history.ways()]
    single = (
        pl.DataFrame(ways, schema=_WAYS, orient="row")
        .filter(pl.len().over("series_id", "to_block") == 1, ~pl.col("is_move"))
        .join(counts, left_on=["series_id", "from_block"], right_on=["series_id", "block_id"])
        .select("series_id", "version", block_id="to_block", previous="arrived")
    )
    return pl.concat([single, converging.select(single.columns)])


def path_flow(cells: pl.DataFrame, blocks: pl.DataFrame, histories: Mapping[str, SeriesHistory]) -> pl.DataFrame:
    """`path_flow` from its cells; every connection of the newest definition has a row, taken or not.

    Args:
        cells: See ``sql/report/path_flow.sql.jinja``.
        blocks: `block_funnel`.
        histories: The definitions.
    """
    ends = ["from_block", "to_block"]
    key = ["series_id", "version", *ends]
    known = _known_connections(histories)
    counts = roll_up(cells, ["series_id", *ends], ["version"], ["advanced", "merged"])
    every = _in_every_version(known.filter("in_definition").select("series_id", *ends), histories)
    left = blocks.select(
        "series_id", "version", pl.col("block_id").alias("from_block"), left=pl.col("arrived") - pl.col("waiting")
    )
    return (
        pl.concat([counts.select(key), every.select(key)])
        .unique()
        .join(counts, on=key, how="left", nulls_equal=True)
        .with_columns(pl.col("advanced", "merged").fill_null(0))
        .join(known, on=["series_id", *ends], how="left")
        .with_columns(pl.col("in_definition").fill_null(value=False), moved=pl.col("advanced") + pl.col("merged"))
        .join(left, on=["series_id", "version", "from_block"], how="left", nulls_equal=True)
        .with_columns(share_of_left=share("moved", "left"))
    )


def _in_every_version(rows: pl.DataFrame, histories: Mapping[str, SeriesHistory]) -> pl.DataFrame:
    """The rows once with version null, for all, and once for the newest version."""
    newest = pl.DataFrame(
        [(name, history.newest.number) for name, history in histories.items() if history.newest],
        schema={"series_id": pl.String, "version": pl.Int64},
        orient="row",
    )
    all_versions = rows.with_columns(version=pl.lit(None, dtype=pl.Int64))
    return pl.concat([all_versions, rows.join(newest, on="series_id")])


def _known_blocks(histories: Mapping[str, SeriesHistory]) -> pl.DataFrame:
    rows = []
    for series_id, history in histories.items():
        entry_rules = history.entry_rules
        positions = {block_id: place for place, block_id in enumerate(history.order, start=1)}
        for block_id in history.block_ids:
            block = history.block(block_id)
            rows.append(
                (series_id, block_id, positions.get(block_id), block.kind if block else None,
                 block.label if block else None, block_id in entry_rules)
            )  # fmt: skip
    schema = {
        "series_id": pl.String,
        "block_id": pl.String,
        "position": pl.Int64,
        "kind": pl.String,
        "label": pl.String,
        "is_entry_rule": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _known_connections(histories: Mapping[str, SeriesHistory]) -> pl.DataFrame:
    rows = []
    for series_id, history in histories.items():
        current = {(connection.from_block, connection.to_block) for connection in history.connections}
        rows += [(series_id, *ends, branch, ends in current) for ends, branch in history.branches().items()]
    schema = {
        "series_id": pl.String,
        "from_block": pl.String,
        "to_block": pl.String,
        "branch": pl.String,
        "in_definition": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")
