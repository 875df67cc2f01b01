"""What a new project looks like for people: its files, what its sources hold, and what to do next."""

from __future__ import annotations

from pipelines.definitions.settings import WAREHOUSE_PATH
from pipelines.init.look import Sample
from pipelines.init.verb import InitResult
from pipelines.output import lines, printable, summary, table
from pipelines.source_display import list_sources

_WIDEST = 24
_MOST_COLUMNS = 6


def init(result: InitResult) -> str:
    """Everything, in the order in which people ask."""
    files = "\n".join(f"Wrote {result.folder / name}" for name in result.written)
    kept = f"\nKept the former file as {result.folder / result.backup}" if result.backup else ""
    parts = [f"{files}{kept}"]
    if result.sources:
        parts += [list_sources(result.sources), *(_sample(sample) for sample in result.samples)]
    parts.append("\n".join([*lines(result.problems), summary(result.problems)]))
    return "\n\n".join([*parts, _next_steps(result)])


def _sample(sample: Sample) -> str:
    columns = sample.columns[:_MOST_COLUMNS]
    left_out = len(sample.columns) - len(columns)
    more = [f"and {left_out} more"] if left_out else []
    rows = [[*map(_short, row[:_MOST_COLUMNS]), *([None] * len(more))] for row in sample.rows]
    return f"{sample.source}, the first rows\n{table([*map(printable, columns), *more], rows)}"


def _short(value: str | None) -> str | None:
    return value if value is None or len(value) <= _WIDEST else f"{value[:_WIDEST]}…"


def _next_steps(result: InitResult) -> str:
    if not result.sources:
        return (
            f"Next: load your tables into {result.folder / WAREHOUSE_PATH}, or say where they are:\n"
            "  series init --force --warehouse path/to/it.duckdb     (or --parquet, --csv, --dbt)"
        )
    return (
        "Next:\n"
        "  series sources      what each column is read as\n"
        "  series validate     after every change\n"
        "  series run          once the status of a series is live"
    )
