"""What the SELECTs of a report share: temporary tables beside the state, gone with the connection."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from pipelines.model import Definitions
from pipelines.report.history import SeriesHistory
from pipelines.sql_text import literal, render, timestamp
from pipelines.wall_clock import offsets_between
from warehouse import writes
from warehouse.adapter import Warehouse

_BITS = 50
"""Few enough that the sum of a bit which is there a thousand times too often still is a bigint."""

_EPOCH = datetime(1970, 1, 1)

Offsets = Sequence[tuple[str | None, str]]
"""From which instant on which offset from UTC holds, as SQL, newest first; the oldest has no instant."""

_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "report_series": {
        "series_id": "varchar",
        "as_of": "timestamp",
        "newest_version": "bigint",
        "goal_within": "interval",
        "lag": "interval",
    },
    "report_versions": {"series_id": "varchar", "version": "bigint", "definition_hash": "varchar"},
    "report_blocks": {
        "series_id": "varchar",
        "version": "bigint",
        "block_id": "varchar",
        "kind": "varchar",
    },
    "report_places": {
        "series_id": "varchar",
        "block_id": "varchar",
        "is_entry_rule": "boolean",
        "chunk": "bigint",
        "bit": "bigint",
    },
    "report_connections": {
        "series_id": "varchar",
        "version": "bigint",
        "from_block": "varchar",
        "is_good": "boolean",
        "is_move": "boolean",
        "to_block": "varchar",
        "chunk": "bigint",
        "bit": "bigint",
    },
}

_FILLED: Mapping[str, str] = {
    "report_ticks": "ticks",
    "report_entries": "entries",
    "report_slices": "slices",
    "report_sliced_entries": "sliced_entries",
    "report_messages": "messages",
    "report_tags": "customer_tags_now",
}
"""Tables that hold the rows of a SELECT, in the order in which these read each other."""


def prepare(warehouse: Warehouse, definitions: Definitions, histories: Mapping[str, SeriesHistory]) -> Offsets:
    """Make the tables that the SELECTs read beside those of the state.

    Args:
        warehouse: Open, if only for reading, with a state.
        definitions: What the files say now.
        histories: See `pipelines.report.history`.

    Returns:
        The offsets of the project's time zone, over the time that the tables tell of.
    """
    ran = [history for history in histories.values() if history.versions]
    lag = max((source.lag for source in definitions.settings.sources.values()), default=timedelta(0))
    _fill(warehouse, "report_series", [_series_row(history, lag) for history in ran])
    _fill(warehouse, "report_versions", [row for history in ran for row in _version_rows(history)])
    _fill(warehouse, "report_blocks", [row for history in ran for row in _block_rows(history)])
    _fill(warehouse, "report_places", [row for history in ran for row in _place_rows(history)])
    _fill(warehouse, "report_connections", [row for history in ran for row in _connection_rows(history)])
    offsets = _offsets(warehouse, definitions.settings.timezone)
    for table, name in _FILLED.items():
        warehouse.execute(writes.filled_table(table, render(f"report/{name}", offsets=offsets)))
    return offsets


def _series_row(history: SeriesHistory, lag: timedelta) -> Sequence[str]:
    assert history.newest is not None
    assert history.as_of is not None
    goal = history.newest.series.goal
    return (
        literal(history.series_id),
        timestamp(history.as_of),
        str(history.newest.number),
        _seconds(goal.within) if goal else "null",
        _seconds(lag),
    )


def _version_rows(history: SeriesHistory) -> list[Sequence[str]]:
    return [
        (literal(history.series_id), str(version.number), literal(version.definition_hash))
        for version in history.versions
    ]


def _block_rows(history: SeriesHistory) -> list[Sequence[str]]:
    return [
        (
            literal(history.series_id),
            str(version.number),
            literal(block_id),
            literal(block.kind),
        )
        for version in history.versions
        for block_id, block in version.series.blocks.items()
    ]


def _place_rows(history: SeriesHistory) -> list[Sequence[str]]:
    """Every block that some version has; an entry rule where it is one in some version."""
    starts = {block_id for version in history.versions for block_id in version.entry_rules}
    return [
        (literal(history.series_id), literal(block_id), str(block_id in starts).lower(), *_bit(number))
        for number, block_id in enumerate(history.block_ids)
    ]


def _connection_rows(history: SeriesHistory) -> list[Sequence[str]]:
    numbers = {ends: number for number, ends in enumerate(history.branches())}
    return [
        (
            literal(history.series_id),
            str(version.number),
            literal(connection.from_block),
            str(connection.outcome_is_good).lower(),
            str(connection.branch == "moved").lower(),
            literal(connection.to_block),
            *_bit(numbers[connection.from_block, connection.to_block]),
        )
        for version in history.versions
        for connection in version.connections
    ]


def _bit(number: int) -> tuple[str, str]:
    """A number as a bit of one of several integers; see ``sql/report/suspects.sql.jinja``."""
    return str(number // _BITS), str(2 ** (number % _BITS))


def _fill(warehouse: Warehouse, name: str, rows: Sequence[Sequence[str]]) -> None:
    warehouse.execute(writes.empty_table(name, _COLUMNS[name], ""))
    if rows:
        values = ",\n    ".join(f"({', '.join(row)})" for row in rows)
        warehouse.execute(writes.append(name, _COLUMNS[name], f"values\n    {values}"))


def _offsets(warehouse: Warehouse, zone: str) -> Offsets:
    ((since, until),) = warehouse.fetch(render("report/span"))
    found = offsets_between(zoneinfo.ZoneInfo(zone), since or _EPOCH, until or since or _EPOCH)
    rows = [(timestamp(begins), _seconds(offset)) for begins, offset in found]
    return [*reversed(rows[1:]), (None, rows[0][1])]


def _seconds(duration: timedelta) -> str:
    """An interval literal; offsets from UTC and goal windows are whole seconds."""
    return f"interval '{duration // timedelta(seconds=1)}' second"
