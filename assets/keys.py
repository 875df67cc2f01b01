"""What assets are called."""

import re
from dataclasses import dataclass

from dagster import AssetKey

from pipelines.model import Source

_NO_PART_OF_A_NAME = re.compile(r"[^A-Za-z0-9_.-]")

RUN = ("entries", "path_advances", "wait_expiries", "tag_writes", "outbound_batches")
"""What one run makes, in topological order."""

HAND_OFF = "handed_off_batches"
"""What a hand-off makes."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a project's assets.

    Attributes:
        prefix: Stands before the key of everything but sources, which are somebody else's.
    """

    prefix: tuple[str, ...] = ()

    def of(self, name: str) -> AssetKey:
        """The key of something that a run or a hand-off makes."""
        return AssetKey([*self.prefix, name])

    def series(self, series_id: str) -> AssetKey:
        """The key of a series."""
        return AssetKey([*self.prefix, "series", series_id])

    def report(self, table: str) -> AssetKey:
        """The key of a table of the report."""
        return AssetKey([*self.prefix, "report", table])

    def source(self, source: Source) -> AssetKey:
        """The key of the table behind a source: as the project file says, else the parts of the table's name.

        Dagster names things after it, so what it takes for no part of a name becomes ``_``.
        """
        parts = source.asset_key.split("/") if source.asset_key else source.table.split(".")
        return AssetKey([_NO_PART_OF_A_NAME.sub("_", part) for part in parts])
