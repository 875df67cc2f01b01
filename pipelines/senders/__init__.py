"""Ways out for batches; ``open_sender`` finds the one that a project's settings name."""

from __future__ import annotations

from pathlib import Path

from pipelines.model import Sender as Settings
from pipelines.senders.protocol import Batch, Outcome, Promise, Sender, SenderError, UnansweredError, WarehouseSender
from pipelines.senders.registry import find_type
from pipelines.senders.sender_type import SenderType

__all__ = [
    "Batch",
    "Outcome",
    "Promise",
    "Sender",
    "SenderError",
    "SenderType",
    "UnansweredError",
    "WarehouseSender",
    "open_sender",
]


def open_sender(settings: Settings, folder: Path) -> Sender | WarehouseSender:
    """The sender that settings describe; opening it has no effects.

    Args:
        settings: An entry of ``senders`` in ``series.yml``, its options checked and complete.
        folder: The project's folder, which a relative ``path`` starts from.

    Raises:
        SenderError: There is no sender of that type.
    """
    return find_type(settings.type).open(settings, folder)
