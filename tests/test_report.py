"""The report: its tables have the columns that are promised, also where there is nothing to tell."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from pipelines import Project
from pipelines.pages.page import series_page
from pipelines.report import Report, build, text
from pipelines.report.documentation import page
from pipelines.report.export import write_files
from pipelines.report.frames import schema_of
from pipelines.report.measures import MEASURES
from pipelines.report.reconcile import Difference, reconcile
from pipelines.report.tables import TABLES
from tests import shop
from tests.golden import assert_golden
from tests.page_text import PageText
from tests.test_script import not_portable
from warehouse.adapter import Warehouse, WarehouseError
from warehouse.duckdb import DuckDB

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def report(finished_shop: Path) -> Report:
    return Project.open(finished_shop).report()


@pytest.mark.golden
def test_docs_describe_the_tables() -> None:
    assert_golden(ROOT / "docs" / "report.md", page())


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_as_it_is_described(report: Report, name: str) -> None:
    table, frame = TABLES[name], report.tables[name]
    if "customer_id" not in table.column_names:
        assert dict(frame.schema) == schema_of(table)
    assert tuple(frame.columns) == table.column_names
    assert not frame.is_empty()
    assert not frame.select(table.key).is_duplicated().any()
    assert frame.equals(frame.sort(table.key, nulls_last=False))
    assert all(column.doc.endswith(".") for column in table.columns)


def test_measures_are_those_described(report: Report) -> None:
    assert set(report.tables["message_performance"]["measure"]) <= set(MEASURES)


def test_that_nobody_did_what_they_could_is_told(report: Report) -> None:
    alone = report.of("upgrade")
    performance = alone.tables["message_performance"]
    nobody = performance.with_columns(
        pl.when(pl.col("measure") == "clicked").then(0).otherwise(pl.col(name)).alias(name)
        for name in ("messages", "customers")
    )
    unsent = performance.with_columns(
        pl.when(pl.col("measure").str.starts_with("status_")).then("messages").otherwise(0).alias("messages")
    )
    for table, is_there in ((performance, True), (nobody, True), (unsent, False)):
        told = replace(alone, tables={**alone.tables, "message_performance": table})
        (heading,) = [line for line in text.one_series(told, "upgrade").splitlines() if " channel " in line] or [""]
        assert ("clicked" in heading) is is_there
        head = PageText(series_page(told)).tables["Messages by block and channel"][0]
        assert ("clicked" in head) is is_there


def test_the_tables_agree_with_each_other(report: Report) -> None:
    assert report.differences == ()


def test_where_nothing_has_run_the_tables_are_there_and_empty(tmp_path: Path) -> None:
    shop.change(tmp_path, 1)
    report = Project.open(tmp_path).report()
    assert report.as_of is None
    assert set(report.series) == {"upgrade", "trial", "follow", "farewell"}
    for name, table in TABLES.items():
        assert tuple(report.tables[name].columns) == table.column_names
    funnel = report.tables["block_funnel"]
    assert set(funnel["arrived"]) == {0}
    assert set(funnel["share_of_entered"]) == {None}
    filled = {name for name, frame in report.tables.items() if not frame.is_empty()}
    assert filled == {"block_funnel", "path_flow"}


def test_a_project_without_a_warehouse_has_a_report(tmp_path: Path) -> None:
    report = Project.open(tmp_path).report()
    assert report.series == {}
    assert all(frame.is_empty() for frame in report.tables.values())


def test_one_series_alone(finished_shop: Path, report: Report) -> None:
    alone = Project.open(finished_shop).report("upgrade")
    assert list(alone.series) == ["upgrade"]
    for name, frame in alone.tables.items():
        assert frame.equals(report.tables[name].filter(series_id="upgrade"))


def test_breakdowns_split_the_entries_and_values_add_up(tmp_path: Path) -> None:
    (tmp_path / "series_definitions").mkdir()
    (tmp_path / "series_definitions" / "sale.yml").write_text("""
series: sale
status: live
schedule: hourly
breakdowns: ["/a~b$", plan]
goal: {rule: did('buy'), within: 1 day, value: "event_sum('buy', 'amount')", exits: false}
blocks: {all: {rule: plan is not null}}
""")
    (tmp_path / "warehouse").mkdir()
    database = tmp_path / "warehouse" / "warehouse.duckdb"
    with duckdb.connect(database) as connection:
        connection.execute("""create table customers as
            select i as customer_id, 'P' || i % 2 as plan, case when i < 4 then i end as "/a~b$" from range(10) t(i)""")
        connection.execute(
            "create table events (customer_id bigint, name varchar, occurred_at timestamp, properties json)"
        )
    Project.open(tmp_path).run("2026-03-01T00:00Z")
    with duckdb.connect(database) as connection:
        connection.execute("""insert into events
            select i, 'buy', timestamp '2026-03-01 00:30', json_object('amount', i) from range(1, 4) t(i)""")
        connection.execute("update customers set plan = 'changed'")
    Project.open(tmp_path).run("2026-03-01T01:00Z")
    whole = pl.col("cohort_by") == "all", *(pl.col(name).is_null() for name in ("version", "entry_rules", "maturity"))
    table = Project.open(tmp_path).report().tables["goal_conversion"].filter(*whole)
    found = {
        row[:2]: row[2:] for row in table.select("breakdown", "breakdown_value", "entries", "goals", "value").rows()
    }
    assert found == {
        (None, None): (10, 3, 6.0),
        ("plan", "P0"): (5, 1, 2.0),
        ("plan", "P1"): (5, 2, 4.0),
        ("/a~b$", "0"): (1, 0, None),
        ("/a~b$", "1"): (1, 1, 1.0),
        ("/a~b$", "2"): (1, 1, 2.0),
        ("/a~b$", "3"): (1, 1, 3.0),
        ("/a~b$", None): (6, 0, None),
    }


def test_its_sql_is_portable(finished_shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    statements: list[str] = []
    for name in ("fetch", "fetch_arrow"):
        run = getattr(DuckDB, name)

        def noted(
            self: DuckDB,
            sql: str,
            parameters: Mapping[str, Any] | None = None,
            run: Callable[..., Any] = run,
        ) -> Any:
            statements.append(sql)
            return run(self, sql, parameters)

        monkeypatch.setattr(DuckDB, name, noted)
    Project.open(finished_shop).report()
    written = [sql for sql in statements if "report_" in sql and not sql.startswith("describe")]
    assert len(written) > len(TABLES)
    assert sorted({found for sql in written for found in not_portable(sql)}) == []


def test_sources_are_not_asked(finished_shop: Path, report: Report, tmp_path: Path) -> None:
    folder = shutil.copytree(finished_shop, tmp_path / "shop")
    publish(folder, "off")
    with duckdb.connect(str(folder / "warehouse" / "warehouse.duckdb")) as connection:
        tables = connection.execute(
            "select table_schema, table_name from information_schema.tables where table_schema not like 'series%'"
        ).fetchall()
        assert len(tables) > 3
        for schema, name in tables:
            connection.execute(f"drop table {schema}.{name}")
    found = Project.open(folder).report()
    assert all(frame.equals(found.tables[name]) for name, frame in report.tables.items())
    assert "opened" in set(found.tables["message_performance"]["measure"])


def test_a_report_waits_for_no_run(finished_shop: Path, report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERIES_LOCK_WAIT", "0")
    with writer(Project.open(finished_shop).warehouse_path):
        with pytest.raises(WarehouseError, match="is in use by"):
            Project.open(finished_shop).status()
        found = Project.open(finished_shop).report()
    assert all(frame.equals(found.tables[name]) for name, frame in report.tables.items())


def publish(folder: Path, when: str) -> None:
    """Publish at other times from now on."""
    text = (shop.HERE / "1" / "series.yml").read_text()
    (folder / "series.yml").write_text(f"{text}\nwarehouse: {{publish: {when}}}\n")


@contextmanager
def writer(path: Path) -> Iterator[None]:
    """Somebody else has the warehouse, as a run has."""
    holding = "import sys, duckdb\nwith duckdb.connect(sys.argv[1]): print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", holding, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield
        process.communicate()


def test_no_run_waits_for_a_report(finished_shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = shutil.copytree(finished_shop, tmp_path / "shop")
    monkeypatch.setenv("SERIES_LOCK_WAIT", "0")
    before = Project.open(folder).report()

    def meanwhile(warehouse: Warehouse) -> tuple[Difference, ...]:
        subprocess.run(
            [Path(sys.executable).with_name("series"), "run", "--as-of", "2026-04-01", "--project-dir", folder],
            check=True,
            capture_output=True,
        )
        return reconcile(warehouse)

    monkeypatch.setattr(build, "reconcile", meanwhile)
    during = Project.open(folder).report()
    monkeypatch.undo()
    assert during.as_of == before.as_of
    assert during.differences == ()
    assert Project.open(folder).report().as_of == datetime(2026, 4, 1)


def test_a_report_of_a_nightly_copy_says_so(finished_shop: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished_shop, tmp_path / "shop")
    publish(folder, "nightly")
    Project.open(folder).run("2026-03-31T23:00Z")
    seen = Project.open(folder).report()
    Project.open(folder).run("2026-04-01T00:00Z")
    found = Project.open(folder).report()
    assert found.as_of == seen.as_of == datetime(2026, 3, 31, 23)
    for said in (
        text.overview(found),
        text.one_series(found.of("upgrade"), "upgrade"),
        series_page(found.of("upgrade")),
    ):
        assert "renewed nightly" in " ".join(said.split())
    publish(folder, "off")
    live = Project.open(folder).report()
    assert live.as_of == datetime(2026, 4, 1)
    assert "renewed" not in text.overview(live)


def test_tables_of_an_earlier_version_are_left_to_the_next_run(finished_shop: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished_shop, tmp_path / "shop")
    with duckdb.connect(str(Project.open(folder).published_path)) as connection:
        connection.execute("update series_state.meta set schema_version = 1")
    with pytest.raises(WarehouseError, match=r"have version 1; .*The next `series run` brings them up to date"):
        Project.open(folder).report()


def test_files_are_whole_and_read_back_as_they_were(report: Report, tmp_path: Path) -> None:
    for ending, read in (("parquet", pl.read_parquet), ("csv", pl.read_csv)):
        files = write_files(report.tables, tmp_path, ending)
        assert [file.name for file in files] == [f"{name}.{ending}" for name in TABLES]
        for file, frame in zip(files, report.tables.values(), strict=True):
            back = read(file)
            assert back.columns == frame.columns
            assert back.height == frame.height
        lift = read(tmp_path / f"lift.{ending}")
        assert lift["difference"].to_list() == pytest.approx(report.tables["lift"]["difference"].to_list(), nan_ok=True)
    assert {file.suffix for file in tmp_path.iterdir()} == {".parquet", ".csv"}
