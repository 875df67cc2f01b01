"""What keeps a message that has not left, in sentences: the hand-off's conditions (SPEC 5), read from the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from pipelines.explain.journal import MessageRow
from pipelines.schedule import format_instant

_DECIDED: Mapping[str | None, str] = {
    "held": "its batch is held until a person releases or drops it (`series batches`)",
    "failed": "its batch failed; a person has to retry or drop it (`series batches`)",
}
_STATUSES: Mapping[str | None, str] = {"draft": "a draft", "paused": "paused", "stopped": "stopped"}
"""Of series whose batches stay."""

_IN_DOUBT = "nobody knows whether it arrived"


@dataclass(frozen=True, slots=True)
class HandOff:
    """The next hand-off, as far as it matters to the messages of one series.

    Attributes:
        status: The series' status; None: it has no definition any more.
        is_stopped: Whether sending is stopped in the whole project.
        as_of: What expires by then does not leave: the newest run, or the instant that is explained.
        now: The wall clock.
    """

    status: str | None
    is_stopped: bool
    as_of: datetime
    now: datetime


def of_queued(message: MessageRow, hand_off: HandOff) -> str:
    """What a message waits for that is still queued."""
    in_doubt = message.batch_status == "unknown"
    if message.expires_at <= hand_off.as_of:
        if in_doubt:
            return f"it has expired, and {_IN_DOUBT} before; a person may have to decide (`series batches`)"
        return "it has expired, and the next hand-off will not send it"
    if message.batch_status in _DECIDED:
        return _DECIDED[message.batch_status]
    kept = _kept_back(hand_off)
    if in_doubt:
        return f"{_IN_DOUBT}: {kept or _offered_again(message, hand_off)}"
    if kept:
        return kept
    if message.is_absent:
        return "waits until a run finds the customer in `customers` again"
    if _is_early(message, hand_off):
        return f"waits until {_instant(message)}, and then for the next hand-off"
    return "waits for the next hand-off"


def _kept_back(hand_off: HandOff) -> str:
    """Why nothing of the series leaves; nothing where it does."""
    if hand_off.is_stopped:
        return "kept back for as long as sending is stopped in the whole project"
    if hand_off.status is None:
        return "kept back, because its series has no definition any more"
    if hand_off.status in _STATUSES:
        return f"kept back until the series is live again, because it is {_STATUSES[hand_off.status]}"
    return ""


def _offered_again(message: MessageRow, hand_off: HandOff) -> str:
    after = f" after {_instant(message)}" if _is_early(message, hand_off) else ""
    return (
        f"the next hand-off{after} offers it again where its sender tells repeats, "
        "otherwise a person decides (`series batches`)"
    )


def _is_early(message: MessageRow, hand_off: HandOff) -> bool:
    return message.next_attempt_at is not None and message.next_attempt_at > hand_off.now


def _instant(message: MessageRow) -> str:
    assert message.next_attempt_at is not None
    return format_instant(message.next_attempt_at)
