"""A run by Dagster is the engine's run: what it reports is what the tables say, whatever failed in between."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from assets import policies
from pipelines import Project
from pipelines.report.tables import TABLES
from tests.orchestrated import (
    FOLDER,
    NO_TELEMETRY,
    WAREHOUSE,
    checks,
    make_shop,
    metadata,
    run_job,
    shop_job,
    sql,
    steps,
)

FIRST, SECOND = "2026-03-01T09:00Z", "2026-03-01T10:00Z"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path / "shop")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def made(result: dg.ExecuteInProcessResult) -> list[str]:
    """The assets that a run reports, in order."""
    events = [event for event in result.all_events if event.is_step_materialization]
    return [event.asset_key.to_user_string() for event in events if event.asset_key]


def test_a_run_and_its_repeat_report_what_the_tables_say(shop: Path, instance: dg.DagsterInstance) -> None:
    result = run_job(shop, instance, as_of=FIRST)
    assert result.success
    assert all(checks(result).values())
    assert metadata(result, "entries")["dagster/row_count"] == 18
    assert metadata(result, "entries")["entered: upgrade"] == 8
    assert metadata(result, "entries")["entered: welcome"] == 10
    assert (
        metadata(result, "series", "upgrade")["messages_queued"] == metadata(result, "handed_off_batches")["messages"]
    )
    assert metadata(result, "outbound_batches")["batches"] == 1
    assert len(list((shop / "outbox").glob("*.jsonl"))) == 1
    assert made(result) == [
        "series/upgrade", "series/welcome", "entries", "path_advances", "wait_expiries", "tag_writes",
        "outbound_batches", "handed_off_batches", *(f"report/{name}" for name in TABLES),
    ]  # fmt: skip
    time.sleep(1.1)  # Dagster knows to the second when a run began
    again = run_job(shop, instance, as_of=FIRST)
    assert again.success
    for name in ("entries", "path_advances", "wait_expiries", "tag_writes", "outbound_batches"):
        assert metadata(again, name) == metadata(result, name), name
    assert metadata(again, "handed_off_batches")["messages"] == 0
    assert sql(shop, "select count(*) from series.entries") == [(18,)]


def test_the_report_shows_the_numbers_of_its_tables(shop: Path, instance: dg.DagsterInstance) -> None:
    file = shop / "series_definitions" / "upgrade.yml"
    file.write_text(file.read_text().replace("status: live", "status: live\nholdout: 50"))
    assert run_job(shop, instance, as_of=FIRST).success
    sql(shop, "update customers set plan = 'Premium' where customer_id <= 6")
    result = run_job(shop, instance, as_of=SECOND)
    assert result.success
    tables = Project.open(shop).report().tables
    found = {name: metadata(result, "report", name) for name in TABLES}
    for name, numbers in found.items():
        assert numbers.pop("dagster/row_count") == tables[name].height, name
        assert numbers.pop("as_of") == 1772359200.0
    arms = "select count(*), count(goal_at) from series.entries where series_id = 'upgrade' group by arm order by arm"
    (held_out, its_goals), (entries, goals) = sql(shop, arms)
    assert (held_out, entries > goals > 0) == (1, True)
    assert found["goal_conversion"] == {
        "upgrade: entries": entries,
        "upgrade: goals": goals,
        "upgrade: goal rate": goals / entries,
        "welcome: entries": 10,
        "welcome: goals": 0,
    }
    assert found["lift"]["upgrade: difference"] == pytest.approx(goals / entries - its_goals / held_out)
    assert found["lift"]["upgrade: difference, low"] < 0 < found["lift"]["upgrade: difference, high"]
    ((waiting,),) = sql(shop, "select count(*) from series.visits where series_id = 'upgrade' and left_at is null")
    assert found["block_funnel"] == {
        "later: waiting now": 0,
        "upgrade: waiting now": waiting,
        "welcome: waiting now": 10,
    }
    ((messages,),) = sql(shop, "select count(*) from series.messages where series_id = 'upgrade'")
    assert found["message_performance"] == {"upgrade: sent messages": messages}
    assert found["path_flow"] == {}


def test_a_report_that_fails_fails_its_own_step(
    shop: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "RETRY", dg.RetryPolicy(max_retries=0))
    monkeypatch.setattr(Project, "report", lambda _: 1 / 0)
    result = run_job(shop, instance, as_of=FIRST)
    assert steps(result, "STEP_FAILURE") == ["report"]
    assert metadata(result, "handed_off_batches")["messages"] == metadata(result, "outbound_batches")["messages_queued"]
    assert checks(result)["handed_off_batches.stuck_batches"]
    assert sql(shop, "select count(*) from series.entries") == [(18,)]


def test_sources_are_observed(shop: Path, instance: dg.DagsterInstance) -> None:
    sql(shop, "insert into engagements values ('unknown', 'opened', timestamp '2026-03-01 08:30:00', null)")
    sql(shop, "insert into engagements values ('unknown', 'shouted', timestamp '2026-03-01 08:00:00', null)")
    result = run_job(shop, instance, as_of=FIRST)
    assert not checks(result)["engagements.engagements_usable"]
    assert checks(result)["customers.customers_usable"]
    seen = {
        observation.asset_key.to_user_string(): {key: value.value for key, value in observation.metadata.items()}
        for event in result.all_events
        if event.event_type_value == "ASSET_OBSERVATION"
        for observation in [event.asset_observation_data.asset_observation]
    }
    assert seen["customers"] == {"dagster/row_count": 10}
    assert seen["engagements"]["dagster/row_count"] == 2
    assert seen["engagements"]["newest_row"] == 1772353800.0
    assert "events" not in seen


def test_a_held_batch_stops_everything_until_a_person_decides(
    shop: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop / "series.yml").write_text("guards: {messages_per_run: 3}\n")
    monkeypatch.setenv(FOLDER, str(shop))
    job = dg.reconstructable(shop_job)
    run_config = {"ops": {"run": {"config": {"as_of": FIRST}}}}
    with dg.execute_job(job, instance, run_config=run_config) as stopped:
        assert not stopped.success
        assert not checks(stopped)["outbound_batches.within_limits"]
        assert not checks(stopped)["outbound_batches.held_batches"]
        assert "hand_off" not in steps(stopped, "STEP_START")
        assert "report" in steps(stopped, "STEP_SUCCESS")
    assert not (shop / "outbox").exists()
    assert sql(shop, "select status, count(*) from series.batches group by all") == [("held", 1)]
    (held,) = Project.open(shop).health("held_batches")["held_batches"]
    assert "held by messages_per_run since 2026-03-01T09:00Z" in held.message
    Project.open(shop).decide("released", why="It is a launch.", all_held=True)
    goes_on = dg.ReexecutionOptions.from_failure(stopped.run_id, instance)
    with dg.execute_job(job, instance, run_config=run_config, reexecution_options=goes_on) as resumed:
        assert resumed.success
        assert "run" not in steps(resumed, "STEP_START")
        assert "hand_off" in steps(resumed, "STEP_SUCCESS")
    assert sql(shop, "select distinct status from series.batches") == [("handed_off",)]
    assert len(list((shop / "outbox").glob("*.jsonl"))) == 1
    assert sql(shop, "select count(*) from series.ticks where series_id = 'upgrade'") == [(1,)]


def test_a_step_waits_for_the_warehouse_and_is_tried_again(
    shop: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "RETRY", dg.RetryPolicy(max_retries=3, delay=0.01))
    monkeypatch.setenv("SERIES_LOCK_WAIT", "0")
    holder = duckdb.connect(str(shop / WAREHOUSE))
    retried: list[str] = []

    def let_go_after_the_second_attempt(entry: dg.EventLogEntry) -> None:
        if entry.is_dagster_event and entry.get_dagster_event().is_step_up_for_retry:
            retried.append(entry.get_dagster_event().step_key or "")
            if len(retried) == 2:
                holder.close()

    # Told within the run: a second thread that reads the instance would share its one SQLite connection.
    run_id = str(uuid.uuid4())
    instance.add_event_listener(run_id, let_go_after_the_second_attempt)
    result = run_job(shop, instance, run_id=run_id, as_of=FIRST)
    assert result.success
    assert steps(result, "STEP_UP_FOR_RETRY") == retried
    assert len(retried) == 2
    assert metadata(result, "entries")["entered"] == 18


def test_a_mistake_is_not_tried_again(shop: Path, instance: dg.DagsterInstance) -> None:
    file = shop / "series_definitions" / "upgrade.yml"
    file.write_text(file.read_text().replace("plan = 'Premium'", "plam = 'Premium'"))
    result = run_job(shop, instance, as_of=FIRST)
    assert not result.success
    assert steps(result, "STEP_FAILURE") == ["run"]
    assert not steps(result, "STEP_UP_FOR_RETRY")
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    assert "series_definitions/upgrade.yml:5:14: error: " in str(failure.step_failure_data.user_failure_data)
    assert sql(shop, "select count(*) from duckdb_tables() where schema_name = 'series'") == [(0,)]


def test_a_crash_between_commit_and_report_loses_and_repeats_nothing(shop: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    killed = subprocess.run(
        [sys.executable, "-m", "tests.killed_dagster", str(shop), str(home), FIRST],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert sql(shop, "select count(*) from series.entries") == [(18,)]
    with dg.DagsterInstance.local_temp(str(home), overrides=NO_TELEMETRY) as instance:
        assert [run.status for run in instance.get_runs()] == [dg.DagsterRunStatus.STARTED]
        assert instance.get_latest_materialization_event(dg.AssetKey("entries")) is None
        result = run_job(shop, instance, as_of=FIRST)
    assert result.success
    assert metadata(result, "entries")["entered"] == 18
    assert metadata(result, "handed_off_batches")["messages"] == metadata(result, "outbound_batches")["messages_queued"]
    assert sql(shop, "select count(*) from series.entries") == [(18,)]


def test_a_series_that_somebody_has_to_look_at_fails_a_check_and_stops_nothing(
    shop: Path, instance: dg.DagsterInstance
) -> None:
    Project.open(shop).run(FIRST)
    file = shop / "series_definitions" / "upgrade.yml"
    file.write_text(file.read_text().replace("offer", "bid"))
    result = run_job(shop, instance, as_of="2026-03-05T10:00Z")
    assert result.success
    found = checks(result)
    assert not found["entries.every_series_ran"]
    assert not found["path_advances.overdue_visits"]
    assert found["outbound_batches.held_batches"]
    assert metadata(result, "wait_expiries")["waits_ended: welcome"] == 10


def test_a_broken_promise_is_seen(shop: Path, instance: dg.DagsterInstance) -> None:
    Project.open(shop).run(FIRST)
    sql(shop, "delete from series.advances where entry_id = (select min(entry_id) from series.advances)")
    # A copy that is there gets new rows only, and keeps what it has.
    Project.open(shop).published_path.unlink()
    result = run_job(shop, instance, as_of=SECOND)
    assert result.success
    assert not checks(result)["entries.broken_promises"]
    assert not checks(result)["report/block_funnel.differences"]
    assert metadata(result, "report", "block_funnel")["dagster/row_count"]


def test_without_an_instant_a_run_is_at_its_launch(shop: Path, instance: dg.DagsterInstance) -> None:
    result = run_job(shop, instance)
    record = instance.get_run_record_by_id(result.run_id)
    assert record
    assert metadata(result, "entries")["as_of"] == int(record.create_timestamp.timestamp())
    assert metadata(result, "entries")["entered"] == 18
