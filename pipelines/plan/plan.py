"""A plan, as data; `series plan --format json` has these fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pipelines.guards import GuardFinding


@dataclass(frozen=True, slots=True)
class BlockChange:
    """One block that is not as it was at the newest run.

    Attributes:
        change: ``kind``: there is another kind of block under its name now.
        kind: Of the block now; None where it is gone.
        was: Its kind at the newest run; None where it is new.
        keys: Where it is ``changed``: the keys of its definition that say something else.
        customers: How many stand there now, before the run.
        leads_to: Where it is ``gone``: the blocks to which `moved` leads them, none where `removed` ends their path;
            None: neither names it.
    """

    block_id: str
    change: Literal["new", "gone", "kind", "changed"]
    kind: str | None
    was: str | None
    keys: tuple[str, ...] = ()
    customers: int = 0
    leads_to: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What is different in a definition since its newest run.

    Attributes:
        is_read: Whether the former text could be read by today's rules; otherwise only ``diff`` says what changed.
        keys: Keys of the series itself, and ``order of blocks``.
        blocks: In the order of the file; those that are gone come last.
        segments: Segments that the series uses, by name.
        files: Files of its messages, by their path from ``series_definitions/``.
        diff: The texts as a unified diff, with the segments and files that they name as comments at the end.
    """

    is_read: bool
    keys: tuple[str, ...] = ()
    blocks: tuple[BlockChange, ...] = ()
    segments: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    diff: str = ""


@dataclass(frozen=True, slots=True)
class PlannedMessages:
    """What the run would queue at one block.

    Attributes:
        held: Whether a guard would hold its batches until a person decides.
    """

    block_id: str
    channel: str
    messages: int
    batches: int
    held: bool


@dataclass(frozen=True, slots=True)
class Departures:
    """Customers who would leave one block that is gone: ``moved`` to where the file says, or ``removed``."""

    block_id: str
    outcome: Literal["moved", "removed"]
    customers: int


@dataclass(frozen=True, slots=True)
class BlockedMessages:
    """Customers who would wait at one block for a message that may not be sent now, and why."""

    block_id: str
    blocked_by: str
    customers: int


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """What the run would do with one series.

    Attributes:
        title: None where the definition has none.
        status: As the definition says; None where there is no file any more.
        state: ``runs``; ``fails``; ``idle``: it takes no part; ``gone``: it has no file, and customers stand in it.
        reason: Why, when it is not ``runs``.
        last_run: Newest ``as_of``, naive UTC; None where it never ran.
        definition: Beside the version that ran last; None where there is no file any more.
        changes: What changed; None where nothing did.
        customers: How many customers stand in it now, before the run.
        counts: What the run would do, as in ``series.ticks``; empty when it is not ``runs``.
    """

    series_id: str
    title: str | None
    status: str | None
    state: Literal["runs", "fails", "idle", "gone"]
    reason: str
    last_run: datetime | None
    definition: Literal["new", "changed", "same"] | None
    changes: Changes | None = None
    customers: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    messages: tuple[PlannedMessages, ...] = ()
    departures: tuple[Departures, ...] = ()
    blocked: tuple[BlockedMessages, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What the run at one instant would do.

    Attributes:
        target: The target that it is for; None: the project has no targets.
        as_of: The instant, naive UTC.
        series: In the order of their files; those without one last.
        guards: The limits that the run would go beyond.
    """

    target: str | None
    as_of: datetime
    series: tuple[SeriesPlan, ...]
    guards: tuple[GuardFinding, ...] = ()
