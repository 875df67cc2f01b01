"""The copy for readers: equal to what was committed, swapped whole, and in nobody's way."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from pipelines import Project
from pipelines.cli import main
from pipelines.hand_off.batches import Decision
from warehouse.adapter import WarehouseError
from warehouse.views import PUBLIC

START = datetime(2026, 3, 1)
SERIES = """
series: welcome
status: live
schedule: hourly
goal: {rule: did('bought'), within: 7 days, exits: false}
blocks:
  all: {rule: "plan = 'Free'", then: hello}
  hello: {content: post, title: "Hi {{ first_name }}", body: Welcome, try_for: 2 hours, then: rest, else: rest}
  rest: {wait: 2 hours, then: mark}
  mark: {tag: welcomed}
"""
READER = """
import sys, duckdb
with duckdb.connect(sys.argv[1], read_only=True) as reader:
    for line in sys.stdin:
        print(reader.execute("select count(*), max(as_of) from series.ticks").fetchone(), flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project whose customers grow by one an hour, and of whose messages every second is received."""
    (tmp_path / "series_definitions").mkdir()
    (tmp_path / "series_definitions" / "welcome.yml").write_text(SERIES)
    (tmp_path / "warehouse").mkdir()
    with duckdb.connect(tmp_path / "warehouse" / "warehouse.duckdb") as connection:
        connection.execute("create table customers (customer_id bigint, plan varchar, first_name varchar)")
        connection.execute("create table events (customer_id bigint, name varchar, occurred_at timestamp)")
        connection.execute("create table engagements (message_id varchar, kind varchar, occurred_at timestamp)")
    return tmp_path


def pass_hour(folder: Path, hour: int) -> datetime:
    """What happens in the world before a run; returns the run's instant."""
    as_of = START + timedelta(hours=hour)
    with duckdb.connect(folder / "warehouse" / "warehouse.duckdb") as connection:
        connection.execute("insert into customers values ($h, 'Free', 'N' || $h)", {"h": hour})
        connection.execute("insert into events values ($h - 2, 'bought', $t)", {"h": hour, "t": as_of})
        if hour:
            connection.execute(
                "insert into engagements select message_id, 'delivered', $t from series.messages "
                "where received_at is null and customer_id % 2 = 0",
                {"t": as_of},
            )
    return as_of


def run_hours(folder: Path, hours: range) -> None:
    for hour in hours:
        Project.open(folder).run(pass_hour(folder, hour))


@contextmanager
def both(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the warehouse as `live` and its copy as `copy`."""
    with duckdb.connect() as connection:
        connection.execute(f"attach '{folder}/warehouse/warehouse.duckdb' as live (read_only)")
        connection.execute(f"attach '{folder}/warehouse/published/warehouse.duckdb' as copy (read_only)")
        yield connection


def assert_equal(folder: Path) -> None:
    with both(folder) as connection:
        for table in PUBLIC:
            query = "select count(*) from (from {0}.series.{2} except all from {1}.series.{2})"
            missing = connection.execute(query.format("live", "copy", table.name)).fetchall()
            surplus = connection.execute(query.format("copy", "live", table.name)).fetchall()
            assert (table.name, missing, surplus) == (table.name, [(0,)], [(0,)])


def test_the_copy_is_what_was_committed_after_every_run(folder: Path) -> None:
    for hour in range(8):
        run_hours(folder, range(hour, hour + 1))
        assert_equal(folder)
    with both(folder) as connection:
        shown = connection.execute(
            "select count(distinct outcome), count(goal_at) from copy.series.visits, copy.series.entries"
        )
        assert all(shown.fetchall()[0]), "the story must have something to copy"


@pytest.mark.parametrize(("version", "packing"), [("v1.0.0", ""), ("v2.0.0", "ZSTD")])
def test_messages_are_packed_where_the_file_can_hold_it(folder: Path, version: str, packing: str) -> None:
    file = folder / "warehouse" / "warehouse.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as former (read_only)")
        connection.execute(f"attach '{file}.new' as given (storage_version '{version}')")
        connection.execute("copy from database former to given")
    Path(f"{file}.new").replace(file)
    run_hours(folder, range(2))
    assert_equal(folder)
    with both(folder) as connection:
        query = "select sql from duckdb_tables() where table_name = 'messages' order by database_name desc"
        kept, copied = (str(sql) for (sql,) in connection.execute(query).fetchall())
    assert f"payload JSON{packing and ' USING COMPRESSION ' + packing}," in kept
    assert "payload JSON USING COMPRESSION ZSTD," in copied, "the copy is always a new file"


def test_a_repeated_run_and_a_hand_off_leave_the_copy_right(folder: Path) -> None:
    run_hours(folder, range(2))
    Project.open(folder).run(pass_hour(folder, 2), hand_off=False)
    assert_equal(folder)
    Project.open(folder).hand_off()
    assert_equal(folder)
    Project.open(folder).run(START + timedelta(hours=2))
    assert_equal(folder)


@pytest.mark.parametrize("decision", ["released", "dropped"])
def test_readers_see_what_became_of_held_batches(folder: Path, decision: Decision) -> None:
    (folder / "series.yml").write_text("guards: {messages_per_run: 0}")
    run_hours(folder, range(2))
    Project.open(folder).decide(decision, all_held=True, why="Seen")
    assert_equal(folder)
    assert Project.open(folder).table("batch_decisions")["decision"].unique().to_list() == [decision]


def test_a_reader_stays_connected_through_twenty_runs_and_none_waits(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERIES_LOCK_WAIT", "0")
    run_hours(folder, range(1))
    copy = Project.open(folder).published_path
    with subprocess.Popen(
        [sys.executable, "-c", READER, copy], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as reader:
        assert reader.stdin
        assert reader.stdout
        for hour in range(1, 21):
            run_hours(folder, range(hour, hour + 1))
            reader.stdin.write("\n")
            assert reader.stdout.readline() == "(1, datetime.datetime(2026, 3, 1, 0, 0))\n"
        reader.stdin.close()
    assert reader.returncode == 0
    assert Project.open(folder).table("ticks").height == 21


@pytest.mark.parametrize("garbage", [b"", b"not a database", None])
def test_what_a_killed_or_odd_writer_left_behind_is_replaced(folder: Path, garbage: bytes | None) -> None:
    run_hours(folder, range(2))
    copy = Project.open(folder).published_path
    if garbage is None:
        aside = copy.with_name(copy.name + ".aside")
        aside.write_bytes(copy.read_bytes()[:10_000])
        aside.with_name(aside.name + ".wal").write_bytes(b"half")
    else:
        copy.write_bytes(garbage)
    run_hours(folder, range(2, 4))
    assert_equal(folder)
    assert [file.name for file in copy.parent.iterdir()] == ["warehouse.duckdb"]


def test_a_warehouse_put_back_from_a_backup_is_copied_anew(folder: Path) -> None:
    run_hours(folder, range(2))
    warehouse = folder / "warehouse" / "warehouse.duckdb"
    shutil.copy(warehouse, folder / "backup")
    run_hours(folder, range(2, 4))
    shutil.copy(folder / "backup", warehouse)
    run_hours(folder, range(2, 3))
    assert_equal(folder)


def test_nightly_and_off(folder: Path) -> None:
    (folder / "series.yml").write_text("warehouse: {publish: nightly}\n")
    seen = {}
    for hour in (0, 1, 2, 3, 26, 27):
        Project.open(folder).run(pass_hour(folder, hour))
        with both(folder) as connection:
            seen[hour] = connection.execute("select count(*) from copy.series.ticks").fetchall()[0][0]
    assert seen == {0: 1, 1: 1, 2: 3, 3: 3, 26: 5, 27: 5}
    Project.open(folder).published_path.unlink()
    (folder / "series.yml").write_text("warehouse: {publish: off}\n")
    run_hours(folder, range(28, 29))
    assert not Project.open(folder).published_path.exists()
    assert Project.open(folder).table("ticks").height == 7


def test_a_session_within_another_is_the_outer_one(folder: Path) -> None:
    project = Project.open(folder, wait=0)
    first = pass_hour(folder, 0)
    with project.session() as outer:
        with project.session() as inner:
            assert inner is outer
            project.run(first)
        assert not project.published_path.exists()
        project.run(first + timedelta(hours=1))
    assert_equal(folder)


def test_a_run_stands_although_its_copy_cannot_be_written(folder: Path) -> None:
    copy = folder / "warehouse" / "published" / "warehouse.duckdb"
    copy.mkdir(parents=True)
    pass_hour(folder, 0)
    result = CliRunner().invoke(main, ["run", "--as-of", "2026-03-01", "--project-dir", str(folder)])
    assert result.exit_code == 1
    assert "welcome" in result.stdout
    assert "The run is committed, but readers do not see it yet. The published copy" in result.stderr
    with pytest.raises(WarehouseError, match=r"^The hand-off is done, but readers do not see it yet\."):
        Project.open(folder).hand_off()
    with pytest.raises(WarehouseError, match=r"^The decision stands, but readers do not see it yet\."):
        Project.open(folder).decide("released", all_held=True, why="Seen")
    copy.rmdir()
    Project.open(folder).hand_off()
    assert_equal(folder)
