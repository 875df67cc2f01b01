"""``series dbt-sources``: what it says of the tables is what the tables are, and each of its tests holds for them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from click.testing import CliRunner, Result

from pipelines.cli import main
from tests import shop

SPEC_TABLES = {
    "advances", "batches", "definitions", "entries", "messages", "tag_writes", "ticks", "visits", "wait_expiries",
}  # fmt: skip


def dbt_sources(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["dbt-sources", *arguments])


def source(*arguments: str) -> dict[str, Any]:
    result = dbt_sources(*arguments)
    assert result.exit_code == 0, result.stderr
    text = yaml.safe_load(result.stdout)
    assert text["version"] == 2
    (found,) = text["sources"]
    assert isinstance(found, dict)
    return found


TABLES: dict[str, dict[str, Any]] = {table["name"]: table for table in source()["tables"]}
TESTS: list[tuple[str, str, str, dict[str, Any]]] = [
    (table, column["name"], *((test, {}) if isinstance(test, str) else next(iter(test.items()))))
    for table in TABLES
    for column in TABLES[table]["columns"]
    for test in column.get("data_tests", ())
]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The shop after three runs, in which something of every kind happened."""
    folder = shop.run_all(tmp_path_factory.mktemp("shop") / "shop")
    with duckdb.connect(folder / "warehouse/warehouse.duckdb", read_only=True) as connection:
        yield connection


def test_every_table_of_the_contract_is_there() -> None:
    assert set(TABLES) >= SPEC_TABLES


def test_tables_columns_and_types_are_those_of_the_warehouse(warehouse: duckdb.DuckDBPyConnection) -> None:
    query = "select distinct table_name from information_schema.tables where table_schema = 'series'"
    assert {name for (name,) in warehouse.execute(query).fetchall()} == set(TABLES)
    for name, table in TABLES.items():
        described = {row[0]: row[1].lower() for row in warehouse.execute(f"describe series.{name}").fetchall()}
        assert [column["name"] for column in table["columns"]] == list(described)
        for column in table["columns"]:
            assert column["name"] == "customer_id" or column["data_type"] == described[column["name"]]


def holds(test: str, options: dict[str, Any], table: str, column: str) -> str:
    """How many rows are against the test; dbt asks the same."""
    match test:
        case "not_null":
            return f"select count(*) from series.{table} where {column} is null"
        case "unique":
            return f"select count(*) - count(distinct {column}) from series.{table}"
        case "accepted_values":
            values = ", ".join(f"'{value}'" for value in options["arguments"]["values"])
            return f"select count(*) from series.{table} where {column} not in ({values})"
        case "relationships":
            to = re.fullmatch(r"source\('series', '(\w+)'\)", options["arguments"]["to"])
            assert to
            known = f"select {options['arguments']['field']} from series.{to[1]}"
            return f"select count(*) from series.{table} where {column} not in ({known})"
    raise AssertionError(test)


def test_each_test_holds(warehouse: duckdb.DuckDBPyConnection) -> None:
    broken = [test for test in TESTS if warehouse.execute(holds(test[2], test[3], *test[:2])).fetchall() != [(0,)]]
    assert broken == []
    assert {test for _, _, test, _ in TESTS} == {"unique", "not_null", "accepted_values", "relationships"}


def test_a_column_that_may_be_null_says_what_that_means() -> None:
    certain = {(table, column) for table, column, test, _ in TESTS if test == "not_null"}
    for name, table in TABLES.items():
        for column in table["columns"]:
            assert "\n" not in column["description"]
            assert ("null" in column["description"]) == ((name, column["name"]) not in certain)
            if "timestamp" in column.get("data_type", ""):
                assert "(UTC)" in column["description"]


def test_dbt_finds_no_jinja_in_descriptions() -> None:
    text = dbt_sources().stdout
    assert "{{" not in text
    assert "{%" not in text


def test_the_database_is_named_when_asked() -> None:
    assert "database" not in source()
    assert source("--database", 'My "state": 1')["database"] == 'My "state": 1'


def test_its_own_file_is_replaced_and_nobody_elses(tmp_path: Path) -> None:
    file = tmp_path / "models" / "series.yml"
    for _ in range(2):
        assert dbt_sources("--output", str(file)).exit_code == 0
    assert file.read_text(encoding="utf-8") == dbt_sources().stdout
    file.write_text("version: 2\n", encoding="utf-8")
    refused = dbt_sources("--output", str(file))
    assert refused.exit_code == 2
    assert "was not written by `series dbt-sources`" in refused.stderr
    assert file.read_text(encoding="utf-8") == "version: 2\n"
    assert [path.name for path in file.parent.iterdir()] == ["series.yml"]
