"""Hand-off: offers pending batches to their senders until these accept them, without ever sending a message twice.

Each batch is claimed in one transaction, offered, and marked in another. A process killed in between leaves it pending:
the repeat offers the same messages under the same ``batch_id``, and the sender knows them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.problems import UserError
from pipelines.redact import redact
from pipelines.senders import Batch, Sender, SenderError, open_sender
from pipelines.senders.files import FilesSender
from pipelines.senders.protocol import MESSAGE_COLUMNS
from pipelines.senders.unsent import unsent_folder

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.model import Definitions, Settings
    from warehouse.adapter import Warehouse

MOST_MESSAGES = 100_000
"""How many messages are read, and claimed and marked, together at most; a larger batch goes alone."""

_PENDING = """
select batch_id, series_id, block_id, channel, as_of, sender, message_count, attempts
from series.batches
where status = 'pending'
order by as_of, batch_id
"""
_CLAIM = """
update series.batches set attempts = attempts + 1, last_error = null
where batch_id in (select unnest($batch_ids))
"""
_EXPIRE = """
update series.messages set status = 'expired'
where status = 'queued' and expires_at <= $as_of and batch_id in (select unnest($batch_ids))
"""
_MESSAGES = """
select batch_id, message_id, customer_id, address, channel, series_id, block_id, entry_id, queued_at, expires_at,
    cast(payload as varchar) as payload
from series.messages
where status = 'queued' and batch_id in (select unnest($batch_ids))
order by batch_id, message_id
"""
_MARK_MESSAGES = """
update series.messages set status = 'handed_off'
where status = 'queued' and batch_id in (select unnest($batch_ids))
"""
_MARK_HANDED_OFF = """
update series.batches set status = 'handed_off', handed_off_at = $handed_off_at
where batch_id in (select unnest($batch_ids))
"""
_MARK_DROPPED = """
update series.batches set status = 'dropped'
where batch_id in (select unnest($batch_ids))
"""
_MARK_ERROR = "update series.batches set last_error = $error where batch_id = $batch_id"


@dataclass(frozen=True, slots=True)
class HandedBatch:
    """What became of one batch.

    Attributes:
        status: ``handed_off``; ``pending``: its sender did not take it, or its series keeps it back; ``dropped``: all
            its messages had expired.
        message_count: How many messages left; how many it holds while it is pending.
        error: Why its sender did not take it; None: nothing went wrong.
        unsent_to: The folder, from the project's, that it went to in place of its sender, because the target may not
            send; None: it went to its sender, or nowhere yet.
    """

    batch_id: str
    status: str
    message_count: int
    error: str | None = None
    unsent_to: str | None = None


@dataclass(frozen=True, slots=True)
class HandOffResult:
    """Every batch that was pending, in the order of its run, then its id; ``stopped``: nothing was to leave."""

    batches: tuple[HandedBatch, ...]
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class _Pending:
    """A row of ``series.batches`` that has not left."""

    batch_id: str
    series_id: str
    block_id: str
    channel: str
    as_of: datetime
    sender: str
    message_count: int
    attempts: int

    def kept(self, error: str | None = None) -> HandedBatch:
        """It stays where it is."""
        return HandedBatch(self.batch_id, "pending", self.message_count, error)


def utc_now() -> datetime:
    """The wall clock as naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def hand_off(
    warehouse: Warehouse,
    definitions: Definitions,
    folder: Path,
    as_of: datetime,
    *,
    clock: Callable[[], datetime] = utc_now,
) -> HandOffResult:
    """Offer every pending batch of a series that is live or emptying; the others are kept back.

    Where sending is stopped, all of them are.

    A sender's error leaves its batch pending, with the error recorded, and the other batches go all the same.

    Args:
        warehouse: Open for writing, with the state's tables.
        definitions: Say which series may send, and how senders are set up.
        folder: The project's folder.
        as_of: The newest run's instant (naive UTC); messages that expire by then are not sent any more.
        clock: Tells ``handed_off_at``, the one time here that is the wall clock's.
    """
    pending = [_Pending(*row) for row in warehouse.fetch(_PENDING)]
    results = {each.batch_id: each.kept() for each in pending}
    stopped = definitions.settings.policy.stopped
    may_go = [each for each in pending if not stopped and _may_send(definitions, each.series_id)]
    for name, batches in groupby(may_go, key=lambda each: each.sender):
        for handed in _to_sender(warehouse, definitions, folder, name, batches, as_of, clock):
            results[handed.batch_id] = handed
    return HandOffResult(tuple(results.values()), stopped)


def _may_send(definitions: Definitions, series_id: str) -> bool:
    series = definitions.series.get(series_id)
    return series is not None and series.status in ("live", "emptying")


def _to_sender(
    warehouse: Warehouse,
    definitions: Definitions,
    folder: Path,
    name: str,
    batches: Iterable[_Pending],
    as_of: datetime,
    clock: Callable[[], datetime],
) -> Iterator[HandedBatch]:
    """Offer batches to the one sender they are for."""
    try:
        sender, unsent_to = _open(definitions.settings, folder, name)
    except Exception as error:  # noqa: BLE001 - see `_send`
        results = [each.kept(_reason(error)) for each in batches]
        _mark(warehouse, results, clock)
        yield from results
        return
    for group in _groups(batches, MOST_MESSAGES if sender.promise == "exactly_once" else 0):
        _claim(warehouse, sender, group, as_of)
        messages = _messages(warehouse, group)
        results = [_send(sender, each, messages.get(each.batch_id)) for each in group]
        _mark(warehouse, results, clock)
        if unsent_to is not None:
            results = [replace(each, unsent_to=unsent_to) if each.status == "handed_off" else each for each in results]
        yield from results


def _open(settings: Settings, folder: Path, name: str) -> tuple[Sender, str | None]:
    """The sender and None; or, where it may not send, files and their folder, with the sender itself left unopened."""
    configured = settings.senders.get(name)
    if configured is None:
        raise SenderError(f"There is no sender `{name}` in series.yml; put it back under `senders`.")
    unsent_to = unsent_folder(settings, configured)
    return (open_sender(configured, folder) if unsent_to is None else FilesSender(folder / unsent_to)), unsent_to


def _groups(batches: Iterable[_Pending], most_messages: int) -> Iterator[list[_Pending]]:
    """Batches to claim and mark together, because a statement costs more than a batch: one at least, or as many as fit.

    A sender that cannot tell a repeat gets them one by one, so that a killed process leaves one in doubt, not many.
    """
    group: list[_Pending] = []
    size = 0
    for batch in batches:
        if group and size + batch.message_count > most_messages:
            yield group
            group, size = [], 0
        group.append(batch)
        size += batch.message_count
    if group:
        yield group


def _claim(warehouse: Warehouse, sender: Sender, group: Sequence[_Pending], as_of: datetime) -> None:
    """Count the attempt, and settle for good which messages it is about."""
    changeable = [each.batch_id for each in group if not (each.attempts and sender.has(each.batch_id))]
    with warehouse.transaction():
        warehouse.execute(_CLAIM, {"batch_ids": [each.batch_id for each in group]})
        if changeable:
            warehouse.execute(_EXPIRE, {"batch_ids": changeable, "as_of": as_of})


def _messages(warehouse: Warehouse, group: Sequence[_Pending]) -> Mapping[str, pa.Table]:
    """The messages to send by ``batch_id``; a batch without any is absent."""
    rows = warehouse.fetch_arrow(_MESSAGES, {"batch_ids": [each.batch_id for each in group]})
    columns = rows.select(list(MESSAGE_COLUMNS))
    by_batch: dict[str, pa.Table] = {}
    start = 0
    for batch_id, count in Counter(rows["batch_id"].to_pylist()).items():
        by_batch[batch_id] = columns.slice(start, count)
        start += count
    return by_batch


def _send(sender: Sender, batch: _Pending, messages: pa.Table | None) -> HandedBatch:
    if messages is None:
        return HandedBatch(batch.batch_id, "dropped", 0)
    offer = Batch(batch.batch_id, batch.series_id, batch.block_id, batch.channel, batch.as_of, messages)
    try:
        return HandedBatch(batch.batch_id, "handed_off", sender.send(offer).accepted)
    except Exception as error:  # noqa: BLE001 - a defect of one sender must not hold up what goes through the others
        return batch.kept(_reason(error))


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, UserError) else redact(f"{type(error).__name__}: {error}")


def _mark(warehouse: Warehouse, results: Sequence[HandedBatch], clock: Callable[[], datetime]) -> None:
    """Record what became of batches and their messages."""
    with warehouse.transaction():
        if handed := [each.batch_id for each in results if each.status == "handed_off"]:
            warehouse.execute(_MARK_MESSAGES, {"batch_ids": handed})
            warehouse.execute(_MARK_HANDED_OFF, {"batch_ids": handed, "handed_off_at": clock()})
        if dropped := [each.batch_id for each in results if each.status == "dropped"]:
            warehouse.execute(_MARK_DROPPED, {"batch_ids": dropped})
        for each in results:
            if each.error is not None:
                warehouse.execute(_MARK_ERROR, {"batch_id": each.batch_id, "error": each.error})
