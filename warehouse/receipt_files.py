"""Files of receipts, read by an engine of its own that holds no warehouse, and turned into rows by a map's SELECT."""

from __future__ import annotations

import csv
import glob
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import duckdb

from warehouse.quote import identifier, literal

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["jsonl", "csv", "parquet"]

LONGEST_LINE = 16 * 1024 * 1024
"""Bytes of a line of JSON."""

_LINES = "create or replace temp table lines as\n"
_READ: Mapping[Format, str] = {
    "jsonl": f"""
select filename, cast(json as varchar) as event
from read_json_objects(
    $files,
    format = 'newline_delimited',
    ignore_errors = true,
    filename = true,
    maximum_object_size = {LONGEST_LINE}
)
""",
    "parquet": """
select source.filename, cast(to_json(source) as varchar) as event
from read_parquet($files, filename = true, union_by_name = true) as source
""",
}
_EVENTS = """
create or replace temp table events as
select
    filename,
    row_number,
    unnest(
        case when json_type(event) = 'ARRAY' then from_json(event, '["json"]') else [cast(event as json)] end
    ) as event
from (
    select
        filename,
        rowid - min(rowid) over (partition by filename) + 1 as row_number,
        event
    from lines
) as numbered
"""
_BAD = """
select filename, row_number, problem
from mapped
where problem is not null
order by filename, row_number
limit $limit
"""
_IGNORED = """
select case when kind is null then event else '(for no message)' end as word, count(*)
from mapped
where problem is null and (kind is null or coalesce(message_id, provider_message_id) is null)
group by word
order by word
"""
_REJECTED = "select distinct line from reject_errors order by line"


class UnreadableError(Exception):
    """Files that cannot be read as their format; of several, it may be one."""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that cannot be taken in.

    Attributes:
        line: Its line in the file, from 1; of a Parquet file the row. None: the whole file.
        problem: What is wrong, without a word of what the row holds.
    """

    file: str
    line: int | None
    problem: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What some files hold.

    Attributes:
        rows: The receipts, each id once.
        bad: The first bad rows of each file, in order.
        bad_count: How many there are.
        bad_files: The files that they are in.
        ignored: Events that are no receipt, by the provider's word for them, or for no message at all.
    """

    rows: pa.Table
    bad: tuple[BadRow, ...]
    bad_count: int
    bad_files: frozenset[str]
    ignored: Mapping[str, int]


class ReceiptReader:
    """Reads files of receipts; the engine is in memory, knows no warehouse, and is closed with it."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:", config={"autoinstall_known_extensions": False})
        self._connection.execute("set timezone = 'UTC'")

    def close(self) -> None:
        """Let the memory go."""
        self._connection.close()

    def read(self, files: Sequence[Path], format: Format, mapped: str, rows: str, most_bad: int) -> Reading:
        """Read files of one format.

        Args:
            files: The files; a CSV file is read alone, since its header names the columns.
            format: Their format.
            mapped: The SELECT that turns the table ``events`` (filename, row_number, event) into the table ``mapped``.
            rows: The SELECT of the receipts in ``mapped``.
            most_bad: How many bad rows are named.

        Raises:
            UnreadableError: They cannot be read.
        """
        names = [str(file) for file in files]
        rejected = self._read_lines(names, format)
        self._connection.execute(_EVENTS)
        self._connection.execute(f"create or replace temp table mapped as\n{mapped}")
        found = self._connection.execute(_BAD, {"limit": most_bad}).fetchall()
        counts = dict(
            self._connection.execute(
                "select filename, count(*) from mapped where problem is not null group by filename"
            ).fetchall()
        )
        ignored = self._connection.execute(_IGNORED).fetchall()
        bad = [
            BadRow(name, line, problem)
            for name in dict.fromkeys(row[0] for row in found)
            for line, problem in _located(name, format, [row[1:] for row in found if row[0] == name])
        ]
        bad += [BadRow(names[0], line, _MISSHAPEN) for line in rejected]
        return Reading(
            rows=self._connection.sql(rows).to_arrow_table(),
            bad=tuple(sorted(bad, key=lambda row: (row.file, row.line))[:most_bad]),
            bad_count=sum(counts.values()) + len(rejected),
            bad_files=frozenset(counts) | frozenset(names[:1] if rejected else ()),
            ignored=dict(ignored),
        )

    def _read_lines(self, names: Sequence[str], format: Format) -> list[int]:
        """Fill ``lines``; the lines of a CSV file that are not shaped as the others."""
        # These are names, no patterns any more: `part[1].csv` is not `part1.csv`.
        files = [glob.escape(name) for name in names]
        try:
            if format != "csv":
                self._connection.execute(f"{_LINES}{_READ[format]}", {"files": files})
                return []
            for name in ("reject_errors", "reject_scans"):
                self._connection.execute(f"drop table if exists {name}")
            header = _header(Path(names[0]))
            if not header:
                self._connection.execute(f"{_LINES}{_NOTHING}")
                return []
            self._connection.execute(f"{_LINES}{_csv(names[0], header)}", {"files": files})
            return [line for (line,) in self._connection.execute(_REJECTED).fetchall()]
        except (duckdb.Error, OSError, UnicodeError, csv.Error) as error:
            raise UnreadableError(str(error)) from error


_NOTHING = "select cast(null as varchar) as filename, cast(null as varchar) as event where false"
_MISSHAPEN = "it has not as many values as the header, or quotes that do not close"


def _header(file: Path) -> list[str]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        return next(csv.reader(lines), [])


def _csv(name: str, header: Sequence[str]) -> str:
    """The SELECT that reads a CSV file, whose header names the columns: nothing is guessed."""
    columns = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in header)
    listed = ", ".join(f"{identifier(column)} := source.{identifier(column)}" for column in header)
    return f"""
select {literal(name)} as filename, cast(to_json(struct_pack({listed})) as varchar) as event
from read_csv(
    $files, columns = {{{columns}}}, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"',
    store_rejects = true
) as source
"""


def _located(name: str, format: Format, rows: Sequence[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    """Rows with the lines they stand at, given how many rows come before them."""
    lines = {number: number for number, _ in rows}
    if format != "parquet":
        reader = _csv_rows if format == "csv" else _json_rows
        last = max(lines)
        for number, line in enumerate(reader(Path(name)), start=1):
            if number > last:
                break
            if number in lines:
                lines[number] = line
    for number, problem in rows:
        yield lines[number], problem


def _json_rows(file: Path) -> Iterator[int]:
    with file.open("rb") as lines:
        yield from (number for number, line in enumerate(lines, start=1) if line.strip())


def _csv_rows(file: Path) -> Iterator[int]:
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
        reader = csv.reader(lines)
        width = len(next(reader, []))
        yield from (reader.line_num for row in reader if len(row) == width)
