"""The demo: a story that can be told again, an audience that answers what it got, series that are worth their while."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines import Project
from pipelines.demo import Demo, Story, make_demo
from pipelines.problems import UsageError

SMALL = Story(customers=60, hours=2)
SOURCES = ("customers", "companies", "customer_companies", "events", "engagements", "customer_tags")
STATE = ("series.entries", "series.visits", "series.advances", "series.tag_writes", "series.messages")
WALL_CLOCK = {"handed_off_at", "committed_at"}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demo made by the command line."""
    folder = tmp_path_factory.mktemp("demo")
    done = series("demo", "story", "--customers", "500", "--hours", "24", folder=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "24 hourly runs" in done.stdout
    assert "series run --as-of 2026-03-03T00:00Z" in done.stdout
    assert "report     story/report/index.html" in done.stdout
    assert (folder / "story" / "report" / "index.html").exists()
    return folder / "story"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small demo, to be looked at or copied."""
    folder = tmp_path_factory.mktemp("small") / "demo"
    make_demo(folder, SMALL)
    return folder


@pytest.fixture
def warehouse(told: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(told / "warehouse" / "warehouse.duckdb"), read_only=True)


def series(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The real command, whose output is no terminal."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path}
    return subprocess.run(
        ["series", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def rows(folder: Path, table: str) -> list[tuple[object, ...]]:
    """What a table holds but for times of the wall clock, in no particular order."""
    with duckdb.connect(str(folder / "warehouse" / "warehouse.duckdb"), read_only=True) as connection:
        frame = connection.sql(f"select * from {table}").pl()
    return sorted(frame.select(pl.exclude(WALL_CLOCK)).iter_rows(), key=repr)


def test_goes_on_as_an_ordinary_project(told: Path) -> None:
    validated = series("validate", folder=told)
    assert (validated.returncode, validated.stdout) == (0, "No problems found.\n")
    listed = json.loads(series("status", "--format", "json", folder=told).stdout)["series"]
    assert {each["series_id"] for each in listed if each["entries"]} == set(Project.open(told).definitions.series)
    assert {each["last_run"] for each in listed} == {"2026-03-02T23:00Z"}
    assert list((told / "outbox").glob("*.manifest.json"))


def test_its_readme_does_what_it_says(told: Path, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(told, folder)
    text = (folder / "README.md").read_text()
    commands = [line.split()[1:] for line in text.splitlines() if re.match("series (?!demo)", line)]
    assert [command[0] for command in commands] == ["status", "explain", "run"]
    for command in commands:
        assert series(*command, folder=folder).returncode == 0, command
    [queries] = re.findall("```sql\n(.*?)```", text, re.DOTALL)
    with duckdb.connect(str(folder / "warehouse" / "warehouse.duckdb"), read_only=True) as connection:
        for query in queries.strip().split(";\n"):
            assert connection.execute(query).fetchall(), query


def test_is_the_same_for_the_same_seed(small: Path, tmp_path: Path) -> None:
    make_demo(tmp_path / "again", SMALL)
    make_demo(tmp_path / "other", replace(SMALL, seed=2))
    for table in (*SOURCES, *STATE, "series.batches", "demo.people"):
        assert rows(small, table) == rows(tmp_path / "again", table), table
    assert rows(small, "events")
    assert rows(small, "engagements")
    assert rows(small, "customers") != rows(tmp_path / "other", "customers")


def test_is_told_again_only_when_told_to(small: Path, tmp_path: Path) -> None:
    shutil.copytree(small, tmp_path / "demo")
    with pytest.raises(UsageError, match="holds a demo already"):
        make_demo(tmp_path / "demo", SMALL)
    definition = tmp_path / "demo" / "series_definitions" / "announcement.yml"
    definition.write_text(definition.read_text().replace("status: live", "status: paused"))
    made = make_demo(tmp_path / "demo", SMALL, force=True)
    assert isinstance(made, Demo)
    assert "announcement" not in {each.series_id for each in made.series}


def test_overwrites_nothing_of_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "warehouse").mkdir()
    (tmp_path / "warehouse" / "warehouse.duckdb").write_text("mine")
    for force in (False, True):
        with pytest.raises(UsageError, match="not a demo"):
            make_demo(tmp_path, SMALL, force=force)
    assert [file.name for file in tmp_path.rglob("*")] == ["warehouse", "warehouse.duckdb"]


def test_customers_are_varied_and_well_formed(warehouse: duckdb.DuckDBPyConnection) -> None:
    counts = warehouse.execute("""
        select count(*), count(distinct customer_id), count(distinct country), count(distinct timezone),
            count(distinct plan), count(*) filter (where type = 'lead'), count(*) filter (where first_name is null),
            count(*) filter (where created_at >= timestamp '2026-03-02')
        from customers
    """).fetchone()
    assert counts is not None
    customers, ids, countries, zones, plans, leads, nameless, signed_up = counts
    assert customers == ids >= 500
    assert (countries, plans) == (8, 3)
    assert zones >= countries
    assert min(leads, nameless, signed_up) > 0
    orphans = warehouse.execute("""
        select count(*) from customer_companies
        where customer_id not in (select customer_id from customers)
            or company_id not in (select company_id from companies)
    """).fetchone()
    assert orphans == (0,)


def test_only_messages_that_were_handed_off_are_answered(warehouse: duckdb.DuckDBPyConnection) -> None:
    answers = warehouse.sql("""
        select engagement.kind, message.status, epoch(engagement.occurred_at - message.queued_at) / 60 as minutes
        from engagements as engagement
        left join series.messages as message on message.message_id = engagement.message_id
    """).pl()
    assert answers.height > 100
    assert set(answers["status"]) == {"handed_off"}
    assert {"delivered", "opened", "clicked"} <= set(answers["kind"])
    minutes = sorted(answers["minutes"])
    assert 0 <= minutes[0] < 10
    assert minutes[-1] > 24 * 60


def test_what_no_sender_took_gets_no_answer(small: Path, tmp_path: Path) -> None:
    shutil.copytree(small, tmp_path, dirs_exist_ok=True)
    settings = tmp_path / "series.yml"
    settings.write_text(settings.read_text().replace("path: outbox", "path: README.md"))
    made = make_demo(tmp_path, SMALL, force=True)
    assert made.failures
    assert Project.open(tmp_path).table("messages").height
    assert rows(tmp_path, "engagements") == []


def test_tags_reach_the_company_at_night(warehouse: duckdb.DuckDBPyConnection) -> None:
    written = set(warehouse.sql("select customer_id, tag from series.tag_writes where action = 'add'").fetchall())
    known = warehouse.sql("select customer_id, tag from customer_tags").fetchall()
    assert written
    assert written <= set(known)
    assert len(known) == len(set(known))


def test_nobody_answers_twice_or_without_having_got_it(warehouse: duckdb.DuckDBPyConnection) -> None:
    twice = warehouse.sql("select 1 from engagements group by message_id, kind having count(*) > 1").fetchall()
    assert twice == []
    both = warehouse.sql("""
        select message_id from engagements group by message_id
        having bool_or(kind in ('bounced', 'failed')) and count(*) > 1
    """).fetchall()
    assert both == []


def test_a_purchase_changes_the_plan_when_it_happens(warehouse: duckdb.DuckDBPyConnection) -> None:
    purchases = warehouse.sql("""
        select customer.plan, purchase.occurred_at <= timestamp '2026-03-03' as is_past
        from events as purchase
        join customers as customer on customer.customer_id = purchase.customer_id
        where purchase.name = 'purchase'
    """).fetchall()
    assert {True, False} == {is_past for _, is_past in purchases}
    assert {plan for plan, is_past in purchases if is_past} == {"Premium"}
    assert "Premium" not in {plan for plan, is_past in purchases if not is_past}


def test_whoever_was_persuaded_reaches_the_goal_more_often(warehouse: duckdb.DuckDBPyConnection) -> None:
    rates = dict(
        warehouse.sql("""
            select is_persuaded, avg(if(has_acted, 1, 0))
            from (
                select bool_or(engagement.kind in ('clicked', 'completed')) as is_persuaded,
                    bool_or(event.name is not null) as has_acted
                from series.entries as entry
                left join series.messages as message on message.entry_id = entry.entry_id
                left join engagements as engagement on engagement.message_id = message.message_id
                left join events as event on event.customer_id = entry.customer_id
                    and event.name = if(entry.series_id = 'reengagement', 'login', 'purchase')
                    and event.occurred_at > entry.entered_at
                where entry.series_id in ('encourage_upgrades', 'reengagement')
                group by entry.entry_id
            ) as entries
            where is_persuaded is not null
            group by is_persuaded
        """).fetchall()
    )
    assert rates[True] > 2 * rates[False]
