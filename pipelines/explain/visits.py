"""One entry as an explanation tells it: its visits in their order, and what it has not reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.block_words import describe
from pipelines.checked import CheckedSeries
from pipelines.explain import words
from pipelines.explain.explanation import Entry, Judgement, Message, SeenValue, Visit
from pipelines.explain.journal import EntryRow, Journal, MessageRow, VisitRow
from pipelines.explain.leaving import HandOff
from pipelines.explain.questions import Key
from pipelines.explain.ways import not_reached
from pipelines.model import AnyBlock, Series

_KINDS: Mapping[str | None, str] = {
    "matched": "rule",
    "not_matched": "rule",
    "delivered": "content",
    "not_delivered": "content",
    "waited": "wait",
    "tagged": "tag",
}
"""What a block was that is gone, by how it was left."""


@dataclass(frozen=True)
class Told:
    """What the entries of one series are told from.

    Attributes:
        checked: Its definition; None: there is none any more.
        definition_hash: The definition's; None likewise.
        is_missing: Whether the customer is not in `customers`.
        judgements: What was asked about the series, answered.
        lags: By block, how long its deadline waits for late rows.
        hand_off: The next one.
    """

    checked: CheckedSeries | None
    definition_hash: str | None
    as_of: datetime
    is_missing: bool
    journal: Journal
    judgements: Mapping[Key, Judgement]
    lags: Mapping[str, timedelta]
    hand_off: HandOff

    @property
    def series(self) -> Series | None:
        """The definition as it was read."""
        return self.checked.series if self.checked else None

    def block(self, block_id: str) -> AnyBlock | None:
        """A block as the definition has it now."""
        return self.checked.series.blocks.get(block_id) if self.checked else None


def tell_entry(told: Told, entry: EntryRow) -> Entry:
    """An entry with all its visits."""
    rows = told.journal.visits.get(entry.entry_id, [])
    place = {block_id: number for number, block_id in enumerate(told.checked.graph.order)} if told.checked else {}
    # Visits of one instant follow each other as the blocks do.
    rows = sorted(rows, key=lambda row: (row.arrived_at, place.get(row.block_id, len(place))))
    unreached = (
        not_reached(told.checked.series, told.checked.graph, {row.block_id: row for row in rows})
        if told.checked and entry.arm != "holdout"
        else ()
    )
    return Entry(
        entry_id=entry.entry_id,
        entry_number=entry.entry_number,
        arm=entry.arm,
        entered_at=entry.entered_at,
        status=entry.status,
        ended_at=entry.ended_at,
        goal_at=entry.goal_at,
        goal_met_at_entry=entry.goal_met_at_entry,
        explained=words.of_entry(entry.status, rows, told.series),
        goal=told.judgements.get(("goal", entry.entry_id)),
        goal_until=entry.entered_at + told.series.goal.within if told.series and told.series.goal else None,
        goal_closed=entry.goal_closed,
        exit=told.judgements.get(("exit", entry.series_id, entry.entry_id)),
        visits=tuple(_tell_visit(told, row) for row in rows),
        not_reached=unreached,
    )


def _tell_visit(told: Told, row: VisitRow) -> Visit:
    key = row.entry_id, row.block_id
    block, message = told.block(row.block_id), told.journal.messages.get(key)
    return Visit(
        block_id=row.block_id,
        label=block.label if block else None,
        kind=block.kind if block else "content" if message else _KINDS.get(row.outcome),
        is_defined=block is not None,
        does=describe(block) if block else None,
        changed=told.checked is not None and row.definition_hash != told.definition_hash,
        arrived_at=row.arrived_at,
        deadline_at=row.deadline_at,
        left_at=row.left_at,
        outcome=row.outcome,
        blocked_by=row.blocked_by,
        explained=_explained(told, row, block, message),
        led_to=tuple(told.journal.moves.get(key, ())),
        rule=told.judgements.get(("rule", *key)),
        consent=told.judgements.get(("consent", *key)),
        values=_values(told.judgements.get(("value", *key))),
        message=_tell_message(told, message) if message else None,
        tags=tuple(told.journal.tags.get(key, ())),
    )


def _explained(told: Told, row: VisitRow, block: AnyBlock | None, message: MessageRow | None) -> str:
    if row.left_at is not None:
        seen = told.journal.engagements.get(message.message_id, ()) if message else ()
        # What came back after the visit was over had no part in its end.
        kinds = {engagement.kind for engagement in seen if engagement.occurred_at <= row.left_at}
        said = words.of_left(row, block, message, kinds, told.series)
        judgement = told.judgements.get(("rule", row.entry_id, row.block_id))
        return said + (words.of_difference(row, judgement) if judgement else "")
    if told.is_missing:
        return "stays here, because the customer is not in `customers` now"
    status = told.series.status if told.series else None
    if status in ("draft", "paused"):
        return f"stays here, because the series is {'a draft' if status == 'draft' else 'paused'}"
    if status == "stopped":
        return "stays here until the next run, which ends the entry, because the series is stopped"
    if block is None:
        return words.of_gone(row.block_id, told.series)
    return words.of_waiting(row, block, message, told.as_of, told.lags.get(row.block_id, timedelta(0)))


def _values(judgement: Judgement | None) -> tuple[SeenValue, ...]:
    return tuple(value for case in (judgement.cases if judgement else ()) for value in case.part.values)


def _tell_message(told: Told, row: MessageRow) -> Message:
    return Message(
        message_id=row.message_id,
        channel=row.channel,
        address=row.address,
        status=row.status,
        queued_at=row.queued_at,
        expires_at=row.expires_at,
        received_at=row.received_at,
        batch_id=row.batch_id,
        batch_status=row.batch_status,
        sender=row.sender,
        handed_off_at=row.handed_off_at,
        last_error=row.last_error,
        engagements=tuple(told.journal.engagements.get(row.message_id, ())),
        goal=told.judgements.get(("message_goal", row.entry_id, row.block_id)),
        goal_at=row.goal_at,
        explained=words.of_message(row, told.hand_off),
    )
