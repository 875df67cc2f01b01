"""A batch on its way to a sender, as values: waiting, answered, and what became of it.

Whatever is said of messages here is true of tag writes, which batches carry as well (`pipelines.hand_off.carried`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.backoff import MOST_ATTEMPTS, seconds_until_next
from pipelines.hand_off.carried import Carried, carried_by
from pipelines.senders.protocol import Outcome


@dataclass(frozen=True, slots=True)
class Waiting:
    """A row of ``series.batches`` that has not left; ``status`` is ``pending``, ``unknown`` or ``failed``.

    Attributes:
        attempts: How often it was offered, in the batches it came from too.
        offers: How often it was offered under its own id.
    """

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
    offers: int = 0

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
