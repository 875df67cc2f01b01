"""What a demo tells people at its end."""

from __future__ import annotations

from pathlib import Path

from pipelines.demo.play import Demo
from pipelines.output import count, table
from pipelines.schedule import format_instant
from warehouse.published import published_path


def text(demo: Demo, page: Path) -> str:
    """What the series did, where everything is (``page``: of the report), and what to do next."""
    folder = demo.folder.relative_to(Path.cwd()) if demo.folder.is_relative_to(Path.cwd()) else demo.folder
    return f"""{count(demo.customers, "customer")}, {count(demo.runs, "hourly run")} in {demo.seconds:.0f} s

{_series(demo)}

warehouse  {folder / "warehouse" / "warehouse.duckdb"}
results    {published_path(folder / "warehouse" / "warehouse.duckdb")}
report     {folder / page.relative_to(demo.folder)}
batches    {folder / "outbox"}

Go on with:
  cd {folder}
  series status
  series explain c1
  series run --as-of {format_instant(demo.next_as_of)}
  duckdb warehouse/published/warehouse.duckdb "from series.messages limit 5"
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
