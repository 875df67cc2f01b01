"""Over random plays: a plan before each run says what the run then does, and leaves no trace in any table.

Over random series: what it says has changed is what differs.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, seed, settings

from pipelines import Project
from pipelines.output import to_json
from pipelines.plan import display
from pipelines.plan.changes import compare
from pipelines.plan.plan import Plan
from pipelines.run_result import RunResult
from tests.engine import Engine, read_tables
from tests.evaluator.tables import Evaluator
from tests.random_series import Raw, series
from tests.scenario import TABLES, Row
from tests.test_worlds import SLOW, compared
from tests.worlds import Play, dump, plays
from warehouse.adapter import Warehouse

EXAMPLES = 4
FILE = "series_definitions/s0.yml"


class Planned(Engine):
    """An engine that plans each of its runs before."""

    def run(self, as_of: datetime, due: bool = False) -> None:
        project = Project.open(self.folder)
        with project.session(publish=False) as warehouse:
            before = every_row(warehouse)
            plan = project.plan(as_of, due=due)
            assert every_row(warehouse) == before
            ran = project.run(as_of, due=due)
            self.tables = read_tables(project)
            open_visits = warehouse.fetch("select series_id, block_id, blocked_by from series_state.open_visits")
        assert_done(plan, ran, self.tables, open_visits)
        assert display.text(plan, diff=True)
        assert to_json(plan)


def every_row(warehouse: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """What is in the file, table by table; views are made of tables."""
    names = warehouse.fetch(
        "select schema_name || '.' || table_name from duckdb_tables() where not temporary order by all"
    )
    return {name: sorted(warehouse.fetch(f"select * from {name}"), key=str) for (name,) in names}


def assert_done(plan: Plan, ran: RunResult, tables: dict[str, list[Row]], open_visits: list[tuple[Any, ...]]) -> None:
    """The run did what the plan says, series by series, and nothing more."""
    done = {one.series_id: one.counts for one in ran.series if one.state == "done"}
    assert {one.series_id: one.counts for one in plan.series if one.state == "runs"} == done
    failed = {one.series_id: one.message for one in ran.series if one.state == "failed"}
    assert {one.series_id: one.reason for one in plan.series if one.state == "fails"} == failed
    for one in plan.series:
        queued: dict[str, int] = {}
        for row in tables["messages"]:
            if (row["series_id"], row["queued_at"]) == (one.series_id, plan.as_of):
                queued[row["block_id"]] = queued.get(row["block_id"], 0) + 1
        blocked = [row[1:] for row in open_visits if row[0] == one.series_id and row[2]]
        if one.state == "runs":
            assert {each.block_id: each.messages for each in one.messages} == queued
            told = [(each.block_id, each.blocked_by) for each in one.blocked for _ in range(each.customers)]
            assert sorted(told) == sorted(blocked)


@seed(2)
@settings(settings.get_profile("ci"), max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=SLOW)
@given(plays(most_acts=6))
def test_plans_and_runs_agree(play: Play) -> None:
    with TemporaryDirectory() as folder:
        engine, evaluator = Planned(Path(folder), play.time_types), Evaluator()
        for step in play.steps(evaluator.state):
            engine.perform(step)
            evaluator.perform(step)
            found, wanted = engine.tables, evaluator.tables()
            # The evaluator plans nothing: a run after a plan is the run alone.
            assert all(compared(table, found[table]) == compared(table, wanted[table]) for table in TABLES)


@seed(3)
@settings(settings.get_profile("ci"), max_examples=40, database=None, deadline=None, suppress_health_check=SLOW)
@given(series("s0", ("s1",)), series("s0", ("s1",)))
def test_what_is_told_of_blocks_is_what_differs(former: Raw, raw: Raw) -> None:
    was, now = former["blocks"], raw["blocks"]
    changes = compare(dump(former), dump(raw), FILE)
    assert changes.is_read
    told = {block.block_id: block for block in changes.blocks}
    assert {name for name, block in told.items() if block.change == "new"} == now.keys() - was.keys()
    assert {name for name, block in told.items() if block.change == "gone"} == was.keys() - now.keys()
    assert all(was[name] != now[name] for name, block in told.items() if block.change in ("kind", "changed"))
    for name in was.keys() & now.keys():
        keys = {key for key in {**was[name], **now[name]} if was[name].get(key) != now[name].get(key)}
        # A key may say what is so without it, and a wait in hours what another says in days.
        assert set(told[name].keys if name in told else ()) <= keys | {"tag", "wait"}
        assert not keys & {"rule", "then", "else", "subject", "title"} or name in told


@seed(4)
@settings(settings.get_profile("ci"), max_examples=20, database=None, deadline=None, suppress_health_check=SLOW)
@given(series("s0", ("s1",)))
def test_another_layout_says_the_same(raw: Raw) -> None:
    changes = compare(dump(raw), f"# As before.\n{json.dumps(raw)}\n", FILE)
    assert (changes.keys, changes.blocks, changes.is_read) == ((), (), True)
