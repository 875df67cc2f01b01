"""Sources that are not as they should be: a clear error, or rows that count for nothing; nothing is ever lost.

``tests/bad_sources/refused``: after the first run the sources change so that the second stops with what the ``.txt``
says, and leaves the state as it was. ``ignored``: they change so that the second run does what it would have done
anyway.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import Project
from pipelines.problems import UserError
from tests import shop
from tests.golden import assert_golden
from warehouse.adapter import WarehouseError

HERE = Path(__file__).parent / "bad_sources"
REFUSED = sorted((HERE / "refused").glob("*.sql"))
IGNORED = sorted((HERE / "ignored").glob("*.sql"))
FIRST, SECOND = "2026-03-01T09:00Z", "2026-03-05T09:00Z"
DATABASE = "warehouse/warehouse.duckdb"
Tables = dict[str, list[dict[str, Any]]]


def execute(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(folder / DATABASE) as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(sql).fetchall()


def text(name: str) -> str:
    return (HERE / "project" / name).read_text()


@pytest.fixture(scope="module")
def once_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project after its first run; copy it."""
    folder = tmp_path_factory.mktemp("project") / "project"
    shutil.copytree(HERE / "project", folder)
    (folder / "warehouse").mkdir()
    execute(folder, text("sources.sql"))
    Project.open(folder).run(FIRST)
    execute(folder, text("meanwhile.sql"))
    return folder


@pytest.fixture(scope="module")
def undisturbed(once_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """What the second run leaves when nothing is wrong."""
    folder = tmp_path_factory.mktemp("undisturbed") / "project"
    shutil.copytree(once_run, folder)
    return after_second_run(folder)


@pytest.fixture
def project(once_run: Path, tmp_path: Path) -> Path:
    shutil.copytree(once_run, tmp_path / "project")
    return tmp_path / "project"


def after_second_run(folder: Path) -> Tables:
    Project.open(folder).run(SECOND)
    return shop.state(folder / DATABASE)


def mend(folder: Path) -> None:
    """The sources as they should be, whatever became of them."""
    for kind in ("view", "table"):
        listed = f"select {kind}_name from duckdb_{kind}s() where schema_name = 'main' and not internal"
        for (name,) in execute(folder, listed):
            execute(folder, f"drop {kind} {name}")
    execute(folder, text("sources.sql"))
    execute(folder, text("meanwhile.sql"))
    (folder / "series.yml").unlink(missing_ok=True)


def test_the_second_run_does_everything_that_could_go_wrong(undisturbed: Tables) -> None:
    found = {(visit["block_id"], visit["outcome"]) for visit in undisturbed["series.visits"]}
    assert found == {
        *(("buyer", "matched"), ("large", "matched"), ("mail", "delivered"), ("mail", "exited"), ("mail", "goal")),
        *(("opened", "matched"), ("asked", "waited"), ("done", "tagged"), ("mail", None)),
    }


@pytest.mark.golden
@pytest.mark.parametrize("case", REFUSED, ids=lambda file: file.stem)
def test_refused(case: Path, project: Path) -> None:
    execute(project, case.read_text())
    if case.with_suffix(".yml").exists():
        shutil.copy(case.with_suffix(".yml"), project / "series.yml")
    before = shop.state(project / DATABASE, without=())
    with pytest.raises((UserError, WarehouseError)) as refused:
        Project.open(project).run(SECOND)
    assert shop.state(project / DATABASE, without=()) == before
    message, _, statement = str(refused.value).partition("\nThe statement was:\n")
    assert statement.startswith(("insert into run_", "insert into series.messages")) or not message.startswith(
        "The run failed"
    )
    assert_golden(case.with_suffix(".txt"), f"{message}\n")


@pytest.mark.parametrize("case", REFUSED[::9], ids=lambda file: file.stem)
def test_a_refused_run_is_done_once_the_sources_are_mended(case: Path, project: Path, undisturbed: Tables) -> None:
    execute(project, case.read_text())
    with pytest.raises((UserError, WarehouseError)):
        Project.open(project).run(SECOND)
    mend(project)
    assert after_second_run(project) == undisturbed


@pytest.mark.parametrize("case", IGNORED, ids=lambda file: file.stem)
def test_ignored(case: Path, project: Path, undisturbed: Tables) -> None:
    execute(project, case.read_text())
    assert after_second_run(project) == undisturbed


OTHERS = ("customer_companies", "events", "customer_tags")
IDS = {
    "text": "substr(customer_id, 2)",
    "integer": "cast(substr(customer_id, 2) as integer)",
    "hugeint": "cast(substr(customer_id, 2) as hugeint)",
    "enum": "cast(substr(customer_id, 2) as enum ('0', '1', '2', '3', '4', '5'))",
    "uuid": "cast('00000000-0000-0000-0000-00000000000' || substr(customer_id, 2) as uuid)",
    "uuid as text": "'00000000-0000-0000-0000-00000000000' || substr(customer_id, 2)",
}


def give_ids(folder: Path, customers: str, others: str) -> None:
    """Give customers ids of one kind, and the sources that name customers ids of another."""
    for table in ("customers", *OTHERS):
        id_ = IDS[customers if table == "customers" else others]
        execute(folder, f"create or replace table {table} as select * replace ({id_} as customer_id) from {table}")


def journeys(tables: Tables) -> list[tuple[Any, ...]]:
    """The visits, with the customer's number."""
    columns = ("block_id", "arrived_at", "left_at", "outcome", "blocked_by")
    rows = [(str(row["customer_id"])[-1], *(row[name] for name in columns)) for row in tables["series.visits"]]
    return sorted(rows, key=str)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("integer", "text"), ("integer", "hugeint")),
        (("text", "integer"), ("text", "enum")),
        (("enum", "text"), ("enum", "integer")),
        (("integer", "integer"), ("text", "text")),
        (("uuid", "uuid"), ("uuid as text", "uuid")),
        (("hugeint", "hugeint"), ("integer", "enum")),
    ],
    ids=str,
)
def test_ids_are_compared_as_text(
    tmp_path: Path, undisturbed: Tables, first: tuple[str, str], second: tuple[str, str]
) -> None:
    shutil.copytree(HERE / "project", tmp_path, dirs_exist_ok=True)
    (tmp_path / "warehouse").mkdir()
    execute(tmp_path, text("sources.sql"))
    give_ids(tmp_path, *first)
    Project.open(tmp_path).run(FIRST)
    mend(tmp_path)
    give_ids(tmp_path, *second)
    assert journeys(after_second_run(tmp_path)) == journeys(undisturbed)


def test_ids_that_mean_nobody_any_more_leave_everybody_as_they_are(project: Path) -> None:
    before = shop.state(project / DATABASE)
    mend(project)
    give_ids(project, "uuid", "uuid")
    after = after_second_run(project)
    assert after["series.ticks"][-1]["customers_missing"] == 3
    for name in ("series.visits", "series.entries"):
        old = [row for row in after[name] if str(row["customer_id"]).startswith("c")]
        assert sorted(old, key=str) == sorted(before[name], key=str)


def test_a_stopped_series_says_how_many_have_vanished(project: Path) -> None:
    execute(project, "delete from customers where customer_id in ('c2', 'c4')")
    file = project / "series_definitions" / "offer.yml"
    file.write_text(file.read_text().replace("status: live", "status: stopped"))
    (tick,) = Project.open(project).run("2026-03-01T10:00Z").series
    assert tick.counts
    assert (tick.counts["ended"], tick.counts["customers_missing"]) == (3, 2)


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York"])
def test_the_machines_time_zone_does_not_matter(project: Path, undisturbed: Tables, zone: str) -> None:
    execute(project, (HERE / "ignored" / "zoned_times.sql").read_text())
    series = Path(sys.executable).with_name("series")
    subprocess.run([series, "run", "--as-of", SECOND], cwd=project, env=os.environ | {"TZ": zone}, check=True)
    assert shop.state(project / DATABASE) == undisturbed


def test_a_columns_name_and_width_change_nothing(project: Path) -> None:
    execute(
        project,
        """
        alter table customers add column occurred_at varchar default 'x';
        alter table customers add column t tinyint default 100;
        alter table customers add column u utinyint default 200;
        alter table customers add column i integer default 2000000000;
        alter table companies add column kind integer default 7;
        alter table companies add column link boolean default true;
        """,
    )
    (project / "series_definitions" / "odd.yml").write_text(
        "series: odd\nstatus: live\nschedule: hourly\nblocks:\n  all:\n    rule: >-\n"
        "      occurred_at = 'x' and t + t = 200 and u + 100 = 300 and u - 201 = -1 and -u = -200 and i * 2 > 0\n"
        "      and (i + i) / 2 = i and company.kind > 6 and company.link\n    then: tagged\n  tagged: {tag: odd}\n"
    )
    Project.open(project).run(SECOND, series=["odd"])
    assert Project.open(project).table("entries").filter(series_id="odd")["customer_id"].to_list() == ["c4", "c5"]


@pytest.mark.parametrize("blank", ["''", "' '", "chr(9)", "chr(13) || chr(10)", "chr(160)"])
def test_a_blank_address_is_none(project: Path, blank: str) -> None:
    execute(project, f"update customers set email = {blank}")
    Project.open(project).run(SECOND)
    new = Project.open(project).table("visits").filter(block_id="mail", arrived_as_of=datetime(2026, 3, 5, 9))
    assert set(new["blocked_by"]) == {"no_address"}


def test_a_deadline_of_who_has_vanished_stays(project: Path) -> None:
    before = Project.open(project).table("visits").filter(block_id="mail", customer_id="c4")
    execute(project, "delete from customers where customer_id = 'c4'")
    file = project / "series_definitions" / "offer.yml"
    file.write_text(file.read_text().replace("try_for: 2 days", "try_for: 9 days"))
    Project.open(project).run("2026-03-01T10:00Z")
    after = Project.open(project).table("visits").filter(block_id="mail", customer_id="c4")
    assert after["deadline_at"].to_list() == before["deadline_at"].to_list() == [datetime(2026, 3, 3, 9)]


def test_a_date_is_its_midnight(project: Path) -> None:
    execute(project, "alter table events alter occurred_at type date")
    execute(project, """insert into events values ('c1', 'purchase', date '2026-03-03', '{"amount": 99}')""")
    for as_of, customers in (("2026-03-02T23:59:59Z", 4), ("2026-03-03T00:00Z", 5)):
        Project.open(project).run(as_of)
        assert Project.open(project).table("entries")["customer_id"].n_unique() == customers


def test_mapped_tables_and_columns_are_read(project: Path, undisturbed: Tables) -> None:
    execute(
        project,
        """
        create schema crm;
        create table crm."Contacts" as select customer_id as "Contact ID", * exclude (customer_id) from customers;
        create table crm.happenings as
        select customer_id as who, name as what, occurred_at, properties as why from events;
        drop table customers;
        drop table events;
        """,
    )
    (project / "series.yml").write_text(
        """
        sources:
          customers: {table: crm.contacts, columns: {customer_id: contact id}}
          events: {table: crm.Happenings, columns: {customer_id: WHO, name: what, properties: Why}}
        """
    )
    assert after_second_run(project) == undisturbed


def test_a_source_may_be_empty_or_absent(project: Path) -> None:
    before = shop.state(project / DATABASE)
    for table in ("events", "engagements", "customer_tags"):
        execute(project, f"drop table {table}")
    for table in ("customers", "companies", "customer_companies"):
        execute(project, f"delete from {table}")
    after = after_second_run(project)
    for name in ("series.visits", "series.entries", "series.messages"):
        assert [{**row, "status": None} for row in after[name]] == [{**row, "status": None} for row in before[name]]
