"""The sending policy as a whole project sees it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from pipelines import Project, display
from pipelines.hand_off.hand_off import HandOffResult
from pipelines.run_result import RunResult

SERIES = """
series: hello
status: live
schedule: hourly
blocks:
  all:  {rule: "plan = 'Free'", then: mail}
  mail: {content: push, title: Hello, body: Hello there, try_for: 1 day}
"""
HELLO = """
scenario: Everybody is greeted
series: hello
runs:
  - sources: {customers: [{customer_id: ada, plan: Free}]}
    as_of: 2026-07-01T08:00Z
    changed: {messages: [{customer_id: ada, block_id: mail}]}
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


def test_a_stop_queues_nothing_and_hands_nothing_off(folder: Path) -> None:
    run(folder, "2026-07-01T08:00Z")
    result = run(folder, "2026-07-02T08:00Z", "{stopped: true, gap: 1 hour}")
    assert result.hand_off == HandOffResult((), stopped=True)
    assert "Sending is stopped: nothing is handed off." in display.run(result)


@pytest.mark.parametrize("word", ["1", "true", "stop"])
def test_a_stop_by_the_environment_keeps_what_waits(folder: Path, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    project = Project.open(folder)
    project.run("2026-07-01T08:00Z", hand_off=False)
    monkeypatch.setenv("SERIES_STOP", word)
    stopped = Project.open(folder)
    (kept,) = stopped.hand_off().batches
    assert (kept.status, kept.message_count) == ("pending", 8)
    with duckdb.connect(folder / "warehouse" / "warehouse.duckdb") as warehouse:
        warehouse.execute("insert into customers values ('new', 'Free', null)")
    stopped.run("2026-07-01T09:00Z")
    assert blocked(folder)[-1] == "stopped"
    assert not (folder / "outbox").exists()
    monkeypatch.setenv("SERIES_STOP", "0")
    result = Project.open(folder).run("2026-07-01T10:00Z").hand_off
    assert result is not None
    assert [(batch.status, batch.message_count) for batch in result.batches] == [("handed_off", 8), ("handed_off", 1)]


def test_a_test_of_series_is_not_stopped_by_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERIES_STOP", "1")
    tests = folder / "series_definitions" / "tests"
    tests.mkdir()
    (tests / "hello.yml").write_text(HELLO)
    (result,) = Project.open(folder).test()
    assert result.state == "passed"


def test_what_never_left_counts_for_no_cap(folder: Path) -> None:
    run(folder, "2026-07-01T08:00Z")
    with duckdb.connect(folder / "warehouse" / "warehouse.duckdb") as warehouse:
        warehouse.execute("update series.messages set status = 'dropped' where customer_id = 'c0'")
        warehouse.execute("update series.messages set status = 'unknown' where customer_id = 'c1'")
    (folder / "series_definitions" / "again.yml").write_text(SERIES.replace("hello", "again"))
    run(folder, "2026-07-01T09:00Z", "{caps: {all: 1 per 1 day}}")
    visits = Project.open(folder).table("visits").filter(block_id="mail", series_id="again").sort("customer_id")
    assert visits["blocked_by"].to_list() == [None] + ["cap"] * 7
