"""The state's tables in a warehouse: made, brought to this version, and given the type of customer ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from warehouse.adapter import StatementError, Warehouse, WarehouseError
from warehouse.table import CUSTOMER_ID
from warehouse.tables import META, SCHEMA_VERSION, TABLES
from warehouse.views import VIEWS

MIGRATIONS: Mapping[int, Sequence[str]] = {
    1: (f"alter table {META.qualified_name} add column if not exists target varchar",),
    2: (),  # batch_decisions, guard_findings, source_counts
    3: tuple(
        f"alter table series.entries add column if not exists {column}"
        for column in ("attributes json", "goal_value double", "goal_event_at timestamp")
    ),
    4: (
        "alter table series.messages add column if not exists provider_message_id varchar",
        "alter table series.batches add column if not exists parent_batch_id varchar",
        "alter table series.batches add column if not exists next_attempt_at timestamp",
    ),
    5: (),  # first_engagements
    6: (
        *(
            f"alter table series.tag_writes add column if not exists {column} varchar"
            for column in ("tag_write_id", "batch_id", "status")
        ),
        """
update series.tag_writes as target
set tag_write_id = md5(
    series_id
    || '/'
    || block_id
    || '/'
    || (select cast(entry_number as varchar) from series.entries as entry where entry.entry_id = target.entry_id)
    || '/'
    || cast(customer_id as varchar)
)""",
    ),
    7: (f"alter table {META.qualified_name} add column if not exists has_customer_tags boolean",),
    8: (  # and absent_messages
        "alter table series.batches add column if not exists offers bigint",
        "update series.batches set offers = attempts where offers is null",
    ),
}
"""Statements that lead from a version to the next, by the version they start from; new tables are made anyway."""


_FIRST_VERSION = f"""insert into {META.qualified_name} (schema_version)
select {SCHEMA_VERSION} as schema_version
where not exists (select 1 from {META.qualified_name})"""


def create_statements(id_type: str, packed: str = "") -> list[str]:
    """What makes the state where it is absent; repeating it changes nothing.

    Args:
        id_type: The type of customer ids.
        packed: What the engine wants to be said of a column of long texts (`Warehouse.packed`).
    """
    schemas = dict.fromkeys(table.schema for table in TABLES)
    return [
        *(f"create schema if not exists {schema}" for schema in schemas),
        *(table.create(id_type, packed) for table in TABLES),
        *(f"create or replace view {view.qualified_name} as\n{view.select.strip()}" for view in VIEWS),
        _FIRST_VERSION,
    ]


def read_version(warehouse: Warehouse) -> int | None:
    """The version of the state; None where no run has ever been committed. Not within a transaction.

    Raises:
        WarehouseError: It is newer than this software knows.
    """
    try:
        version = int(warehouse.fetch(f"select max(schema_version) from {META.qualified_name}")[0][0])
    except StatementError:
        if warehouse.columns(META.qualified_name) is None:
            return None
        raise
    if version > SCHEMA_VERSION:
        raise WarehouseError(
            f"The state in this warehouse has version {version}; this software knows versions up to {SCHEMA_VERSION}. "
            "Install a newer warehouse-series."
        )
    return version


def exists(warehouse: Warehouse) -> bool:
    """Whether there is a state, for whoever reads tables that older versions lack. Not within a transaction.

    Raises:
        WarehouseError: It is of another version.
    """
    version = read_version(warehouse)
    if version is not None and version < SCHEMA_VERSION:
        raise WarehouseError(
            f"The state in this warehouse has version {version}, and this software works with {SCHEMA_VERSION}. "
            "The next `series run` brings it up to date."
        )
    return version is not None


def prepare(warehouse: Warehouse, source_id_type: str, *, version: int | None) -> str:
    """Make or migrate the state, inside the caller's transaction.

    Args:
        warehouse: Where.
        source_id_type: The type of ``customer_id`` in the source now.
        version: What `read_version` said.

    Returns:
        The type that customer ids have in the state: the source's own, or text once it has changed.
    """
    id_type = source_id_type if version is None else customer_id_type(warehouse)
    if version == SCHEMA_VERSION and id_type in (source_id_type, "VARCHAR"):
        return id_type
    if version is not None:
        for view in VIEWS:
            warehouse.execute(f"drop view if exists {view.qualified_name}")
        for step in range(version, SCHEMA_VERSION):
            for statement in MIGRATIONS[step]:
                warehouse.execute(statement)
        warehouse.execute(f"update {META.qualified_name} set schema_version = {SCHEMA_VERSION}")
        if id_type not in (source_id_type, "VARCHAR"):
            id_type = _widen_ids(warehouse)
    for statement in create_statements(id_type, warehouse.packed):
        warehouse.execute(statement)
    return id_type


def read_target(warehouse: Warehouse) -> str | None:
    """The target that the state belongs to; None where nobody has claimed it. Not within a transaction."""
    columns = dict(warehouse.columns(META.qualified_name) or ())
    if "target" not in columns:
        return None
    target: str | None = warehouse.fetch(f"select max(target) from {META.qualified_name}")[0][0]
    return target


def claim(warehouse: Warehouse, target: str | None) -> None:
    """Make a state that nobody has claimed the target's, inside the caller's transaction."""
    if target is not None:
        query = f"update {META.qualified_name} set target = $target where target is null"
        warehouse.execute(query, {"target": target})


def customer_id_type(warehouse: Warehouse) -> str:
    """The type that customer ids have in a state that exists."""
    columns = dict(warehouse.columns("series.entries") or ())
    return columns["customer_id"]


def _widen_ids(warehouse: Warehouse) -> str:
    """Ids are compared as text, so a state whose source changed the type of its ids goes on with text."""
    for table in TABLES:
        if any(column.type == CUSTOMER_ID for column in table.columns):
            warehouse.execute(f"alter table {table.qualified_name} alter customer_id type varchar")
    return "VARCHAR"
