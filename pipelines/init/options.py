"""The options of ``series init`` that say where to look, and which table and column is which."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_EXPORTS: dict[str, Any] = {"multiple": True, "metavar": "FOLDER_OR_GLOB"}
_TABLES = {
    "--customers": "The table of customers, such as crm.contacts.",
    "--companies": "The table of companies; `none` leaves it out.",
    "--customer-companies": "Who belongs to which company.",
    "--events": "What customers did.",
    "--engagements": "What came back for messages.",
    "--customer-tags": "The tags of customers.",
}


def place_options(command: Command) -> Command:
    """One option for each kind of place that may have the tables."""
    path = click.Path(path_type=Path)
    options = (
        click.option("--warehouse", type=path, help="The DuckDB file with your tables; only read."),
        click.option("--parquet", **_EXPORTS, help="Parquet files; of a folder, each file and each folder is a table."),
        click.option("--csv", **_EXPORTS, help="CSV files, likewise."),
        click.option("--dbt", type=path, metavar="FOLDER", help="The dbt project whose models are your tables."),
    )
    for add in reversed(options):
        command = add(command)
    return command


def table_options(command: Command) -> Command:
    """One option for the table of each source, and one for columns."""
    column = click.option(
        "--column", "columns", multiple=True, metavar="SOURCE.NAME=COLUMN", help="A column; may be repeated."
    )
    command = column(command)
    for name, meaning in reversed(_TABLES.items()):
        command = click.option(name, metavar="TABLE", help=meaning)(command)
    return command
