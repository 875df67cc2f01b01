"""Where messages go that may not leave: a laptop must never mail anyone."""

from __future__ import annotations

from pathlib import PurePath

from pipelines.model import Sender, Settings
from pipelines.senders.registry import find_type

OUTBOX = "outbox"


def unsent_folder(settings: Settings, sender: Sender) -> str | None:
    """The folder, from the project's, that gets the batches of a sender that may not send; None: it may.

    Raises:
        SenderError: There is no such type of sender.
    """
    if settings.sends or not find_type(sender.type).takes_outside(sender):
        return None
    return str(PurePath(OUTBOX, settings.target or "", "unsent", sender.name))
