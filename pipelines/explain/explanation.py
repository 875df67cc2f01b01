"""What an explanation says, as data; ``series explain --format json`` writes these classes as objects, field by field.

Instants are naive UTC. A ``code`` is for machines and stays; a ``message`` is a sentence for people and may change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipelines.rules.parts import PartKind

Value = str | int | float | bool | datetime | None
"""What a rule saw; None is unknown. What is neither text, number, time nor boolean is its text."""


@dataclass(frozen=True, slots=True)
class SeenValue:
    """One value that a condition looks at: a column or a call, as the rule writes it.

    Beside each ``did`` stands the ``event_count`` that it rests on.
    """

    name: str
    value: Value


@dataclass(frozen=True, slots=True)
class JudgedPart:
    """A rule, or one of the parts that `and`, `or` and `not` join.

    Attributes:
        kind: ``and``, ``or``, ``not``, ``segment`` (the rule behind `in_segment`) or ``condition``.
        text: As the definition writes it, on one line.
        holds: Whether it holds, two-valued: with unknown values a comparison is false.
        values: Of a condition: what it saw.
        parts: What it is made of; a condition has none.
    """

    kind: PartKind
    text: str
    holds: bool
    values: tuple[SeenValue, ...]
    parts: tuple[JudgedPart, ...]


@dataclass(frozen=True, slots=True)
class JudgedCase:
    """A rule as it was judged once: for the customer, or for the customer and one company.

    Attributes:
        company_id: The company; None: the rule asks for no company, or the customer has none.
    """

    company_id: str | None
    part: JudgedPart


@dataclass(frozen=True, slots=True)
class Judgement:
    """A rule, judged at an instant.

    Events and engagements are as of the instant. Attributes and companies are as the sources have them now, tags and
    other series as the newest commit left them: what a run saw in the past may have been something else.

    Attributes:
        rule: Its text.
        judged_at: The instant.
        holds: Whether it holds; of several companies one is enough. None: the customer is not in `customers`.
        cases: One; of a rule that asks for companies one for each, those for which it holds first. None where it
            cannot be judged.
    """

    rule: str
    judged_at: datetime
    holds: bool | None
    cases: tuple[JudgedCase, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is as it is.

    Attributes:
        code: One of those that README lists.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class EntryRule:
    """An entry rule as it stands."""

    block_id: str
    label: str | None
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Entering:
    """Whether a run of the series would let the customer in, as everything stands at ``as_of``; and why not.

    Attributes:
        arrives_at: The entry rules at which the customer would arrive: of a new entry, or of the entry that goes on.
            Empty: at none.
        reasons: Why not, the decisive ones first; one that says how where they would.
    """

    arrives_at: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Engagement:
    """The first engagement of a kind with a message that a run has seen."""

    kind: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Message:
    """The message of a visit.

    Attributes:
        address: None: its channel needs none.
        status: ``queued``, ``handed_off``, ``refused``, ``expired``, ``dropped`` or ``unknown``.
        received_at: First proof of receipt; None: none yet.
        batch_status: ``pending``, ``held``, ``handed_off``, ``unknown``, ``failed`` or ``dropped``.
        handed_off_at: Wall clock at which the sender accepted the batch; None: not yet.
        last_error: What the sender said last of the batch, or why it waits; None: nothing went wrong.
        engagements: Oldest first.
        goal: The message's own goal; None: it has none, or was not received.
        goal_at: When that was seen to hold; None: not so far.
        explained: What its status means, in a sentence; of one that is queued, what it waits for.
    """

    message_id: str
    channel: str
    address: str | None
    status: str
    queued_at: datetime
    expires_at: datetime
    received_at: datetime | None
    batch_id: str
    batch_status: str | None
    sender: str | None
    handed_off_at: datetime | None
    last_error: str | None
    engagements: tuple[Engagement, ...]
    goal: Judgement | None
    goal_at: datetime | None
    explained: str


@dataclass(frozen=True, slots=True)
class TagWrite:
    """A tag written by a visit; ``status`` None: it stays here, as no sender takes tags."""

    tag: str
    action: str
    as_of: datetime
    status: str | None


@dataclass(frozen=True, slots=True)
class Move:
    """An advance; with ``merged`` the entry had visited that block before, and it goes no further."""

    block_id: str
    advanced_at: datetime
    merged: bool


@dataclass(frozen=True, slots=True)
class Visit:
    """One block reached within an entry.

    Attributes:
        label: Its label; None: it has none.
        kind: ``rule``, ``content``, ``wait`` or ``tag``; None: the block is gone, and nothing tells any more.
        is_defined: Whether the definition still has the block.
        does: What the block does, in a few words; None: it is gone.
        changed: Whether the series ran in another version when it moved the customer here, or on from here.
        deadline_at: When waiting ends at the latest; None: no such moment, or not known yet.
        left_at: None: they are still there.
        outcome: The block's outcome, or the status with which the entry ended; None: still there.
        blocked_by: Why the message is not queued yet; None: nothing is in the way, or it is no content block.
        explained: What the customer waits for there, or how they left, in a sentence.
        led_to: Where it led.
        rule: The rule of the block, judged at the instant at which it is decided. Of the past: see `Judgement`.
        consent: What the channel asks before it sends; only where a message waits.
        values: Of a wait for a time of the customer's: that time, and what it is computed from. Of a message that
            waits: likewise its address.
    """

    block_id: str
    label: str | None
    kind: str | None
    is_defined: bool
    does: str | None
    changed: bool
    arrived_at: datetime
    deadline_at: datetime | None
    left_at: datetime | None
    outcome: str | None
    blocked_by: str | None
    explained: str
    led_to: tuple[Move, ...]
    rule: Judgement | None
    consent: Judgement | None
    values: tuple[SeenValue, ...]
    message: Message | None
    tags: tuple[TagWrite, ...]


@dataclass(frozen=True, slots=True)
class NotReached:
    """A content block that an entry has not reached, and the blocks that are why."""

    block_id: str
    label: str | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One passage of the customer through the series.

    Attributes:
        explained: What its status means, in a sentence.
        goal: The goal, judged at the instant that decides or decided it; None: the series has none.
        goal_until: The end of its window; None likewise.
        goal_closed: The window has ended without the goal, for good.
        exit: The exit rule, judged at the newest run, or when it ended the entry; None: it decides nothing here.
        visits: In the order of arrival.
        not_reached: Content blocks of the definition as it is now.
    """

    entry_id: int
    entry_number: int
    arm: str
    entered_at: datetime
    status: str
    ended_at: datetime | None
    goal_at: datetime | None
    goal_met_at_entry: bool
    explained: str
    goal: Judgement | None
    goal_until: datetime | None
    goal_closed: bool
    exit: Judgement | None
    visits: tuple[Visit, ...]
    not_reached: tuple[NotReached, ...]


@dataclass(frozen=True, slots=True)
class SeriesExplanation:
    """What happened to the customer in one series.

    Attributes:
        title: None: it has none.
        status: As the definition says; None: there is no definition any more.
        last_run: Newest ``as_of``; None: it has not run yet.
        as_of: The instant at which rules are judged: that of the newest run, unless the caller names one; now, where
            it has not run yet.
        changed: Whether the definition is another one than that of the newest run.
        fails: Why the series cannot run as it is; None: it can.
        entering: Whether they would enter; None: there is no definition any more.
        exit: The exit rule, judged for whoever would enter; None: it has none.
        entries: Oldest first.
    """

    series_id: str
    title: str | None
    status: str | None
    last_run: datetime | None
    as_of: datetime
    changed: bool
    fails: str | None
    entering: Entering | None
    entry_rules: tuple[EntryRule, ...]
    exit: Judgement | None
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What happened to one customer, by series, and why.

    Attributes:
        customer_id: As text.
        is_missing: They are not in `customers` now; what is said is what runs have left.
        series: In the definitions' order, then by name those whose definition is gone.
    """

    customer_id: str
    target: str | None
    is_missing: bool
    series: tuple[SeriesExplanation, ...]
