"""A look at a warehouse that may become a project's: its tables, the ids of its customers, some of its rows."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.init.choice import Wishes
from pipelines.init.proposal import TableMap, id_columns, names, propose
from pipelines.sql_text import identifier, render
from warehouse.adapter import StatementError, Warehouse
from warehouse.catalog import Relation, relations

_SAMPLE_ROWS = 3


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at the warehouse found.

    Attributes:
        relations: Every table and view.
        ids: The likeliest id column of tables that may be customers: unique and never null, by counting.
    """

    relations: Sequence[Relation] = ()
    ids: Mapping[Relation, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """The first rows of a source, as its table has them, as text: personal data.

    Attributes:
        columns: The table's own names.
    """

    source: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | None, ...], ...]


def look(path: Path, wishes: Wishes) -> Looked:
    """List the tables of a DuckDB file, and count where that says which column is an id.

    Raises:
        WarehouseError: It cannot be opened.
    """
    with _opened(path) as warehouse:
        found = relations(warehouse)
        proposal = propose(found)["customers"]
        likely = [each.relation for each in (proposal.best, *proposal.rivals) if each is not None]
        wish = names(found).get(wishes.tables.get("customers", ""))
        counted = {one: _find_id(warehouse, one) for one in [*likely, *([wish] if wish else [])]}
        return Looked(found, {relation: id_ for relation, id_ in counted.items() if id_ is not None})


def read_rows(path: Path, chosen: Mapping[str, TableMap], *, samples: bool) -> tuple[str | None, tuple[Sample, ...]]:
    """The name of the most frequent event (None where there is none), and the first rows of each source."""
    with _opened(path) as warehouse:
        event = _frequent_event(warehouse, chosen["events"]) if "events" in chosen else None
        return event, tuple(_sample(warehouse, table) for table in chosen.values()) if samples else ()


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Warehouse]:
    from warehouse.duckdb import DuckDB

    warehouse = DuckDB.open(path, read_only=True)
    try:
        yield warehouse
    finally:
        warehouse.close()


def _find_id(warehouse: Warehouse, relation: Relation) -> str | None:
    for column in id_columns(relation):
        if _fetch(warehouse, "is_unique", relation, column=identifier(column)) == [(True,)]:
            return column
    return None


def _frequent_event(warehouse: Warehouse, events: TableMap) -> str | None:
    rows = _fetch(warehouse, "frequent_event", events.relation, column=identifier(events.columns["name"]))
    # A definition takes no control characters.
    return str(rows[0][0]) if rows and str(rows[0][0]).isprintable() else None


def _sample(warehouse: Warehouse, table: TableMap) -> Sample:
    columns = tuple(column for column, _ in table.relation.columns)
    listed = [identifier(column) for column in columns]
    rows = _fetch(warehouse, "first_rows", table.relation, columns=listed, limit=_SAMPLE_ROWS)
    return Sample(table.source, columns, tuple(rows))


def _fetch(warehouse: Warehouse, template: str, relation: Relation, **structure: object) -> Sequence[tuple[Any, ...]]:
    """The rows of one SELECT; none where the table is a view that fails, which the project's checks will say."""
    name = f"{identifier(relation.schema)}.{identifier(relation.name)}"
    try:
        return warehouse.fetch(render(f"init/{template}", relation=name, **structure))
    except StatementError:
        return []
