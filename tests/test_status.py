"""How a project stands, read from real tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from pipelines import display
from pipelines.definitions.load import load_definitions
from pipelines.model import Definitions
from pipelines.status import WaitingBatches, WaitingBlock, read_status
from warehouse.adapter import Warehouse
from warehouse.duckdb import DuckDB
from warehouse.tables import TABLES
from warehouse.views import VIEWS

PROJECT = Path(__file__).parent / "cli" / "project"
FIRST, SECOND = datetime(2026, 3, 1, 9), datetime(2026, 3, 2, 9)


@pytest.fixture
def definitions() -> Definitions:
    loaded, problems = load_definitions(PROJECT)
    assert not problems
    return loaded


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """The tables of the state, empty."""
    opened = DuckDB.open(tmp_path / "warehouse.duckdb")
    for schema in sorted({table.schema for table in TABLES}):
        opened.execute(f"create schema {schema}")
    for table in TABLES:
        opened.execute(table.create("integer"))
    for view in VIEWS:
        opened.execute(f"create view {view.qualified_name} as {view.select}")
    yield opened
    opened.close()


def add(warehouse: Warehouse, table: str, **values: object) -> None:
    names, parameters = ", ".join(values), ", ".join(f"${name}" for name in values)
    warehouse.execute(f"insert into {table} ({names}) values ({parameters})", values)


def test_a_project_that_never_ran(definitions: Definitions) -> None:
    status = read_status(definitions, None)
    assert status.last_run is None
    assert [series.series_id for series in status.series] == list(definitions.series)
    assert all(not series.entries and not series.waiting and series.last_run is None for series in status.series)
    assert display.status(status).startswith("Nothing has run yet.")


def test_entries_by_status_in_a_fixed_order_with_goals(definitions: Definitions, warehouse: Warehouse) -> None:
    for entry_id, (status, goal_at) in enumerate(
        [("held_out", FIRST), ("goal", SECOND), ("active", None), ("active", None), ("finished", FIRST)]
    ):
        add(warehouse, "series.entries", entry_id=entry_id, series_id="upgrade", status=status, goal_at=goal_at)
    upgrade = {series.series_id: series for series in read_status(definitions, warehouse).series}["upgrade"]
    assert list(upgrade.entries.items()) == [("active", 2), ("finished", 1), ("goal", 1), ("held_out", 1)]
    assert upgrade.goals == 3


def test_customers_wait_per_block_in_the_definitions_order(definitions: Definitions, warehouse: Warehouse) -> None:
    for block_id, blocked_by, arrived_at in [
        ("settle", None, SECOND),
        ("gone", None, FIRST),
        ("offer", "no_address", SECOND),
        ("offer", None, FIRST),
        ("offer", "no_consent", SECOND),
        ("offer", "no_address", SECOND),
    ]:
        values = {"block_id": block_id, "blocked_by": blocked_by, "arrived_at": arrived_at}
        add(warehouse, "series_state.open_visits", entry_id=1, series_id="upgrade", **values)
    left = {"block_id": "free", "outcome": "matched", "left_at": FIRST}
    add(warehouse, "series_state.closed_visits", entry_id=1, series_id="upgrade", **left)
    upgrade = {series.series_id: series for series in read_status(definitions, warehouse).series}["upgrade"]
    assert upgrade.waiting == (
        WaitingBlock("offer", 4, FIRST, {"no_address": 2, "no_consent": 1}),
        WaitingBlock("settle", 1, SECOND),
        WaitingBlock("gone", 1, FIRST),
    )


def test_last_runs_and_series_without_a_definition(definitions: Definitions, warehouse: Warehouse) -> None:
    for series_id, as_of in [("upgrade", FIRST), ("upgrade", SECOND), ("forgotten", FIRST)]:
        add(warehouse, "series.ticks", series_id=series_id, as_of=as_of)
    status = read_status(definitions, warehouse)
    assert status.last_run == SECOND
    runs = {series.series_id: series.last_run for series in status.series}
    assert runs == {"later": None, "upgrade": SECOND, "welcome": None, "forgotten": FIRST}
    assert list(runs)[-1] == "forgotten"
    assert status.series[-1].status is None
    assert "no definition" in display.status(status)


def test_batches_that_have_not_left(definitions: Definitions, warehouse: Warehouse) -> None:
    for batch_id, status, as_of, attempts, error in [
        ("a", "handed_off", FIRST, 1, None),
        ("b", "pending", SECOND, 0, None),
        ("c", "pending", FIRST, 3, "disk full"),
        ("d", "dropped", FIRST, 0, None),
        ("e", "unknown", SECOND, 1, "no answer"),
    ]:
        values = {"batch_id": batch_id, "status": status, "as_of": as_of, "attempts": attempts, "last_error": error}
        add(warehouse, "series.batches", series_id="upgrade", sender="outbox", message_count=10, **values)
    status_now = read_status(definitions, warehouse)
    assert status_now.batches == (
        WaitingBatches("upgrade", "outbox", "pending", 2, 20, FIRST, 3, "disk full"),
        WaitingBatches("upgrade", "outbox", "unknown", 1, 10, SECOND, 1, "no answer"),
    )
    assert "disk full" in display.status(status_now)
