"""Sources and state, cut down to one customer: whatever is asked afterwards costs next to nothing.

The rows are copied into tables that are gone with the connection. SQL written for runs serves as it is, once it reads
these instead (`RELATIONS`); what runs themselves read on the same connection stays as it was. Where nothing has run,
the state is empty tables.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pipelines.compile.compile import RUN_TABLES, compile_views
from pipelines.explain.customer import CustomerId
from pipelines.rules.model import EngagementCall, EventCall, Rule, TagCall
from pipelines.sources import SourceTable
from pipelines.sql_text import identifier, render
from warehouse import tables, views, writes
from warehouse.adapter import Warehouse
from warehouse.table import Table

_STATE: tuple[Table, ...] = (
    tables.ENTRIES,
    tables.MESSAGES,
    tables.ADVANCES,
    tables.TAG_WRITES,
    tables.PENDING_TAGS,
    next(view for view in views.VIEWS if view.name == "visits"),
)
_UNREAD = frozenset({"payload", "attributes"})
"""Columns that nobody asks for, and that are large."""

_SOURCES = (
    "source_customers",
    "source_events",
    "source_engagements",
    "source_customer_tags",
    "source_company_members",
)
_RUN_TABLE = "run_visits"
"""What a run itself queues counts for rules too; here there is no such run."""

RELATIONS: Mapping[str, str] = {
    **{table.qualified_name: f"explain_{table.name}" for table in _STATE},
    **{name: f"explain_{name}" for name in (*_SOURCES, _RUN_TABLE)},
}
"""What runs read, and the names of the tables that hold what of it is the customer's."""


def show_sources(warehouse: Warehouse, sources: Mapping[str, SourceTable], id_type: str) -> None:
    """Make the views of sources, of everybody so far."""
    for view in compile_views(sources, id_type):
        warehouse.execute(view.sql)


def narrow_state(warehouse: Warehouse, customer_id: CustomerId, id_type: str, *, has_run: bool) -> None:
    """Make the tables of the customer's state."""
    for table in _STATE:
        name = RELATIONS[table.qualified_name]
        types = {column.name: column.type for column in table.columns if column.name not in _UNREAD}
        if has_run:
            # The state may have its ids in another type than the sources by now.
            select = render(
                "explain/narrowed", columns=list(types), relation=table.qualified_name, id_type=id_type.lower()
            )
            warehouse.execute(writes.filled_table(name, select), {"customer_id": customer_id})
        else:
            warehouse.execute(writes.empty_table(name, types, id_type))
    warehouse.execute(writes.empty_table(RELATIONS[_RUN_TABLE], RUN_TABLES[_RUN_TABLE], id_type))


def narrow_sources(warehouse: Warehouse, customer_id: CustomerId, rules: Collection[Rule]) -> None:
    """Make the tables of the customer's rows of the sources that these rules read."""
    for view in _read_by(rules):
        columns = [identifier(name) for name, _ in warehouse.columns(view) or ()]
        if view == "source_engagements":
            select = render("explain/narrowed_engagements", columns=columns)
        else:
            select = render("explain/narrowed", columns=columns, relation=view, id_type=None)
        warehouse.execute(writes.filled_table(RELATIONS[view], select), {"customer_id": customer_id})


def _read_by(rules: Collection[Rule]) -> Iterator[str]:
    calls = {type(call) for rule in rules for call in rule.calls.values()}
    yield "source_customers"
    if EventCall in calls:
        yield "source_events"
    if EngagementCall in calls:
        yield "source_engagements"
    if TagCall in calls:
        yield "source_customer_tags"
    if any(rule.company_columns for rule in rules):
        yield "source_company_members"
