"""The tables a run reads: found, checked, and brought into one shape.

Every source becomes a temporary view ``source_<name>`` with the logical column names: times are naive UTC, ids have
the type of ``customers.customer_id``, JSON is valid text or null. An absent optional source is an empty view, so
that the rest of the SQL knows only one case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipelines.model import Settings, Source, Text
from pipelines.origin import DbtModel, Files, PostgresQuery, Query, input_table
from pipelines.problems import Problem
from pipelines.sql_text import identifier
from warehouse.adapter import StatementError, Warehouse
from warehouse.receipts import RECEIPTS

REQUIRED: Mapping[str, tuple[str, ...]] = {
    "customers": ("customer_id",),
    "companies": ("company_id",),
    "customer_companies": ("customer_id", "company_id"),
    "events": ("customer_id", "name", "occurred_at"),
    "engagements": ("message_id", "kind", "occurred_at"),
    "customer_tags": ("customer_id", "tag"),
}
"""The columns each source must have; only ``customers`` must exist at all."""

OPTIONAL: Mapping[str, tuple[str, ...]] = {"events": ("properties",), "engagements": ("link",)}
"""Further columns that are read where they exist; null where they do not."""

_ID_TYPES = ("VARCHAR", "BIGINT", "UUID")
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER")
_WIDENED = {type_: "bigint" for type_ in _INTEGERS if type_ != "BIGINT"} | {"UBIGINT": "hugeint"}
"""Whole numbers as rules calculate with them: what comes out must not depend on how narrow a column is."""

_TEXTS: Mapping[str, tuple[str, ...]] = {
    "companies": ("company_id",),
    "customer_companies": ("company_id",),
    "events": ("name",),
    "engagements": ("message_id", "kind", "link"),
    "customer_tags": ("tag",),
}
"""Columns that are compared as text, whatever they are."""

_TIMES = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATE")


@dataclass(frozen=True, slots=True)
class SourceTable:
    """One source as the warehouse has it now.

    Attributes:
        relation: Quoted, dotted name.
        columns: Logical name to the table's own name and the type it is read as, in the table's order; None: there is
            no such table.
        own: The same with the table's own types.
        receipts: Whether the loaded receipts count beside its rows.
    """

    source: Source
    relation: str
    columns: Mapping[str, tuple[str, str]] | None
    own: Mapping[str, tuple[str, str]] | None
    receipts: bool = False

    @property
    def where(self) -> str:
        """Where its rows come from, in words."""
        if self.relation == RECEIPTS.qualified_name:
            return "loaded receipts"
        return f"{self.source.where} and loaded receipts" if self.receipts else self.source.where

    def type_of(self, column: str) -> str:
        """The engine's type of a column that is there."""
        assert self.columns is not None
        return self.columns[column][1]


def find_sources(warehouse: Warehouse, settings: Settings) -> tuple[dict[str, SourceTable], list[Problem]]:
    """Look every source up, and say what is missing or of a type that cannot be used."""
    tables: dict[str, SourceTable] = {}
    problems: list[Problem] = []
    for name, source in settings.sources.items():
        relation = _relation(source)
        try:
            found = warehouse.columns(relation) if relation else None
        except StatementError as error:
            problems.append(_problem(source, f"source `{name}`: {source.where} cannot be read: {error}"))
            found = None
        else:
            is_told = not relation or isinstance(source.origin, Files | PostgresQuery)
            # Where nothing says what table the engagements are, they are what is loaded, if need be later.
            is_needed = name == "customers" or (source.position is not None and not _may_be_receipts(source))
            if found is None and not is_told and is_needed:
                message = f"source `{name}`: there is no table or view {source.where}"
                if source.position is None:
                    message += (
                        f" in {settings.warehouse_path}. If it is elsewhere or has another name, say so in series.yml: "
                        f"`sources: {{{name}: {{table: NAME}}}}`"
                    )
                problems.append(_problem(source, f"{message}."))
        receipts = warehouse.columns(RECEIPTS.qualified_name) if name == "engagements" else None
        if found is None and receipts and _may_be_receipts(source):
            relation, found, receipts = RECEIPTS.qualified_name, receipts, None
        own = None if found is None else _logical(source, found)
        typed = own and {column: (actual, source.types.get(column, type_)) for column, (actual, type_) in own.items()}
        table = SourceTable(source, relation, typed, own, bool(receipts))
        tables[name] = table
        problems.extend(_check(table, [column for column, _ in found or ()]))
    return tables, problems


def customer_id_type(tables: Mapping[str, SourceTable]) -> str:
    """The type that ids of customers have in views and state: text, integer or UUID."""
    return _id_type(tables["customers"].type_of("customer_id")) or "VARCHAR"


def view_statements(tables: Mapping[str, SourceTable], id_type: str) -> dict[str, str]:
    """The SELECT behind each ``source_<name>``, by view name.

    Args:
        tables: What `find_sources` found.
        id_type: The type of customer ids in the state (see `customer_id_type`).
    """
    views = {f"source_{name}": _view(table, id_type) for name, table in tables.items()}
    views["source_company_members"] = _company_members(tables["companies"])
    return views


def duplicate_checks(tables: Mapping[str, SourceTable]) -> list[tuple[str, str, str]]:
    """Source, id column and a query that returns some ids that are null or there more than once, with their count."""
    query = """
select {column}, count(*) as row_count
from source_{name}
group by {column}
having count(*) > 1 or {column} is null
order by row_count desc, cast({column} as varchar)
limit 5
"""
    return [
        (name, column, query.format(name=name, column=column))
        for name, column in (("customers", "customer_id"), ("companies", "company_id"))
        if tables[name].columns is not None
    ]


def unfit_checks(tables: Mapping[str, SourceTable]) -> list[tuple[str, list[str], str]]:
    """Source, columns that its `types` change, and a query for how many values of each do not fit."""
    found = []
    for name, table in tables.items():
        if table.columns is None or table.own is None:
            continue
        changed = [column for column in table.columns if table.own[column] != table.columns[column]]
        counts = [f"count({identifier(table.own[column][0])}) - count({_read(table, column)})" for column in changed]
        if counts:
            found.append((name, changed, f"select {_listed(counts)}\nfrom {table.relation}"))
    return found


def _may_be_receipts(source: Source) -> bool:
    """Whether the project file leaves open what table the engagements are."""
    is_default = source.origin is None and source.table == source.name
    return source.name == "engagements" and is_default and not source.columns


def _relation(source: Source) -> str:
    """What stands behind `from`; empty for a dbt model that has not been found."""
    match source.origin:
        case Query(sql):
            return f"(\n{sql}\n)"
        case DbtModel(relation=parts):
            return ".".join(identifier(part) for part in parts)
        case Files() | PostgresQuery():
            return f"temp.main.{input_table(source.name)}"
        case None:
            return ".".join(identifier(part) for part in source.table.split("."))


def _logical(source: Source, found: Sequence[tuple[str, str]]) -> dict[str, tuple[str, str]]:
    own = {name.lower(): (name, type_) for name, type_ in found}
    renamed = {actual.lower() for actual in source.columns.values()}
    known = {name: own[actual.lower()] for name, actual in source.columns.items() if actual.lower() in own}
    expected = (*REQUIRED[source.name], *OPTIONAL.get(source.name, ()))
    for name, (actual, type_) in own.items():
        logical = name if name in expected else actual
        if name not in renamed and logical not in source.columns:
            known[logical] = (actual, type_)
    return known


def _check(table: SourceTable, found: Sequence[str]) -> list[Problem]:
    if table.columns is None:
        return []
    source, columns = table.source, table.columns
    problems = []
    for name in (*source.columns, *source.types, *REQUIRED[source.name]):
        if name not in columns:
            wanted = source.columns.get(name, name)
            message = f"source `{source.name}`: {source.where} has no column {wanted!r}. It has: {_names(found)}."
            problems.append(_problem(source, message))
    if "occurred_at" in REQUIRED[source.name] and "occurred_at" in columns and columns["occurred_at"][1] not in _TIMES:
        type_ = columns["occurred_at"][1]
        hint = " `types: {occurred_at: timestamp}` reads it as one." if type_ == "VARCHAR" else ""
        message = f"source `{source.name}`: occurred_at is {type_}; it must be a timestamp or a date.{hint}"
        problems.append(_problem(source, message))
    if source.updated_at:
        problems.extend(_check_updated_at(table, source.updated_at, found))
    id_name = "customer_id"
    if source.name == "customers" and id_name in columns and _id_type(columns[id_name][1]) is None:
        message = f"source `customers`: customer_id is {columns[id_name][1]}; it must be text, integer or UUID."
        problems.append(_problem(source, message))
    return list(dict.fromkeys(problems))


def _check_updated_at(table: SourceTable, updated_at: Text, found: Sequence[str]) -> Iterator[Problem]:
    types = {name.lower(): type_ for name, (_, type_) in (table.columns or {}).items()}
    type_ = types.get(updated_at.value.lower())
    if type_ is None:
        message = f"source `{table.source.name}`: {table.source.where} has no column {updated_at.value!r}, which"
        yield Problem(updated_at.position, f"{message} `updated_at` names. It has: {_names(found)}.")
    elif type_ not in _TIMES:
        message = f"source `{table.source.name}`: {updated_at} is {type_}; `updated_at` must be a timestamp or a date."
        yield Problem(updated_at.position, message)


def _id_type(type_: str) -> str | None:
    if type_ in _INTEGERS:
        return "BIGINT"
    if type_ in _ID_TYPES:
        return type_
    if type_.startswith("ENUM") or type_ in ("HUGEINT", "UHUGEINT", "UBIGINT"):
        return "VARCHAR"
    return None


def _view(table: SourceTable, id_type: str) -> str:
    name = table.source.name
    if table.columns is None:
        required = (*REQUIRED[name], *OPTIONAL.get(name, ()))
        columns = [f"cast(null as {_empty_type(column, id_type)}) as {column}" for column in required]
        return f"select {', '.join(columns)} where false"
    wanted = list(table.columns)
    if name not in ("customers", "companies"):
        wanted = [*REQUIRED[name], *OPTIONAL.get(name, ())]
    columns = [f"{_value(table, column, id_type)} as {identifier(column)}" for column in wanted]
    select = f"select\n    {_listed(columns)}\nfrom {table.relation}"
    if table.receipts:
        select += f"\nunion all\nselect\n    {_listed(wanted)}\nfrom {RECEIPTS.qualified_name}"
    return select


def _empty_type(column: str, id_type: str) -> str:
    return {"customer_id": id_type, "occurred_at": "timestamp"}.get(column, "varchar")


def _value(table: SourceTable, column: str, id_type: str) -> str:
    assert table.columns is not None
    if column not in table.columns:
        return "cast(null as varchar)"
    type_ = table.columns[column][1]
    value = _read(table, column)
    if column == "customer_id":
        return _id(value, type_, id_type)
    if column in _TEXTS.get(table.source.name, ()):
        return value if type_ == "VARCHAR" else f"cast({value} as varchar)"
    if column == "properties" and table.source.name == "events":
        return _json(value, type_)
    if type_ in _TIMES and type_ != "TIMESTAMP":
        # The session's zone is UTC, so that a zoned time becomes its UTC wall clock and a date its midnight.
        return f"cast({value} as timestamp)"
    if type_ == "UUID" or type_.startswith("ENUM"):
        return f"cast({value} as varchar)"
    if wide := _WIDENED.get(type_):
        return f"cast({value} as {wide})"
    return value


def _read(table: SourceTable, column: str) -> str:
    """A column as its source's `types` want it: what does not fit is null."""
    assert table.columns is not None
    assert table.own is not None
    name, own = table.own[column]
    wanted = table.columns[column][1]
    if own == wanted:
        return identifier(name)
    if own == "VARCHAR" and wanted == "TIMESTAMP":
        # A direct cast would drop the offset: 10:00+02:00 would be 10:00. Text without one is UTC, as the session is.
        return f"cast(try_cast({identifier(name)} as timestamptz) as timestamp)"
    return f"try_cast({identifier(name)} as {wanted.lower()})"


def _id(value: str, type_: str, id_type: str) -> str:
    if type_ == id_type:
        return value
    if id_type == "VARCHAR" or type_ in _INTEGERS:
        return f"cast({value} as {id_type.lower()})"
    # Ids are compared as text: '01' is not the integer 1.
    narrowed = f"try_cast({value} as {id_type.lower()})"
    return f"case when cast({narrowed} as varchar) = cast({value} as varchar) then {narrowed} end"


def _json(value: str, type_: str) -> str:
    if type_ == "JSON":
        return f"cast({value} as varchar)"
    if type_ == "VARCHAR":
        return f"case when json_valid({value}) then {value} end"
    return f"cast(to_json({value}) as varchar)"


def _company_members(companies: SourceTable) -> str:
    attributes = [name for name in companies.columns or () if name not in ("company_id", "customer_id")]
    columns = ["link.customer_id", "company.company_id", *(f"company.{identifier(name)}" for name in attributes)]
    return (
        f"select\n    {_listed(columns)}\nfrom source_customer_companies as link\n"
        "join source_companies as company on company.company_id = link.company_id"
    )


def _listed(columns: Sequence[str]) -> str:
    return ",\n    ".join(columns)


def _names(columns: Sequence[str]) -> str:
    return ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")


def _problem(source: Source, message: str) -> Problem:
    return Problem(source.position, message)
