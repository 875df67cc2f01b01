"""A run at `as_of` = T: SPEC section 5, one function per paragraph, in its order."""

from __future__ import annotations

import copy
from datetime import datetime
from hashlib import md5

from tests.evaluator.advance import advance_all
from tests.evaluator.customer import View
from tests.evaluator.definition import Project, Series
from tests.evaluator.rules import Node
from tests.evaluator.schedule import is_due
from tests.evaluator.state import Entry, Message, State, Visit
from tests.evaluator.this import Run
from tests.evaluator.world import RECEIPT, World

IDLE = ("draft", "paused")


def run(project: Project, world: World, state: State, as_of: datetime, due: bool = False) -> None:
    """One run of every series that is not draft or paused, and not stale. Changes `state`.

    Reading: draft and paused series keep no `as_of` of the runs they sit out.
    """
    chosen = [
        series for series in project.series.values() if takes_part(series, state.newest.get(series.id), as_of, due)
    ]
    if not chosen:
        return
    before = copy.deepcopy(state)
    find_agreement(before, world)
    state.agreed = set(before.agreed)
    this = Run(project, world, before, state, as_of)
    for series in chosen:
        run_series(this, series)
        state.newest[series.id] = as_of
    advances(this, [series for series in chosen if series.status != "stopped"])


def takes_part(series: Series, newest: datetime | None, as_of: datetime, due: bool) -> bool:
    """Whether the run is one of this series; with `due`, only if its schedule says so."""
    stale = newest is not None and as_of <= newest
    return series.status not in IDLE and not stale and (not due or is_due(series.schedule, newest, as_of))


def find_agreement(state: State, world: World) -> None:
    """4, `has_tag`: whether the source agrees with the newest writes of earlier runs.

    Reading: a run of any series finds it, but not for a vanished customer.
    """
    for (customer_id, tag), (written_at, action) in state.newest_writes().items():
        agrees = ((customer_id, tag) in world.tags) == (action == "add")
        if agrees and customer_id in world.customers:
            state.agreed.add((customer_id, tag, written_at))


def run_series(this: Run, series: Series) -> None:
    """What comes before 5.4. `live`: all of it; `emptying`: no 5.3; `stopped`: 5.1, then active entries end."""
    goals(this, series)
    if series.status == "stopped":
        stop(this, series)
        return
    exits(this, series)
    if series.status == "live":
        entries(this, series)


def goals(this: Run, series: Series) -> None:
    """5.1 Goals, of entries and of messages, whatever became of the entry.

    A message of a block that is gone is still received; its goal is no longer judged.
    """
    for entry in this.present(this.state.entries_of(series.id)):
        if series.goal and entry.goal_at is None and entry.goal_open and not entry.goal_met_at_entry:
            closes_at = entry.entered_at + series.goal.within
            entry.goal_at, entry.goal_open = judge_goal(this, entry, series.goal.rule, entry.entered_at, closes_at)
            if entry.goal_at and series.goal.exits and entry.active:
                entry.end("goal", this.as_of)
        for message in entry.messages.values():
            receive(this, entry, message)
            block = series.blocks.get(message.block_id)
            goal = block and block.goal
            if goal and message.received_at and message.goal_at is None and message.goal_open:
                closes_at = message.received_at + goal.within
                judged = judge_goal(this, entry, goal.rule, message.received_at, closes_at)
                message.goal_at, message.goal_open = judged


def judge_goal(
    this: Run, entry: Entry, rule: Node, opened_at: datetime, closes_at: datetime
) -> tuple[datetime | None, bool]:
    """When the goal was reached, if it was, and whether its window stays open.

    The rule is evaluated at e = min(T, window's end); its event functions see only events after the window opened.
    """
    instant = min(this.as_of, closes_at)
    view = View(this.project, this.world, this.before, entry.customer_id, instant, entry, opened_at)
    reached = view.holds(rule)
    return (instant if reached else None), not reached and this.as_of < closes_at + this.lag(rule)


def receive(this: Run, entry: Entry, message: Message) -> None:
    """`received_at`: the first engagement that proves receipt, not before the message was queued; once found it stays.

    Reading: found at the start of a run, whatever became of the visit, also after its deadline.
    """
    if message.received_at is None:
        first = min(receipts(this, entry, message.block_id), default=None)
        message.received_at = first and max(first, message.queued_at)


def receipts(this: Run, entry: Entry, block_id: str) -> list[datetime]:
    """When receipt of the message was proved, up to T."""
    found = this.world.engagements.get(entry.message_key(block_id), [])
    return [e.occurred_at for e in found if e.kind in RECEIPT and e.occurred_at <= this.as_of]


def stop(this: Run, series: Series) -> None:
    """`stopped`: active entries end, those of vanished customers all the same."""
    for entry in this.state.entries_of(series.id):
        if entry.active:
            entry.end("stopped", this.as_of)


def exits(this: Run, series: Series) -> None:
    """5.2 Exits, by the rule and by idling."""
    for entry in this.present(this.state.entries_of(series.id)):
        if entry.active and this.view(entry.customer_id, entry).holds(series.exit):
            entry.end("exited", this.as_of)
        if entry.active and series.idle_exit:
            proved = [at for block_id in entry.messages for at in receipts(this, entry, block_id)]
            if this.as_of >= max([entry.entered_at, *proved]) + series.idle_exit:
                entry.end("disengaged", this.as_of)


def entries(this: Run, series: Series) -> None:
    """5.3 Entries. A new entry sees no messages in `exit`, an active or reopened one its own."""
    for customer_id in this.world.customers:
        matching = [b.id for b in series.entry_rules if this.view(customer_id).holds(b.rule)]
        if not matching:
            continue
        entry = entry_for(this, series, customer_id)
        if entry and entry.status != "held_out":
            if entry.status in ("finished", "disengaged") and any(block not in entry.visits for block in matching):
                entry.status, entry.ended_at = "active", None
            for block in matching:
                if entry.active:
                    entry.visits.setdefault(block, Visit(block, this.as_of))


def entry_for(this: Run, series: Series, customer_id: str) -> Entry | None:
    """The entry in which the customer may visit entry rules: a new one, the one there is, or none."""
    past = this.state.entries_of(series.id, customer_id)
    if not past:
        return new_entry(this, series, customer_id, 1)
    last = past[-1]
    if last.active or (last.status in ("finished", "disengaged") and series.reentry_after is None):
        return None if this.view(customer_id, last).holds(series.exit) else last
    if last.status in ("exited", "held_out") or series.reentry_after is None or last.ended_at is None:
        return None
    if this.as_of < last.ended_at + series.reentry_after or len(past) >= (series.reentry_limit or len(past) + 1):
        return None
    return new_entry(this, series, customer_id, len(past) + 1)


def new_entry(this: Run, series: Series, customer_id: str, number: int) -> Entry | None:
    """None when `exit` bars it. The split is a function of series and customer; the held-out visit nothing.

    Reading: `goal_met_at_entry` is the goal rule at T with no events seen, for there are none after `entered_at`.
    """
    if this.view(customer_id).holds(series.exit):
        return None
    entry = Entry(series.id, customer_id, number, entered_at=this.as_of)
    digest = md5(f"{series.id}:{customer_id}".encode(), usedforsecurity=False).hexdigest()
    if int(digest[:7], 16) % 10000 < series.holdout * 100:
        entry.arm, entry.status = "holdout", "held_out"
    if series.goal:
        met, _ = judge_goal(this, entry, series.goal.rule, this.as_of, this.as_of)
        entry.goal_met_at_entry = met is not None
    this.state.entries.append(entry)
    return entry


def advances(this: Run, chosen: list[Series]) -> None:
    """5.4 Advances, then the end of entries where no visit is open."""
    travellers = []
    for series in chosen:
        for entry in this.state.entries_of(series.id):
            if entry.active and entry.customer_id in this.world.customers:
                travellers.append((series, entry))
            elif entry.active:
                miss(series, entry)
    advance_all(this, travellers)


def miss(series: Series, entry: Entry) -> None:
    """*Vanished customers* are left as they are, also at a block that is gone; what could not be sent says why."""
    for visit in entry.visits.values():
        block = series.blocks.get(visit.block_id)
        if visit.left_at is None and block and block.kind == "content":
            visit.blocked_by = None if visit.block_id in entry.messages else "customer_missing"
