"""SPEC 5.4: how one entry gets as far as it can within one run."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta

from tests.evaluator.clock import named_moment, window_is_open
from tests.evaluator.customer import View
from tests.evaluator.definition import Block
from tests.evaluator.rules import parse
from tests.evaluator.sending import is_quiet
from tests.evaluator.state import Advance, Entry, Message, TagWrite, Visit
from tests.evaluator.this import Run
from tests.evaluator.world import NON_RECEIPT, RECEIPT

GOOD = ("matched", "delivered", "waited", "tagged")
ACTS_NOW = ("content", "tag")
Leaving = tuple[str, datetime]  # outcome, left_at
Arrival = tuple[datetime, Block]  # left_at of the block it comes from


def advance_entry(this: Run, entry: Entry, order: list[Block], doors: set[str]) -> None:
    """Open visits in topological order; a block's arrivals are all known before it is looked at."""
    arrivals: dict[str, list[Arrival]] = defaultdict(list)
    for block in order:
        arrive(this, entry, block, arrivals[block.id])
        visit = entry.visits.get(block.id)
        if visit is None or visit.left_at is not None:
            continue
        leaving = leave(this, entry, block, visit, is_entry_rule=block.id in doors)
        if leaving is None:
            continue
        visit.outcome, visit.left_at = leaving
        visit.blocked_by = None
        for to in block.then if visit.outcome in GOOD else block.otherwise:
            arrivals[to].append((visit.left_at, block))
    finish(this, entry)


def arrive(this: Run, entry: Entry, block: Block, arrivals: list[Arrival]) -> None:
    """A block is visited once: of several arrivals the one left first is kept, then the one first in the file.

    `arrived_at` is the `left_at` it came from; at content and tag blocks it is T, because they act now.
    """
    for left_at, source in sorted(arrivals, key=lambda arrival: (arrival[0], arrival[1].order)):
        merged = block.id in entry.visits
        arrived_at = this.as_of if block.kind in ACTS_NOW else left_at
        if not merged:
            entry.visits[block.id] = Visit(block.id, arrived_at)
        entry.advances.append(Advance(source.id, block.id, arrived_at, this.as_of, merged))


def finish(this: Run, entry: Entry) -> None:
    """When no visit is open: `finished` if any path (a visit that no advance leaves) ended well, else `disengaged`."""
    if any(visit.left_at is None for visit in entry.visits.values()):
        return
    left = {advance.from_block for advance in entry.advances}
    well = any(visit.outcome in GOOD for visit in entry.visits.values() if visit.block_id not in left)
    entry.status, entry.ended_at = ("finished" if well else "disengaged"), this.as_of


def leave(this: Run, entry: Entry, block: Block, visit: Visit, is_entry_rule: bool) -> Leaving | None:
    """The table of 5.4: how and when the visit leaves its block; None stays."""
    if is_entry_rule:
        visit.deadline_at = visit.arrived_at
        return "matched", this.as_of
    if block.kind == "rule":
        return leave_rule(this, entry, block, visit)
    if block.kind == "wait":
        return leave_wait(this, entry, block, visit)
    if block.kind == "tag":
        entry.tag_writes.append(TagWrite(block.id, block.tag, block.action, this.as_of))
        return "tagged", this.as_of
    return leave_content(this, entry, block, visit)


def leave_rule(this: Run, entry: Entry, block: Block, visit: Visit) -> Leaving | None:
    assert block.rule is not None
    visit.deadline_at = visit.arrived_at + block.within
    instant = min(this.as_of, visit.deadline_at)
    if View(this.project, this.world, this.before, entry.customer_id, instant, entry).holds(block.rule):
        return "matched", instant
    if this.as_of >= visit.deadline_at + this.lag(block.rule):
        return "not_matched", visit.deadline_at
    return None


def leave_wait(this: Run, entry: Entry, block: Block, visit: Visit) -> Leaving | None:
    """Never before `arrived_at`; an unknown expression waits until it is known."""
    due: datetime | None
    if block.wait is not None:
        due = visit.arrived_at + block.wait
    else:
        due = named_moment(block.wait_until, visit.arrived_at, this.project.timezone)
        due = this.view(entry.customer_id).value(parse(block.wait_until)) if due is None else due
    visit.deadline_at = None if due is None else max(due, visit.arrived_at)
    if visit.deadline_at is None or this.as_of < visit.deadline_at:
        return None
    return "waited", visit.deadline_at


def leave_content(this: Run, entry: Entry, block: Block, visit: Visit) -> Leaving | None:
    """Proof first, then the deadline, then sending: nothing is queued at or after the deadline.

    Reading: while a lag keeps the visit beyond its deadline, `blocked_by` still says what would keep a message back.
    """
    channel = this.project.channel(block.channel)
    visit.deadline_at = deadline = visit.arrived_at + block.try_for
    proved = first_proof(this, entry, block.id, min(this.as_of, deadline))
    if proved:
        return proved
    unsent = block.id not in entry.messages
    visit.blocked_by = blocked_by(this, entry, block) if unsent else None
    if this.as_of >= deadline:
        lag = this.project.lags.get("engagements", timedelta(0)) if channel.receipts else timedelta(0)
        return ("not_delivered", deadline) if this.as_of >= deadline + lag else None
    if not unsent or visit.blocked_by:
        return None
    queue(this, entry, block, deadline)
    return None if channel.receipts else ("delivered", this.as_of)


def first_proof(this: Run, entry: Entry, block_id: str, until: datetime) -> Leaving | None:
    """The first engagement with the entry's message that proves either; at the same instant receipt wins."""
    message = entry.messages.get(block_id)
    if message is None:
        return None
    proofs = [
        (e.occurred_at, e.kind not in RECEIPT)
        for e in this.world.engagements.get(entry.message_key(block_id), [])
        if e.kind in RECEIPT + NON_RECEIPT and e.occurred_at <= until
    ]
    if not proofs:
        return None
    at, bad = min(proofs)
    return "not_delivered" if bad else "delivered", max(at, message.queued_at)


def blocked_by(this: Run, entry: Entry, block: Block) -> str | None:
    """What keeps the message from being sent now, of several the first in this order; None when it may."""
    view, channel = this.view(entry.customer_id), this.project.channel(block.channel)
    if channel.address and not str(view.value(channel.address) or "").strip():
        return "no_address"
    if channel.consent and not view.holds(channel.consent):
        return "no_consent"
    zone = this.world.customers[entry.customer_id].get("timezone")
    if not window_is_open(block.send, this.as_of, zone, this.project.timezone):
        return "send_window"
    return "quiet_hours" if is_quiet(this.project, block.channel, this.as_of, zone) else None


def queue(this: Run, entry: Entry, block: Block, deadline: datetime) -> None:
    """The message; on a channel without receipts queueing is its receipt."""
    channel = this.project.channel(block.channel)
    address = this.view(entry.customer_id).value(channel.address) if channel.address else None
    received_at = None if channel.receipts else this.as_of
    message = Message(block.id, block.channel, address, this.as_of, deadline, received_at)
    entry.messages[block.id] = message
