"""The published copy: schema ``series`` in a file of its own, for readers who must neither wait nor be waited for.

DuckDB lets nobody read a file that somebody writes. So what a run committed is copied into a file beside the
warehouse, which is written aside and takes the place of the older copy as a whole; whoever reads the older one goes on
reading it. Rows that runs only ever add are copied once; the rest is small, or compared by the columns that change.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse import state
from warehouse.adapter import Warehouse, WarehouseError
from warehouse.duckdb import packed
from warehouse.table import Table
from warehouse.tables import (
    CLOSED_VISITS,
    FIRST_ENGAGEMENTS,
    META,
    OPEN_VISITS,
    PENDING_TAGS,
    TABLES,
    TICKS,
)

_RUN_COLUMNS: Mapping[str, str] = {
    "series.ticks": "as_of",
    "series.advances": "as_of",
    "series.tag_writes": "as_of",
    "series.messages": "queued_at",
    "series_state.closed_visits": "left_as_of",
    "series_state.first_engagements": "as_of",
}
"""Tables that grow by the rows of each run, with the column that names the run; the others are copied whole."""

_CHANGING: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "series.messages": (
        "message_id",
        ("batch_id", "status", "received_at", "goal_at", "goal_closed", "provider_message_id"),
    ),
    "series.tag_writes": ("tag_write_id", ("batch_id", "status")),
}
"""Columns that change after the run that wrote the row, with the key; whatever is in no batch does not change."""

_NEW_ROWS = """
select {}
from {} as source
left join (select unnest($known_series) as series_id, unnest($known_as_of) as as_of) as known
    on known.series_id = source.series_id
where known.series_id is null or source.{} > known.as_of
"""

_PUBLISHED: tuple[Table, ...] = tuple(
    table
    for table in TABLES
    if table.schema == "series" or table in (META, OPEN_VISITS, CLOSED_VISITS, PENDING_TAGS, FIRST_ENGAGEMENTS)
)
"""What the copy holds: what analysts may query, what the views over it rest on, and what reports read."""

_TICKS = f"select series_id, as_of, committed_at from {TICKS.qualified_name}"
_SHAPE = """
select schema_name, table_name, column_name, data_type
from duckdb_columns()
where schema_name in ('series', 'series_state') and not internal
order by schema_name, table_name, column_index
"""


def published_path(warehouse_path: Path) -> Path:
    """Where the copy of a warehouse is: under its name, in the folder ``published`` beside it."""
    return warehouse_path.parent / "published" / warehouse_path.name


def published_as_of(path: Path) -> datetime | None:
    """The newest run, naive UTC, that a copy shows; None where there is no copy that can be read."""
    try:
        with contextlib.closing(duckdb.connect(str(path), read_only=True)) as copy:
            newest: datetime | None = copy.execute(f"select max(as_of) from {TICKS.qualified_name}").fetchall()[0][0]
            return newest
    except duckdb.Error:
        return None


def publish(warehouse: Warehouse, path: Path) -> None:
    """Bring the copy up to what the warehouse holds now; repeating it changes nothing.

    Args:
        warehouse: Open for writing, so that nobody else publishes meanwhile, and with a state.
        path: The copy; made when it is absent, and made anew when it is no earlier state of this warehouse.

    Raises:
        WarehouseError: The copy cannot be written; the older one stands as it stood.
    """
    aside = path.with_name(f"{path.name}.aside")
    try:
        path.parent.mkdir(exist_ok=True)
        _remove(aside)
        if path.exists():
            shutil.copyfile(path, aside)
            if not _refresh(warehouse, aside):
                _remove(aside)
        if not aside.exists():
            with _opened(aside) as copy:
                for statement in state.create_statements(state.customer_id_type(warehouse), packed(copy)):
                    copy.execute(statement)
                _fill(warehouse, copy, {})
        aside.replace(path)
    except (OSError, duckdb.Error) as error:
        with contextlib.suppress(OSError):
            _remove(aside)
        raise WarehouseError(f"The published copy {path} cannot be written: {error}") from error


def _refresh(warehouse: Warehouse, aside: Path) -> bool:
    """Add what is new; False where this is no earlier state of the warehouse, or nothing that can be read."""
    try:
        with _opened(aside) as copy:
            if _shape(copy.execute(_SHAPE).fetchall()) != _shape(warehouse.fetch(_SHAPE)):
                return False
            known = set(copy.execute(_TICKS).fetchall())
            if not known <= set(warehouse.fetch(_TICKS)):
                return False
            newest: dict[str, datetime] = {}
            for series_id, as_of, _ in known:
                newest[series_id] = max(as_of, newest.get(series_id, as_of))
            _fill(warehouse, copy, newest)
    except (duckdb.IOException, duckdb.SerializationException, duckdb.FatalException):
        return False
    return True


def _fill(warehouse: Warehouse, copy: duckdb.DuckDBPyConnection, newest: Mapping[str, datetime]) -> None:
    """Copy what a copy whose newest runs are these does not hold."""
    known = {"known_series": list(newest), "known_as_of": list(newest.values())}
    with warehouse.transaction():
        copy.begin()
        for table in _PUBLISHED:
            columns = ", ".join(table.column_names)
            run_column = _RUN_COLUMNS.get(table.qualified_name)
            if run_column is None:
                copy.execute(f"delete from {table.qualified_name}")
                _pour(warehouse, copy, table, f"select {columns} from {table.qualified_name}", {})
                continue
            if table.qualified_name in _CHANGING and newest:
                _refresh_changed(warehouse, copy, table, *_CHANGING[table.qualified_name])
            listed = ", ".join(f"source.{column}" for column in table.column_names)
            _pour(warehouse, copy, table, _NEW_ROWS.format(listed, table.qualified_name, run_column), known)
        copy.commit()


def _refresh_changed(
    warehouse: Warehouse, copy: duckdb.DuckDBPyConnection, table: Table, key: str, changing: Sequence[str]
) -> None:
    """Bring the columns that change after their run up to date."""
    columns = ", ".join(changing)
    differs = " or ".join(f"target.{column} is distinct from now.{column}" for column in changing)
    changes = ", ".join(f"{column} = now.{column}" for column in changing)
    select = f"select {key}, {columns} from {table.qualified_name} where batch_id is not null"
    with warehouse.stream_arrow(select) as rows:
        copy.register("incoming", rows)
        copy.execute(
            f"update {table.qualified_name} as target set {changes} from incoming as now "
            f"where now.{key} = target.{key} and ({differs})"
        )
        copy.unregister("incoming")


def _pour(
    warehouse: Warehouse, copy: duckdb.DuckDBPyConnection, table: Table, select: str, parameters: Mapping[str, object]
) -> None:
    with warehouse.stream_arrow(select, parameters) as rows:
        copy.register("incoming", rows)
        columns = ", ".join(table.column_names)
        copy.execute(f"insert into {table.qualified_name} ({columns}) select {columns} from incoming")
        copy.unregister("incoming")


@contextlib.contextmanager
def _opened(aside: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    copy = duckdb.connect(str(aside))
    try:
        copy.execute("set timezone = 'UTC'")
        yield copy
        copy.execute("checkpoint")
    finally:
        copy.close()


def _shape(columns: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The columns of the tables that a copy holds; the views follow from them."""
    names = {(table.schema, table.name) for table in _PUBLISHED}
    return [column for column in columns if column[:2] in names]


def _remove(aside: Path) -> None:
    for file in (aside, aside.with_name(f"{aside.name}.wal")):
        file.unlink(missing_ok=True)
