"""What the definitions of each series have been, as far as it has run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.definitions.definition import draft_series
from pipelines.definitions.load import FOLDER
from pipelines.graph import Connection, build_graph, ways_from_gone
from pipelines.model import AnyBlock, ContentBlock, Definitions, Series
from pipelines.sql_text import render
from warehouse.adapter import Warehouse


@dataclass(frozen=True, slots=True)
class SeriesVersion:
    """One definition with which a series has run.

    Attributes:
        number: 1 for the first one that ran.
        first_as_of: The first run that used it, naive UTC.
        newest_as_of: The newest run that used it, naive UTC.
        runs: How many runs used it.
        series: What its text says, as far as it can be read today.
        connections: Between its blocks, in the order of the file.
        entry_rules: The blocks that nothing leads to.
    """

    series_id: str
    number: int
    definition_hash: str
    first_as_of: datetime
    newest_as_of: datetime
    runs: int
    series: Series
    connections: tuple[Connection, ...]
    entry_rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SeriesHistory:
    """One series with all versions that ran, the first one first.

    Attributes:
        file: What its file says now; None: there is none, or it cannot be read.
    """

    series_id: str
    file: Series | None
    versions: tuple[SeriesVersion, ...]

    @property
    def newest(self) -> SeriesVersion | None:
        """The version that ran last; None when the series never ran."""
        return max(self.versions, key=lambda version: version.newest_as_of, default=None)

    @property
    def series(self) -> Series | None:
        """What the newest run went by, or the file where nothing has run."""
        return self.newest.series if self.newest else self.file

    @property
    def as_of(self) -> datetime | None:
        """The newest run, naive UTC; None when the series never ran."""
        return self.newest.newest_as_of if self.newest else None

    @property
    def order(self) -> tuple[str, ...]:
        """The blocks of ``series`` on the way from the entry rules."""
        return build_graph(self.series.blocks).order if self.series else ()

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The connections of ``series``."""
        return build_graph(self.series.blocks).connections if self.series else ()

    @property
    def entry_rules(self) -> tuple[str, ...]:
        """The entry rules of ``series``."""
        return build_graph(self.series.blocks).entry_rules if self.series else ()

    @property
    def block_ids(self) -> tuple[str, ...]:
        """Every block that any version has had; those of ``series`` first, on the way."""
        older = (block_id for version in reversed(self.versions) for block_id in version.series.blocks)
        return tuple(dict.fromkeys([*self.order, *older]))

    def block(self, block_id: str) -> AnyBlock | None:
        """A block as the newest definition that has it says; None where none has."""
        newest_first = sorted(self.versions, key=lambda version: version.newest_as_of, reverse=True)
        texts = [version.series for version in newest_first] or ([self.file] if self.file else [])
        return next((text.blocks[block_id] for text in texts if block_id in text.blocks), None)

    def channel(self, block_id: str) -> str | None:
        """The channel of a content block; None where no definition has it."""
        block = self.block(block_id)
        return block.channel.value if isinstance(block, ContentBlock) else None

    def ways(self) -> set[tuple[str, str, bool]]:
        """From which block to which any version has led, and whether from one that was gone."""
        connections = [way for version in self.versions for way in version.connections] or self.connections
        return {(way.from_block, way.to_block, way.branch == "moved") for way in connections}

    def branches(self) -> dict[tuple[str, str], str]:
        """Each connection that any version has had: ``then``, ``else`` or ``both``, as the newest of them says.

        ``moved``: no version has it between its blocks; it led on from a block that was gone.
        """
        found: dict[tuple[str, str], str] = {}
        texts = [version.connections for version in sorted(self.versions, key=lambda version: version.newest_as_of)]
        for connections in texts or [self.connections]:
            branches = _branches(connections)
            found = branches | found | {ends: branch for ends, branch in branches.items() if branch != "moved"}
        return found


def _branches(connections: Sequence[Connection]) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    for connection in connections:
        key = (connection.from_block, connection.to_block)
        found[key] = connection.branch if found.get(key, connection.branch) == connection.branch else "both"
    return found


def read_histories(warehouse: Warehouse | None, definitions: Definitions) -> dict[str, SeriesHistory]:
    """Every series that is defined or has run, by id; first those that are defined, in the order of their files.

    Args:
        warehouse: With a state; None when nothing ever ran.
        definitions: What the files say now.
    """
    versions: dict[str, list[SeriesVersion]] = {}
    for version in _read_versions(warehouse) if warehouse else ():
        versions.setdefault(version.series_id, []).append(version)
    files: Mapping[str, Series] = {**definitions.series, **definitions.refused}
    return {
        name: SeriesHistory(name, files.get(name), tuple(versions.get(name, ())))
        for name in [*files, *sorted(versions.keys() - files.keys())]
    }


def _read_versions(warehouse: Warehouse) -> Iterator[SeriesVersion]:
    rows = warehouse.fetch(f"{render('report/versions')}\norder by series_id, version")
    for series_id, number, definition_hash, text, first_as_of, newest_as_of, runs in rows:
        # What was right when it ran may be wrong by today's rules; what can be read of it is enough.
        series, _ = draft_series(text, f"{FOLDER}/{series_id}.yml")
        graph = build_graph(series.blocks)
        yield SeriesVersion(
            series_id,
            number,
            definition_hash,
            first_as_of,
            newest_as_of,
            runs,
            series,
            (*graph.connections, *ways_from_gone(series)),
            graph.entry_rules,
        )
