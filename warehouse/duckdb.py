"""DuckDB as a warehouse: one file, one writer, locked down against what SQL could reach."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from warehouse.adapter import LockedError, StatementError, WarehouseError
from warehouse.inputs import Input, is_locked
from warehouse.quote import first_paragraph

if TYPE_CHECKING:
    import pyarrow as pa

WAIT_VARIABLE = "SERIES_LOCK_WAIT"
"""The environment variable that says how many seconds to wait for another holder of the file."""

WAIT_SECONDS = 60.0
"""How long opening waits for another holder of the file where nobody says."""

_POLL_SECONDS = 0.1

_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_UTC = "set timezone = 'UTC'"
_LOCKDOWN = ("set enable_external_access = false", "set lock_configuration = true")
"""The second wall behind the rule whitelist, raised once the inputs are open: no file, no network, no other setting,
whatever SQL gets through."""

_LARGEST = "select coalesce(max(estimated_size), 0) from duckdb_tables()"
_FEW_ROWS = 250_000
"""Up to so many rows in its largest table a warehouse is used by one thread and plainly planned. DuckDB shares out work
by 122,880 rows, so a second thread would have nothing to do, and starting it costs an eighth of a run; as much again is
spent by optimizers on saving nothing (measured with 2.0)."""
_WORTH_IT = (
    "build_side_probe_side",
    "column_lifetime",
    "cte_inlining",
    "deliminator",
    "expression_rewriter",
    "filter_pushdown",
    "join_order",
    "statistics_propagation",
    "unused_columns",
)
"""The optimizers that are kept for few rows; they were chosen and measured together, not one by one."""
_OTHERS = f"select string_agg(name, ',') from duckdb_optimizers() where name not in {_WORTH_IT}"

_IDENTIFIER = re.compile(r'"(?:[^"]|"")*"|[^."]+')
_SCHEMAS_OF = """
select lower(database_name), lower(schema_name), database_name in (current_database(), 'temp')
from duckdb_tables()
where lower(table_name) = $name
union all
select lower(database_name), lower(schema_name), database_name in (current_database(), 'temp')
from duckdb_views()
where lower(view_name) = $name
"""

_STORAGE = "select tags['storage_version'] from duckdb_databases() where database_name = current_database()"
_FIRST_WITH_ZSTD = (1, 2)
"""The version of DuckDB whose files may hold columns packed by Zstandard."""

_MOST_PARSED = 2_000
_parsed: dict[str, duckdb.Statement] = {}
"""Statements by their text, for every connection of this process."""

_in_use: dict[str, threading.Lock] = {}
"""One holder per file within this process; DuckDB itself keeps other processes out."""


class DuckDB:
    """An open DuckDB file (see `warehouse.adapter.Warehouse`)."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, release: Callable[[], None]) -> None:
        self._connection = connection
        self._release = release

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        read_only: bool = False,
        inputs: Sequence[Input] = (),
        rows: bool = True,
        wait: float | None = None,
        on_wait: Callable[[str], None] | None = None,
    ) -> DuckDB:
        """Open a file, made new where it is absent and may be written.

        Args:
            path: The database file.
            read_only: For looking only; several readers may be at it together, but none beside a writer. Where the file
                is absent, there are the inputs all the same.
            inputs: What is opened with it. While somebody else has one of them, this file is not kept either.
            rows: Whether inputs that are read at once are read with their rows, or the columns only.
            wait: Seconds to wait while somebody else has it; None: as SERIES_LOCK_WAIT says, or a minute.
            on_wait: Called once with who holds it, when waiting begins.

        Raises:
            LockedError: It stayed taken for ``wait`` seconds; the text says who holds it.
            WarehouseError: It is not there (read only), or not a DuckDB file, or an input cannot be read, or
                SERIES_LOCK_WAIT is no number.
        """
        wait = wait_seconds() if wait is None else wait
        if read_only and not path.exists() and not inputs:
            raise WarehouseError(f"There is no warehouse at {path}.")
        if not read_only:
            path.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + wait
        lock = _in_use.setdefault(str(path.resolve()), threading.Lock())
        if not lock.acquire(timeout=wait):
            raise LockedError(f"The warehouse {path} is in use by another thread of this process (waited {wait:g} s).")
        try:
            connection = _connect(path, read_only, inputs, rows, deadline, wait, on_wait)
        except BaseException:
            lock.release()
            raise
        return cls(connection, lock.release)

    @classmethod
    def in_memory(cls) -> DuckDB:
        """Open a new, empty warehouse that is gone when it is closed; for small data, hence on one thread."""
        connection = duckdb.connect(":memory:", config=_CONFIG | {"threads": 1})
        _lock_down(connection)
        return cls(connection, lambda: None)

    @property
    def packed(self) -> str:
        return packed(self._connection)

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> int:
        rows = self.fetch(sql, parameters)
        return int(rows[0][0]) if len(rows) == 1 and len(rows[0]) == 1 and isinstance(rows[0][0], int) else 0

    def fetch(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(*self._bound(sql, parameters)).fetchall()
        except duckdb.Error as error:
            raise StatementError(first_paragraph(error), sql) from error

    def fetch_arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        try:
            statement, named = self._bound(sql, parameters)
            # Not execute(): DuckDB copies such a result once more on its way to Arrow, and warns of it.
            return self._connection.sql(statement, params=named).to_arrow_table()
        except duckdb.Error as error:
            raise StatementError(first_paragraph(error), sql) from error

    def stream_arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.RecordBatchReader:
        try:
            statement, named = self._bound(sql, parameters)
            return self._connection.sql(statement, params=named).to_arrow_reader()
        except duckdb.Error as error:
            raise StatementError(first_paragraph(error), sql) from error

    @contextlib.contextmanager
    def transaction(self, *, keep: bool = True) -> Iterator[None]:
        self._connection.begin()
        try:
            yield
        except BaseException:
            # The connection may be gone with the error that brings us here; the file then rolls back by itself.
            with contextlib.suppress(duckdb.Error):
                self._connection.rollback()
            raise
        if keep:
            self._connection.commit()
        else:
            self._connection.rollback()

    def columns(self, relation: str) -> Sequence[tuple[str, str]] | None:
        try:
            return [(row[0], row[1]) for row in self.fetch(f"describe {relation}")]
        except StatementError:
            if relation.startswith("(") or self._exists(relation):
                raise
            return None

    def close(self) -> None:
        self._connection.close()
        self._release()

    def _bound(self, sql: str, parameters: Mapping[str, Any] | None) -> tuple[duckdb.Statement, dict[str, Any] | None]:
        """A statement with the parameters it names.

        Parsing is over a third of what a run over few customers costs, and hour after hour the statements are the same.
        """
        statement = _parsed.get(sql)
        if statement is None:
            statement = self._connection.extract_statements(sql)[0]
            if len(_parsed) >= _MOST_PARSED:
                _parsed.clear()
            _parsed[sql] = statement
        return statement, {name: (parameters or {})[name] for name in statement.named_parameters} or None

    def _exists(self, relation: str) -> bool:
        *qualifiers, name = (part.lower() for part in _IDENTIFIER.findall(relation))
        found = self.fetch(_SCHEMAS_OF, {"name": _bare(name)})
        wanted = tuple(_bare(part) for part in qualifiers)
        return any(
            wanted == (catalog, schema)
            or (wanted == (catalog,) and schema == "main")
            or (is_own and (wanted or ("main",)) == (schema,))
            for catalog, schema, is_own in found
        )


def packed(connection: duckdb.DuckDBPyConnection) -> str:
    """What makes DuckDB pack long texts well; empty for a file of an old version, or none.

    By itself it chooses a dictionary: for messages, twice the time and six times the size (measured with 2.0).
    """
    version = re.match(r"v(\d+)\.(\d+)", connection.execute(_STORAGE).fetchall()[0][0] or "")
    is_known = version and (int(version[1]), int(version[2])) >= _FIRST_WITH_ZSTD
    return " using compression zstd" if is_known else ""


def wait_seconds() -> float:
    """How many seconds to wait for somebody else where the caller does not say.

    Raises:
        WarehouseError: SERIES_LOCK_WAIT is no number.
    """
    text = os.environ.get(WAIT_VARIABLE, "").strip()
    try:
        seconds = float(text or WAIT_SECONDS)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= threading.TIMEOUT_MAX:
        raise WarehouseError(f"{WAIT_VARIABLE} is `{text}`; it must be a number of seconds, such as 60.")
    return seconds


def _connect(
    path: Path,
    read_only: bool,
    inputs: Sequence[Input],
    rows: bool,
    deadline: float,
    wait: float,
    on_wait: Callable[[str], None] | None,
) -> duckdb.DuckDBPyConnection:
    told = False
    while True:
        try:
            return _open(path, read_only, inputs, rows)
        except duckdb.IOException as error:
            if not is_locked(error):
                raise WarehouseError(f"Cannot open the warehouse {path}: {first_paragraph(error)}") from error
            holder, taken = _holder(str(error)), _taken(str(error), path)
            if time.monotonic() >= deadline:
                raise LockedError(
                    f"{taken} is in use by {holder} (waited {wait:g} s). Try again when it is done."
                ) from error
            if on_wait and not told:
                on_wait(f"Waiting for {holder}, who has {taken[0].lower()}{taken[1:]} open.")
                told = True
            time.sleep(_POLL_SECONDS)
        except duckdb.ConnectionException as error:
            # DuckDB shares one database among a process's connections; theirs is not locked down.
            raise LockedError(f"The warehouse {path} is open in this process already. Close that first.") from error
        except duckdb.Error as error:
            raise WarehouseError(f"Cannot open the warehouse {path}: {first_paragraph(error)}") from error


def _open(path: Path, read_only: bool, inputs: Sequence[Input], rows: bool) -> duckdb.DuckDBPyConnection:
    """A locked-down connection with its inputs, or nothing open at all."""
    if read_only and not path.exists():
        connection = duckdb.connect(":memory:", config=_CONFIG)
    else:
        connection = duckdb.connect(str(path), read_only=read_only, config=_CONFIG)
    try:
        _lock_down(connection, inputs, rows)
    except BaseException:
        connection.close()
        raise
    return connection


def _lock_down(connection: duckdb.DuckDBPyConnection, inputs: Sequence[Input] = (), rows: bool = True) -> None:
    """Open the inputs; from then on the connection reaches nothing else."""
    connection.execute(_UTC)
    for one in inputs:
        one.open(connection, rows=rows)
    if connection.execute(_LARGEST).fetchall()[0][0] <= _FEW_ROWS:
        connection.execute("set threads = 1")
        connection.execute(f"set disabled_optimizers = '{connection.execute(_OTHERS).fetchall()[0][0]}'")
    for statement in _LOCKDOWN:
        connection.execute(statement)


def _taken(message: str, path: Path) -> str:
    """Which file is taken, out of DuckDB's message: the warehouse's or an input's."""
    found = re.search(r'on file "(.+?)"', message)
    return f"The database {found[1]}" if found and Path(found[1]) != path.resolve() else f"The warehouse {path}"


def _holder(message: str) -> str:
    """Who holds the lock, out of DuckDB's message: program and process id."""
    found = re.search(r"held in (.+?) \(PID (\d+)\)", message)
    return f"{found[1]} (process {found[2]})" if found else "another process"


def _bare(name: str) -> str:
    return name[1:-1].replace('""', '"') if name.startswith('"') else name
