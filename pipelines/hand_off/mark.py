"""Marking what became of batches and their messages, once their sender has answered; or has not.

Whatever is said of messages here is true of tag writes, which batches carry as well (`pipelines.hand_off.carried`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.hand_off.carried import CHANGE, MESSAGES
from pipelines.hand_off.offer import Answer, HandedBatch, Waiting
from pipelines.senders.protocol import Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from warehouse.adapter import Warehouse

_MARK_BATCHES = """
update series.batches
set status = $status, handed_off_at = $handed_off_at, last_error = $error, next_attempt_at = $next_attempt_at
where batch_id in (select unnest($batch_ids))
"""
_MARK_ERROR = "update series.batches set last_error = $error where batch_id in (select unnest($batch_ids))"
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
    parent_batch_id, next_attempt_at, offers
)
select $new_id, as_of, series_id, block_id, channel, sender, $message_count, $status, attempts, $error,
    batch_id, $next_attempt_at, case when $status = 'unknown' then attempts else 0 end
from series.batches
where batch_id = $batch_id
"""
_MOVE = """
update {table} set batch_id = $new_id, status = $message_status
where {key} in (select unnest($message_ids))
"""
_SHRINK = "update series.batches set message_count = message_count - $message_count where batch_id = $batch_id"


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
        warehouse.execute(carried.sql(CHANGE), {"batch_ids": whole, "status": "handed_off"})
        mark_batches(warehouse, whole, "handed_off", handed_off_at=now)
    return [result for each in answers for result in _mark_one(warehouse, each, now)]


def mark_expired(warehouse: Warehouse, batches: Iterable[Waiting]) -> list[HandedBatch]:
    """Batches whose messages have all expired are over; in a transaction."""
    batch_ids = [each.batch_id for each in batches]
    if batch_ids:
        mark_batches(warehouse, batch_ids, "dropped")
    return [HandedBatch(batch_id, "dropped", 0) for batch_id in batch_ids]


def mark_errors(warehouse: Warehouse, batches: Sequence[Waiting], error: str) -> list[HandedBatch]:
    """Batches that could not even be offered stay as they are, with the reason."""
    if batches:
        with warehouse.transaction():
            note_error(warehouse, batches, error)
    return [each.stays(error) for each in batches]


def note_error(warehouse: Warehouse, batches: Sequence[Waiting], error: str) -> None:
    """Say of batches why they have not left; in a transaction."""
    warehouse.execute(_MARK_ERROR, {"batch_ids": [each.batch_id for each in batches], "error": error})


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
        split(warehouse, batch, new_id, list(outcome.deferred), status, "queued", error, at)
        others.append(HandedBatch(new_id, status, len(outcome.deferred), error, next_attempt_at=at))
    if outcome.unanswered:
        at = answer.next_attempt_at(now, outcome.retry_after) if answer.repeats else None
        error = reasons("without an answer", outcome.unanswered)
        new_id = f"{batch.batch_id}.{answer.attempts}.unknown"
        message_status = "queued" if answer.repeats else "unknown"
        split(warehouse, batch, new_id, list(outcome.unanswered), "unknown", message_status, error, at)
        others.append(HandedBatch(new_id, "unknown", len(outcome.unanswered), error, next_attempt_at=at))
    refused = reasons("refused", outcome.refused) if outcome.refused else None
    if refused:
        warehouse.execute(carried.sql(_MARK_SOME), {"message_ids": list(outcome.refused), "status": "refused"})
    warehouse.execute(carried.sql(CHANGE), {"batch_ids": [batch.batch_id], "status": "handed_off"})
    if outcome.provider_ids and carried is MESSAGES:
        names = {"message_ids": list(outcome.provider_ids), "provider_ids": list(outcome.provider_ids.values())}
        warehouse.execute(_NAME, names)
    mark_batches(warehouse, [batch.batch_id], "handed_off", handed_off_at=now, error=refused)
    left = answer.messages - len(outcome.refused) - len(outcome.deferred) - len(outcome.unanswered)
    return [HandedBatch(batch.batch_id, "handed_off", left, refused=len(outcome.refused)), *others]


def _mark_untaken(warehouse: Warehouse, answer: Answer, now: datetime) -> HandedBatch:
    batch_id, error = answer.batch.batch_id, answer.error
    goes_again = answer.repeats or not answer.is_unknown
    at = answer.next_attempt_at(now, answer.retry_after) if goes_again else None
    status = "unknown" if answer.is_unknown else answer.status_of_untaken
    mark_batches(warehouse, [batch_id], status, error=error, next_attempt_at=at)
    if not answer.is_unknown:
        warehouse.execute(answer.batch.carried.sql(CHANGE), {"batch_ids": [batch_id], "status": "queued"})
    return HandedBatch(batch_id, status, answer.messages, error, next_attempt_at=at)


def mark_batches(
    warehouse: Warehouse,
    batch_ids: Sequence[str],
    status: str,
    *,
    handed_off_at: datetime | None = None,
    error: str | None = None,
    next_attempt_at: datetime | None = None,
) -> None:
    """Give batches a status, and what goes with it; in a transaction. None empties a column."""
    values: dict[str, Any] = {"batch_ids": list(batch_ids), "status": status, "handed_off_at": handed_off_at}
    warehouse.execute(_MARK_BATCHES, values | {"error": error, "next_attempt_at": next_attempt_at})


def split(
    warehouse: Warehouse,
    batch: Waiting,
    new_id: str,
    message_ids: Sequence[str],
    status: str,
    message_status: str,
    error: str | None,
    next_attempt_at: datetime | None,
) -> None:
    """Move messages into a new batch with these statuses; in a transaction. For `error` and times see `HandedBatch`.

    The new batch was never offered under its own id, unless nobody knows whether it was taken: the messages of such a
    batch keep the keys under which they were offered.
    """
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
