"""The sources as text for people."""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.output import lines, summary, table
from pipelines.source_overview import SourceOverview, SourceState

_LONGEST_TYPE = 30


def sources(overview: SourceOverview) -> str:
    """All sources as one table, then the columns of each, then every problem."""
    parts = [list_sources(overview.sources), *(_columns(source) for source in overview.sources if source.present)]
    problems = "\n".join([*lines(overview.problems), summary(overview.problems)])
    return "\n\n".join([*parts, problems])


def list_sources(all_sources: Sequence[SourceState]) -> str:
    """One line for each source."""
    return table(
        ["source", "from", "rows", "newest"],
        [
            [source.name, source.where if source.present else "(none)", source.rows, source.newest_at]
            for source in all_sources
        ],
    )


def _columns(source: SourceState) -> str:
    rows = [
        [column.name, column.column if column.column != column.name else None, _short(column.type), _use(column.family)]
        for column in source.columns
    ]
    return table([source.name, "column", "type", "read as"], rows)


def _short(type_: str) -> str:
    """A struct's type names all its fields; the beginning is enough for people."""
    return type_ if len(type_) <= _LONGEST_TYPE else f"{type_[:_LONGEST_TYPE]}…"


def _use(family: str | None) -> str:
    return family or "(not read)"
