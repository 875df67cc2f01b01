"""Runs the example: the year 2017, night by night, through the public API.

``python run.py`` starts from scratch; ``--nights 90`` stops earlier.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars
from load import days_of_change, load, renew_tags
from rich.console import Console
from rich.progress import track
from rich.table import Table

from pipelines import Project
from pipelines.pages import write_pages
from pipelines.problems import UserError

FOLDER = Path(__file__).resolve().parent
WAREHOUSE = FOLDER / "warehouse" / "warehouse.duckdb"
OUTBOX = FOLDER / "outbox"

FIRST_NIGHT = datetime(2017, 1, 2, 2, tzinfo=UTC)
NIGHTS = 365

PIPE_WIDTH = 140
"""Columns of the summary where there is no terminal to ask."""


def play(nights: int, console: Console) -> None:
    """Loads the data and runs every series on each of the first ``nights`` nights of the year."""
    shutil.rmtree(WAREHOUSE.parent, ignore_errors=True)
    shutil.rmtree(OUTBOX, ignore_errors=True)
    console.print("Loading 2,469 households and 1.47 million purchases ...")
    load(WAREHOUSE)
    changes = days_of_change(WAREHOUSE) | {FIRST_NIGHT.date()}
    project = Project.open(FOLDER)
    calendar = [FIRST_NIGHT + timedelta(days=n) for n in range(nights)]
    for night in track(calendar, "Running the nights", console=console, disable=not console.is_terminal):
        if night.date() in changes:
            renew_tags(WAREHOUSE, night)
        project.run(night)


def summary(entries: polars.DataFrame, messages: polars.DataFrame) -> polars.DataFrame:
    """One row per series: entries, how they stand, goals (of those who were not held out), and messages.

    ``goal_rate`` and ``held_out_rate`` are shares of first entries, with the series and without it; null where there
    are none. Later entries are left out because the held-out have none: the two arms would not be alike.
    """
    statuses = ("active", "finished", "disengaged", "exited", "goal", "held_out")
    goal, first, held_out = (
        polars.col("goal_at").is_not_null(),
        polars.col("entry_number") == 1,
        polars.col("arm") == "holdout",
    )
    per_series = entries.group_by("series_id").agg(
        polars.len().alias("entries"),
        *((polars.col("status") == status).sum().alias(status) for status in statuses),
        goal.filter(~held_out).sum().alias("goals"),
        goal.filter(first & ~held_out).mean().alias("goal_rate"),
        goal.filter(held_out).mean().alias("held_out_rate"),
    )
    sent = messages.group_by("series_id").agg(polars.len().alias("messages"))
    return per_series.join(sent, on="series_id", how="left").sort("series_id")


def as_table(frame: polars.DataFrame) -> Table:
    """The summary for people: one line per series, rates as percent."""
    table = Table(title="Complete Journey, 2017", title_justify="left")
    for column in frame.columns:
        table.add_column(
            column.replace("_", " "), justify="left" if column == "series_id" else "right", overflow="fold"
        )
    for row in frame.iter_rows():
        table.add_row(*map(_cell, row))
    return table


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if isinstance(value, float) else str(value)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nights", type=int, default=NIGHTS, help="how many nights to run (default: the whole year)")
    nights = parser.parse_args().nights
    if not 1 <= nights <= NIGHTS:
        parser.error(f"--nights must be between 1 and {NIGHTS}, the nights of 2017")
    progress, out = Console(stderr=True), Console(width=None if sys.stdout.isatty() else PIPE_WIDTH)
    began = time.monotonic()
    try:
        play(nights, progress)
    except UserError as error:
        raise SystemExit(str(error)) from error
    project = Project.open(FOLDER)
    page = write_pages(project.report(), FOLDER / "report")
    out.print(as_table(summary(project.table("entries"), project.table("messages"))))
    out.print(f"{nights} nights in {time.monotonic() - began:.0f} s.")
    out.print(f"Warehouse: {_from_here(WAREHOUSE)}")
    out.print(f"Report:    {_from_here(page)}")
    out.print(f"Batches:   {_from_here(OUTBOX)}")
    folder = _from_here(FOLDER)
    out.print("Go on with:")
    out.print(f"  series status --project-dir {folder}")
    out.print(f"  series run --as-of 2018-01-02T02:00Z --project-dir {folder}")


def _from_here(path: Path) -> Path:
    """The path as the reader would type it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    main()
