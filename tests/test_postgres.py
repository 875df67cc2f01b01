"""Sources from a real Postgres server: the run that tables give, only newer rows fetched, nothing secret told."""

from __future__ import annotations

import subprocess
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import Project
from pipelines.problems import RefusedError
from tests import shop
from tests.postgres import PASSWORD, Server, server
from tests.test_source_kinds import AS_OF, DATABASE, after_run, make
from warehouse.adapter import WarehouseError

DSN = "CRM_DSN"
TABLES = [
    "create table customers (customer_id text, first_name text, email text, plan text, unsubscribed boolean)",
    """insert into customers select 'c' || n, 'Customer ' || n, 'c' || n || '@example.com', 'Free', false
    from generate_series(0, 5) n""",
    "create table companies (company_id text, size numeric(10, 2))",
    "insert into companies values ('a', 200), ('b', 20)",
    "create table customer_companies (customer_id text, company_id text)",
    "insert into customer_companies values ('c4', 'a'), ('c5', 'b')",
    "create table events (customer_id text, name text, occurred_at timestamptz, properties jsonb)",
    """insert into events select 'c' || n, 'purchase', '2026-03-01 08:00+00', jsonb_build_object('amount', n * 8)
    from generate_series(0, 3) n""",
]
SOURCES = """
sources:
  customers: {postgres: {dsn: {env: CRM_DSN}, query: select * from customers}}
  companies: {postgres: {dsn: {env: CRM_DSN}, query: "select company_id, size from companies -- all of them"}}
  customer_companies: {postgres: {dsn: {env: CRM_DSN}, query: select * from customer_companies;}}
  events:
    postgres: {dsn: {env: CRM_DSN}, query: select * from events, watermark: occurred_at, overlap: OVERLAP}
"""


@pytest.fixture(scope="module")
def running() -> Iterator[Server]:
    with server() as found:
        yield found


@pytest.fixture
def crm(running: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server with its tables as they should be."""
    running.execute("drop schema public cascade", "create schema public", *TABLES)
    monkeypatch.setenv(DSN, running.dsn)
    return running


def project(folder: Path, overlap: str = "0 minutes") -> Path:
    make(folder, "unused.duckdb")
    (folder / "series.yml").write_text(SOURCES.replace("OVERLAP", overlap))
    return folder


def fetched(folder: Path) -> list[tuple[Any, ...]]:
    """The events of the last run: whose, and when they were, hours after eight."""
    with Project.open(folder).session() as warehouse:
        return warehouse.fetch(
            "select customer_id, date_diff('hour', timestamp '2026-03-01 08:00', occurred_at) "
            "from input_events order by all"
        )


def add(crm: Server, customer: str, hour: int | str) -> None:
    at = f"timestamptz '2026-03-01 08:00+00' + interval '{hour} hours'" if isinstance(hour, int) else f"'{hour}'"
    crm.execute(f"insert into events values ('{customer}', 'purchase', {at}, '{{}}')")


def test_every_source(crm: Server, tmp_path: Path) -> None:
    assert crm.dsn
    make(tmp_path / "tables")
    with duckdb.connect(tmp_path / "tables" / DATABASE) as connection:
        connection.execute("drop table engagements; drop table customer_tags")
    expected = after_run(tmp_path / "tables")
    folder = project(tmp_path / "postgres")
    found = after_run(folder)
    assert len(found.pop("series_state.fetched_events")) == 4
    assert found == expected
    found = shop.state(folder / DATABASE)
    assert [one for one in Project.open(folder).problems() if one.severity == "error"] == []
    assert Project.open(folder).run(AS_OF).series[0].state == "no_op"
    assert shop.state(folder / DATABASE) == found


FIRST = [("c0", 0), ("c1", 0), ("c2", 0), ("c3", 0)]


def test_only_newer_rows_are_fetched_and_none_twice(crm: Server, tmp_path: Path) -> None:
    folder = project(tmp_path)
    assert fetched(folder) == FIRST
    add(crm, "same instant", 0)
    add(crm, "next", 1)
    add(crm, "late", -1)
    crm.execute("delete from events where customer_id in ('c1')")
    # Rows of the newest instant are fetched again, with those that have come to it; older ones are as they were.
    newer = [("c0", 0), ("c2", 0), ("c3", 0), ("next", 1), ("same instant", 0)]
    assert fetched(folder) == newer
    assert fetched(folder) == newer
    crm.execute("delete from events where customer_id <> 'next'")
    assert fetched(folder) == newer


def test_a_plan_sees_newer_rows_and_keeps_none(crm: Server, tmp_path: Path) -> None:
    folder = project(tmp_path)
    plan = Project.open(folder).plan(AS_OF)
    assert not (folder / DATABASE).exists()
    assert fetched(folder) == FIRST
    add(crm, "next", 1)
    before = shop.state(folder / DATABASE)
    assert Project.open(folder).plan(AS_OF).series == plan.series
    assert shop.state(folder / DATABASE) == before
    counts = {one.series_id: one.counts for one in plan.series}
    assert {one.series_id: one.counts for one in Project.open(folder).run(AS_OF).series} == counts


def test_an_overlap_fetches_what_comes_late(crm: Server, tmp_path: Path) -> None:
    folder = project(tmp_path, "2 hours")
    add(crm, "newest", 3)
    assert fetched(folder) == [*FIRST, ("newest", 3)]
    add(crm, "within", 1)
    add(crm, "too late", 0)
    assert fetched(folder) == [*FIRST, ("newest", 3), ("within", 1)]


def test_one_row_of_the_far_future_hides_no_others(crm: Server, tmp_path: Path) -> None:
    folder = project(tmp_path)
    add(crm, "never", "9999-01-01")
    add(crm, "infinite", "infinity")
    add(crm, "nobody knows", 0)
    crm.execute("update events set occurred_at = null where customer_id = 'nobody knows'")
    first = [row[0] for row in fetched(folder)]
    assert first == ["c0", "c1", "c2", "c3", "never"]
    add(crm, "next", 1)
    assert sorted(row[0] for row in fetched(folder)) == sorted([*first, "next"])


def test_another_query_or_other_columns_fetch_everything_anew(crm: Server, tmp_path: Path) -> None:
    folder = project(tmp_path)
    assert fetched(folder) == FIRST
    add(crm, "late", -1)
    assert fetched(folder) == FIRST
    (folder / "series.yml").write_text(
        (folder / "series.yml").read_text().replace("from events", "from events -- anew")
    )
    assert fetched(folder) == [*FIRST, ("late", -1)]
    add(crm, "later", -2)
    crm.execute("alter table events add column source text")
    assert fetched(folder) == [*FIRST, ("late", -1), ("later", -2)]


def test_another_server_behind_the_variable_begins_anew(
    crm: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = project(tmp_path)
    assert fetched(folder) == FIRST
    add(crm, "late", -1)
    monkeypatch.setenv(DSN, f"{crm.dsn}&application_name=series")
    assert fetched(folder) == FIRST
    # To whoever only reads the DSN, the same server by another path is another one.
    monkeypatch.setenv(DSN, f"{crm.dsn}/.")
    assert fetched(folder) == [*FIRST, ("late", -1)]


def test_looking_keeps_nothing(crm: Server, tmp_path: Path) -> None:
    folder = project(tmp_path)
    Project.open(folder).run(AS_OF)
    add(crm, "next", 1)
    before = (folder / DATABASE).read_bytes()
    project_ = Project.open(folder)
    assert [one for one in project_.problems() if one.severity == "error"] == []
    assert [source.rows for source in project_.sources().sources if source.name == "events"] == [5]
    assert "-- input_events: fetched from Postgres by" in project_.compile("offer", "2026-03-02T09:00Z")
    assert (folder / DATABASE).read_bytes() == before
    assert fetched(folder) == [*FIRST, ("next", 1)]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("select * from event", 'relation "event" does not exist'),
        ("select customer_id from events", 'column "occurred_at" does not exist'),
        ("select customer_id, name as occurred_at from events", "must be a time or an integer, not VARCHAR"),
        ("select 1 / 0 as a, occurred_at from events", "division by zero"),
        ("select lo_creat(1), occurred_at from events", "`lo_creat` reaches beyond them"),
        ("select pg_read_file('/etc/passwd'), occurred_at from events", "`pg_read_file` reaches beyond them"),
        ("with gone as (delete from events returning *) select * from gone", "it writes nothing"),
        ("select * from events) as x; drop table events; --", "the SQL cannot be read"),
        ("select *, public.sneaky() from events", "cannot execute DELETE in a read-only transaction"),
    ],
)
def test_a_query_that_cannot_be_used(crm: Server, tmp_path: Path, query: str, said: str) -> None:
    crm.execute("create function sneaky() returns int language sql as 'delete from events; select 1'")
    folder = project(tmp_path)
    text = (folder / "series.yml").read_text()
    (folder / "series.yml").write_text(text.replace("query: select * from events", f'query: "{query}"'))
    with pytest.raises((RefusedError, WarehouseError)) as refused:
        Project.open(folder).run(AS_OF)
    assert said in str(refused.value)
    assert str(refused.value).startswith(("source `events`: ", "series.yml:"))
    (folder / "series.yml").write_text(text)
    assert fetched(folder) == FIRST


@pytest.mark.parametrize(
    "wrong",
    [
        "postgresql://crm:another-w0rd@/postgres?host={folder}",
        f"postgresql://crm:{PASSWORD}@localhost/crm",
        f"postgres;//crm:{PASSWORD}@localhost/crm",
        f"host=/nowhere user=crm password='{PASSWORD}'",
    ],
    ids=["password", "unescaped", "typo", "nowhere"],
)
def test_nothing_of_the_dsn_is_told(crm: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    folder = project(tmp_path)
    monkeypatch.setenv(DSN, wrong.replace("{folder}", str(crm.folder)))
    with pytest.raises(WarehouseError, match="source `customers`: Postgres cannot be read: ") as refused:
        Project.open(folder).run(AS_OF)
    told = "".join(traceback.format_exception(refused.value)) + repr(refused.value)
    assert not [part for part in ("kept", "every", "body", "w0rd") if part in told]
    for file in folder.rglob("*"):
        assert not file.is_file() or b"w0rd" not in file.read_bytes()


def test_the_command_line_tells_nothing_of_it(crm: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project(tmp_path)
    Project.open(folder).run(AS_OF)
    crm.execute("drop table events")
    monkeypatch.setenv(DSN, f"{crm.dsn}&application_name=w0rd")
    series = Path(sys.executable).with_name("series")
    verbs = (["--debug", "run", "--as-of", "2026-03-02T09:00Z"], ["validate", "--format", "json"])
    done = [subprocess.run([series, *verb], cwd=folder, capture_output=True, text=True, check=False) for verb in verbs]
    assert [one.returncode for one in done] == [1, 1]
    told = "".join(one.stdout + one.stderr for one in done)
    assert (
        'Postgres cannot be read: NOT_FOUND: Failed to prepare query: ERROR: relation "events" does not exist' in told
    )
    assert not [part for part in ("kept", "every", "body", "w0rd") if part in told]
    for file in folder.rglob("*"):
        assert not file.is_file() or b"w0rd" not in file.read_bytes()


def test_without_the_variable(crm: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert crm.dsn
    folder = project(tmp_path)
    monkeypatch.delenv(DSN)
    said = [str(problem) for problem in Project.open(folder).problems() if problem.severity == "error"]
    assert said[0] == (
        "series.yml:3:3: error: source `customers`: The environment variable CRM_DSN is not set. Set it to its secret."
    )
    assert len(said) == 4
