"""What a hand-off asks of a sender, and what it gives it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol

from pipelines.problems import UserError

if TYPE_CHECKING:
    import pyarrow as pa

Promise = Literal["exactly_once", "at_least_once", "at_most_once"]
"""How often a message leaves when hand-offs fail, are killed and repeated.

``exactly_once``: offering a batch again is harmless, the sender knows it by its ``batch_id``. ``at_least_once``: it may
leave twice. ``at_most_once``: it may not leave at all.
"""

MESSAGE_COLUMNS = (
    "message_id",
    "customer_id",
    "address",
    "channel",
    "series_id",
    "block_id",
    "entry_id",
    "queued_at",
    "expires_at",
    "payload",
)
"""The columns of ``Batch.messages``, in this order."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages of one block that leave together.

    Attributes:
        batch_id: Names the batch for good: the same id is the same messages.
        as_of: The run (naive UTC) that made it.
        messages: One row per message, ordered by ``message_id``, with ``MESSAGE_COLUMNS``; at least one row. Times are
            naive UTC, ``payload`` is the text of a JSON object, ``address`` is null for a channel that needs none.
    """

    batch_id: str
    series_id: str
    block_id: str
    channel: str
    as_of: datetime
    messages: pa.Table


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sender says of a batch that it took; ``accepted`` counts messages."""

    accepted: int


class SenderError(UserError):
    """A sender that cannot take a batch now; the text says why and holds nothing about customers."""


class Sender(Protocol):
    """One way out. Whether it reaches outside stands in its `SenderType`, so that nobody has to open it to know."""

    @property
    def promise(self) -> Promise:
        """How often a message leaves."""

    def has(self, batch_id: str) -> bool:
        """Whether an earlier offer of this batch has, or may have, arrived; its messages must then stay the same."""

    def send(self, batch: Batch) -> Outcome:
        """Take a batch, all of it.

        Raises:
            SenderError: It was not taken; offering it again later is right.
        """
