"""Where a source's rows come from, when they are not simply a table of the warehouse: one class per kind.

Frozen values out of ``series.yml``, checked for shape; `pipelines.inputs` opens what they name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Literal

from pipelines.problems import Position
from pipelines.secret import Secret

FileFormat = Literal["parquet", "csv"]

TYPES: Mapping[str, str] = MappingProxyType(
    {
        "text": "VARCHAR",
        "integer": "BIGINT",
        "number": "DOUBLE",
        "decimal": "DECIMAL(18,6)",
        "boolean": "BOOLEAN",
        "timestamp": "TIMESTAMP",
        "date": "DATE",
    }
)
"""The words of a source's ``types`` with the engine's type for each."""

RESERVED = ("main", "memory", "series", "series_state", "system", "temp")
"""What no attached database can be called: these names mean something else already where a table is named."""


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT over what the warehouse has; ``sql`` is checked and written anew, without comments."""

    sql: str

    def __str__(self) -> str:
        return "its `sql`"


@dataclass(frozen=True, slots=True)
class Files:
    """The rows of all files that match.

    Attributes:
        pattern: A file name or glob, relative to the project's folder.
        delimiter: What stands between the values of a CSV file.
    """

    format: FileFormat
    pattern: str
    delimiter: str = ","

    def __str__(self) -> str:
        return self.pattern


@dataclass(frozen=True, slots=True)
class PostgresQuery:
    """The rows of a query on a Postgres server, fetched at every run.

    Attributes:
        dsn: How to connect.
        query: One SELECT, checked and written anew; ``written`` is how the file has it.
        watermark: The column that only grows from row to row, so that only newer rows are fetched; None: all are.
        overlap: How far behind the newest watermark fetching begins.
    """

    dsn: Secret
    query: str
    written: str
    watermark: str | None = None
    overlap: timedelta = timedelta(0)

    def __str__(self) -> str:
        return "its Postgres query"


@dataclass(frozen=True, slots=True)
class DbtModel:
    """What dbt builds.

    Attributes:
        model: The model's name, or ``package.model``; a seed or a snapshot too.
        relation: Database, schema and table, as the manifest says; empty until it has been asked.
    """

    model: str
    relation: tuple[str, ...] = ()

    def __str__(self) -> str:
        model = f"dbt model {self.model}"
        return f"{'.'.join(self.relation)} ({model})" if self.relation else model


Origin = Query | Files | PostgresQuery | DbtModel


@dataclass(frozen=True, slots=True)
class Attachment:
    """Another database, read only, whose tables sources may name as ``name.schema.table``.

    Attributes:
        path: The file, relative to the project's folder.
        type: What kind of database it is; a word of ``vocabulary.ATTACHED``.
    """

    name: str
    path: str
    type: str
    position: Position


def input_table(source: str) -> str:
    """The temporary table that holds the rows of a source from outside the warehouse."""
    return f"input_{source}"
