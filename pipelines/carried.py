"""What batches carry: messages, and tag writes, which leave in the same way.

Both are rows with a batch and a status. Senders get either in one shape (``series_state.outgoing``); the payload of a
tag write is ``{"tag": …, "action": "add" or "remove", "customer_id": …}``.
"""

from __future__ import annotations

from dataclasses import dataclass

from warehouse.tables import TAG_CHANNEL


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

_IS_OVERTAKEN = """exists (
    select 1
    from series.tag_writes as later
    join series.batches as batch on batch.batch_id = later.batch_id
    where later.customer_id = carried.customer_id
        and later.tag = carried.tag
        and later.action <> carried.action
        and (later.as_of > carried.as_of or later.as_of = carried.as_of and later.action = 'remove')
        and (later.status in ('handed_off', 'unknown') or later.status = 'queued' and batch.status = 'unknown')
)"""
TAG_WRITES = Carried("series.tag_writes", "tag_write_id", _IS_OVERTAKEN, "dropped")
"""A tag write is over when a later one that says the opposite has left, or may have; see `pipelines.tag_order`."""


def carried_by(channel: str) -> Carried:
    """What a batch with this channel carries."""
    return TAG_WRITES if channel == TAG_CHANNEL else MESSAGES
