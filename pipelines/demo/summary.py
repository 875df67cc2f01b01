"""What the series of a demo did, and what they were good for."""

from __future__ import annotations

from dataclasses import dataclass

from pipelines.sql_text import read_query
from warehouse.adapter import Warehouse


@dataclass(frozen=True, slots=True)
class SeriesSummary:
    """One series.

    Attributes:
        entries: How many were started, the held-out ones included.
        goals: Entries with the series, not held out, that reached the goal.
        goal_rate: Share of first entries that reached the goal, with the series; None: there are none.
        holdout_goal_rate: The same without the series; None: nobody was held out.
    """

    series_id: str
    entries: int
    active: int
    finished: int
    held_out: int
    goals: int
    goal_rate: float | None
    holdout_goal_rate: float | None
    messages_handed_off: int


def summarise(warehouse: Warehouse) -> tuple[SeriesSummary, ...]:
    """Count what every series did so far, in the order of their names."""
    return tuple(SeriesSummary(*row) for row in warehouse.fetch(read_query("demo/summary")))
