"""How each source stands: where it comes from, what it holds, how its columns are read, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pipelines.compile.compile import compile_views
from pipelines.model import Settings
from pipelines.output import count
from pipelines.problems import Problem, RunError, in_order
from pipelines.rules import family_of
from pipelines.source_rows import SourceRows, count_unfit, find_duplicates, read_rows
from pipelines.sources import OPTIONAL, REQUIRED, SourceTable, customer_id_type, find_sources
from warehouse.adapter import StatementError, Warehouse


@dataclass(frozen=True, slots=True)
class SourceColumn:
    """One column of a source.

    Attributes:
        name: What definitions call it.
        column: What the table calls it.
        type: The engine's type.
        family: What rules take it for: text, number, time, boolean, interval, json (properties of events) or other;
            None: it is not read at all.
    """

    name: str
    column: str
    type: str
    family: str | None


@dataclass(frozen=True, slots=True)
class SourceState:
    """How one source stands.

    Attributes:
        where: Where its rows come from, as the project file says.
        present: Whether that is there; only ``customers`` has to be.
        rows: How many rows it has; None where they cannot be read.
        newest_at: The newest ``occurred_at``, naive UTC; None where there is none.
        columns: In the table's order.
    """

    name: str
    where: str
    present: bool
    rows: int | None
    newest_at: datetime | None
    columns: tuple[SourceColumn, ...]


@dataclass(frozen=True, slots=True)
class SourceOverview:
    """Every source in the order of SPEC 2, and every problem; a problem that does not stop a run is a warning."""

    sources: tuple[SourceState, ...]
    problems: tuple[Problem, ...]


def read_overview(warehouse: Warehouse, settings: Settings) -> SourceOverview:
    """Look every source up and count what is in it; nothing is written but temporary views."""
    tables, problems = find_sources(warehouse, settings)
    rows: dict[str, SourceRows] = {}
    customers = tables["customers"]
    found = customers.columns or {}
    id_type = customer_id_type(tables) if "customer_id" in found else "VARCHAR"
    for statement in compile_views(tables, id_type):
        try:
            warehouse.execute(statement.sql)
        except StatementError as error:
            problems.append(Problem(None, f"{statement.name} cannot be made: {error}"))
    for name, table in tables.items():
        if table.columns is None or any(column not in table.columns for column in REQUIRED[name]):
            continue
        try:
            rows[name] = read_rows(warehouse, name, customers="customers" in rows)
        except StatementError as error:
            problems.append(Problem(table.source.position, f"source `{name}`: it cannot be read: {error}"))
        else:
            problems += _remarks(table, rows[name])
            problems += _unfit(warehouse, table)
    readable = {name: table if name in rows else replace(table, columns=None) for name, table in tables.items()}
    problems += _duplicates(warehouse, readable)
    states = tuple(_state(table, rows.get(name)) for name, table in tables.items())
    return SourceOverview(states, tuple(in_order(problems)))


def _duplicates(warehouse: Warehouse, tables: Mapping[str, SourceTable]) -> list[Problem]:
    try:
        found = find_duplicates(warehouse, tables)
    except RunError as error:
        return [Problem(None, str(error))]
    return [Problem(tables[name].source.position, message) for name, message in found.items()]


def _remarks(table: SourceTable, rows: SourceRows) -> list[Problem]:
    """What does not stop a run and is worth knowing."""
    name = table.source.name
    shown = "null" if rows.stranger is None else f"`{rows.stranger}`"
    remarks = (
        (rows.without_time, "have no occurred_at; they count for nothing"),
        (rows.of_unknown_kind, "are of a kind that counts for nothing"),
        (rows.strangers, f"name a customer_id that `customers` does not have, such as {shown}"),
    )
    return [
        Problem(table.source.position, f"source `{name}`: {number:,} of {rows.rows:,} rows {what}", "warning")
        for number, what in remarks
        if number
    ]


def _unfit(warehouse: Warehouse, table: SourceTable) -> list[Problem]:
    """Values that the source's `types` make unknown."""
    return [
        Problem(
            table.source.position,
            f"{count(number, 'value')} of `{column}` cannot be read as `types` says; taken as unknown",
            "warning",
        )
        for column, number in count_unfit(warehouse, {table.source.name: table}).items()
    ]


def _state(table: SourceTable, rows: SourceRows | None) -> SourceState:
    source = table.source
    return SourceState(
        name=source.name,
        where=table.where,
        present=table.columns is not None,
        rows=rows.rows if rows else None,
        newest_at=rows.newest_at if rows else None,
        columns=tuple(_columns(source.name, table.columns or {})),
    )


def _columns(name: str, columns: Mapping[str, tuple[str, str]]) -> Sequence[SourceColumn]:
    """A table's columns; those of customers and companies are all read, of others only the ones that are named."""
    named = (*REQUIRED[name], *OPTIONAL.get(name, ()))
    has_attributes = name in ("customers", "companies")
    return [
        SourceColumn(logical, own, type_, _family(logical, type_) if has_attributes or logical in named else None)
        for logical, (own, type_) in columns.items()
    ]


def _family(name: str, type_: str) -> str:
    return "json" if name == "properties" else family_of(type_)
