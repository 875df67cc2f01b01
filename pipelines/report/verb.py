"""``series report``: which words are right together, and what is answered."""

from __future__ import annotations

from pathlib import Path

from pipelines.hint import did_you_mean
from pipelines.output import table_or_records, to_json
from pipelines.problems import UsageError
from pipelines.report import documentation, export, text
from pipelines.report.build import Report
from pipelines.report.reconcile import describe as describe_differences
from pipelines.report.tables import TABLES


def describe() -> str:
    """What every table and column means."""
    return documentation.page()


def write(report: Report, series_id: str | None, name: str | None, folder: Path | None, format: str) -> str:
    """What goes to standard output.

    Args:
        report: Of one series or of all.
        series_id: Which one; None: all.
        name: Only this table; None: all of them, or what people look at first.
        folder: Write files there; what is answered are their names.
        format: ``text``, ``json``, ``csv`` or ``parquet``.

    Raises:
        UsageError: There is no such table, or the format needs a table or a folder.
    """
    if name is not None and name not in TABLES:
        hint = did_you_mean(name, TABLES) or f"; there are: {', '.join(TABLES)}."
        raise UsageError(f"There is no table `{name}`{hint}")
    tables = {name: report.tables[name]} if name else report.tables
    if folder is not None:
        return "".join(f"{file}\n" for file in export.write_files(tables, folder, format))
    if format == "json":
        return f"{to_json(tables[name].to_dicts()) if name else export.as_json(report, tables)}\n"
    if format == "parquet":
        raise UsageError("--format parquet writes files; say where with --output FOLDER.")
    if name is None:
        if format == "csv":
            raise UsageError("CSV holds one table; name it with --table, or let files be written with --output FOLDER.")
        return f"{text.one_series(report, series_id) if series_id else text.overview(report)}\n"
    if format == "csv":
        return export.as_csv(tables[name])
    return f"{table_or_records(tables[name].columns, export.printable_rows(tables[name]))}\n"


def failures(report: Report) -> list[str]:
    """What does not add up; empty where everything does."""
    return [describe_differences(report.differences)] if report.differences else []
