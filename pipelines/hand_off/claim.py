"""Claiming batches: which wait, and which messages each is about from now on.

A claim is committed before anything leaves: from then on the batch is ``unknown``, until its answer is marked
(`pipelines.hand_off.mark`). So what the tables say of a batch is true whenever a process is killed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from pipelines.hand_off import absent
from pipelines.hand_off.carried import TAG_WRITES
from pipelines.hand_off.mark import mark_batches, note_error, split
from pipelines.hand_off.offer import HandedBatch, Waiting
from pipelines.hand_off.tag_order import find_waiting
from pipelines.senders.protocol import MESSAGE_COLUMNS, Sender, WarehouseSender
from warehouse import state
from warehouse.tables import SCHEMA_VERSION

if TYPE_CHECKING:
    from datetime import datetime

    import pyarrow as pa

    from warehouse.adapter import Warehouse

BROKEN_OFF = "The hand-off was broken off before the sender's answer came."
_EXPIRED_IN_DOUBT = (
    "Nobody knows whether its sender took it, and some of its messages have expired meanwhile. "
    "Decide with `series batches retry` or `series batches drop`."
)

_WAITING = """
select batch_id, series_id, block_id, channel, as_of, sender, message_count, status, attempts, next_attempt_at,
    last_error, offers
from series.batches
where status in ('pending', 'unknown', 'failed')
order by channel = 'tags', as_of, batch_id
"""
_CLAIM = """
update series.batches
set status = 'unknown', attempts = attempts + 1, offers = offers + 1, last_error = $broken_off, next_attempt_at = null
where batch_id in (select unnest($batch_ids))
"""
_DOUBT = """
update {table} set status = 'unknown'
where status = 'queued' and batch_id in (select unnest($batch_ids))
"""
_OVER = """
select carried.batch_id, count(*)
from {table} as carried
where carried.status = 'queued' and carried.batch_id in (select unnest($batch_ids)) and {is_over}
group by carried.batch_id
"""
_GIVE_UP = """
update {table} as carried set status = '{over}'
where carried.status = 'queued' and carried.batch_id in (select unnest($batch_ids)) and {is_over}
"""
_MESSAGES = """
select batch_id, message_id, customer_id, address, channel, series_id, block_id, entry_id, queued_at, expires_at,
    payload
from series_state.outgoing
where status = 'queued' and batch_id in (select unnest($batch_ids)) and batch_id between $first and $last
order by batch_id, message_id
"""


def read_waiting(warehouse: Warehouse) -> list[Waiting]:
    """What has not left and is not held: messages, then tag writes, each in the order of its run, then its id."""
    return [Waiting(*row) for row in warehouse.fetch(_WAITING)]


def is_any_waiting(warehouse: Warehouse) -> bool:
    """Whether batches wait for a hand-off. In a state of an older version none does, until a run has migrated it."""
    return state.read_version(warehouse) == SCHEMA_VERSION and bool(read_waiting(warehouse))


def claim(
    warehouse: Warehouse, sender: Sender | WarehouseSender, group: Sequence[Waiting], as_of: datetime
) -> tuple[list[Waiting], Mapping[str, pa.Table], list[HandedBatch]]:
    """Settle for good which messages each batch is about, and that they may be gone from now on; in a transaction.

    What was offered under a key stays the same under it. So of a batch whose messages expired meanwhile, those that did
    not go on in a new batch, unless nobody knows whether it was taken; then a person has to decide. Tag writes that
    must wait for others go on in a new batch, too, and so do messages whose customers have vanished, unless their
    sender may know the batch.

    Args:
        warehouse: Open for writing.
        sender: To whom they go.
        group: The batches, all of messages or all of tag writes.
        as_of: Messages that expire by then (naive UTC) are not sent any more.

    Returns:
        The batches that may be offered now; their messages by ``batch_id``, where one without any is absent; and what
        became of the others.
    """
    carried = group[0].carried
    frozen = [each for each in group if each.offers and sender.has(each.batch_id)]
    if carried is TAG_WRITES:
        waiting, why = find_waiting(warehouse, [each.batch_id for each in group]), None
    else:
        changeable = [each.batch_id for each in group if each not in frozen]
        waiting, why = absent.find_absent(warehouse, changeable, as_of), absent.REASON
    group, others = _set_apart(warehouse, group, frozen, waiting, why)
    keyed = [each.batch_id for each in frozen if sender.promise != "exactly_once"]
    changeable = [each.batch_id for each in group if each not in frozen]
    stale = dict(warehouse.fetch(carried.sql(_OVER), {"batch_ids": keyed, "as_of": as_of})) if keyed else {}
    for each in group:
        if each.batch_id in stale:
            others += _renew(warehouse, each, as_of) if each.status == "pending" else [each.stays(_EXPIRED_IN_DOUBT)]
    offered = [each for each in group if each.batch_id not in stale]
    batch_ids = [each.batch_id for each in offered]
    if not offered:
        return [], {}, others
    warehouse.execute(_CLAIM, {"batch_ids": batch_ids, "broken_off": BROKEN_OFF})
    if changeable:
        warehouse.execute(carried.sql(_GIVE_UP), {"batch_ids": changeable, "as_of": as_of})
    messages = _messages(warehouse, offered)
    if sender.promise == "at_most_once":
        warehouse.execute(carried.sql(_DOUBT), {"batch_ids": batch_ids})
    return offered, messages, others


def _set_apart(
    warehouse: Warehouse,
    group: Sequence[Waiting],
    frozen: Sequence[Waiting],
    waiting: Mapping[str, Sequence[str]],
    why: str | None,
) -> tuple[list[Waiting], list[HandedBatch]]:
    """The batches that may leave now, and those that wait; where only some of a batch does, it gets a new batch.

    Args:
        warehouse: Open for writing.
        group: The batches.
        frozen: Those of them that nothing can be taken out of.
        waiting: What of them must wait, by batch.
        why: What is noted of batches that wait; None: nothing.
    """
    may_leave: list[Waiting] = []
    others: list[HandedBatch] = []
    for each in group:
        wait = waiting.get(each.batch_id, [])
        if wait and (each in frozen or len(wait) == each.message_count):
            others.append(each.stays())
            if why not in (None, each.last_error):
                note_error(warehouse, [each], why)
            continue
        may_leave.append(replace(each, message_count=each.message_count - len(wait)))
        if wait:
            new_id = f"{each.batch_id}.{each.attempts}"
            split(warehouse, each, new_id, wait, "pending", "queued", why, None)
            others.append(HandedBatch(new_id, "pending", len(wait)))
    return may_leave, others


def _renew(warehouse: Warehouse, batch: Waiting, as_of: datetime) -> list[HandedBatch]:
    """What has not expired goes on in a new batch."""
    warehouse.execute(batch.carried.sql(_GIVE_UP), {"batch_ids": [batch.batch_id], "as_of": as_of})
    messages = _messages(warehouse, [batch]).get(batch.batch_id)
    renewed = []
    if messages is not None:
        new_id = f"{batch.batch_id}.{batch.attempts}"
        message_ids = messages["message_id"].to_pylist()
        split(warehouse, batch, new_id, message_ids, "pending", "queued", batch.last_error, None)
        renewed = [HandedBatch(new_id, "pending", len(message_ids))]
    mark_batches(warehouse, [batch.batch_id], "dropped", error=batch.last_error)
    return [HandedBatch(batch.batch_id, "dropped", 0), *renewed]


def _messages(warehouse: Warehouse, group: Sequence[Waiting]) -> Mapping[str, pa.Table]:
    ids = [each.batch_id for each in group]
    # A list only joins; bounds keep the payloads of all other batches from being read.
    rows = warehouse.fetch_arrow(_MESSAGES, {"batch_ids": ids, "first": min(ids), "last": max(ids)})
    columns = rows.select(list(MESSAGE_COLUMNS))
    by_batch: dict[str, pa.Table] = {}
    start = 0
    for batch_id, count in Counter(rows["batch_id"].to_pylist()).items():
        by_batch[batch_id] = columns.slice(start, count)
        start += count
    return by_batch
