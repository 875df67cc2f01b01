"""``series init`` from exported files and from a dbt project: what a run then reads is what is there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from click.testing import CliRunner, Result

from pipelines import Project
from pipelines.cli import main

USERS = """
select
    n as id, 'Ann' as first_name, 'a' || n || '@example.com' as email, n % 7 = 0 as opted_out, 0.5 + n as score,
    '0' || n as zip, date '2026-01-01' + n::int as born, timestamptz '2026-01-01 10:00+00' as seen_at, null as note
from range(20) as numbers(n)
"""
EVENTS = """
select n % 20 as user_id, 'log;in, "x"' as event, timestamptz '2026-02-01 00:00+00' + interval 1 hour * n as ts
from range(60) as numbers(n)
"""
CUSTOMER_COLUMNS = {"customer_id": "id", "unsubscribed": "opted_out"}
EVENT_COLUMNS = {"customer_id": "user_id", "name": "event", "occurred_at": "ts"}
CSV_TYPES = {"unsubscribed": "boolean", "score": "number", "born": "date", "seen_at": "timestamp"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, in which exports, the dbt project and the project lie side by side."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def execute(*statements: str, database: str = ":memory:") -> None:
    with duckdb.connect(database) as connection:
        for statement in ("set timezone = 'UTC'", *statements):
            connection.execute(statement)


def export(path: str, query: str, options: str = "") -> str:
    """Write a query's rows to a file."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    quoted = path.replace("'", "''")
    execute(f"copy ({query}) to '{quoted}' ({options})" if options else f"copy ({query}) to '{quoted}'")
    return path


def init(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main, ["init", "project", *arguments])


def settings() -> dict[str, Any]:
    found = yaml.safe_load(Path("project/series.yml").read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def run() -> tuple[int, int]:
    """How many entries and messages a run of the example makes, once it is live."""
    example = Path("project/series_definitions/example.yml")
    example.write_text(example.read_text(encoding="utf-8").replace("status: draft", "status: live"), encoding="utf-8")
    project = Project.open(Path("project"))
    project.run("2026-02-04T00:00Z")
    return project.table("entries").height, project.table("messages").height


def test_folders_of_parquet_files(here: Path) -> None:
    export("exports/users/0.parquet", f"from ({USERS}) where id < 10")
    export("exports/users/1.parquet", f"from ({USERS}) where id >= 10")
    export("exports/fct_events/day=1/0.parquet", EVENTS)
    export("exports/_tmp/users.parquet", USERS)
    export("exports/orders.parquet", "select 1 as order_number")
    result = init("--parquet", "exports", "--yes", "--samples")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "No problems found." in result.stdout
    assert result.stdout.count("@example.com") == 3
    assert settings()["sources"] == {
        "customers": {"parquet": "../exports/users/*.parquet", "columns": CUSTOMER_COLUMNS},
        "events": {"parquet": "../exports/fct_events/**/*.parquet", "columns": EVENT_COLUMNS},
    }
    assert run() == (20, 17)
    assert sorted(path.name for path in here.iterdir()) == ["exports", "project"]


@pytest.mark.parametrize(
    ("delimiter", "written"), [(",", {}), (";", {"delimiter": ";"}), ("\t", {"delimiter": "tab"})], ids=repr
)
def test_csv_files(here: Path, delimiter: str, written: dict[str, str]) -> None:
    export("exports/users.csv", USERS, f"delimiter '{delimiter}'")
    export("exports/events.csv", EVENTS)
    result = init("--csv", "exports", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "No problems found." in result.stdout
    assert settings()["sources"] == {
        "customers": {"csv": "../exports/users.csv", **written, "columns": CUSTOMER_COLUMNS, "types": CSV_TYPES},
        "events": {"csv": "../exports/events.csv", "columns": EVENT_COLUMNS},
    }
    assert run() == (20, 17)
    assert (here / "exports/users.csv").is_file()


def test_a_glob_is_one_table_and_places_can_be_mixed(here: Path) -> None:
    export("a [1]/crm/users_1.csv", f"from ({USERS}) where id < 10")
    export("a [1]/crm/users_2.csv", f"from ({USERS}) where id >= 10")
    export("a [1]/{{ it's }}: #.parquet", EVENTS)
    execute("create schema crm", "create table crm.companies as select 7 as company_id", database="team.duckdb")
    users, events = str(here / "a [[]1]/crm/users_*.csv"), "a [1]/{{ it's }}: #.parquet"
    arguments = ("--csv", users, "--parquet", "a [1]", "--warehouse", "team.duckdb", "--events", events)
    result = init(*arguments, "--no-input", "--customers", "users", "--companies", "crm.companies")
    assert (result.exit_code, result.stderr) == (0, "")
    assert settings()["warehouse"]["attach"] == {"team": {"path": "../team.duckdb"}}
    sources = settings()["sources"]
    assert [sources[name].get(key) for name, key in (("customers", "csv"), ("companies", "table"))] == [
        "../a [[]1]/crm/users_*.csv",
        "team.crm.companies",
    ]
    assert sources["events"]["parquet"] == "../a [[]1]/{{ it's }}: #.parquet"
    assert run() == (20, 17)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "exports/bad.csv is empty; the first line of a CSV file names its columns"),
        (b"7,ann@example.com\n8,bob@example.com\n", "the first line looks like a row; it must name the columns"),
        (b"a,b\n1,2,3\n", "not every row has as many values as the header, separated by ','"),
        (b"a,b\nM\xfcller,2\n", "line 2: not UTF-8; write the file in UTF-8"),
    ],
    ids=["empty", "no header", "ragged", "not UTF-8"],
)
def test_a_file_that_cannot_be_used_is_said_and_passed_over(here: Path, content: bytes, said: str) -> None:
    export("exports/customers.csv", "select n as customer_id from range(3) as numbers(n)")
    (here / "exports/bad.csv").write_bytes(content)
    for asked in (("--csv", "exports", "--customers", "bad"), ("--csv", "exports/bad.csv")):
        refused = init(*asked, "--yes")
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert said in refused.stderr
        assert "@example.com" not in refused.stderr
    assert not Path("project").exists()
    result = init("--csv", "exports", "--yes")
    assert result.exit_code == 0
    assert f"{said}\n" in result.stdout
    assert settings()["sources"]["customers"] == {"csv": "../exports/customers.csv"}


def test_a_name_that_no_file_of_text_can_have(here: Path) -> None:
    for name in ("customers", "\x1b[31musers"):
        export(f"exports/{name}.csv", "select n as customer_id from range(3) as numbers(n)")
    result = init("--csv", "exports", "--yes")
    assert result.exit_code == 0
    assert "a name with control characters cannot be a source; rename it" in result.stdout
    assert "\x1b" not in result.stdout
    assert settings()["sources"]["customers"] == {"csv": "../exports/customers.csv"}
    assert (here / "project/series.yml").is_file()


def test_parquet_that_is_none(here: Path) -> None:
    (here / "users.parquet").write_text("hello" * 100)
    refused = init("--parquet", "users.parquet", "--yes")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("users.parquet: the files cannot be read: ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--csv", "export"], "--csv export: there is no such file or folder; did you mean `exports`?"),
        (["--csv", "exports/*.cvs"], "--csv exports/*.cvs: no file matches."),
        (
            ["--parquet", "exports"],
            "--parquet exports: there is no *.parquet file in this folder, or in a folder of it.",
        ),
        (
            ["--parquet", "s3://bucket/users/*.parquet"],
            (
                "--parquet s3://bucket/users/*.parquet: only files of this machine can be read; "
                "copy them here, or make a table of them."
            ),
        ),
        (
            ["--csv", "exports"],
            "No table looks like customers. There are: exports/orders.csv. Say which with --customers.",
        ),
        (["--dbt", "nowhere"], "--dbt nowhere: there is no such folder."),
        (
            ["--dbt", "exports"],
            "--dbt exports: there is no dbt manifest exports/target/manifest.json; run `dbt parse` or `dbt build`.",
        ),
    ],
)
def test_what_is_not_there(here: Path, arguments: list[str], message: str) -> None:
    export("exports/orders.csv", "select 1 as order_number, 2 as total")
    refused = init("--yes", *arguments)
    assert (refused.exit_code, refused.stdout, refused.stderr) == (2, "", f"{message}\n")
    assert [path.name for path in here.iterdir()] == ["exports"]


def dbt_project(*models: tuple[str, str, str], database: str = "shop") -> None:
    """A manifest of models: package, name and how each is materialized, in a schema of another name."""
    nodes = {
        f"model.{package}.{name}": {
            "resource_type": "model", "package_name": package, "name": name, "database": database,
            "schema": "marts", "alias": f"dim_{name}", "config": {"materialized": materialized},
        }
        for package, name, materialized in models
    }  # fmt: skip
    Path("dbt/target").mkdir(parents=True)
    Path("dbt/target/manifest.json").write_text(json.dumps({"nodes": nodes}))


SHOP = (
    ("shop", "users", "table"),
    ("shop", "events", "view"),
    ("shop", "people", "ephemeral"),
    ("shop", "new", "table"),
)
BUILT = (
    "create schema marts",
    f"create table marts.dim_users as {USERS}",
    f"create table marts.source_events as {EVENTS}",
    "create view marts.dim_events as from shop.marts.source_events",
)


@pytest.mark.parametrize("file", ["dbt/shop.duckdb", "built/prod.duckdb", "project/warehouse/shop.duckdb"])
def test_dbt_models(here: Path, file: str) -> None:
    dbt_project(*SHOP)
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    execute(f"attach '{file}' as shop", "use shop", *BUILT)
    told = () if file == "dbt/shop.duckdb" else ("--warehouse", file)
    result = init("--dbt", "dbt", "--yes", *told)
    assert (result.exit_code, result.stderr) == (0, "")
    assert settings()["dbt"] == {"project": "../dbt"}
    assert settings()["warehouse"]["attach"] == {"shop": {"path": f"../{file}".replace("../project/", "")}}
    assert settings()["sources"] == {
        "customers": {"dbt": "users", "columns": CUSTOMER_COLUMNS},
        "events": {"dbt": "events", "columns": EVENT_COLUMNS},
    }
    assert run() == (20, 17)
    assert (here / "project/warehouse/warehouse.duckdb").is_file()


def test_dbt_builds_into_the_projects_own_warehouse(here: Path) -> None:
    dbt_project(("crm", "customers", "table"), ("shop", "customers", "table"), database="warehouse")
    (here / "project/warehouse").mkdir(parents=True)
    own = "project/warehouse/warehouse.duckdb"
    execute("create schema marts", f"create table marts.dim_customers as {USERS}", database=own)
    refused = init("--dbt", "dbt", "--yes")
    assert refused.stderr == (
        "source `customers` could be crm.customers or shop.customers. Say which with --customers, or `none`.\n"
    )
    assert init("--dbt", "dbt", "--yes", "--customers", "crm.customers").exit_code == 0
    assert settings()["sources"]["customers"]["dbt"] == "crm.customers"
    assert "attach" not in settings()["warehouse"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--customers", "people"],
            (
                "--customers people: the dbt model `people` is ephemeral, so there is no table of it; "
                "materialize it as one"
            ),
        ),
        (["--customers", "new"], "--customers new: the dbt model `new` is not built yet; run `dbt build`"),
        (["--customers", "user"], "--customers user: there is no such table; did you mean `users`?"),
        (["--warehouse", "other.duckdb"], "There is no warehouse other.duckdb."),
        (["--warehouse", "empty.duckdb"], "--dbt dbt: empty.duckdb has none of its models yet; run `dbt build`."),
    ],
)
def test_a_model_that_is_no_table(here: Path, arguments: list[str], message: str) -> None:
    dbt_project(*SHOP)
    execute(*BUILT, database="dbt/shop.duckdb")
    execute(database=str(here / "empty.duckdb"))
    refused = init("--dbt", "dbt", "--yes", *arguments)
    assert (refused.exit_code, refused.stdout, refused.stderr) == (2, "", f"{message}\n")


def test_the_file_that_dbt_builds_must_be_known(here: Path) -> None:
    dbt_project(*SHOP, database="ANALYTICS")
    refused = init("--dbt", "dbt", "--yes")
    assert refused.exit_code == 2
    where = "its models are in the database `ANALYTICS`, and there is no dbt/ANALYTICS.duckdb"
    assert refused.stderr.startswith(f"--dbt dbt: {where}. Say with --warehouse which DuckDB file dbt builds")
    assert [path.name for path in here.iterdir()] == ["dbt"]


def test_a_database_that_cannot_be_attached_by_its_name(here: Path) -> None:
    dbt_project(*SHOP, database="warehouse")
    execute(*BUILT[:2], database=str(here / "dbt/warehouse.duckdb"))
    refused = init("--dbt", "dbt", "--yes")
    assert refused.exit_code == 2
    assert "its database is called `warehouse`, as series call one of their own" in refused.stderr
