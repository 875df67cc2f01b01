"""SPEC 5.4: how entries get as far as they can within one run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from tests.evaluator.clock import named_moment
from tests.evaluator.customer import View
from tests.evaluator.definition import Block, Series
from tests.evaluator.rules import parse
from tests.evaluator.sending import Copy, send
from tests.evaluator.state import Advance, Entry, TagWrite, Visit
from tests.evaluator.this import Run
from tests.evaluator.world import NON_RECEIPT, RECEIPT

GOOD = ("matched", "delivered", "waited", "tagged")
ACTS_NOW = ("content", "tag")
Leaving = tuple[str, datetime]  # outcome, left_at
Arrival = tuple[datetime, Block]  # left_at of the block it comes from


def advance_all(this: Run, travellers: list[tuple[Series, Entry]]) -> None:
    """Open visits in topological order; a block's arrivals are all known before it is looked at.

    Round by round for everybody at once, because caps and gaps decide between series: who has stood at a content block
    since earlier runs is asked first, then who has come past one block in this run, past two, and so on.
    """
    arrivals: dict[tuple[int, str], list[Arrival]] = defaultdict(list)
    for series, entry in travellers:
        leave_gone(this, series, entry, arrivals)
    copies = {(id(entry), block.id): Copy(series, entry, block) for series, entry, block in stops(travellers)}
    asked = {key for key, copy in copies.items() if is_unsent(copy)}
    send(this, [copies[key] for key in asked])
    depart(this, [copy for copy in copies.values() if this.project.is_held(copy.block)], arrivals)
    rounds: dict[int, dict[tuple[int, str], Copy]] = defaultdict(dict)
    for key, copy in copies.items():
        rounds[this.project.round(copy.series, copy.block)][key] = copy
    for _, here in sorted(rounds.items()):
        for key, copy in here.items():
            arrive(this, copy.entry, copy.block, arrivals[key])
        send(this, [copy for key, copy in here.items() if is_unsent(copy) and key not in asked])
        depart(this, list(here.values()), arrivals)
    for _, entry in travellers:
        finish(this, entry)


def leave_gone(this: Run, series: Series, entry: Entry, arrivals: dict[tuple[int, str], list[Arrival]]) -> None:
    """*Customers at a block that is gone* leave it at T, for where `moved` says, or for nowhere.

    Reading: `deadline_at` stays as the block had it.
    """
    for block in series.gone:
        visit = entry.visits.get(block.id)
        if visit is None or visit.left_at is not None:
            continue
        visit.outcome, visit.left_at, visit.blocked_by = "moved" if block.then else "removed", this.as_of, None
        for to in block.then:
            arrivals[id(entry), to].append((this.as_of, block))


def depart(this: Run, copies: list[Copy], arrivals: dict[tuple[int, str], list[Arrival]]) -> None:
    """Who leaves these blocks now, and to which blocks that leads."""
    for series, entry, block, visit in list(open_visits(copies)):
        leaving = leave(this, entry, block, visit, block in series.entry_rules)
        if leaving is None:
            continue
        visit.outcome, visit.left_at = leaving
        visit.blocked_by = None
        for to in block.then if visit.outcome in GOOD else block.otherwise:
            arrivals[id(entry), to].append((visit.left_at, block))


def stops(travellers: list[tuple[Series, Entry]]) -> Iterator[tuple[Series, Entry, Block]]:
    """Every block that each entry may be at."""
    return ((series, entry, block) for series, entry in travellers for block in series.topological())


def open_visits(copies: Iterable[Copy]) -> Iterator[tuple[Series, Entry, Block, Visit]]:
    """The visits among them that are not left."""
    for copy in copies:
        visit = copy.entry.visits.get(copy.block.id)
        if visit is not None and visit.left_at is None:
            yield copy.series, copy.entry, copy.block, visit


def is_unsent(copy: Copy) -> bool:
    """Whether the entry stands at the content block and has no message of it."""
    visit = copy.entry.visits.get(copy.block.id)
    is_open = visit is not None and visit.left_at is None
    return copy.block.kind == "content" and is_open and copy.block.id not in copy.entry.messages


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
        due = named_moment(block.wait_until, visit.arrived_at, block.zone or this.project.timezone)
        due = this.view(entry.customer_id).value(parse(block.wait_until)) if due is None else due
    visit.deadline_at = None if due is None else max(due, visit.arrived_at)
    if visit.deadline_at is None or this.as_of < visit.deadline_at:
        return None
    return "waited", visit.deadline_at


def leave_content(this: Run, entry: Entry, block: Block, visit: Visit) -> Leaving | None:
    """Proof first, then the deadline. What may be sent is queued by now (`tests.evaluator.sending`)."""
    channel = this.project.channel(block.channel)
    visit.deadline_at = deadline = visit.arrived_at + block.try_for
    proved = first_proof(this, entry, block.id, min(this.as_of, deadline))
    if proved:
        return proved
    if this.as_of >= deadline:
        lag = this.project.lags.get("engagements", timedelta(0)) if channel.receipts else timedelta(0)
        return ("not_delivered", deadline) if this.as_of >= deadline + lag else None
    message = entry.messages.get(block.id)
    queued_now = message is not None and message.queued_at == this.as_of
    return ("delivered", this.as_of) if queued_now and not channel.receipts else None


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
