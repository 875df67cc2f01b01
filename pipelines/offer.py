"""Batches that are to leave, as rows: which there are, claiming some, and marking what became of them.

Whatever is said of messages here is true of tag writes, which batches carry as well (`pipelines.carried`).

A claim is committed before anything leaves: from then on the batch is ``unknown``, until its answer is marked. So what
the tables say of a batch is true whenever a process is killed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pipelines.backoff import MOST_ATTEMPTS, seconds_until_next
from pipelines.carried import MESSAGES, TAG_WRITES, Carried, carried_by
from pipelines.senders.protocol import MESSAGE_COLUMNS, Outcome, Sender, WarehouseSender
from pipelines.tag_order import find_waiting

if TYPE_CHECKING:
    import pyarrow as pa

    from warehouse.adapter import Warehouse

BROKEN_OFF = "The hand-off was broken off before the sender's answer came."

_WAITING = """
select batch_id, series_id, block_id, channel, as_of, sender, message_count, status, attempts, next_attempt_at,
    last_error
from series.batches
where status in ('pending', 'unknown', 'failed')
order by channel = 'tags', as_of, batch_id
"""
_CLAIM = """
update series.batches
set status = 'unknown', attempts = attempts + 1, last_error = $broken_off, next_attempt_at = null
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
_MARK_BATCHES = """
update series.batches
set status = $status, handed_off_at = $handed_off_at, last_error = $error, next_attempt_at = $next_attempt_at
where batch_id in (select unnest($batch_ids))
"""
_MARK_ERROR = "update series.batches set last_error = $error where batch_id in (select unnest($batch_ids))"
_MARK_MESSAGES = """
update {table} set status = $status
where status in ('queued', 'unknown') and batch_id in (select unnest($batch_ids))
"""
_MARK_SOME = "update {table} set status = $status where {key} in (select unnest($message_ids))"
_NAME = """
update series.messages as message
set provider_message_id = (
    select given.provider_id
    from (select unnest($message_ids) as message_id, unnest($provider_ids) as provider_id) as given
    where given.message_id = message.message_id
)
where message_id in (select unnest($message_ids))
"""
_NEW_BATCH = """
insert into series.batches (
    batch_id, as_of, series_id, block_id, channel, sender, message_count, status, attempts, last_error,
    parent_batch_id, next_attempt_at
)
select $new_id, as_of, series_id, block_id, channel, sender, $message_count, $status, attempts, $error,
    batch_id, $next_attempt_at
from series.batches
where batch_id = $batch_id
"""
_MOVE = """
update {table} set batch_id = $new_id, status = $message_status
where {key} in (select unnest($message_ids))
"""
_SHRINK = "update series.batches set message_count = message_count - $message_count where batch_id = $batch_id"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row of ``series.batches`` that has not left; ``status`` is ``pending``, ``unknown`` or ``failed``."""

    batch_id: str
    series_id: str
    block_id: str
    channel: str
    as_of: datetime
    sender: str
    message_count: int
    status: str
    attempts: int
    next_attempt_at: datetime | None = None
    last_error: str | None = None

    @property
    def carried(self) -> Carried:
        """Whether it carries messages or tag writes."""
        return carried_by(self.channel)

    def stays(self, error: str | None = None) -> HandedBatch:
        """It stays as it is."""
        return HandedBatch(self.batch_id, self.status, self.message_count, error, next_attempt_at=self.next_attempt_at)


@dataclass(frozen=True, slots=True)
class HandedBatch:
    """What became of one batch.

    Attributes:
        status: ``handed_off``; ``pending``: its sender did not take it, or it is kept back; ``unknown``: nobody knows
            whether it was taken; ``failed``: it was offered as often as is usual; ``dropped``: all its messages had
            expired.
        message_count: How many messages left; how many it holds while it has not left.
        error: What is wrong with it; None: nothing, although it may have to wait.
        unsent_to: The folder, from the project's, that it went to in place of its sender, because the target may not
            send; None: it went to its sender, or nowhere yet.
        refused: How many messages its sender refused for good.
        next_attempt_at: When (naive UTC, wall clock) it is offered again at the earliest; None: at the next hand-off.
    """

    batch_id: str
    status: str
    message_count: int
    error: str | None = None
    unsent_to: str | None = None
    refused: int = 0
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of offering one batch.

    Attributes:
        messages: How many were offered.
        outcome: What its sender said of it; None: it did not take it, or nobody knows.
        error: Why it was not taken; None: it was.
        is_unknown: Whether nobody knows.
        waits: Whether it waits until it is offered again, longer each time and only so often; the next hand-off else.
        retry_after: Seconds that its sender asked for.
        repeats: Whether messages of which nobody knows are offered again by themselves.
    """

    batch: Waiting
    messages: int
    outcome: Outcome | None = None
    error: str | None = None
    is_unknown: bool = False
    waits: bool = False
    retry_after: float | None = None
    repeats: bool = False

    @property
    def attempts(self) -> int:
        """How often the batch was offered, this time included."""
        return self.batch.attempts + 1

    def next_attempt_at(self, now: datetime, retry_after: float | None) -> datetime | None:
        """When it is offered again at the earliest; None: at the next hand-off, or not by itself."""
        if not self.waits or self.attempts >= MOST_ATTEMPTS:
            return None
        return now + timedelta(seconds=seconds_until_next(self.attempts, retry_after))

    @property
    def status_of_untaken(self) -> str:
        """What a batch that was not taken is from now on."""
        return "failed" if self.waits and self.attempts >= MOST_ATTEMPTS else "pending"


def read_waiting(warehouse: Warehouse) -> list[Waiting]:
    """What has not left and is not held: messages, then tag writes, each in the order of its run, then its id."""
    return [Waiting(*row) for row in warehouse.fetch(_WAITING)]


def claim(
    warehouse: Warehouse, sender: Sender | WarehouseSender, group: Sequence[Waiting], as_of: datetime
) -> tuple[list[Waiting], Mapping[str, pa.Table], list[HandedBatch]]:
    """Settle for good which messages each batch is about, and that they may be gone from now on; in a transaction.

    What was offered under a key stays the same under it. So of a batch whose messages expired meanwhile, those that did
    not go on in a new batch, unless nobody knows whether it was taken; then a person has to decide. Tag writes that
    must wait for others go on in a new batch, too.

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
    frozen = [each for each in group if each.attempts and sender.has(each.batch_id)]
    others: list[HandedBatch] = []
    if carried is TAG_WRITES:
        group, others = _in_order(warehouse, group, frozen)
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


_EXPIRED_IN_DOUBT = (
    "Nobody knows whether its sender took it, and some of its messages have expired meanwhile. "
    "Decide with `series batches retry` or `series batches drop`."
)


def _in_order(
    warehouse: Warehouse, group: Sequence[Waiting], frozen: Sequence[Waiting]
) -> tuple[list[Waiting], list[HandedBatch]]:
    """The batches of tag writes that may leave now, and those that wait; where only some do, they get a new batch."""
    waiting = find_waiting(warehouse, [each.batch_id for each in group])
    may_leave: list[Waiting] = []
    others: list[HandedBatch] = []
    for each in group:
        wait = waiting.get(each.batch_id, [])
        if wait and (each in frozen or len(wait) == each.message_count):
            others.append(each.stays())
            continue
        may_leave.append(replace(each, message_count=each.message_count - len(wait)))
        if wait:
            new_id = f"{each.batch_id}.{each.attempts}"
            _split(warehouse, each, new_id, wait, "pending", "queued", None, None)
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
        _split(warehouse, batch, new_id, message_ids, "pending", "queued", batch.last_error, None)
        renewed = [HandedBatch(new_id, "pending", len(message_ids))]
    _mark_batches(warehouse, [batch.batch_id], "dropped", error=batch.last_error)
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


def mark(warehouse: Warehouse, answers: Sequence[Answer], now: datetime) -> list[HandedBatch]:
    """Record what became of batches and their messages; in a transaction.

    Args:
        warehouse: Open for writing.
        answers: What came of offering them, all of them messages or all tag writes.
        now: The wall clock, naive UTC.
    """
    whole = [each.batch.batch_id for each in answers if each.outcome == Outcome()]
    if whole:
        carried = answers[0].batch.carried
        warehouse.execute(carried.sql(_MARK_MESSAGES), {"batch_ids": whole, "status": "handed_off"})
        _mark_batches(warehouse, whole, "handed_off", handed_off_at=now)
    return [result for each in answers for result in _mark_one(warehouse, each, now)]


def mark_expired(warehouse: Warehouse, batches: Iterable[Waiting]) -> list[HandedBatch]:
    """Batches whose messages have all expired are over; in a transaction."""
    batch_ids = [each.batch_id for each in batches]
    if batch_ids:
        _mark_batches(warehouse, batch_ids, "dropped")
    return [HandedBatch(batch_id, "dropped", 0) for batch_id in batch_ids]


def mark_errors(warehouse: Warehouse, batches: Sequence[Waiting], error: str) -> list[HandedBatch]:
    """Batches that could not even be offered stay as they are, with the reason."""
    if batches:
        with warehouse.transaction():
            warehouse.execute(_MARK_ERROR, {"batch_ids": [each.batch_id for each in batches], "error": error})
    return [each.stays(error) for each in batches]


def _mark_one(warehouse: Warehouse, answer: Answer, now: datetime) -> list[HandedBatch]:
    batch, outcome, carried = answer.batch, answer.outcome, answer.batch.carried
    if outcome is None:
        return [_mark_untaken(warehouse, answer, now)]
    if outcome == Outcome():
        return [HandedBatch(batch.batch_id, "handed_off", answer.messages)]
    others: list[HandedBatch] = []
    if outcome.deferred:
        at, error = answer.next_attempt_at(now, outcome.retry_after), reasons("refused for now", outcome.deferred)
        new_id, status = f"{batch.batch_id}.{answer.attempts}", answer.status_of_untaken
        _split(warehouse, batch, new_id, list(outcome.deferred), status, "queued", error, at)
        others.append(HandedBatch(new_id, status, len(outcome.deferred), error, next_attempt_at=at))
    if outcome.unanswered:
        at = answer.next_attempt_at(now, outcome.retry_after) if answer.repeats else None
        error = reasons("without an answer", outcome.unanswered)
        new_id = f"{batch.batch_id}.{answer.attempts}.unknown"
        message_status = "queued" if answer.repeats else "unknown"
        _split(warehouse, batch, new_id, list(outcome.unanswered), "unknown", message_status, error, at)
        others.append(HandedBatch(new_id, "unknown", len(outcome.unanswered), error, next_attempt_at=at))
    refused = reasons("refused", outcome.refused) if outcome.refused else None
    if refused:
        warehouse.execute(carried.sql(_MARK_SOME), {"message_ids": list(outcome.refused), "status": "refused"})
    warehouse.execute(carried.sql(_MARK_MESSAGES), {"batch_ids": [batch.batch_id], "status": "handed_off"})
    if outcome.provider_ids and carried is MESSAGES:
        names = {"message_ids": list(outcome.provider_ids), "provider_ids": list(outcome.provider_ids.values())}
        warehouse.execute(_NAME, names)
    _mark_batches(warehouse, [batch.batch_id], "handed_off", handed_off_at=now, error=refused)
    left = answer.messages - len(outcome.refused) - len(outcome.deferred) - len(outcome.unanswered)
    return [HandedBatch(batch.batch_id, "handed_off", left, refused=len(outcome.refused)), *others]


def _mark_untaken(warehouse: Warehouse, answer: Answer, now: datetime) -> HandedBatch:
    batch_id, error = answer.batch.batch_id, answer.error
    goes_again = answer.repeats or not answer.is_unknown
    at = answer.next_attempt_at(now, answer.retry_after) if goes_again else None
    status = "unknown" if answer.is_unknown else answer.status_of_untaken
    _mark_batches(warehouse, [batch_id], status, error=error, next_attempt_at=at)
    if not answer.is_unknown:
        warehouse.execute(answer.batch.carried.sql(_MARK_MESSAGES), {"batch_ids": [batch_id], "status": "queued"})
    return HandedBatch(batch_id, status, answer.messages, error, next_attempt_at=at)


def _mark_batches(
    warehouse: Warehouse,
    batch_ids: Sequence[str],
    status: str,
    *,
    handed_off_at: datetime | None = None,
    error: str | None = None,
    next_attempt_at: datetime | None = None,
) -> None:
    values: dict[str, Any] = {"batch_ids": list(batch_ids), "status": status, "handed_off_at": handed_off_at}
    warehouse.execute(_MARK_BATCHES, values | {"error": error, "next_attempt_at": next_attempt_at})


def _split(
    warehouse: Warehouse,
    batch: Waiting,
    new_id: str,
    message_ids: Sequence[str],
    status: str,
    message_status: str,
    error: str | None,
    next_attempt_at: datetime | None,
) -> None:
    """Move messages into a new batch."""
    values: dict[str, Any] = {"batch_id": batch.batch_id, "new_id": new_id, "message_ids": list(message_ids)}
    values |= {"status": status, "message_status": message_status, "message_count": len(message_ids)}
    values |= {"error": error, "next_attempt_at": next_attempt_at}
    for statement in (_NEW_BATCH, batch.carried.sql(_MOVE), _SHRINK):
        warehouse.execute(statement, values)


def reasons(what: str, by_message: Mapping[str, str]) -> str:
    """How many messages, and why, the most frequent reason first.

    >>> reasons("refused", {"m1": "550 5.1.1", "m2": "552", "m3": "550 5.1.1"})
    '3 messages refused: 550 5.1.1 (2), 552 (1).'
    """
    listed = ", ".join(f"{reason} ({number:,})" for reason, number in Counter(by_message.values()).most_common(5))
    return f"{len(by_message):,} message{'s' * (len(by_message) != 1)} {what}: {listed}."
