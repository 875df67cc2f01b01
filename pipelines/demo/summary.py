"""What the series of a demo did, and what they were good for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.output import count, table
from pipelines.schedule import format_instant
from warehouse.adapter import Warehouse

if TYPE_CHECKING:
    from pipelines.demo.play import Demo

_QUERY = Path(__file__).parent.parent.parent / "sql" / "demo" / "summary.sql"


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
    return tuple(SeriesSummary(*row) for row in warehouse.fetch(_QUERY.read_text(encoding="utf-8")))


def text(demo: Demo) -> str:
    """The summary for people, with what to do next."""
    folder = demo.folder.relative_to(Path.cwd()) if demo.folder.is_relative_to(Path.cwd()) else demo.folder
    return f"""{count(demo.customers, "customer")}, {count(demo.runs, "hourly run")} in {demo.seconds:.0f} s

{_series(demo)}

warehouse  {folder / "warehouse" / "warehouse.duckdb"}
batches    {folder / "outbox"}

Go on with:
  cd {folder}
  series status
  series run --as-of {format_instant(demo.next_as_of)}
  duckdb warehouse/warehouse.duckdb "from series.messages limit 5"
"""


def _series(demo: Demo) -> str:
    headings = (
        "series",
        "entries",
        "active",
        "finished",
        "held out",
        "goals",
        "goal rate",
        "in holdout",
        "messages sent",
    )
    return table(
        headings,
        [
            (
                each.series_id,
                each.entries,
                each.active,
                each.finished,
                each.held_out,
                each.goals,
                _percent(each.goal_rate),
                _percent(each.holdout_goal_rate),
                each.messages_handed_off,
            )
            for each in demo.series
        ],
    )


def _percent(rate: float | None) -> str:
    return "" if rate is None else f"{rate:>6.1%}"
