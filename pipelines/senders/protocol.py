"""What a hand-off asks of a sender, and what it gives it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

from pipelines.problems import UserError

if TYPE_CHECKING:
    import pyarrow as pa

    from warehouse.adapter import Warehouse

Promise = Literal["exactly_once", "at_least_once", "at_most_once"]
"""How often a message leaves when hand-offs fail, are killed and repeated.

``exactly_once``: offering a batch again is harmless, the sender knows it by its ``batch_id``. ``at_least_once``: the
same messages may leave twice, under the same ``batch_id``, so that whoever gets them can tell. ``at_most_once``: nobody
could tell, so a batch of which nobody knows whether it left waits for a person.
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
    """Messages, or tag writes, of one block that leave together.

    Attributes:
        batch_id: Names the batch for good: the same id is the same messages.
        as_of: The run (naive UTC) that made it.
        channel: The kind of content; ``tags`` for tag writes.
        messages: One row per message, ordered by ``message_id``, with ``MESSAGE_COLUMNS``; at least one row. Times are
            naive UTC, ``payload`` is the text of a JSON object, ``address`` is null for a channel that needs none.
            What is said of messages here is true of tag writes, for senders that take them.
        in_doubt: Whether nobody knows if an earlier offer of it was taken.
    """

    batch_id: str
    series_id: str
    block_id: str
    channel: str
    as_of: datetime
    messages: pa.Table
    in_doubt: bool = False

    @property
    def head(self) -> dict[str, str | int]:
        """What is said of a batch before its messages, ready for JSON; in every sender the same words."""
        return {
            "batch_id": self.batch_id,
            "series_id": self.series_id,
            "block_id": self.block_id,
            "channel": self.channel,
            "as_of": f"{self.as_of.isoformat()}Z",
            "message_count": self.messages.num_rows,
        }


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sender says of a batch that it took, by ``message_id``; messages that it does not name are accepted.

    The reasons hold nothing about customers: codes, not the words of a server, who likes to quote addresses.

    Attributes:
        refused: For good, with the reason; they are not offered again.
        deferred: Refused for now; they go on in a new batch.
        unanswered: Nobody knows.
        provider_ids: What the provider calls accepted messages.
        retry_after: Seconds that deferred messages wait at least.
    """

    refused: Mapping[str, str] = field(default_factory=dict)
    deferred: Mapping[str, str] = field(default_factory=dict)
    unanswered: Mapping[str, str] = field(default_factory=dict)
    provider_ids: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None

    def about(self, message_ids: Collection[str]) -> Outcome:
        """What it says of these messages, as texts that a warehouse can hold.

        A server may name what it was never sent; whatever that is, it must not be offered again because of it.
        """
        ours = frozenset(message_ids)

        def about(said: Mapping[str, str]) -> dict[str, str]:
            return {message_id: _storable(text) for message_id, text in said.items() if message_id in ours}

        said = about(self.refused), about(self.deferred), about(self.unanswered), about(self.provider_ids)
        return Outcome(*said, self.retry_after)


def _storable(text: str) -> str:
    """JSON can name halves of characters, which no table takes.

    >>> _storable("id-1"), _storable(chr(0xD800))
    ('id-1', '?')
    """
    return text.encode("utf-8", "replace").decode()


class SenderError(UserError):
    """A batch that a sender did not take, none of it; the text says why and holds nothing about customers.

    Attributes:
        retry_after: Seconds that it waits at least until it is offered again; None: as long as is usual.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnansweredError(SenderError):
    """A batch that was offered, and of which nobody knows whether it was taken."""


class Sender(Protocol):
    """One way out. Whether it reaches outside stands in its `SenderType`, so that nobody has to open it to know."""

    @property
    def promise(self) -> Promise:
        """How often a message leaves."""

    def has(self, batch_id: str) -> bool:
        """Whether an earlier offer has, or may have, left a trace of this batch; its messages then stay the same."""

    def send(self, batch: Batch) -> Outcome:
        """Take a batch, and say of which messages something else is to be said.

        Raises:
            UserError: It was not taken now, none of it; offering it again later is right.
            UnansweredError: Nobody knows whether it was taken. Any other exception says the same.
        """

    def close(self) -> None:
        """Give back what stayed open between batches; there may be more of them."""


@runtime_checkable
class ForgetfulSender(Sender, Protocol):
    """A way out that knows a repeat by its key, and not for ever."""

    @property
    def remembers(self) -> timedelta | None:
        """How long it knows a key again, from the first time it gets it; None: it knows none."""


@runtime_checkable
class ConcurrentSender(Sender, Protocol):
    """A way out that takes several batches at the same time, each in a thread of its own, and in any order."""

    @property
    def at_once(self) -> int:
        """How many batches at most."""


@runtime_checkable
class WarehouseSender(Protocol):
    """A way out that ends within the warehouse, so that messages leave in the transaction that marks them."""

    @property
    def promise(self) -> Promise:
        """How often a message leaves: exactly once."""

    def has(self, batch_id: str) -> bool:
        """Whether an earlier offer left a trace: never, what fails is rolled back."""

    def write(self, warehouse: Warehouse, batch_ids: Sequence[str]) -> None:
        """Take the queued messages of these batches (see ``series_state.outgoing``), inside the caller's transaction.

        Raises:
            StatementError: They cannot be written.
        """
