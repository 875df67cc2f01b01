"""Rows of a Postgres query, fetched through ADBC as Arrow when the warehouse is opened.

With a watermark, rows stay in the warehouse (``series_state.fetched_<source>``, the statement they came by as the
table's comment), and a run fetches those at or after the newest watermark kept, which takes the place of what was kept
from there on. That is one transaction and repeatable without effect, so it needs no part in the run's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import duckdb

from warehouse.adapter import WarehouseError
from warehouse.quote import identifier, literal

if TYPE_CHECKING:
    import pyarrow as pa

_TYPES = {
    "TIMESTAMP": "timestamp",
    "DATE": "date",
    "SMALLINT": "bigint",
    "INTEGER": "bigint",
    "BIGINT": "bigint",
}
"""The types that a watermark may have, as DuckDB and as Postgres call them."""

_TIMES = ("TIMESTAMP", "DATE")

_LEAST_TIME = "'200000-01-01 (BC) 00:00:00'"
"""Postgres' infinity overflows on its way here, and arrives before this."""


@dataclass(frozen=True, slots=True)
class PostgresQuery:
    """The rows of a query, as the relation ``table``.

    Attributes:
        table: A temporary table, or a view of what is kept.
        source: Which source it is for.
        dsn: How to connect, the password included.
        query: One SELECT.
        watermark: The column that only grows from row to row; None: everything is fetched at every run.
        overlap: How far behind the newest watermark fetching begins.
        written: What rows that are kept were fetched by; another text fetches all of them anew.
        keeps: Whether rows with a watermark are kept where that is possible.
    """

    table: str
    source: str
    dsn: str = field(repr=False)
    query: str
    watermark: str | None
    overlap: timedelta
    written: str
    keeps: bool = True

    @property
    def attached(self) -> str | None:
        return None

    def statement(self, *, rows: bool = True) -> str:
        listed = self._select(None, rows=rows).replace("\n", "\n-- ")
        return f"-- {self.table}: fetched from Postgres by\n-- {listed}\n-- into a temporary table"

    def open(self, connection: duckdb.DuckDBPyConnection, *, rows: bool) -> None:
        try:
            if not rows:
                with self._fetched(connection, None, rows=False) as select:
                    connection.execute(f"create temp table {self.table} as\n{select}")
            elif self.watermark is None:
                with self._fetched(connection, None) as select:
                    connection.execute(f"create temp table {self.table} as\n{select}")
            else:
                self._open_kept(connection, self.watermark)
        except duckdb.Error as error:
            raise self._error(error) from error

    @property
    def _kept(self) -> str:
        return f"series_state.fetched_{self.source}"

    def _open_kept(self, connection: duckdb.DuckDBPyConnection, watermark: str) -> None:
        since = self._since(connection, watermark)
        if not self.keeps or _is_read_only(connection):
            self._look(connection, watermark, since)
            return
        connection.begin()
        try:
            if since is None or not self._add(connection, watermark, since):
                self._keep_all(connection)
        except BaseException:
            connection.rollback()
            raise
        connection.commit()
        connection.execute(f"create temp view {self.table} as select * from {self._kept}")

    def _add(self, connection: duckdb.DuckDBPyConnection, watermark: str, since: str) -> bool:
        """Replace what is kept from ``since`` on; False where the columns have changed."""
        with self._fetched(connection, since) as select:
            new = connection.sql(select)
            kept = connection.table(self._kept)
            if (new.columns, new.types) != (kept.columns, kept.types):
                return False
            connection.execute(f"delete from {self._kept} where {identifier(watermark)} >= {since}")
            connection.execute(f"insert into {self._kept}\n{select}")
        return True

    def _keep_all(self, connection: duckdb.DuckDBPyConnection) -> None:
        with self._fetched(connection, None) as select:
            connection.execute("create schema if not exists series_state")
            connection.execute(f"create or replace table {self._kept} as\n{select}")
        assert self.watermark is not None
        self._type(connection, self.watermark)
        connection.execute(f"comment on table {self._kept} is {literal(self.written)}")

    def _look(self, connection: duckdb.DuckDBPyConnection, watermark: str, since: str | None) -> None:
        """What a run would read, where nothing may be kept."""
        with self._fetched(connection, since) as select:
            connection.execute(f"create temp table {self.table} as\n{select}")
        if since is not None:
            before = f"select * from {self._kept} where {identifier(watermark)} < {since}"
            connection.execute(f"insert into {self.table} by name\n{before}")

    def _since(self, connection: duckdb.DuckDBPyConnection, watermark: str) -> str | None:
        """Where to begin, as a literal of both engines; None: everything has to be fetched.

        A time later than now is never the newest: one such row would hide all that come after it.
        """
        # Rows that are not fetched to the end block the connection: `fetchall`, however few they are.
        comments = connection.execute(
            "select comment from duckdb_tables() where schema_name = 'series_state' and table_name = $name "
            "and database_name = current_database()",
            {"name": f"fetched_{self.source}"},
        ).fetchall()
        if comments != [(self.written,)]:
            return None
        column, type_ = identifier(watermark), self._type(connection, watermark)
        newest = f"max({column})"
        if type_ in _TIMES:
            now = datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")
            seconds = int(self.overlap.total_seconds())
            seen = f"max({column}) filter (where {column} <= timestamp '{now}')"
            newest = f"cast({seen} - interval '{seconds} seconds' as {type_})"
        [(found,)] = connection.execute(f"select cast({newest} as varchar) from {self._kept}").fetchall()
        return None if found is None else f"cast('{found}' as {_TYPES[type_]})"

    def _type(self, connection: duckdb.DuckDBPyConnection, watermark: str) -> str:
        """The watermark's type in what is kept."""
        types = {row[0]: row[1] for row in connection.execute(f"describe {self._kept}").fetchall()}
        wanted = [*_TIMES] if self.overlap else [*_TYPES]
        if (type_ := str(types[watermark])) not in wanted:
            kind = "a time, where there is an `overlap`" if self.overlap else "a time or an integer"
            raise WarehouseError(f"source `{self.source}`: the watermark `{watermark}` must be {kind}, not {type_}.")
        return type_

    def _select(self, since: str | None, *, rows: bool = True) -> str:
        text = f"select *\nfrom (\n{self.query}\n) as fetched"
        if self.watermark:
            # A row without a watermark, or with an infinite one, could not be told from those kept; so it never comes.
            column = identifier(self.watermark)
            text += f"\nwhere {column} is not null" if since is None else f"\nwhere {column} >= {since}"
        return text if rows else f"{text}\nlimit 0"

    @contextmanager
    def _fetched(self, connection: duckdb.DuckDBPyConnection, since: str | None, *, rows: bool = True) -> Iterator[str]:
        """A SELECT of DuckDB over the rows on their way; none of them is held in memory longer than it takes."""
        try:
            from adbc_driver_manager import Error
            from adbc_driver_postgresql import dbapi
        except ImportError as error:
            raise WarehouseError(
                f"source `{self.source}`: Postgres is read through ADBC, which is not installed. "
                "Install it: pip install 'warehouse-series[postgres]'"
            ) from error
        try:
            with dbapi.connect(self.dsn) as postgres, postgres.cursor() as cursor:
                cursor.execute("set transaction isolation level repeatable read, read only")
                cursor.execute("set time zone 'UTC'")
                cursor.execute(self._select(since, rows=rows))
                batches = cursor.fetch_record_batch()
                columns = ",\n    ".join(_column(each) for each in batches.schema)
                connection.register("fetched", batches)
                try:
                    text = f"select\n    {columns}\nfrom fetched"
                    if self.watermark:
                        text = f"select * from (\n{text}\n) where {identifier(self.watermark)} is not null"
                    yield text
                finally:
                    # In a transaction that has failed, nothing more can be done; the next source takes the name over.
                    with suppress(duckdb.Error):
                        connection.unregister("fetched")
        except Error as error:
            raise self._error(error) from None

    def _error(self, error: Exception) -> WarehouseError:
        """What went wrong, without any part of the DSN: Postgres quotes what it could not make out."""
        text = " ".join(str(error).partition("\n\nQuery was:")[0].split())
        text = re.sub(r'"([^"]*)"', lambda found: '"***"' if found[1] in self.dsn else found[0], text)
        return WarehouseError(f"source `{self.source}`: Postgres cannot be read: {text}")


def _column(column: pa.Field) -> str:
    """A column as the warehouse keeps it: numbers as numbers, infinite times as unknown."""
    name = identifier(column.name)
    metadata = column.metadata or {}
    kind = metadata.get(b"POSTGRESQL:type", b"").decode()
    if kind == "numeric":
        return f"try_cast({name} as {_decimal(metadata.get(b'POSTGRESQL:typmod'))}) as {name}"
    if kind in ("timestamp", "timestamptz"):
        # Naive UTC, like all times of the warehouse.
        return f"case when {name} >= cast({_LEAST_TIME} as {kind}) then cast({name} as timestamp) end as {name}"
    return name


def _decimal(typmod: bytes | None) -> str:
    """The decimal type that Postgres' modifier says; one with ten places where it says none."""
    precision, scale = divmod(int(typmod) - 4, 1 << 16) if typmod and int(typmod) >= 4 else (38, 10)
    return f"decimal({precision}, {scale})" if precision <= 38 and scale <= precision else "double"


def _is_read_only(connection: duckdb.DuckDBPyConnection) -> bool:
    query = "select readonly from duckdb_databases() where database_name = current_database()"
    return connection.execute(query).fetchall() == [(True,)]
