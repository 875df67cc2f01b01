"""Which rules are judged for a customer, and at which instant: where a run judged them, or would.

Every answer is found again under its key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache, partial

from pipelines.checked import CheckedChannel, CheckedSeries
from pipelines.compile.facts import at_entry
from pipelines.explain.journal import EntryRow, Journal, VisitRow
from pipelines.explain.judge import Question
from pipelines.model import ContentBlock, Expression, RuleBlock, Text, WaitBlock
from pipelines.rules import Scope
from pipelines.rules.model import Rule
from pipelines.rules.parts import Part, Seen, take_apart, values_of

Key = tuple[str | int | None, ...]
"""``("entry_rule", series, block)``, ``("exit", series, entry or None)``, ``("goal", entry)``, and of visits ``("rule",
entry, block)``, and likewise ``consent``, ``value`` and ``message_goal``."""

Take = Callable[[Expression], Part]
"""Takes the text of a rule apart."""


@dataclass(frozen=True)
class Asked:
    """One series, and what there is to ask about in it.

    Attributes:
        as_of: The instant at which rules that are not tied to another one are judged.
        scope: The names that its rules may use.
        channels: Those that it uses.
        entries: The customer's, oldest first.
    """

    checked: CheckedSeries
    as_of: datetime
    scope: Scope
    channels: Mapping[str, CheckedChannel]
    entries: Sequence[EntryRow]
    journal: Journal

    @property
    def series_id(self) -> str:
        """Its name."""
        return self.checked.series.series_id


def questions_of(asked: Asked) -> Iterator[tuple[Key, Question]]:
    """All that is judged in one series."""
    # The same rule is judged for entry after entry.
    take = cache(partial(take_apart, scope=asked.scope))
    yield from _of_entering(asked, take)
    for entry in asked.entries:
        yield from _of_entry(asked, take, entry)
        for visit in asked.journal.visits.get(entry.entry_id, ()):
            yield from _of_visit(asked, take, visit)


def goes_on(asked: Asked) -> EntryRow | None:
    """The entry that another arrival at an entry rule would belong to; None: a new one would begin."""
    newest = asked.entries[-1] if asked.entries else None
    if newest is None or newest.status == "active":
        return newest
    is_open = newest.status in ("finished", "disengaged") and asked.checked.series.reentry is None
    return newest if is_open else None


def _of_entering(asked: Asked, take: Take) -> Iterator[tuple[Key, Question]]:
    series, checked = asked.checked.series, asked.checked
    for block_id in checked.graph.entry_rules:
        block = series.blocks[block_id]
        assert isinstance(block, RuleBlock)
        question = Question(asked.series_id, checked.rules[block_id], take(block.rule), asked.as_of)
        yield ("entry_rule", asked.series_id, block_id), question
    if series.exit and checked.exit:
        entry = goes_on(asked)
        entry_id = entry.entry_id if entry else None
        yield ("exit", asked.series_id, None), _at(asked, checked.exit, take(series.exit), asked.as_of, entry_id)


def _of_entry(asked: Asked, take: Take, entry: EntryRow) -> Iterator[tuple[Key, Question]]:
    series, checked = asked.checked.series, asked.checked
    if series.exit and checked.exit and entry.status in ("active", "exited"):
        ended = _at(asked, checked.exit, take(series.exit), entry.ended_at or asked.as_of, entry.entry_id)
        yield ("exit", asked.series_id, entry.entry_id), ended
    if not series.goal or not checked.goal:
        return
    rule, part = checked.goal, take(series.goal.rule)
    if entry.goal_met_at_entry:
        # Nothing had happened in the entry yet.
        yield ("goal", entry.entry_id), _at(asked, at_entry(rule), _part_at_entry(part), entry.entered_at, None)
        return
    instant = entry.goal_at or min(asked.as_of, entry.entered_at + series.goal.within)
    question = _at(asked, rule, part, instant, entry.entry_id)
    yield ("goal", entry.entry_id), replace(question, visible_after=entry.entered_at)


def _of_visit(asked: Asked, take: Take, visit: VisitRow) -> Iterator[tuple[Key, Question]]:
    block = asked.checked.series.blocks.get(visit.block_id)
    key = visit.entry_id, visit.block_id
    if isinstance(block, RuleBlock):
        rule = asked.checked.rules[visit.block_id]
        instant = decided_at(block, visit, asked.as_of)
        yield ("rule", *key), _at(asked, rule, take(block.rule), instant, visit.entry_id)
    elif isinstance(block, ContentBlock):
        yield from _of_message(asked, take, block, visit)
    elif isinstance(block, WaitBlock) and isinstance(block.until, Text) and visit.left_at is None:
        yield ("value", *key), _value(asked, asked.checked.waits[visit.block_id], block.until, visit)


def _of_message(asked: Asked, take: Take, block: ContentBlock, visit: VisitRow) -> Iterator[tuple[Key, Question]]:
    key = visit.entry_id, visit.block_id
    message = asked.journal.messages.get(key)
    channel = asked.channels[block.channel.value]
    if message is None and visit.left_at is None and channel.consent and channel.channel.consent:
        part = take(channel.channel.consent)
        yield ("consent", *key), _at(asked, channel.consent, part, asked.as_of, visit.entry_id)
    if message is None and visit.left_at is None and channel.address and channel.channel.address:
        yield ("value", *key), _value(asked, channel.address, channel.channel.address, visit)
    rule = asked.checked.message_goals.get(visit.block_id)
    if message and message.received_at and block.goal and rule:
        instant = message.goal_at or min(asked.as_of, message.received_at + block.goal.within)
        question = _at(asked, rule, take(block.goal.rule), instant, visit.entry_id)
        yield ("message_goal", *key), replace(question, visible_after=message.received_at)


def _value(asked: Asked, value: Rule, text: Expression, visit: VisitRow) -> Question:
    """What is asked about a value: itself, and the attributes that it reads."""
    seen = {one.name: one for one in (Seen(value.text, value), *values_of(value, text, asked.scope))}
    part = Part("condition", value.text, value, seen=tuple(seen.values()))
    return _at(asked, value, part, asked.as_of, visit.entry_id)


def decided_at(block: RuleBlock, visit: VisitRow, as_of: datetime) -> datetime:
    """The instant at which the rule of a visit was judged, or is: when it left, or the deadline, or now."""
    if visit.left_at and visit.outcome in ("matched", "not_matched"):
        return visit.left_at
    return min(visit.left_at or as_of, visit.arrived_at + (block.within or timedelta(0)))


def _at(asked: Asked, rule: Rule, part: Part, instant: datetime, entry_id: int | None) -> Question:
    return Question(asked.series_id, rule, part, instant, entry_id)


def _part_at_entry(part: Part) -> Part:
    return replace(
        part,
        rule=at_entry(part.rule),
        parts=tuple(_part_at_entry(inner) for inner in part.parts),
        seen=tuple(replace(seen, value=at_entry(seen.value)) for seen in part.seen),
    )
