"""What is counted: outcomes of visits, statuses, reasons, and the rows of ``message_performance``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipelines.model import ENGAGEMENT_KINDS
from warehouse.tables import BLOCKED_BY

ENDED_AS = ("goal", "exited", "disengaged", "stopped")
"""The statuses that close open visits, as their outcome."""

MESSAGE_STATUSES = ("queued", "handed_off", "refused", "expired", "dropped", "unknown")

MEASURES: Mapping[str, str] = {
    **{f"status_{status}": f"Messages whose status is `{status}` now." for status in MESSAGE_STATUSES},
    "message": "Messages, whatever became of them; the statuses add up to it.",
    "sent": "Messages handed off, or proved to have gone out by something that came back; the base of the rates below.",
    "received": "Sent messages whose receipt is proved, by whatever kind of engagement.",
    **{kind: f"Sent messages with an engagement of kind `{kind}`." for kind in ENGAGEMENT_KINDS},
    "goal": "Sent messages that reached their own goal.",
    **{f"unsent_{reason}": f"Visits that wait for a message now, held back by `{reason}`." for reason in BLOCKED_BY},
    "unsent_for_good": "Visits that were left without a message ever being queued.",
}
"""The rows of ``message_performance``: name to meaning. Kinds of engagement need the engagements source."""


def is_told(measure: str, block: Mapping[str, Any]) -> bool:
    """Whether a measure says something about a block: that nobody did it, too, once somebody was sent a message.

    Args:
        measure: Of those that need sent messages.
        block: The block's rows of ``message_performance`` by measure.
    """
    return measure in block and "sent" in block and block["sent"]["messages"] > 0
