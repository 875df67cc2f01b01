"""What is in the sources, beyond their columns: how many rows, how new, and which of them cannot be used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pipelines.model import ENGAGEMENT_KINDS
from pipelines.problems import RunError
from pipelines.sources import REQUIRED, SourceTable, duplicate_checks, unfit_checks
from pipelines.sql_text import literal, render
from warehouse.adapter import StatementError, Warehouse


@dataclass(frozen=True, slots=True)
class SourceRows:
    """What one source holds.

    Attributes:
        rows: How many rows it has, whatever is in them.
        newest_at: The newest ``occurred_at``, naive UTC; None where no row has one, or the source has no times.
        without_time: Rows whose ``occurred_at`` is null; nobody ever sees them.
        of_unknown_kind: Engagements whose ``kind`` is none that counts.
        strangers: Rows whose customer is not in ``customers``.
        stranger: One of the ids that these name; None where there are none, or they name nobody.
    """

    rows: int
    newest_at: datetime | None = None
    without_time: int = 0
    of_unknown_kind: int = 0
    strangers: int = 0
    stranger: str | None = None


def read_rows(warehouse: Warehouse, name: str, *, customers: bool) -> SourceRows:
    """Count a source's rows through its view ``source_<name>``.

    Args:
        warehouse: Where the views are.
        name: The source.
        customers: Whether ``source_customers`` can be asked who is there.

    Raises:
        StatementError: The source cannot be read.
    """
    kinds = [literal(kind) for kind in ENGAGEMENT_KINDS] if name == "engagements" else []
    is_timed = "occurred_at" in REQUIRED[name]
    ((rows, newest, without_time, of_unknown_kind),) = warehouse.fetch(
        render("sources/rows", name=name, is_timed=is_timed, kinds=kinds)
    )
    strangers, stranger = 0, None
    if customers and name != "customers" and "customer_id" in REQUIRED[name]:
        ((strangers, stranger),) = warehouse.fetch(render("sources/strangers", name=name))
    return SourceRows(rows, newest, without_time, of_unknown_kind, strangers, stranger)


def find_duplicates(warehouse: Warehouse, sources: Mapping[str, SourceTable]) -> dict[str, str]:
    """Sources whose ids are not unique or are null, each with the sentence that says so and shows some.

    Raises:
        RunError: A source cannot be read.
    """
    found = {}
    for name, column, query in duplicate_checks(sources):
        try:
            rows = warehouse.fetch(query)
        except StatementError as error:
            raise RunError(f"source `{name}`: {sources[name].source.where} cannot be read: {error}") from error
        if rows:
            shown = ", ".join(f"{'null' if id_ is None else literal(str(id_))} ({count} rows)" for id_, count in rows)
            found[name] = f"source `{name}`: {column} must be unique and not null, but there are: {shown}."
    return found


def count_unfit(warehouse: Warehouse, sources: Mapping[str, SourceTable]) -> dict[str, int]:
    """Values that do not fit the type that their source's `types` gives the column, by ``source.column``."""
    counted: dict[str, int] = {}
    for name, columns, query in unfit_checks(sources):
        counts = warehouse.fetch(query)[0]
        counted |= {f"{name}.{column}": count for column, count in zip(columns, counts, strict=True) if count}
    return counted
