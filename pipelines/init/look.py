"""A look at what may become a project's sources: tables, files, models; the ids of customers, some of the rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.init.candidate import Candidate, names
from pipelines.init.choice import Wishes
from pipelines.init.opened import opened
from pipelines.init.places import Found, Places
from pipelines.init.proposal import TableMap, id_columns, propose
from pipelines.sql_text import identifier, render
from warehouse.adapter import StatementError, Warehouse

_SAMPLE_ROWS = 3


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of a source, as its table has them, as text: personal data.

    Attributes:
        columns: The table's own names.
    """

    source: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


def look(folder: Path, places: Places) -> Found:
    """Everything that is where people said.

    Args:
        folder: The project's folder, which need not be there.
        places: Where to look.

    Raises:
        UsageError: Something that was said is not there.
        WarehouseError: A database cannot be opened.
    """
    found = Found()
    database = places.database(folder)
    if places.has_tables and database.exists():
        from pipelines.init.tables import find_tables

        found += find_tables(folder, database)
    if places.dbt is not None:
        from pipelines.init.models import find_models

        found += find_models(folder, places.dbt, places.warehouse)
    if places.parquet or places.csv:
        from pipelines.init.exports import find_exports

        found += find_exports(folder, places)
    return found


def find_ids(database: Path, candidates: Sequence[Candidate], wishes: Wishes) -> Mapping[Candidate, str]:
    """The likeliest id column of what may be customers: unique and never null, by counting."""
    proposal = propose(candidates)["customers"]
    likely = [each.candidate for each in (proposal.best, *proposal.rivals) if each is not None]
    wish = names(candidates).get(wishes.tables.get("customers", ""))
    found = {}
    for candidate in [*likely, *([wish] if wish else [])]:
        with opened(database, candidate.inputs) as warehouse:
            found[candidate] = _find_id(warehouse, candidate)
    return {candidate: id_ for candidate, id_ in found.items() if id_ is not None}


def read_rows(
    database: Path, chosen: Mapping[str, TableMap], *, samples: bool
) -> tuple[str | None, tuple[Sample, ...]]:
    """The name of the most frequent event (None where there is none), and the first rows of each source."""
    wanted = [table for source, table in chosen.items() if samples or source == "events"]
    if not wanted:
        return None, ()
    with opened(database, [one for table in wanted for one in table.candidate.inputs]) as warehouse:
        event = _frequent_event(warehouse, chosen["events"]) if "events" in chosen else None
        return event, tuple(_sample(warehouse, table) for table in chosen.values()) if samples else ()


def _find_id(warehouse: Warehouse, candidate: Candidate) -> str | None:
    for column in id_columns(candidate):
        if _fetch(warehouse, "is_unique", candidate, column=identifier(column)) == [(True,)]:
            return column
    return None


def _frequent_event(warehouse: Warehouse, events: TableMap) -> str | None:
    rows = _fetch(warehouse, "frequent_event", events.candidate, column=identifier(events.columns["name"]))
    # A definition takes no control characters.
    return str(rows[0][0]) if rows and str(rows[0][0]).isprintable() else None


def _sample(warehouse: Warehouse, table: TableMap) -> Sample:
    columns = tuple(column for column, _ in table.candidate.columns)
    listed = [identifier(column) for column in columns]
    rows = _fetch(warehouse, "first_rows", table.candidate, columns=listed, limit=_SAMPLE_ROWS)
    return Sample(table.source, columns, tuple(rows))


def _fetch(warehouse: Warehouse, template: str, candidate: Candidate, **structure: object) -> Sequence[tuple[Any, ...]]:
    """The rows of one SELECT; none where the table is a view that fails, which the project's checks will say."""
    try:
        return warehouse.fetch(render(f"init/{template}", relation=candidate.relation, **structure))
    except StatementError:
        return []
