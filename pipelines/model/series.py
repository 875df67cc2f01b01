"""One series as its file says: goal, blocks, limits. A rule is still its text; ``pipelines.rules`` reads it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Literal, get_args

from pipelines.model.text import Content, Expression, Text
from pipelines.problems import Position

Status = Literal["draft", "live", "paused", "emptying", "stopped"]
Outcome = Literal["matched", "not_matched", "waited", "tagged", "delivered", "not_delivered", "moved", "removed"]
TagAction = Literal["add", "remove"]
Kind = Literal["rule", "content", "wait", "tag"]

STATUSES: tuple[Status, ...] = get_args(Status)
GOOD_OUTCOMES: tuple[Outcome, ...] = ("matched", "waited", "tagged", "delivered")

RECEIPT_KINDS = ("delivered", "opened", "clicked", "replied", "completed", "dismissed", "reacted")
NON_RECEIPT_KINDS = ("bounced", "failed")
ENGAGEMENT_KINDS = (*RECEIPT_KINDS, *NON_RECEIPT_KINDS, "unsubscribed", "complained")
SUPPRESSING_KINDS = ("bounced", "complained", "unsubscribed")


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
    """``monday 09:00`` or, with ``weekday`` None, ``09:00``: wall clock in ``timezone``, as in `DateTime`."""

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
        gone: Blocks that are not there any more, by id: where customers go on who stand there; nowhere: they leave.
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
    gone: Mapping[str, tuple[Text, ...]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    description: str | None = None
    owner: str | None = None
