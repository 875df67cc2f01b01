"""Hand-off: offers batches to their senders until these accept them, without ever sending a message twice.

Batches are claimed in one transaction, offered while nobody holds the warehouse, and marked in another. A process
killed in between leaves them ``unknown``. What then happens depends on what their sender promises: a batch that is
known by its ``batch_id`` is offered again, the same messages under the same id; any other waits for a person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.backoff import MOST_ATTEMPTS
from pipelines.hand_off.carried import TAG_WRITES
from pipelines.hand_off.claim import claim, read_waiting
from pipelines.hand_off.mark import mark, mark_errors, mark_expired
from pipelines.hand_off.offer import Answer, HandedBatch, Waiting
from pipelines.problems import UserError
from pipelines.redact import redact
from pipelines.senders import (
    Batch,
    Outcome,
    Promise,
    Sender,
    SenderError,
    UnansweredError,
    WarehouseSender,
    open_sender,
)
from pipelines.senders.files import FilesSender
from pipelines.senders.folder import LocalFolder
from pipelines.senders.protocol import ConcurrentSender, ForgetfulSender
from pipelines.senders.registry import find_type
from pipelines.senders.unsent import unsent_folder
from warehouse.adapter import LockedError, StatementError

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.model import Definitions, Settings
    from warehouse.adapter import Warehouse

MOST_MESSAGES: dict[Promise, int] = {"exactly_once": 100_000, "at_least_once": 10_000, "at_most_once": 0}
"""How many messages are claimed and marked together at most, for each promise; a larger batch goes alone.

A statement costs more than a batch. But of a sender that cannot tell a repeat, a killed process must leave one batch in
doubt, not many.
"""

Opened = Callable[[], AbstractContextManager["Warehouse"]]
"""Opens the warehouse for writing, with the state's tables."""


@dataclass(frozen=True, slots=True)
class HandOffResult:
    """Every batch that had not left and was not held, as `read_waiting` orders them; then those made of them.

    Attributes:
        stopped: Nothing was to leave.
        broken_off: Why the hand-off could not be done, or not to its end; None: it was.
    """

    batches: tuple[HandedBatch, ...]
    stopped: bool = False
    broken_off: str | None = None


@dataclass(frozen=True, slots=True)
class _Way:
    """One sender, opened.

    Attributes:
        unsent_to: The folder that it stands for, because the target may not send; None: it is the sender itself.
        waits: Whether a batch that is not taken waits longer each time. What is on this machine is tried at once.
    """

    sender: Sender | WarehouseSender
    unsent_to: str | None
    waits: bool

    def offers(self, batch: Waiting, now: datetime) -> bool:
        """Whether a batch is offered now, without a person's decision."""
        if batch.status == "failed" or (batch.next_attempt_at is not None and batch.next_attempt_at > now):
            return False
        return batch.status == "pending" or self.promises_more_than_once(batch, now)

    def promises_more_than_once(self, batch: Waiting, now: datetime) -> bool:
        """Whether a batch of which nobody knows may be offered again."""
        if self.sender.promise == "at_least_once":
            return batch.attempts < MOST_ATTEMPTS and not self._may_have_forgotten(batch, now)
        return self.sender.promise == "exactly_once"

    def _may_have_forgotten(self, batch: Waiting, now: datetime) -> bool:
        """Whether the keys of a batch may mean nothing any more; none was sent before the run that made it."""
        remembers = self.sender.remembers if isinstance(self.sender, ForgetfulSender) else None
        return remembers is not None and now >= batch.as_of + remembers


@dataclass
class _HandOff:
    """One hand-off under way; ``results`` are those of the batches so far."""

    opened: Opened
    definitions: Definitions
    folder: Path
    as_of: datetime
    clock: Callable[[], datetime]
    results: dict[str, HandedBatch] = field(default_factory=dict)

    def note(self, results: Iterable[HandedBatch]) -> None:
        self.results |= {each.batch_id: each for each in results}


def utc_now() -> datetime:
    """The wall clock as naive UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def hand_off(
    opened: Opened,
    definitions: Definitions,
    folder: Path,
    as_of: datetime,
    *,
    clock: Callable[[], datetime] = utc_now,
) -> HandOffResult:
    """Offer every batch of a series that is live or emptying; the others are kept back.

    Where sending is stopped, all of them are. Nobody else may be handing off meanwhile (`pipelines.hand_off.lock`).

    A sender's error leaves its batch as it is, with the error recorded, and the other batches go all the same.

    Args:
        opened: Opens the warehouse, again and again; it is closed while senders send.
        definitions: Say which series may send, and how senders are set up.
        folder: The project's folder.
        as_of: The newest run's instant (naive UTC); messages that expire by then are not sent any more.
        clock: Tells ``handed_off_at`` and ``next_attempt_at``, the times here that are the wall clock's.
    """
    with opened() as warehouse:
        waiting = read_waiting(warehouse)
    state = _HandOff(opened, definitions, folder, as_of, clock)
    state.note(each.stays() for each in waiting)
    stopped = definitions.settings.policy.stopped
    may_go = [each for each in waiting if not stopped and _may_send(definitions, each.series_id)]
    try:
        for (name, _), batches in groupby(may_go, key=lambda each: (each.sender, each.carried)):
            _to_sender(state, name, list(batches))
    except LockedError as error:
        return HandOffResult(tuple(state.results.values()), stopped, str(error))
    return HandOffResult(tuple(state.results.values()), stopped)


def _may_send(definitions: Definitions, series_id: str) -> bool:
    series = definitions.series.get(series_id)
    return series is not None and series.status in ("live", "emptying")


def _to_sender(state: _HandOff, name: str, batches: Sequence[Waiting]) -> None:
    """Offer batches to the one sender they are for."""
    try:
        way = _open(state.definitions.settings, state.folder, name)
    except Exception as error:  # noqa: BLE001 - see `_send`
        with state.opened() as warehouse:
            state.note(mark_errors(warehouse, batches, _reason(error)))
        return
    now = state.clock()
    offered = [each for each in batches if way.offers(each, now)]
    state.note(_kept(way, each, now) for each in batches if each not in offered)
    groups = _groups(offered, MOST_MESSAGES[way.sender.promise])
    if isinstance(way.sender, WarehouseSender):
        for group in groups:
            state.note(_write(state, way.sender, group))
        return
    try:
        _send_groups(state, way, way.sender, groups)
    finally:
        way.sender.close()


def _open(settings: Settings, folder: Path, name: str) -> _Way:
    """The sender; or, where it may not send, files, with the sender itself left unopened."""
    configured = settings.senders.get(name)
    if configured is None:
        raise SenderError(f"There is no sender `{name}` in series.yml; put it back under `senders`.")
    unsent_to = unsent_folder(settings, configured)
    if unsent_to is not None:
        return _Way(FilesSender(LocalFolder(folder / unsent_to)), unsent_to, waits=False)
    return _Way(open_sender(configured, folder), None, find_type(configured.type).takes_outside(configured))


def _kept(way: _Way, batch: Waiting, now: datetime) -> HandedBatch:
    """A batch that is not offered now: its time has not come, or a person has to decide."""
    if batch.status == "failed":
        return batch.stays(f"It was offered {batch.attempts:,} times. {batch.last_error or ''} {_DECIDE}")
    if batch.status == "unknown" and not way.promises_more_than_once(batch, now):
        return batch.stays(f"Nobody knows whether it arrived. {batch.last_error or ''} {_DECIDE}")
    return batch.stays()


_DECIDE = "Decide with `series batches retry` or `series batches drop`."


def _groups(batches: Iterable[Waiting], most_messages: int) -> Iterator[list[Waiting]]:
    """Batches to claim and mark together: one at least, or as many as fit."""
    group: list[Waiting] = []
    size = 0
    for batch in batches:
        # What a run says of a customer's tags must have left before the next run may contradict it.
        must_follow = batch.carried is TAG_WRITES and group and group[-1].as_of != batch.as_of
        if group and (must_follow or size + batch.message_count > most_messages):
            yield group
            group, size = [], 0
        group.append(batch)
        size += batch.message_count
    if group:
        yield group


def _send_groups(state: _HandOff, way: _Way, sender: Sender, groups: Iterable[Sequence[Waiting]]) -> None:
    """Offer group after group; what became of one is marked when the next is claimed."""
    answers: list[Answer] = []
    for group in groups:
        with state.opened() as warehouse:
            _mark(state, way, warehouse, answers)
            with warehouse.transaction():
                claimed, messages, others = claim(warehouse, sender, group, state.as_of)
                over = [each for each in claimed if each.batch_id not in messages]
                state.note([*others, *mark_expired(warehouse, over)])
        answers = _send_group(way, sender, claimed, messages)
    if answers:
        with state.opened() as warehouse:
            _mark(state, way, warehouse, answers)


def _mark(state: _HandOff, way: _Way, warehouse: Warehouse, answers: Sequence[Answer]) -> None:
    if not answers:
        return
    with warehouse.transaction():
        results = mark(warehouse, answers, state.clock())
    state.note(replace(each, unsent_to=way.unsent_to if each.status == "handed_off" else None) for each in results)


def _write(state: _HandOff, sender: WarehouseSender, group: Sequence[Waiting]) -> list[HandedBatch]:
    """Claim, send and mark in one transaction, within the warehouse."""
    with state.opened() as warehouse:
        try:
            with warehouse.transaction():
                claimed, messages, others = claim(warehouse, sender, group, state.as_of)
                left = [each for each in claimed if each.batch_id in messages]
                if left:
                    sender.write(warehouse, [each.batch_id for each in left])
                answers = [Answer(each, messages[each.batch_id].num_rows, outcome=Outcome()) for each in left]
                over = mark_expired(warehouse, [each for each in claimed if each.batch_id not in messages])
                return [*others, *over, *mark(warehouse, answers, state.clock())]
        except StatementError as error:
            return mark_errors(warehouse, group, _reason(error))


def _send_group(
    way: _Way, sender: Sender, batches: Iterable[Waiting], messages: Mapping[str, pa.Table]
) -> list[Answer]:
    """Offer what is left of batches that were claimed together."""

    def send(batch: Waiting) -> Answer:
        return _send(way, sender, batch, messages[batch.batch_id])

    left = [each for each in batches if each.batch_id in messages]
    if not isinstance(sender, ConcurrentSender):
        return [send(each) for each in left]
    with ThreadPoolExecutor(sender.at_once) as threads:
        return list(threads.map(send, left))


def _send(way: _Way, sender: Sender, batch: Waiting, messages: pa.Table) -> Answer:
    in_doubt = batch.status == "unknown" and way.sender.promise != "exactly_once"
    offer = Batch(batch.batch_id, batch.series_id, batch.block_id, batch.channel, batch.as_of, messages, in_doubt)
    answer = Answer(batch, messages.num_rows, waits=way.waits, repeats=way.sender.promise != "at_most_once")
    try:
        return replace(answer, outcome=sender.send(offer).about(messages["message_id"].to_pylist()))
    except UserError as error:
        # Whoever does not take it this time says nothing of the time before.
        is_unknown = in_doubt or isinstance(error, UnansweredError)
        return replace(answer, error=str(error), is_unknown=is_unknown, retry_after=getattr(error, "retry_after", None))
    except Exception as error:  # noqa: BLE001 - a defect of one sender must not hold up what goes through the others
        return replace(answer, error=_reason(error), is_unknown=True)


def _reason(error: Exception) -> str:
    if isinstance(error, (UserError, StatementError)):
        return redact(str(error))
    return redact(f"{type(error).__name__}: {error}")
