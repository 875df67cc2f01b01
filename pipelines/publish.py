"""When the copy for readers is brought up to date."""

from __future__ import annotations

from pathlib import Path

from pipelines.definitions.vocabulary import SCHEDULES
from pipelines.run import newest_runs
from pipelines.schedule import is_due
from warehouse import state
from warehouse.adapter import Warehouse
from warehouse.published import publish, published_as_of
from warehouse.tables import SCHEMA_VERSION


def publish_if_wanted(warehouse: Warehouse, path: Path, when: str) -> None:
    """Bring the copy up to date, unless it is not wanted now, nothing has run, or the state is of an older version.

    Args:
        warehouse: Open for writing.
        path: The copy's file.
        when: ``every_run``; ``nightly``: with the first run of each night at or after 02:00 UTC; ``off``.

    Raises:
        WarehouseError: The copy cannot be written; the older one stands as it stood.
    """
    version = state.read_version(warehouse)
    if when == "off" or version != SCHEMA_VERSION:
        return
    newest = max(newest_runs(warehouse, version).values(), default=None)
    if newest and (when == "every_run" or is_due(SCHEDULES["nightly"], published_as_of(path), newest)):
        publish(warehouse, path)
