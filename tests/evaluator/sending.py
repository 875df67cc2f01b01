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
from tests.evaluator.rules import parse
from tests.evaluator.state import Entry, Message, Visit
from tests.evaluator.this import Run


@dataclass(frozen=True)
class Copy:
    """One customer's copy of one block."""

    series: Series
    entry: Entry
    block: Block

    @property
    def visit(self) -> Visit:
        return self.entry.visits[self.block.id]

    def place(self) -> tuple[Any, ...]:
        """Whose turn is first: by priority, then who entered first, then by series and block."""
        return -self.series.priority, self.entry.entered_at, self.series.id, self.block.id


def send(this: Run, copies: list[Copy]) -> None:
    """Queues what may be sent now; of the rest, `blocked_by` says why not.

    Reading: while a lag keeps a visit beyond its deadline, `blocked_by` still says what would keep a message back, but
    it takes no turn any more.
    """
    for copy in copies:
        copy.visit.blocked_by = blocked_by(this, copy)
    going = []
    for copy in sorted(copies, key=Copy.place):
        deadline = copy.visit.arrived_at + copy.block.try_for
        if copy.visit.blocked_by is None and this.as_of < deadline:
            copy.visit.blocked_by = None if is_test_customer(this, copy) else exhausted(this, copy)
            if copy.visit.blocked_by is None:
                queue(this, copy, deadline)
                going.append(copy)
    for copy in going:
        if copy.block.once_per_address and any(goes_before(this, other, copy) for other in going):
            copy.visit.blocked_by = "suppressed"
    for copy in going:
        if copy.visit.blocked_by:
            del copy.entry.messages[copy.block.id]


def goes_before(this: Run, one: Copy, other: Copy) -> bool:
    """Whether one is the same message to the same address as the other, and its customer entered first."""
    same = (one.series.id, one.block.id) == (other.series.id, other.block.id)
    if not same or address(this, one) != address(this, other):
        return False
    return (one.entry.entered_at, one.entry.customer_id) < (other.entry.entered_at, other.entry.customer_id)


def blocked_by(this: Run, copy: Copy) -> str | None:
    """What keeps the message from being sent whatever others do, of several the first in this order."""
    view, channel = this.view(copy.entry.customer_id), this.project.channel(copy.block.channel)
    if channel.address and not address(this, copy):
        return "no_address"
    if channel.consent and not view.holds(channel.consent):
        return "no_consent"
    if is_suppressed(this, copy):
        return "suppressed"
    zone, project = this.world.customers[copy.entry.customer_id].get("timezone"), this.project
    if not is_test_customer(this, copy):
        send = copy.block.send and {"timezone": copy.block.zone or project.timezone} | copy.block.send
        if not window_is_open(send, this.as_of, zone, project.timezone):
            return "send_window"
        if is_quiet(project, copy.block.channel, this.as_of, zone):
            return "quiet_hours"
    return "stopped" if project.sending.get("stopped") else None


def address(this: Run, copy: Copy) -> str:
    """The customer's address now, as addresses are compared."""
    expression = this.project.channel(copy.block.channel).address
    return as_compared(this.view(copy.entry.customer_id).value(expression) if expression else None)


def as_compared(text: Any) -> str:
    """Letter case and space around it make no difference."""
    return str(text or "").strip().lower()


def is_suppressed(this: Run, copy: Copy) -> bool:
    """Something bad came back from the address in this channel, or it has the message that it gets once."""
    kinds, mine = this.project.sending.get("suppress", []), address(this, copy)
    for entry in this.state.entries if mine else []:
        for message in entry.messages.values():
            if as_compared(message.address) != mine:
                continue
            came_back = this.world.engagements.get(entry.message_key(message.block_id), [])
            is_bad = any(e.kind in kinds and e.occurred_at <= this.as_of for e in came_back)
            if is_bad and message.channel == copy.block.channel:
                return True
            is_same = (entry.series_id, message.block_id) == (copy.series.id, copy.block.id)
            if copy.block.once_per_address and is_same:
                return True
    return False


def is_test_customer(this: Run, copy: Copy) -> bool:
    rule = this.project.sending.get("test_customers")
    return rule is not None and this.view(copy.entry.customer_id).holds(parse(rule))


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
    to = this.view(copy.entry.customer_id).value(channel.address) if channel.address else None
    received_at = None if channel.receipts else this.as_of
    message = Message(copy.block.id, copy.block.channel, to, this.as_of, deadline, received_at)
    copy.entry.messages[copy.block.id] = message
