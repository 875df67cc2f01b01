"""The options of ``series init`` that say which table and column is which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_TABLES = {
    "--customers": "The table of customers, such as crm.contacts.",
    "--companies": "The table of companies; `none` leaves it out.",
    "--customer-companies": "Who belongs to which company.",
    "--events": "What customers did.",
    "--engagements": "What came back for messages.",
    "--customer-tags": "The tags of customers.",
}


def table_options(command: Command) -> Command:
    """One option for the table of each source, and one for columns."""
    column = click.option(
        "--column", "columns", multiple=True, metavar="SOURCE.NAME=COLUMN", help="A column; may be repeated."
    )
    command = column(command)
    for name, meaning in reversed(_TABLES.items()):
        command = click.option(name, metavar="TABLE", help=meaning)(command)
    return command
