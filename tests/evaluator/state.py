"""What runs have left so far: the rows of SPEC 6, and what is needed to go on from them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tests.evaluator.world import MessageKey


@dataclass
class Visit:
    """None in `left_at` and `outcome`: open. None in `deadline_at`: unknown, or a tag block.

    Reading: the deadline of a rule without `within`, entry rules among them, is `arrived_at`; a visit that is left is
    not blocked any more.
    """

    block_id: str
    arrived_at: datetime
    deadline_at: datetime | None = None
    left_at: datetime | None = None
    outcome: str | None = None
    blocked_by: str | None = None


@dataclass(frozen=True)
class Advance:
    from_block: str
    to_block: str
    advanced_at: datetime
    as_of: datetime
    merged: bool


@dataclass
class Message:
    """`goal_open`: the window of the message goal has not closed."""

    block_id: str
    channel: str
    address: str | None
    queued_at: datetime
    expires_at: datetime
    received_at: datetime | None = None
    goal_at: datetime | None = None
    goal_open: bool = True


@dataclass(frozen=True)
class TagWrite:
    block_id: str
    tag: str
    action: str
    as_of: datetime


@dataclass
class Entry:
    """One customer's passage with all that belongs to it. `goal_open`: the goal window has not closed."""

    series_id: str
    customer_id: str
    entry_number: int
    entered_at: datetime
    arm: str = "treatment"
    status: str = "active"
    ended_at: datetime | None = None
    goal_at: datetime | None = None
    goal_met_at_entry: bool = False
    goal_open: bool = True
    visits: dict[str, Visit] = field(default_factory=dict)
    advances: list[Advance] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    tag_writes: list[TagWrite] = field(default_factory=list)

    @property
    def active(self) -> bool:
        return self.status == "active"

    def message_key(self, block_id: str) -> MessageKey:
        return (self.series_id, self.customer_id, self.entry_number, block_id)

    def end(self, status: str, as_of: datetime) -> None:
        """Ending an entry closes its open visits at T with the entry's status as outcome."""
        self.status, self.ended_at = status, as_of
        for visit in self.visits.values():
            if visit.left_at is None:
                visit.left_at, visit.outcome, visit.blocked_by = as_of, status, None


@dataclass
class State:
    """All entries in the order they began, the newest `as_of` by series, and the tag writes the source agreed with."""

    entries: list[Entry] = field(default_factory=list)
    newest: dict[str, datetime] = field(default_factory=dict)
    agreed: set[tuple[str, str, datetime]] = field(default_factory=set)

    def entries_of(self, series_id: str, customer_id: str | None = None) -> list[Entry]:
        """The entries of a series, of one customer or of all, in the order of their numbers."""
        return [e for e in self.entries if e.series_id == series_id and customer_id in (None, e.customer_id)]

    def newest_writes(self) -> dict[tuple[str, str], tuple[datetime, str]]:
        """When and how each customer's tag was written last; at one `as_of` `remove` wins."""
        found: dict[tuple[str, str], tuple[datetime, str]] = {}
        for entry in self.entries:
            for write in entry.tag_writes:
                key = (entry.customer_id, write.tag)
                found[key] = max(found.get(key, (datetime.min, "")), (write.as_of, write.action))
        return found
