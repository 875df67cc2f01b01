"""The state as the tables of SPEC 6, `entry_number` standing for `entry_id`; and how to drive the evaluator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from tests.evaluator.definition import read_project
from tests.evaluator.run import run
from tests.evaluator.state import Entry, State
from tests.evaluator.world import World
from tests.scenario import Step

Row = dict[str, Any]
TABLES = ("entries", "visits", "advances", "messages", "tag_writes")


class Evaluator:
    """A project, a world and the state between runs; what an engine, a warehouse and its sources are elsewhere."""

    def __init__(self) -> None:
        self.definitions: dict[str, str] = {}
        self.project_file: str | None = None
        self.world = World()
        self.state = State()

    def perform(self, step: Step) -> None:
        """What happens before the run, then the run."""
        self.definitions |= step.definitions
        self.project_file = step.project or self.project_file
        self.world.lose(step.customers_gone)
        self.world.untag(step.customer_tags_gone)
        self.world.take(step.sources)
        self.run(step.as_of, step.due)

    def run(self, as_of: datetime, due: bool = False) -> None:
        run(read_project(self.definitions, self.project_file), self.world, self.state, as_of, due)

    def tables(self) -> dict[str, list[Row]]:
        """Every row of the five tables."""
        entries = self.state.entries
        return {table: [row for entry in entries for row in rows_of(entry, table)] for table in TABLES}


def rows_of(entry: Entry, table: str) -> Iterator[Row]:
    """The entry's rows in one table, with the columns that tell them apart."""
    whose = {name: getattr(entry, name) for name in ("series_id", "customer_id", "entry_number")}
    if table == "entries":
        names = ("arm", "entered_at", "status", "ended_at", "goal_at", "goal_met_at_entry")
        yield whose | {name: getattr(entry, name) for name in names}
        return
    rows = getattr(entry, table)
    for row in rows.values() if isinstance(rows, dict) else rows:
        yield whose | {name: value for name, value in asdict(row).items() if name != "goal_open"}
