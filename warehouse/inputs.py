"""What a warehouse opens from outside itself, before it is locked down: other databases, and files.

An open database stays attached, read only, until the warehouse lets go of it. Files are read at once, into temporary
tables: a run then sees one state of them, however many statements it executes and whoever rewrites them meanwhile.
"""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from warehouse.adapter import WarehouseError
from warehouse.quote import first_paragraph, identifier, literal


class Input(Protocol):
    """Something outside the warehouse."""

    def statement(self, *, rows: bool = True) -> str:
        """The SQL that opens it.

        Args:
            rows: Whether rows are asked for, or the columns only.
        """

    def open(self, connection: duckdb.DuckDBPyConnection, *, rows: bool) -> None:
        """Open it on a connection that may still reach out.

        Raises:
            duckdb.IOException: Somebody else has the file open; try again.
            WarehouseError: It cannot be read.
        """


@dataclass(frozen=True, slots=True)
class Database:
    """Another database file, read only, as the catalog ``name``; ``type`` is ``duckdb`` or ``sqlite``."""

    name: str
    path: Path
    type: str

    def statement(self, *, rows: bool = True) -> str:  # noqa: ARG002 (rows are read when they are asked for)
        return f"attach {literal(str(self.path))} as {identifier(self.name)} (read_only, type {self.type})"

    def open(self, connection: duckdb.DuckDBPyConnection, *, rows: bool) -> None:
        if self.type != "duckdb":
            self._load_extension(connection)
        try:
            connection.execute(self.statement(rows=rows))
        except duckdb.IOException as error:
            if is_locked(error):
                raise
            raise WarehouseError(f"Cannot attach `{self.name}`: {first_paragraph(error)}") from error
        except duckdb.Error as error:
            raise WarehouseError(f"Cannot attach `{self.name}`: {first_paragraph(error)}") from error

    def _load_extension(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Without network: what is not on this machine is not fetched behind anybody's back."""
        extension = f"{self.type}_scanner"
        found = connection.execute(
            "select installed from duckdb_extensions() where extension_name = $name", {"name": extension}
        ).fetchall()
        if found != [(True,)]:
            raise WarehouseError(
                f"Cannot attach `{self.name}`: DuckDB {duckdb.__version__} has no extension `{self.type}` on this "
                f"machine, and nothing is downloaded during a run. Install it once: "
                f"""python -c "import duckdb; duckdb.sql('install {self.type}')" """.rstrip()
                + ". Or copy the tables to a DuckDB or Parquet file."
            )
        connection.execute(f"load {self.type}")


@dataclass(frozen=True, slots=True)
class Files:
    """The rows of files, columns matched by name, as the temporary table ``table``.

    Attributes:
        format: ``parquet``, or ``csv``: UTF-8, a header, every value text, an empty one null.
        title: What they are, in messages.
    """

    table: str
    format: str
    paths: Sequence[Path]
    title: str
    delimiter: str = ","

    def statement(self, *, rows: bool = True) -> str:
        # These are names, no patterns any more: `part[1].csv` is not `part1.csv`.
        listed = ", ".join(literal(glob.escape(str(path))) for path in self.paths)
        options = "union_by_name = true"
        if self.format == "csv":
            # All said, nothing guessed: guessing skips lines that do not look like the others.
            options += (
                f", all_varchar = true, header = true, delim = {literal(self.delimiter)}, "
                "quote = '\"', escape = '\"', comment = '', skip = 0"
            )
        limit = "" if rows else "\nlimit 0"
        return f"create temp table {self.table} as\nselect *\nfrom read_{self.format}([{listed}], {options}){limit}"

    def open(self, connection: duckdb.DuckDBPyConnection, *, rows: bool) -> None:
        try:
            connection.execute(self.statement(rows=rows))
        except duckdb.Error as error:
            raise WarehouseError(
                f"{self.title}: the files cannot be read: {_shortly(error, self.delimiter)}"
            ) from error


def is_locked(error: Exception) -> bool:
    """Whether an error of DuckDB says that another process has the file open."""
    return "could not set lock" in str(error).lower()


def _shortly(error: Exception, delimiter: str) -> str:
    """What is wrong with a file: not every option that was tried to read it, and no row, which DuckDB quotes."""
    text = " ".join(first_paragraph(error).split())
    if found := re.search(r"sniffing file (\".+?\")", text):
        return f"{found[1]}: not every row has as many values as the header, separated by {delimiter!r}"
    if not (line := re.search(r"CSV Error on Line: ([\d,]+)", text)):
        return text
    file = re.search(r"^\s*file = (.+)$", str(error), re.MULTILINE)
    where = f'"{file[1]}", line {line[1]}' if file else f"line {line[1]}"
    if "This file is not utf-8 encoded" in text:
        return f"{where}: not UTF-8; write the file in UTF-8"
    if counts := re.search(r"Expected Number of Columns: (\d+) Found: (\d+)", text):
        return f"{where}: {counts[2]} values separated by {delimiter!r}, and the header has {counts[1]}"
    return f"{where}: no CSV; are quotes closed, and doubled within values?"
