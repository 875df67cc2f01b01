"""The sending policy as a whole project sees it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from pipelines import Project, display
from pipelines.project import RunResult

SERIES = """
series: hello
status: live
schedule: hourly
blocks:
  all:  {rule: "plan = 'Free'", then: mail}
  mail: {content: push, title: Hello, body: Hello there, try_for: 1 day}
"""
CUSTOMERS = """
create or replace table customers as
select 'c' || n as customer_id, 'Free' as plan,
    case n % 4 when 0 then 'Europe/Berlin' when 1 then 'Nowhere/City' when 2 then ' ' end as timezone
from range(8) as numbers(n)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "series_definitions").mkdir()
    (tmp_path / "warehouse").mkdir()
    (tmp_path / "series_definitions" / "hello.yml").write_text(SERIES)
    with duckdb.connect(tmp_path / "warehouse" / "warehouse.duckdb") as warehouse:
        warehouse.execute(CUSTOMERS)
    return tmp_path


def run(folder: Path, as_of: str, sending: str = "{}") -> RunResult:
    (folder / "series.yml").write_text(f"timezone: UTC\nsending: {sending}\n")
    return Project.open(folder).run(as_of)


def blocked(folder: Path) -> list[str | None]:
    visits = Project.open(folder).table("visits").filter(block_id="mail").sort("customer_id")
    return visits["blocked_by"].to_list()


def test_a_zone_that_does_not_exist_is_the_projects_and_counted(folder: Path) -> None:
    quiet = "{quiet_hours: {from: '23:00', to: '09:00', timezone: customer}}"
    result = run(folder, "2026-07-01T08:00Z", quiet)
    assert result.unknown_zones == 2
    assert "Unknown time zones, taken as the project's: 2 customers." in display.run(result)
    assert blocked(folder) == [None, "quiet_hours", "quiet_hours", "quiet_hours"] * 2


def test_zones_that_nothing_goes_by_are_not_counted(folder: Path) -> None:
    assert run(folder, "2026-07-01T08:00Z", "{quiet_hours: {from: '23:00', to: '07:00'}}").unknown_zones == 0
    assert blocked(folder) == [None] * 8
