"""What one run did and what was handed off, in numbers, read from the tables: a repeated run finds the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pipelines.sql_text import read_query

_COUNTS = (
    "entered", "held_out", "reopened", "advanced", "merged", "waits_ended", "tags_written", "messages_queued", "goals",
    "ended", "customers_missing",
)  # fmt: skip


class Reader(Protocol):
    """What is asked of the warehouse: the rows of one SELECT."""

    def fetch(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one SELECT and return its rows."""
        ...


@dataclass(frozen=True, slots=True)
class Batches:
    """A number of batches, and of the messages in them."""

    batches: int
    messages: int


@dataclass(frozen=True, slots=True)
class RunFigures:
    """What one run did.

    Attributes:
        as_of: The run's instant, naive UTC.
        counts: By series that took part, the counts of ``series.ticks``.
        batches: By series, the batches that the run made; a series without any is absent.
        rows: By table, how many rows it has now.
    """

    as_of: datetime
    counts: Mapping[str, Mapping[str, int]]
    batches: Mapping[str, Batches]
    rows: Mapping[str, int]


def read_run(warehouse: Reader, as_of: datetime) -> RunFigures:
    """What the run at an instant did, from a state that exists."""
    return RunFigures(
        as_of=as_of,
        counts={
            series_id: dict(zip(_COUNTS, counts, strict=True))
            for series_id, *counts in _rows(warehouse, "ticks", {"as_of": as_of})
        },
        batches=_batches(warehouse, "batches", {"as_of": as_of}),
        rows=dict(_rows(warehouse, "rows")),
    )


def read_handed_off(warehouse: Reader, since: datetime) -> dict[str, Batches]:
    """By series, the batches that senders have accepted since a moment of the wall clock (naive UTC)."""
    return _batches(warehouse, "handed_off", {"since": since})


def _batches(warehouse: Reader, query: str, parameters: Mapping[str, Any]) -> dict[str, Batches]:
    return {
        series_id: Batches(batches, messages) for series_id, batches, messages in _rows(warehouse, query, parameters)
    }


def _rows(warehouse: Reader, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
    return warehouse.fetch(read_query(f"figures/{query}"), parameters)
