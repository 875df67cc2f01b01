"""Finds types of sender by name: this package's own first, then those of installed packages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipelines.senders.files import FILES
from pipelines.senders.http import HTTP
from pipelines.senders.kafka import KAFKA
from pipelines.senders.protocol import SenderError
from pipelines.senders.sender_type import SenderType
from pipelines.senders.smtp import SMTP
from pipelines.senders.table import TABLE
from pipelines.senders.webhook import WEBHOOK

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "warehouse_series.senders"
"""The group of entry points by which packages add types."""

BUILT_IN: Mapping[str, SenderType] = {
    "files": FILES,
    "table": TABLE,
    "webhook": WEBHOOK,
    "smtp": SMTP,
    "http": HTTP,
    "kafka": KAFKA,
}


def type_names() -> tuple[str, ...]:
    """Every type that there is; those of packages are not loaded."""
    return tuple(dict.fromkeys([*BUILT_IN, *_entry_points()]))


def find_type(name: str) -> SenderType:
    """The type of that name. No package can replace one of this package's own.

    Raises:
        SenderError: There is none, or its package does not work.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    entry_point = _entry_points().get(name)
    if entry_point is None:
        raise SenderError(f"There is no type of sender `{name}`. Is the package that brings it installed?")
    package = entry_point.dist.name if entry_point.dist else entry_point.value
    try:
        found = entry_point.load()
    except Exception as error:
        message = f"The type of sender `{name}` of package {package} cannot be loaded: {type(error).__name__}: {error}"
        raise SenderError(message) from error
    if not isinstance(found, SenderType):
        raise SenderError(f"The type of sender `{name}` of package {package} is not a SenderType.")
    return found


def _entry_points() -> Mapping[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {each.name: each for each in entry_points(group=GROUP)}
