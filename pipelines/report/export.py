"""The report for machines: JSON, CSV or Parquet, one file per table or to standard output."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.output import to_json
from pipelines.problems import UsageError
from pipelines.report.build import Report


def as_json(report: Report, tables: Mapping[str, pl.DataFrame]) -> str:
    """Tables as lists of objects, with what the report is about and where it does not add up."""
    return to_json(
        {
            "as_of": report.as_of,
            "publish": report.publish,
            "timezone": report.timezone,
            "tables": {name: frame.to_dicts() for name, frame in tables.items()},
            "differences": report.differences,
        }
    )


def as_csv(frame: pl.DataFrame) -> str:
    """A table as CSV: a header, texts in quotes, null as nothing, instants with ``Z``; values stand as they are."""
    return frame.write_csv(datetime_format="%Y-%m-%dT%H:%M:%S%.fZ", quote_style="non_numeric", line_terminator="\n")


def _as_parquet(frame: pl.DataFrame) -> bytes:
    times = [name for name, type_ in frame.schema.items() if isinstance(type_, pl.Datetime)]
    buffer = io.BytesIO()
    frame.with_columns(pl.col(times).dt.replace_time_zone("UTC")).write_parquet(buffer)
    return buffer.getvalue()


_WRITERS: Mapping[str, Callable[[pl.DataFrame], bytes]] = {
    "json": lambda frame: to_json(frame.to_dicts()).encode(),
    "csv": lambda frame: as_csv(frame).encode(),
    "parquet": _as_parquet,
}


def write_files(tables: Mapping[str, pl.DataFrame], folder: Path, format: str) -> list[Path]:
    """Write one file per table, ``<name>.<format>``, in place of those that are there; each is whole or not at all.

    Raises:
        UsageError: The format is none that files are written in.
    """
    if format not in _WRITERS:
        raise UsageError(f"Files are written with --format {', '.join(_WRITERS)}.")
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, frame in tables.items():
        file = folder / f"{name}.{format}"
        unfinished = file.with_name(f".{file.name}.unfinished")
        unfinished.write_bytes(_WRITERS[format](frame))
        files.append(unfinished.replace(file))
    return files


def printable_rows(frame: pl.DataFrame) -> list[list[Any]]:
    """The rows for a table on a terminal, rates to four digits."""
    return [[round(value, 4) if isinstance(value, float) else value for value in row] for row in frame.iter_rows()]
