"""A shop whose four series have a block of every kind, and three runs in which something happens to each.

Each numbered folder is what changes before a run: files of the project, and ``tables.sql`` for the sources.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import duckdb

from pipelines import Project

HERE = Path(__file__).parent
AS_OF = {1: "2026-03-02T09:00Z", 2: "2026-03-05T10:00Z", 3: "2026-03-20T10:00Z"}
WALL_CLOCK = ("committed_at", "handed_off_at", "attempts", "offers", "decided_at")
"""Columns that tell what happened on the machine, not what happened to customers."""


def change(folder: Path, run: int) -> None:
    """What happens to the project before a run; the first makes it."""
    shutil.copytree(HERE / str(run), folder, dirs_exist_ok=True)
    warehouse = folder / "warehouse" / "warehouse.duckdb"
    warehouse.parent.mkdir(exist_ok=True)
    with duckdb.connect(warehouse) as connection:
        connection.execute((folder / "tables.sql").read_text())


def run_all(folder: Path) -> Path:
    """Make the shop in a folder and give it its three runs, in which something of every kind happens; the folder."""
    for run, as_of in AS_OF.items():
        change(folder, run)
        Project.open(folder).run(as_of)
    return folder


def state(warehouse: Path, without: Collection[str] = WALL_CLOCK) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table and view that series write, by name, but for some columns."""
    with duckdb.connect(warehouse) as connection:
        relations = connection.execute(
            "select distinct table_schema || '.' || table_name from information_schema.tables "
            "where table_schema in ('series', 'series_state')"
        ).fetchall()
        return {name: _rows(connection, name, without) for (name,) in sorted(relations)}


def _rows(connection: duckdb.DuckDBPyConnection, name: str, without: Collection[str]) -> list[dict[str, Any]]:
    found = connection.execute(f"select * from {name} order by all")
    columns = [column[0] for column in found.description or ()]
    return [
        {column: value for column, value in zip(columns, row, strict=True) if column not in without}
        for row in found.fetchall()
    ]


def outbox(folder: Path) -> dict[str, bytes]:
    """Every file that was handed off, the unfinished ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted((folder / "outbox").rglob("*"))
        if path.is_file()
    }
