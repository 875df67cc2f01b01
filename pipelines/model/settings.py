"""``series.yml`` as it is for one target: sources, channels, senders, and what holds messages back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Literal

from pipelines.model.series import Guards, SendWindow
from pipelines.model.text import Expression, Text
from pipelines.origin import Attachment, Origin
from pipelines.problems import Position
from pipelines.secret import Secret


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When nobody is sent anything, whatever a block's own window says; ``channels`` empty means all of them."""

    window: SendWindow
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limit:
    """At most so many messages to one customer within a time.

    Attributes:
        reason: ``gap`` allows one message.
        channel: None: messages of all channels together.
        within: How far back messages count; one that is exactly so old does not.
    """

    reason: Literal["cap", "gap"]
    channel: str | None
    most: int
    within: timedelta


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds messages of every series back.

    Attributes:
        quiet_hours: None: there are none.
        limits: Caps and gaps.
        suppress: Kinds of engagement after which an address gets no more messages of the channel.
        test_customers: Rule over attributes; whom it holds for is kept waiting by no clock, cap or gap. None: nobody.
        stopped: Nothing is queued and nothing is handed off.
    """

    quiet_hours: QuietHours | None = None
    limits: tuple[Limit, ...] = ()
    suppress: tuple[str, ...] = ()
    test_customers: Expression | None = None
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """Where one logical source is.

    Attributes:
        name: ``customers``, ``companies``, ``customer_companies``, ``events``, ``engagements`` or ``customer_tags``.
        table: Dotted name as written, e.g. ``crm.contacts``; the source's own name where ``origin`` says otherwise.
        origin: Where the rows come from, when it is not that table.
        columns: Logical column name to the table's own, for those that differ.
        types: Logical column name to the engine's type that it is read as, for those that the file gives one.
        lag: How late rows may arrive; decisions that a deadline makes wait for it.
        max_age: How old the newest row may be at a run; None: any age.
        updated_at: The column of `customers` that says when a row was changed, for ``max_age``.
        max_drop: Percent of the rows of the run before that may be missing; None: any number.
        position: Where ``series.yml`` says so; None for a default.
        asset_key: The Dagster asset that fills the table, its parts joined by ``/``; None: it is called as the table.
    """

    name: str
    table: str
    columns: Mapping[str, str] = field(default_factory=dict)
    lag: timedelta = timedelta(0)
    max_age: timedelta | None = None
    updated_at: Text | None = None
    max_drop: Decimal | None = None
    position: Position | None = None
    origin: Origin | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    asset_key: str | None = None

    @property
    def where(self) -> str:
        """Where the rows come from, in a word or two."""
        return self.table if self.origin is None else str(self.origin)


@dataclass(frozen=True, slots=True)
class Channel:
    """How one kind of content reaches people.

    Attributes:
        address: Expression that must be known and not blank; None: everybody can be reached.
        consent: Rule that must hold; None: none is asked.
        receipts: Whether engagements prove receipt; without, queueing counts as delivery.
        engagements: What customers can do with its messages, as rules call it; None: nobody says.
    """

    name: str
    address: Expression | None = None
    consent: Expression | None = None
    receipts: bool = True
    sender: str = "outbox"
    engagements: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Sender:
    """One configured way out.

    Attributes:
        options: The remaining keys of its type.
        secrets: Those that no file holds.
        details: What its type makes of the keys that are more than a text; None: it has none.
    """

    name: str
    type: str
    options: Mapping[str, str] = field(default_factory=dict)
    position: Position | None = None
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    details: object | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """``series.yml`` as it is for one target, with every default filled in.

    Attributes:
        target: The target's name; None: the file has no ``targets``.
        sends: Whether senders that reach outside may send.
        tag_sender: The sender that takes tag writes; None: they do not leave.
        former_warehouse_path: ``warehouse_path`` without the target's name in it; None: none was added.
    """

    warehouse_path: str
    timezone: str
    sources: Mapping[str, Source]
    channels: Mapping[str, Channel]
    senders: Mapping[str, Sender]
    batch_size: int = 500
    policy: Policy = Policy()
    target: str | None = None
    sends: bool = False
    attachments: Mapping[str, Attachment] = field(default_factory=dict)
    dbt_project: str = "."
    dbt_target_path: str = "target"
    guards: Guards = field(default_factory=Guards)
    publish: str = "every_run"
    tag_sender: str | None = None
    former_warehouse_path: str | None = None
