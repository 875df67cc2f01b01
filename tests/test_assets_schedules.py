"""A schedule says when to look; what runs then is the engine's answer, however late, repeated or changed the tick."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from assets import build_definitions
from assets.environment import SCHEDULES
from assets.keys import RUN
from pipelines.definitions.definition import parse_schedule
from tests.orchestrated import make_shop, metadata, sql

Run = Callable[[Path, dg.RunRequest], dg.ExecuteInProcessResult]
RUNS = "select series_id, strftime(max(as_of), '%d %H:%M'), count(*) from series.ticks group by all order by all"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path / "shop")


def tick(shop: Path, name: str, at: datetime) -> dg.RunRequest:
    """What a schedule asks for at an instant; the clock on the wall is years away."""
    definitions = build_definitions(shop)
    context = dg.build_schedule_context(scheduled_execution_time=at)
    (request,) = definitions.resolve_schedule_def(name).evaluate_tick(context).run_requests or ()
    return request


def found(shop: Path) -> dict[str, dg.ScheduleDefinition]:
    """The schedules by name."""
    return {one.name: one for one in build_definitions(shop).get_repository_def().schedule_defs}


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    """Runs what was asked for: of the job, the step of the run itself, which has all that a tick decides."""
    step = [dg.AssetKey(name) for name in RUN]
    with dg.DagsterInstance.ephemeral() as instance:

        def run_requested(shop: Path, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
            job = build_definitions(shop).resolve_job_def("series_run")
            return job.execute_in_process(
                instance=instance, run_config=request.run_config, tags=request.tags, asset_selection=step
            )

        yield run_requested


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def test_there_is_one_schedule_for_each_distinct_cron_expression(shop: Path) -> None:
    file = shop / "series_definitions" / "later.yml"
    file.write_text(file.read_text().replace("draft", "emptying").replace("nightly", '"*/15 9-17 * * 1-5"'))
    schedules = found(shop)
    assert {name: one.cron_schedule for name, one in schedules.items()} == {
        "cron_anyper15_9to17_any_any_1to5": "*/15 9-17 * * 1-5",
        "hourly": "0 * * * *",
        "nightly": "0 2 * * *",
    }
    assert {one.default_status for one in schedules.values()} == {dg.DefaultScheduleStatus.STOPPED}


def test_the_environment_switches_schedules_on(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SCHEDULES, "on")
    schedules = found(shop)
    assert {one.default_status for one in schedules.values()} == {dg.DefaultScheduleStatus.RUNNING}


def test_a_cron_expression_that_dagster_cannot_read_is_looked_at_every_hour(shop: Path) -> None:
    file = shop / "series_definitions" / "later.yml"
    last_friday = parse_schedule("0 9 * * 5L")
    file.write_text(file.read_text().replace("draft", "live").replace("nightly", last_friday))
    schedules = found(shop)
    assert schedules["cron_0_9_any_any_5L"].cron_schedule == "0 * * * *"
    assert "Dagster cannot read" in (schedules["cron_0_9_any_any_5L"].description or "")


def test_a_tick_with_a_late_clock_runs_at_its_own_instant(shop: Path, run: Run) -> None:
    request = tick(shop, "hourly", at(1, 9))
    assert request.run_key == "2026-03-01T09:00Z"
    result = run(shop, request)
    assert metadata(result, "entries")["as_of"] == at(1, 9).timestamp()
    assert sql(shop, RUNS) == [("upgrade", "01 09:00", 1), ("welcome", "01 09:00", 1)]


def test_missed_repeated_and_simultaneous_ticks_are_one_run_each(shop: Path, run: Run) -> None:
    run(shop, tick(shop, "hourly", at(1, 9)))
    # The night's tick never came: the next hour makes up for it, in one run.
    run(shop, tick(shop, "hourly", at(2, 4)))
    assert sql(shop, RUNS) == [("upgrade", "02 04:00", 2), ("welcome", "02 04:00", 2)]
    # The same again, and one that had got stuck somewhere: nothing.
    run(shop, tick(shop, "hourly", at(2, 4)))
    late = run(shop, tick(shop, "nightly", at(2, 2)))
    assert metadata(late, "entries")["entered"] == 0
    assert sql(shop, RUNS) == [("upgrade", "02 04:00", 2), ("welcome", "02 04:00", 2)]
    # Both schedules have a tick at two in the night.
    run(shop, tick(shop, "hourly", at(3, 2)))
    run(shop, tick(shop, "nightly", at(3, 2)))
    assert sql(shop, RUNS) == [("upgrade", "03 02:00", 3), ("welcome", "03 02:00", 3)]


def test_a_changed_cron_expression_counts_before_dagster_knows_of_it(shop: Path, run: Run) -> None:
    old = tick(shop, "hourly", at(1, 9))
    file = shop / "series_definitions" / "upgrade.yml"
    file.write_text(file.read_text().replace("hourly", '"30 6 * * *"'))
    run(shop, old)
    run(shop, tick(shop, "nightly", at(2, 2)))
    assert sql(shop, RUNS) == [("upgrade", "01 09:00", 1), ("welcome", "02 02:00", 2)]
    run(shop, tick(shop, "daily_0630", at(2, 6, 30)))
    assert sql(shop, RUNS) == [("upgrade", "02 06:30", 2), ("welcome", "02 02:00", 2)]
