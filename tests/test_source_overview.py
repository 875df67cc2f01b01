"""``series sources``: what each source holds and everything wrong with it, from real tables."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines import Project
from pipelines.cli import main

CUSTOMERS = "create table customers as select * from (values (1, 'a'), (2, 'b')) as t(customer_id, plan)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "warehouse").mkdir()
    return tmp_path


def warehouse(folder: Path, *statements: str) -> None:
    with duckdb.connect(folder / "warehouse/warehouse.duckdb") as connection:
        connection.execute("set timezone = 'UTC'")
        for statement in statements:
            connection.execute(statement)


def sources(folder: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(main, ["--project-dir", str(folder), "sources", *arguments])


def problems(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(sources(folder, "--format", "json").stdout)["problems"]
    return found


def messages(folder: Path) -> list[str]:
    return [problem["message"] for problem in problems(folder)]


def test_rows_newest_and_columns(folder: Path) -> None:
    warehouse(
        folder,
        CUSTOMERS,
        """create table "Odd ""Events"" 1" as select 1 as who, 'login' as name, {'a': 1} as properties, true as extra,
        timestamptz '2026-03-01 10:00+02' as occurred_at""",
    )
    (folder / "series.yml").write_text(
        """sources:\n  events: {table: 'Odd "Events" 1', columns: {customer_id: who}}\n""", encoding="utf-8"
    )
    overview = Project.open(folder).sources()
    assert overview.problems == ()
    by_name = {source.name: source for source in overview.sources}
    customers, events = by_name["customers"], by_name["events"]
    assert (customers.rows, customers.newest_at) == (2, None)
    assert [(column.name, column.family) for column in customers.columns] == [
        ("customer_id", "number"),
        ("plan", "text"),
    ]
    assert (events.where, events.rows, events.newest_at) == ('Odd "Events" 1', 1, datetime(2026, 3, 1, 8))
    assert [(column.name, column.column, column.family) for column in events.columns] == [
        ("customer_id", "who", "number"),
        ("name", "name", "text"),
        ("properties", "properties", "json"),
        ("extra", "extra", None),
        ("occurred_at", "occurred_at", "time"),
    ]
    assert not by_name["companies"].present


def test_what_follows_from_an_error_in_the_file_is_not_told(folder: Path) -> None:
    warehouse(folder, "create table people as select 1 as customer_id")
    (folder / "series.yml").write_text("sources: {customers: {tabel: people}}")
    assert messages(folder) == ["unknown key `tabel` in source `customers`; did you mean `table`?"]


def test_what_stops_a_run_is_an_error(folder: Path) -> None:
    warehouse(
        folder,
        "create table customers as select * from (values ('c1'), ('c1'), (null)) as t(customer_id)",
        "create table companies as select 7 as company_id union all select 7",
        "create table events (customer_id varchar, name varchar, occurred_at varchar)",
        "create table customer_tags (customer_id varchar)",
    )
    result = sources(folder)
    assert result.exit_code == 1
    assert messages(folder) == [
        (
            "source `events`: occurred_at is VARCHAR; it must be a timestamp or a date. "
            "`types: {occurred_at: timestamp}` reads it as one."
        ),
        "source `customer_tags`: customer_tags has no column 'tag'. It has: customer_id.",
        "source `customers`: customer_id must be unique and not null, but there are: 'c1' (2 rows), null (1 rows).",
        "source `companies`: company_id must be unique and not null, but there are: '7' (2 rows).",
    ]


def test_rows_that_count_for_nothing_are_warnings(folder: Path) -> None:
    warehouse(
        folder,
        CUSTOMERS,
        """create table events as select customer_id, 'a' as name, occurred_at
        from (values (1, timestamp '2026-03-01'), (9, null), (null, null)) as t(customer_id, occurred_at)""",
        "create table engagements as select 'm' as message_id, 'opend' as kind, date '2026-03-01' as occurred_at",
        "create table customer_tags as select '1' as customer_id, 't' as tag union all select '01', 't'",
    )
    assert sources(folder).exit_code == 0
    assert messages(folder) == [
        "source `events`: 2 of 3 rows have no occurred_at; they count for nothing",
        "source `events`: 2 of 3 rows name a customer_id that `customers` does not have, such as `9`",
        "source `engagements`: 1 of 1 rows are of a kind that counts for nothing",
        "source `customer_tags`: 1 of 2 rows name a customer_id that `customers` does not have, such as null",
    ]


def test_a_view_that_fails_is_a_problem_of_its_source_alone(folder: Path) -> None:
    warehouse(
        folder,
        CUSTOMERS,
        "create table raw as select 'x' as customer_id, 'n' as name, '2026-13-01' as occurred_at",
        "create view events as select * replace (cast(occurred_at as timestamp) as occurred_at) from raw",
    )
    result = sources(folder)
    assert result.exit_code == 1
    assert any(
        message.startswith("source `events`: it cannot be read: Conversion Error") for message in messages(folder)
    )
    assert json.loads(sources(folder, "--format", "json").stdout)["sources"][0]["rows"] == 2


def test_a_dbt_model_that_is_not_found_is_one_problem(folder: Path) -> None:
    warehouse(folder, CUSTOMERS)
    (folder / "series.yml").write_text("sources: {companies: {dbt: accounts}, events: {dbt: clicks}}")
    told = [(one["line"], one["message"].split(";")[0]) for one in problems(folder)]
    assert told == [
        (1, f"source `{name}`: there is no dbt manifest target/manifest.json") for name in ("companies", "events")
    ]


def test_where_nothing_is_there_the_file_says_what_is_missing(folder: Path) -> None:
    (folder / "series.yml").write_text("sources: {customers: {csv: exports/*.csv}}")
    result = sources(folder)
    assert result.exit_code == 2
    assert "series.yml:1:11: error: source `customers`: no file matches exports/*.csv" in result.stderr


def test_values_that_do_not_fit_are_counted(folder: Path) -> None:
    warehouse(folder, CUSTOMERS)
    (folder / "series.yml").write_text("sources: {customers: {types: {plan: integer}}}")
    assert messages(folder) == ["2 values of `customers.plan` cannot be read as `types` says; taken as unknown"]


def test_looking_changes_nothing(folder: Path) -> None:
    warehouse(folder, CUSTOMERS)
    file = folder / "warehouse/warehouse.duckdb"
    before = file.read_bytes()
    assert sources(folder).exit_code == 0
    assert file.read_bytes() == before


def test_ids_and_names_with_codes_command_no_terminal(folder: Path) -> None:
    warehouse(
        folder,
        CUSTOMERS,
        "create table customer_tags as select chr(27) || '[31m' as customer_id, 't' as tag",
        'alter table customers rename column plan to "pl\x1ban"',
    )
    assert "\x1b" not in sources(folder).stdout
