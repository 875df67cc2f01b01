"""The views of a warehouse's state, as data, and with them all that analysts may query."""

from __future__ import annotations

from dataclasses import dataclass

from warehouse.table import Column, Table
from warehouse.tables import BLOCKED_BY, OUTCOMES, TABLES, TAG_CHANNEL, TAG_WRITES

_SHARED = {column.name: column for column in TAG_WRITES.columns}
_OF_A_VISIT = tuple(_SHARED[name] for name in ("entry_id", "series_id", "block_id", "customer_id"))


@dataclass(frozen=True, slots=True)
class View(Table):
    """A table that is a SELECT over others."""

    select: str


VIEWS = (
    View(
        "series_state",
        "outgoing",
        "one message or tag write, in the shape in which senders take either",
        (
            Column("message_id", "VARCHAR", "The message, or the tag write."),
            _SHARED["customer_id"],
            Column("address", "VARCHAR", "Where it goes; null: it needs no address.", nullable=True),
            Column("channel", "VARCHAR", "The kind of content; `tags` for tag writes."),
            *(_SHARED[name] for name in ("series_id", "block_id", "entry_id")),
            Column("queued_at", "TIMESTAMP", "The run (UTC) that queued it."),
            Column("expires_at", "TIMESTAMP", "From then (UTC) on it is not sent; null: never.", nullable=True),
            Column("payload", "VARCHAR", "The text of a JSON object."),
            _SHARED["batch_id"],
            _SHARED["status"],
        ),
        f"""
select message_id, customer_id, address, channel, series_id, block_id, entry_id, queued_at, expires_at,
    cast(payload as varchar) as payload, batch_id, status
from series.messages
union all
select tag_write_id as message_id, customer_id, cast(null as varchar) as address, '{TAG_CHANNEL}' as channel, series_id,
    block_id, entry_id, as_of as queued_at, cast(null as timestamp) as expires_at,
    cast(json_object('tag', tag, 'action', action, 'customer_id', customer_id) as varchar) as payload, batch_id, status
from series.tag_writes
""",
    ),
    View(
        "series",
        "visits",
        "one block reached within one entry, whether it is still there (`left_at` null) or has left",
        (
            *_OF_A_VISIT,
            Column("arrived_at", "TIMESTAMP", "When (UTC) the block was reached."),
            Column(
                "deadline_at",
                "TIMESTAMP",
                "When (UTC) waiting ends at the latest; null: there is no such moment, or it is not known yet.",
                nullable=True,
            ),
            Column("left_at", "TIMESTAMP", "When (UTC) it was left; null: not yet.", nullable=True),
            Column(
                "outcome",
                "VARCHAR",
                "How it was left: the block's outcome, or the status its entry ended with; null: not left yet.",
                nullable=True,
                values=(*OUTCOMES, "disengaged", "exited", "goal", "stopped"),
            ),
            Column(
                "blocked_by",
                "VARCHAR",
                "Why the message is not queued yet; null: nothing is in its way, it is queued, or it is no content.",
                nullable=True,
                values=BLOCKED_BY,
            ),
            Column("arrived_as_of", "TIMESTAMP", "The run (UTC) that recorded the arrival."),
            Column("left_as_of", "TIMESTAMP", "The run (UTC) that recorded the leaving; null: not yet.", nullable=True),
        ),
        """
select entry_id, series_id, block_id, customer_id, arrived_at, deadline_at,
    cast(null as timestamp) as left_at, cast(null as varchar) as outcome, blocked_by,
    arrived_as_of, cast(null as timestamp) as left_as_of
from series_state.open_visits
union all
select entry_id, series_id, block_id, customer_id, arrived_at, deadline_at,
    left_at, outcome, cast(null as varchar) as blocked_by, arrived_as_of, left_as_of
from series_state.closed_visits
""",
    ),
    View(
        "series",
        "wait_expiries",
        "one visit of a wait block that ended because its time had come",
        (
            *_OF_A_VISIT,
            Column("arrived_at", "TIMESTAMP", "When (UTC) the block was reached."),
            Column("deadline_at", "TIMESTAMP", "When (UTC) the wait was due."),
            Column("left_at", "TIMESTAMP", "When (UTC) it was left, which is when it was due."),
            Column("outcome", "VARCHAR", "Always `waited`.", values=("waited",)),
            _SHARED["as_of"],
        ),
        """
select entry_id, series_id, block_id, customer_id, arrived_at, deadline_at, left_at, outcome, left_as_of as as_of
from series_state.closed_visits
where outcome = 'waited'
""",
    ),
)
"""Views over them, in the order they are made."""

PUBLIC = tuple(sorted((table for table in (*TABLES, *VIEWS) if table.schema == "series"), key=lambda table: table.name))
"""What analysts may query, by name; these stay stable."""
