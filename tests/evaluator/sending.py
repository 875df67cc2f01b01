"""When messages may be sent: SPEC 5.4, and the sending policy as README, "When messages may be sent", tells it.

Row by row: each message is asked for in its turn, and sees what was queued before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tests.evaluator.clock import window_is_open
from tests.evaluator.definition import Block, Project, Series, duration
from tests.evaluator.state import Entry, Message
from tests.evaluator.this import Run


@dataclass(frozen=True)
class Copy:
    """One customer's copy of one block."""

    series: Series
    entry: Entry
    block: Block

    def place(self) -> tuple[Any, ...]:
        """Whose turn is first: by priority, then who entered first, then by series and block."""
        return -self.series.priority, self.entry.entered_at, self.series.id, self.block.id


def send(this: Run, copies: list[Copy]) -> None:
    """Queues what may be sent now; of the rest, `blocked_by` says why not.

    Reading: while a lag keeps a visit beyond its deadline, `blocked_by` still says what would keep a message back, but
    it takes no turn any more.
    """
    for copy in sorted(copies, key=Copy.place):
        visit = copy.entry.visits[copy.block.id]
        deadline = visit.arrived_at + copy.block.try_for
        visit.blocked_by = blocked_by(this, copy.entry, copy.block)
        if visit.blocked_by is None and this.as_of < deadline:
            visit.blocked_by = exhausted(this, copy)
            if visit.blocked_by is None:
                queue(this, copy, deadline)


def blocked_by(this: Run, entry: Entry, block: Block) -> str | None:
    """What keeps the message from being sent whatever others do, of several the first in this order."""
    view, channel = this.view(entry.customer_id), this.project.channel(block.channel)
    if channel.address and not str(view.value(channel.address) or "").strip():
        return "no_address"
    if channel.consent and not view.holds(channel.consent):
        return "no_consent"
    zone = this.world.customers[entry.customer_id].get("timezone")
    if not window_is_open(block.send, this.as_of, zone, this.project.timezone):
        return "send_window"
    return "quiet_hours" if is_quiet(this.project, block.channel, this.as_of, zone) else None


def is_quiet(project: Project, channel: str, as_of: datetime, customer_zone: Any) -> bool:
    """Quiet hours are a window like any other, only that nothing is sent while it is open."""
    quiet = project.sending.get("quiet_hours")
    if quiet is None or channel not in quiet.get("channels", [channel]):
        return False
    return window_is_open(quiet, as_of, customer_zone, project.timezone)


def exhausted(this: Run, copy: Copy) -> str | None:
    """The cap or gap that leaves no room; a cap where both do."""
    customer_id, channel = copy.entry.customer_id, copy.block.channel
    for reason, limits in (("cap", caps(this.project)), ("gap", gaps(this.project))):
        for whose, most, within in limits:
            if whose in (channel, "all") and len(list(recent(this, customer_id, whose, within))) >= most:
                return reason
    return None


Limits = Iterator[tuple[str, int, timedelta]]  # channel or `all`, how many, within which time


def caps(project: Project) -> Limits:
    for whose, said in project.sending.get("caps", {}).items():
        for cap in [said] if isinstance(said, str) else said:
            most, within = cap.split(" per ")
            yield whose, int(most), duration(within)


def gaps(project: Project) -> Limits:
    said = project.sending.get("gap", {})
    for whose, within in {"all": said}.items() if isinstance(said, str) else said.items():
        yield whose, 1, duration(within)


def recent(this: Run, customer_id: str, channel: str, within: timedelta) -> Iterator[Message]:
    """The customer's messages queued within (T - within, T], whatever their series."""
    for entry in this.state.entries:
        for message in entry.messages.values():
            is_meant = entry.customer_id == customer_id and channel in (message.channel, "all")
            if is_meant and this.as_of - within < message.queued_at <= this.as_of:
                yield message


def queue(this: Run, copy: Copy, deadline: datetime) -> None:
    """The message; on a channel without receipts queueing is its receipt."""
    channel = this.project.channel(copy.block.channel)
    address = this.view(copy.entry.customer_id).value(channel.address) if channel.address else None
    received_at = None if channel.receipts else this.as_of
    message = Message(copy.block.id, copy.block.channel, address, this.as_of, deadline, received_at)
    copy.entry.messages[copy.block.id] = message
