"""What runs have written about one customer, read from tables that hold nobody else (`pipelines.explain.narrow`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from pipelines.explain.explanation import Engagement, Move, TagWrite
from pipelines.sql_text import read_query
from warehouse.adapter import Warehouse

Row = TypeVar("Row")
AtBlock = tuple[int, str]
"""An entry and a block."""


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A row of ``series.entries``."""

    series_id: str
    entry_id: int
    entry_number: int
    arm: str
    entered_at: datetime
    status: str
    ended_at: datetime | None
    goal_at: datetime | None
    goal_met_at_entry: bool
    entry_rules: Sequence[str]
    goal_closed: bool


@dataclass(frozen=True, slots=True)
class VisitRow:
    """A row of ``series.visits``; ``definition_hash``: the version of the run that wrote it, None: not known."""

    entry_id: int
    block_id: str
    arrived_at: datetime
    deadline_at: datetime | None
    left_at: datetime | None
    outcome: str | None
    blocked_by: str | None
    definition_hash: str | None


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A row of ``series.messages`` with its batch; ``is_absent``: it stays, as its customer has vanished."""

    entry_id: int
    block_id: str
    message_id: str
    channel: str
    address: str | None
    status: str
    queued_at: datetime
    expires_at: datetime
    received_at: datetime | None
    goal_at: datetime | None
    batch_id: str
    batch_status: str | None
    sender: str | None
    handed_off_at: datetime | None
    last_error: str | None
    next_attempt_at: datetime | None
    is_absent: bool


@dataclass(frozen=True, slots=True)
class Journal:
    """All of it; empty for a customer whom no run has let in.

    Attributes:
        entries: By series, oldest first.
        visits: By entry, in the order of arrival.
        moves: By entry and the block that was left.
        messages: By entry and block.
        engagements: By message, oldest first.
        tags: By entry and block.
    """

    entries: Mapping[str, list[EntryRow]] = field(default_factory=dict)
    visits: Mapping[int, list[VisitRow]] = field(default_factory=dict)
    moves: Mapping[AtBlock, list[Move]] = field(default_factory=dict)
    messages: Mapping[AtBlock, MessageRow] = field(default_factory=dict)
    engagements: Mapping[str, list[Engagement]] = field(default_factory=dict)
    tags: Mapping[AtBlock, list[TagWrite]] = field(default_factory=dict)


def read_journal(warehouse: Warehouse) -> Journal:
    """Read a state that exists."""
    entries = [EntryRow(*row) for row in warehouse.fetch(read_query("explain/entries"))]
    visits = [VisitRow(*row) for row in warehouse.fetch(read_query("explain/visits"))]
    messages = [MessageRow(*row) for row in warehouse.fetch(read_query("explain/messages"))]
    return Journal(
        entries=_grouped((entry.series_id, entry) for entry in entries),
        visits=_grouped((visit.entry_id, visit) for visit in visits),
        moves=_grouped(
            ((entry_id, from_block), Move(*move))
            for entry_id, from_block, *move in warehouse.fetch(read_query("explain/advances"))
        ),
        messages={(message.entry_id, message.block_id): message for message in messages},
        engagements=_grouped(
            (message_id, Engagement(*engagement))
            for message_id, *engagement in (warehouse.fetch(read_query("explain/engagements")) if messages else ())
        ),
        tags=_grouped(
            ((entry_id, block_id), TagWrite(*write))
            for entry_id, block_id, *write in warehouse.fetch(read_query("explain/tag_writes"))
        ),
    )


def _grouped(rows: Iterable[tuple[Any, Row]]) -> dict[Any, list[Row]]:
    grouped: dict[Any, list[Row]] = {}
    for key, row in rows:
        grouped.setdefault(key, []).append(row)
    return grouped
