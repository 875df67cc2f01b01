"""The types of sender that `senders` in ``series.yml`` may name: this package's own, and those that others install."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.model import Sender as Settings
from pipelines.senders.protocol import Sender, WarehouseSender

if TYPE_CHECKING:
    from pipelines.reader import Reader


@dataclass(frozen=True, slots=True)
class SenderType:
    """What a type of sender can be told, and how it is opened.

    A package adds a type with an entry point of the group ``warehouse_series.senders``: its name is the type, its
    object is one of these.

    Attributes:
        summary: What such a sender does, a clause that begins with a verb.
        open: Makes one from an entry of ``senders`` and the project's folder; this has no effects and reads no secret.
            What it raises as a `SenderError` is wrong with the entry, and refuses the file.
        options: The keys that it may have beside ``type``, each with its description.
        choices: The words that an option may be, for those that are not free text.
        defaults: The values of options that are not there.
        required: Options that must be there.
        secrets: Options that are written ``{env: NAME}``; they are in ``secrets`` of the entry, not in ``options``.
        maybe_secrets: Options that may be written either way.
        shapes: The JSON Schema of options that are more than a text; `read` reads them.
        read: Makes `details` of an entry out of the options with shapes, and reports what is wrong with them; None:
            something was.
        carries_tags: Whether it can take tag writes, whose payload is what `pipelines.hand_off.carried` says.
        refuses_tags: Why the sender of an entry cannot take them although its type can; None: it can.
        reaches_outside: Whether messages leave for where other people may see them, or what tells it from an entry.
            Such a sender is opened only where `sends: true` stands; anywhere else its batches go to files.
    """

    summary: str
    open: Callable[[Settings, Path], Sender | WarehouseSender]
    options: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    maybe_secrets: frozenset[str] = frozenset()
    shapes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    read: Callable[[Reader], object | None] | None = None
    carries_tags: bool = False
    refuses_tags: Callable[[Settings], str | None] | None = None
    reaches_outside: bool | Callable[[Settings], bool] = True

    def takes_outside(self, settings: Settings) -> bool:
        """Whether the sender of an entry reaches outside."""
        return self.reaches_outside if isinstance(self.reaches_outside, bool) else self.reaches_outside(settings)
