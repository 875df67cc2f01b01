"""A project's definitions as frozen values: what the YAML says, checked for shape, with positions kept.

Nothing here knows SQL. A rule is still its text (``Expression``); ``pipelines.rules`` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Literal, get_args

from pipelines.origin import Attachment, Origin
from pipelines.problems import Position
from pipelines.secret import Secret

Status = Literal["draft", "live", "paused", "emptying", "stopped"]
Outcome = Literal["matched", "not_matched", "waited", "tagged", "delivered", "not_delivered"]
TagAction = Literal["add", "remove"]
Kind = Literal["rule", "content", "wait", "tag"]

STATUSES: tuple[Status, ...] = get_args(Status)
GOOD_OUTCOMES: tuple[Outcome, ...] = ("matched", "waited", "tagged", "delivered")

RECEIPT_KINDS = ("delivered", "opened", "clicked", "replied", "completed", "dismissed", "reacted")
NON_RECEIPT_KINDS = ("bounced", "failed")
ENGAGEMENT_KINDS = (*RECEIPT_KINDS, *NON_RECEIPT_KINDS, "unsubscribed", "complained")
SUPPRESSING_KINDS = ("bounced", "complained", "unsubscribed")


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar of a definition with the place where it stands.

    Attributes:
        value: The text as YAML reads it.
        position: Where the scalar's first character stands (after an opening quote).
        lines: The source lines the scalar covers, as they stand in the file; for caret lines.
        exact: Whether ``value`` stands in ``lines`` character for character, white space aside (lines may be indented
            and folded), so that the place of every character is known.
    """

    value: str
    position: Position
    lines: tuple[str, ...] = ()
    exact: bool = False

    def at(self, offset: int) -> Position:
        """The place of the first character at or after ``offset`` of ``value`` that is no white space.

        Behind the last one it is the place after that; where places are not known, the scalar's start.
        """
        if not self.exact:
            return self.position
        line, column = 0, self.position.column - 1
        for number, letter in enumerate(self.value):
            if letter.isspace():
                continue
            while (at_end := column >= len(self.lines[line])) or self.lines[line][column].isspace():
                line, column = (line + 1, 0) if at_end else (line, column + 1)
            if number >= offset:
                break
            column += 1
        return Position(self.position.file, self.position.line + line, column + 1)

    def __str__(self) -> str:
        return self.value


Expression = Text
"""A rule or value expression, not yet parsed."""


Content = Text | tuple["Content", ...] | Mapping[str, "Content"]
"""What a field of a message holds: a template, or lists and mappings of them (the steps of a tour)."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a series (or message) is for: ``rule`` holding within ``within`` of entering (of receipt).

    ``value`` is a number for each entry that reaches it, such as the money spent; None: it has no value.
    """

    rule: Expression
    within: timedelta
    exits: bool = True
    value: Expression | None = None


@dataclass(frozen=True, slots=True)
class Reentry:
    """A customer may enter again ``after`` the last entry ended; ``limit`` counts all entries, None is no limit."""

    after: timedelta
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class SendWindow:
    """When a message may be sent.

    Attributes:
        days: Weekdays (0 is Monday) on which a window begins; all seven when not given.
        start: ``HH:MM``, counts; None is midnight.
        stop: ``HH:MM``, does not count; at or before ``start`` the window runs over midnight; None is midnight.
        timezone: ``customer``, an IANA zone, or None for the project's.
    """

    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    start: str | None = None
    stop: str | None = None
    timezone: str | None = None


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
class Block:
    """One block of a series. ``then`` and ``els`` name the blocks that its good and bad outcomes lead to."""

    block_id: str
    position: Position
    label: str | None = None
    then: tuple[Text, ...] = ()
    els: tuple[Text, ...] = ()

    @property
    def kind(self) -> Kind:
        """The kind of block, as in YAML."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class RuleBlock(Block):
    """Passes on who matches; ``within`` None means it is decided the moment it is reached."""

    rule: Expression = field(kw_only=True)
    within: timedelta | None = None

    @property
    def kind(self) -> Kind:
        """Always ``rule``."""
        return "rule"


@dataclass(frozen=True, slots=True)
class ContentBlock(Block):
    """Sends one message; ``fields`` are what its channel needs (``subject``, ``steps``, ...), still as templates.

    With ``once_per_address`` an address gets it once, whoever has the address and however often they enter.
    """

    channel: Text = field(kw_only=True)
    fields: Mapping[str, Content] = field(default_factory=dict)
    try_for: timedelta = timedelta(days=3)
    send: SendWindow | None = None
    once_per_address: bool = False
    goal: Goal | None = None

    @property
    def kind(self) -> Kind:
        """Always ``content``."""
        return "content"


@dataclass(frozen=True, slots=True)
class WeekdayTime:
    """``monday 09:00`` or, with ``weekday`` None, ``09:00``: wall clock in ``timezone`` (None: the project's)."""

    time: str
    weekday: int | None = None
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class DateTime:
    """A fixed instant: ``local`` is ISO text without zone, wall clock in ``timezone``.

    ``timezone`` is an IANA zone, an offset such as ``+02:00``, or None for the project's.
    """

    local: str
    timezone: str | None = None


@dataclass(frozen=True, slots=True)
class WaitBlock(Block):
    """Holds until elapsed time, a wall-clock moment, or a timestamp expression over the customer's attributes."""

    until: timedelta | WeekdayTime | DateTime | Expression = field(kw_only=True)

    @property
    def kind(self) -> Kind:
        """Always ``wait``."""
        return "wait"


@dataclass(frozen=True, slots=True)
class TagBlock(Block):
    """Adds or removes a tag."""

    tag: Text = field(kw_only=True)
    action: TagAction = "add"

    @property
    def kind(self) -> Kind:
        """Always ``tag``."""
        return "tag"


AnyBlock = RuleBlock | ContentBlock | WaitBlock | TagBlock


@dataclass(frozen=True, slots=True)
class Guards:
    """Limits that hold back the batches of a run which goes beyond them; None: there is no such limit.

    Attributes:
        messages_per_run: Messages of one run; of all series together that have no limit of their own.
        messages_per_customer: Messages to one customer in one run, counted likewise.
        volume: How many times its usual volume a series may send in a day.
        entry_share: Percent of all customers that an entry rule may match anew in one run.
        off: Of a series: the project's limits that do not count for it.
    """

    messages_per_run: int | None = None
    messages_per_customer: int | None = None
    volume: int | None = None
    entry_share: Decimal | None = None
    off: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Series:
    """One series, as its file says.

    Attributes:
        series_id: The file's name and the value of ``series``.
        file: Path relative to the project, with ``/``.
        text: The file's text, recorded with each run under its hash.
        schedule: Five-field cron expression in UTC (``hourly`` and ``nightly`` are already translated).
        holdout: Percent of customers kept aside, 0 to 100.
        priority: Whose messages go first where a cap or gap lets only some through; the higher.
        blocks: By id, in the file's order; the order decides ties.
        guards: Limits of its own, in place of the project's.
        files: The texts of the files that its messages name, by path; they belong to it like its own text.
        description: What the series is for; None when nobody wrote it down.
        owner: Who answers for the series; None likewise.
    """

    series_id: str
    position: Position
    file: str
    text: str
    status: Status
    schedule: str
    blocks: Mapping[str, AnyBlock]
    title: str | None = None
    exit: Expression | None = None
    goal: Goal | None = None
    reentry: Reentry | None = None
    idle_exit: timedelta | None = None
    holdout: Decimal = Decimal(0)
    priority: int = 0
    guards: Guards = Guards()
    breakdowns: tuple[Text, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None
    owner: str | None = None


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
    guards: Guards = Guards()
    publish: str = "every_run"
    tag_sender: str | None = None
    former_warehouse_path: str | None = None


@dataclass(frozen=True, slots=True)
class Definitions:
    """All that a project's files say: settings, series by id, and segments by name.

    ``refused`` holds what could be read of files with errors, to find further ones; it is never run. ``settings`` are
    those of the chosen target, ``other_targets`` those of the others by name.
    """

    settings: Settings
    series: Mapping[str, Series]
    segments: Mapping[str, Expression]
    refused: Mapping[str, Series] = field(default_factory=dict)
    other_targets: Mapping[str, Settings] = field(default_factory=dict)
