"""What the states and reasons of entries, visits and messages mean, in sentences."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from pipelines.duration import format_duration
from pipelines.explain.explanation import Judgement
from pipelines.explain.journal import MessageRow, VisitRow
from pipelines.explain.leaving import HandOff, of_queued
from pipelines.model import NON_RECEIPT_KINDS, RECEIPT_KINDS, AnyBlock, ContentBlock, RuleBlock, Series, WaitBlock
from pipelines.schedule import format_instant

BLOCKED: Mapping[str, str] = {
    "no_address": "the customer has no address for it",
    "no_consent": "the customer has not consented to its channel",
    "suppressed": "its address takes no more of it: it bounced, complained, unsubscribed, or has had this message",
    "send_window": "its send window is closed",
    "quiet_hours": "these are the project's quiet hours",
    "cap": "the customer has had as many messages as the sending policy's cap allows",
    "gap": "the customer's last message is more recent than the sending policy's gap allows",
    "customer_missing": "the customer is not in `customers`",
    "stopped": "sending is stopped in the whole project",
}
"""Why a message is not queued yet, by ``blocked_by``."""

_ENTRIES: Mapping[str, str] = {
    "active": "under way",
    "finished": "a path came to its end with a good outcome",
    "disengaged": "every path came to its end with a bad outcome",
    "exited": "the exit rule held; the customer never enters this series again",
    "goal": "the goal was reached, which ends the entry",
    "stopped": "the series was stopped",
    "held_out": "kept aside to measure what the series adds; nothing is sent",
}

_ENDED: Mapping[str, str] = {
    "exited": "the exit rule held while the customer was here",
    "goal": "the goal was reached while the customer was here",
    "stopped": "the series was stopped while the customer was here",
}

_MESSAGES: Mapping[str, str] = {
    "handed_off": "the sender has it",
    "refused": "the sender refused it for good",
    "expired": "it expired before the sender had it",
    "dropped": "a person dropped its batch; it is not sent",
    "unknown": "nobody knows whether the sender has it",
}


def of_entry(status: str, visits: list[VisitRow], series: Series | None) -> str:
    """What the status of an entry means."""
    if status == "disengaged" and any(visit.outcome == "disengaged" for visit in visits):
        return _idle(series)
    return _ENTRIES.get(status, status)


def of_message(message: MessageRow, hand_off: HandOff) -> str:
    """How far a message got."""
    if message.status == "queued":
        return of_queued(message, hand_off)
    return _MESSAGES.get(message.status, message.status)


def of_left(
    visit: VisitRow,
    block: AnyBlock | None,
    message: MessageRow | None,
    kinds: set[str],
    series: Series | None,
) -> str:
    """How a visit ended; ``kinds``: the engagements seen with its message by then."""
    match visit.outcome:
        case "matched":
            return "the rule held"
        case "not_matched":
            within = block.within if isinstance(block, RuleBlock) else None
            return f"the rule did not hold within {format_duration(within)}" if within else "the rule did not hold"
        case "waited":
            return "the wait was over"
        case "tagged":
            return "the tag was written"
        case "delivered":
            return "its receipt was proved" if _is_proved(message, kinds) else "queueing it counts as receipt"
        case "not_delivered":
            return _not_delivered(message, kinds)
        case "disengaged":
            return _idle(series)
        case "moved":
            return "the block was gone, and the definition said where to go on"
        case "removed":
            return "the block was gone, and the definition ended the path here"
        case _:
            return _ENDED.get(str(visit.outcome), str(visit.outcome))


def of_difference(visit: VisitRow, judgement: Judgement) -> str:
    """What is to be said where a rule that was judged once is another matter now; nothing where it is not."""
    if visit.outcome not in ("matched", "not_matched") or judgement.holds in (None, visit.outcome == "matched"):
        return ""
    now = "would" if judgement.holds else "would not"
    return f" then; as the definition and the sources are now it {now}"


def of_waiting(visit: VisitRow, block: AnyBlock, message: MessageRow | None, as_of: datetime, lag: timedelta) -> str:
    """What a customer waits for at a block; ``lag``: how long its deadline waits for late rows."""
    until = _until(visit.deadline_at, as_of, lag)
    match block:
        case RuleBlock():
            return f"waits for the rule to hold, {until}"
        case WaitBlock():
            return f"waits {until}" if visit.deadline_at else "waits for a time that is not known yet"
        case ContentBlock() if message:
            return f"waits for a proof of its receipt, {until}"
        case ContentBlock() if visit.blocked_by:
            why = BLOCKED.get(visit.blocked_by, visit.blocked_by)
            return f"not sent yet, because {why}; every run tries again, {until}"
        case ContentBlock():
            return f"its message is not queued; every run tries again, {until}"
        case _:
            return "goes on with the next run"


def of_gone(block_id: str, series: Series | None) -> str:
    """What becomes of a customer who stands at a block that the definition does not have."""
    gone = "the definition has no such block any more"
    targets = series.gone.get(block_id) if series else None
    if targets is None:
        return f"{gone}, so the customer cannot move on from here"
    if not targets:
        return f"{gone}; the next run ends the path here"
    return f"{gone}; the next run leads on to {' and '.join(f'`{target}`' for target in targets)}"


def _is_proved(message: MessageRow | None, kinds: set[str]) -> bool:
    """Whether something came back; states of earlier versions only know that it did not come at once."""
    later = message is not None and message.received_at not in (None, message.queued_at)
    return later or not kinds.isdisjoint(RECEIPT_KINDS)


def _until(deadline: datetime | None, as_of: datetime, lag: timedelta) -> str:
    if deadline is None:
        return "for as long as it takes"
    until = f"until {format_instant(deadline)}"
    if deadline > as_of:
        return until
    if deadline + lag > as_of:
        return f"{until}; that is decided at {format_instant(deadline + lag)}, when late rows are in"
    return f"{until}; that is over, and the next run decides"


def _not_delivered(message: MessageRow | None, kinds: set[str]) -> str:
    if message is None:
        return "the message could not be sent in time"
    failed = [kind for kind in NON_RECEIPT_KINDS if kind in kinds]
    if failed:
        return f"the message {failed[0]}"
    return "no proof of its receipt came in time"


def _idle(series: Series | None) -> str:
    idle = series.idle_exit if series else None
    return f"no message was received for {format_duration(idle)}" if idle else "no message was received for too long"
