"""What batches carry: messages, and tag writes, which leave in the same way.

Both are rows with a batch and a status. Senders get either in one shape (``series_state.outgoing``); the payload of a
tag write is ``{"tag": …, "action": "add" or "remove", "customer_id": …}``.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.hand_off.tag_order import IS_OVERTAKEN
from warehouse.tables import TAG_CHANNEL

CHANGE = """
update {table} set status = $status
where status in ('queued', 'unknown') and batch_id in (select unnest($batch_ids))
"""
"""Gives all that is open in batches another status; for `Carried.sql`."""


@dataclass(frozen=True, slots=True)
class Carried:
    """One kind of what leaves, as its table.

    Attributes:
        table: The table, with ``batch_id`` and ``status``.
        key: The column that names its rows.
        is_over: A condition of SQL on a row called ``carried``: it must not leave any more. It may ask for ``$as_of``,
            the newest run.
        over: The status of a row that is over.
    """

    table: str
    key: str
    is_over: str
    over: str

    def sql(self, statement: str) -> str:
        """A statement with ``{table}``, ``{key}``, ``{is_over}`` and ``{over}`` filled in."""
        return statement.format(table=self.table, key=self.key, is_over=self.is_over, over=self.over)


MESSAGES = Carried("series.messages", "message_id", "carried.expires_at <= $as_of", "expired")
"""Messages are over when they expire."""

TAG_WRITES = Carried("series.tag_writes", "tag_write_id", IS_OVERTAKEN, "dropped")
"""A tag write is over when a later one that says the opposite has left, or may have (see `tag_order`)."""


def carried_by(channel: str) -> Carried:
    """What a batch with this channel carries."""
    return TAG_WRITES if channel == TAG_CHANNEL else MESSAGES
