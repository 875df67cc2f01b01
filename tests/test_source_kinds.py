"""Sources of every kind give the run that tables of the warehouse give, and nothing else is within reach.

``tests/bad_sources/project`` is the project; each test puts its sources somewhere else. ``tests/source_kinds`` holds
project files that are refused, with what is said of them.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import Project
from pipelines.definitions.targets import read_targets
from pipelines.inputs import find_inputs
from pipelines.problems import RefusedError, RunError
from tests import shop
from tests.golden import assert_golden
from warehouse.adapter import LockedError, StatementError, WarehouseError
from warehouse.duckdb import DuckDB
from warehouse.inputs import Files

HERE = Path(__file__).parent
REFUSED = sorted((HERE / "source_kinds").glob("*.yml"))
PROJECT = HERE / "bad_sources" / "project"
AS_OF = "2026-03-01T09:00Z"
DATABASE = "warehouse/warehouse.duckdb"
ALL = ("customers", "companies", "customer_companies", "events", "engagements", "customer_tags")
Tables = dict[str, list[dict[str, Any]]]

IN_CRM = "".join(f"  {name}: {{table: crm.{name}}}\n" for name in ALL)
ATTACHED = f"warehouse: {{attach: {{crm: {{path: crm.duckdb}}}}}}\nsources:\n{IN_CRM}"


def make(folder: Path, database: str = DATABASE) -> Path:
    """The project with its sources in a database."""
    shutil.copytree(PROJECT, folder, dirs_exist_ok=True)
    (folder / database).parent.mkdir(exist_ok=True)
    with duckdb.connect(folder / database) as connection:
        connection.execute((folder / "sources.sql").read_text())
    return folder


def export(folder: Path, format_: str) -> None:
    """The sources as files, in several where that can be."""
    with duckdb.connect(folder / "crm.duckdb") as connection:
        for name in ALL:
            (folder / "export" / name).mkdir(parents=True)
            rows = f"(select *, row_number() over () as n from {name})"
            for part in (0, 1):
                target = folder / "export" / name / f"{part}.{format_}"
                connection.execute(f"copy (select * exclude (n) from {rows} where n % 2 = {part}) to '{target}'")


@pytest.fixture(scope="module")
def from_tables(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """What a run leaves that reads tables of the warehouse."""
    return after_run(make(tmp_path_factory.mktemp("tables")))


def after_run(folder: Path) -> Tables:
    Project.open(folder).run(AS_OF)
    found = shop.state(folder / DATABASE)
    assert found["series.visits"]
    return found


def test_tables_of_an_attached_database(tmp_path: Path, from_tables: Tables) -> None:
    make(tmp_path, "crm.duckdb")
    (tmp_path / "series.yml").write_text(ATTACHED)
    before = (tmp_path / "crm.duckdb").read_bytes()
    assert after_run(tmp_path) == from_tables
    assert (tmp_path / "crm.duckdb").read_bytes() == before
    assert Project.open(tmp_path).problems() == []


def test_views_of_an_attached_database_and_of_the_warehouse_over_it(tmp_path: Path, from_tables: Tables) -> None:
    make(tmp_path, "crm.duckdb")
    with duckdb.connect(tmp_path / "crm.duckdb") as connection:
        connection.execute("create schema marts; create view marts.people as select * from main.customers")
    (tmp_path / "warehouse").mkdir()
    with duckdb.connect(tmp_path / DATABASE) as connection:
        connection.execute(f"attach '{tmp_path / 'crm.duckdb'}' as crm")
        connection.execute("create view happenings as select * from crm.events")
    text = ATTACHED.replace("crm.customers", "crm.marts.people").replace("crm.events", "happenings")
    (tmp_path / "series.yml").write_text(text)
    assert after_run(tmp_path) == from_tables


def test_a_query(tmp_path: Path, from_tables: Tables) -> None:
    make(tmp_path, "crm.duckdb")
    (tmp_path / "series.yml").write_text(
        ATTACHED.replace(
            "{table: crm.events}",
            """
    columns: {occurred_at: happened_at}
    sql: |
      with bought as (  -- a comment; and a 'quote
        select customer_id, 'purchase' as name, occurred_at as happened_at, properties
        from crm.events
      )
      select * from bought
      union all
      select customer_id, 'other', null, null from crm.customers where false;""",
        )
    )
    assert after_run(tmp_path) == from_tables


def test_parquet_files(tmp_path: Path, from_tables: Tables) -> None:
    make(tmp_path, "crm.duckdb")
    export(tmp_path, "parquet")
    sources = "".join(f"  {name}: {{parquet: 'export/{name}/*.parquet'}}\n" for name in ALL)
    (tmp_path / "series.yml").write_text(f"sources:\n{sources}")
    assert after_run(tmp_path) == from_tables
    assert Project.open(tmp_path).problems() == []


def test_csv_files(tmp_path: Path, from_tables: Tables) -> None:
    make(tmp_path, "crm.duckdb")
    export(tmp_path, "csv")
    (tmp_path / "export/customers/2.csv").touch()
    types = {"customers": "{unsubscribed: boolean}", "companies": "{size: integer}"}
    sources = "".join(f"  {name}: {{csv: export/{name}/*.csv, types: {types.get(name, '{}')}}}\n" for name in ALL)
    (tmp_path / "series.yml").write_text(f"sources:\n{sources}")
    assert after_run(tmp_path) == from_tables


def test_the_name_of_a_file_is_no_pattern(tmp_path: Path) -> None:
    folder = tmp_path / "[1]"
    (folder / "export").mkdir(parents=True)
    for name in ("1", "[1]", "*"):
        (folder / "export" / f"{name}.csv").write_text(f"customer_id\n{name}\n")
    (folder / "series.yml").write_text("sources: {customers: {csv: export/*.csv}}")
    overview = Project.open(folder).sources()
    assert (overview.sources[0].rows, overview.problems) == (3, ())


def test_what_does_not_fit_its_type_is_unknown_and_counted(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "people.csv").write_text(
        "id;seats;born;email;unsubscribed\n007;3;2001-02-03;a@x;no\n008;many;yesterday;b@x;\n009;;;c@x;perhaps\n"
    )
    (tmp_path / "events.csv").write_text(
        "customer_id\tname\toccurred_at\tproperties\n"
        '007\tpurchase\t2026-03-01T10:30+02:00\t"{""amount"": 11}"\n'
        "008\tpurchase\t2026-03-01 08:30\tnot json\n"
        "009\tpurchase\tsome time\t\n"
    )
    (tmp_path / "series.yml").write_text(
        """
sources:
  customers:
    csv: people.csv
    delimiter: ;
    columns: {customer_id: id}
    types: {seats: integer, born: date, unsubscribed: boolean}
  events: {csv: events.csv, delimiter: tab}
"""
    )
    (tmp_path / "series_definitions" / "offer.yml").write_text(
        """
series: offer
status: live
schedule: hourly
blocks:
  seats: {rule: seats > 2}
  born: {rule: "born < '2001-02-04'"}
  bought: {rule: "last_event('purchase') = '2026-03-01T08:30Z'"}
  rich: {rule: "did('purchase', where => amount > 10)"}
"""
    )
    result = Project.open(tmp_path).run(AS_OF)
    assert result.unfit == {
        "customers.seats": 1, "customers.born": 1, "customers.unsubscribed": 1, "events.occurred_at": 1,
    }  # fmt: skip
    visits = {(row["customer_id"], row["block_id"]) for row in shop.state(tmp_path / DATABASE)["series.visits"]}
    assert visits == {*(("007", block) for block in ("seats", "born", "bought", "rich")), ("008", "bought")}
    series = Path(sys.executable).with_name("series")
    said = subprocess.run(
        [series, "run", "--as-of", "2026-03-01T10:00Z"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "do not fit the type that `types` gives their column: customers.seats (1), customers.born (1)" in said.stdout


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("json", """'{"amount": 11}'"""),
        ("struct(amount integer)", "{'amount': 11}"),
        ("map(varchar, varchar)", "map {'amount': '11'}"),
        ("varchar", """'{"amount": 11}'"""),
    ],
)
def test_properties_of_every_type(tmp_path: Path, type_: str, value: str) -> None:
    make(tmp_path)
    (tmp_path / "series.yml").write_text(
        f"sources:\n  events:\n    sql: |\n      select customer_id, name, occurred_at, "
        f"cast({value} as {type_}) as properties from events where customer_id = 'c1'\n"
    )
    visits = after_run(tmp_path)["series.visits"]
    assert {row["customer_id"] for row in visits if row["block_id"] == "buyer"} == {"c1"}


def test_a_run_reads_files_once(tmp_path: Path) -> None:
    make(tmp_path, "crm.duckdb")
    export(tmp_path, "parquet")
    (tmp_path / "series.yml").write_text("sources:\n  customers: {parquet: export/customers/*.parquet}\n")
    with Project.open(tmp_path).session() as warehouse:
        shutil.rmtree(tmp_path / "export")
        assert warehouse.fetch("select count(*) from input_customers") == [(6,)]


def test_compiled_sql_stands_for_itself(tmp_path: Path, from_tables: Tables) -> None:
    make(tmp_path, "crm.duckdb")
    export(tmp_path, "parquet")
    parquet = "{parquet: 'export/events/*.parquet'}"
    (tmp_path / "series.yml").write_text(ATTACHED.replace("{table: crm.events}", parquet))
    DuckDB.open(tmp_path / DATABASE).close()
    script = Project.open(tmp_path).compile("offer", AS_OF)
    with duckdb.connect(tmp_path / DATABASE) as connection:
        connection.execute(script)
    assert shop.state(tmp_path / DATABASE)["series.visits"] == from_tables["series.visits"]


REACHING = [
    "select * from read_text('/etc/passwd')",
    "select * from read_csv('{folder}/secret.csv')",
    "select * from '{folder}/secret.csv'",
    "select * from glob('{folder}/*')",
    "copy (select 1) to '{folder}/out.csv'",
    "attach '{folder}/other.duckdb'",
    "set enable_external_access = true",
    "set allowed_directories = ['/']",
    "insert into crm.customers by name select 'x' as customer_id",
]


@pytest.mark.parametrize("sql", REACHING)
def test_nothing_else_is_within_reach(tmp_path: Path, sql: str) -> None:
    make(tmp_path, "crm.duckdb")
    export(tmp_path, "csv")
    (tmp_path / "secret.csv").write_text("a\n1\n")
    csv = "{csv: export/events/*.csv}"
    targets, problems = read_targets(ATTACHED.replace("{table: crm.events}", csv))
    inputs, missing = find_inputs(targets[None], tmp_path)
    assert (problems, missing) == ([], [])
    before = sorted(tmp_path.rglob("*"))
    warehouse = DuckDB.open(tmp_path / DATABASE, inputs=inputs)
    assert warehouse.fetch("select count(*) from input_events") == [(4,)]
    with pytest.raises(StatementError, match=r"disabled|locked|read-only"):
        warehouse.fetch(sql.format(folder=tmp_path))
    with pytest.raises(StatementError, match="disabled"):
        warehouse.fetch(f"select * from '{tmp_path}/export/events/0.csv'")
    warehouse.close()
    assert set(tmp_path.rglob("*")) - set(before) <= {tmp_path / "warehouse", tmp_path / DATABASE}


@pytest.mark.golden
@pytest.mark.parametrize("case", REFUSED, ids=lambda file: file.stem)
def test_refused(case: Path, tmp_path: Path) -> None:
    """Project files that cannot be used, or not with what is there: all that ``validate`` and ``run`` say."""
    make(tmp_path, "crm.duckdb")
    DuckDB.open(tmp_path / DATABASE).close()
    (tmp_path / "fewer.csv").write_text("customer_id,a\nc1,1\nc2,2,3\n")
    (tmp_path / "empty.csv").touch()
    (tmp_path / "latin.csv").write_bytes("customer_id,a\nc1,Straße\n".encode("latin-1"))
    (tmp_path / "not.parquet").write_text("no")
    (tmp_path / "not.duckdb").write_text("no" * 5000)
    shutil.copy(case, tmp_path / "series.yml")
    before = (tmp_path / DATABASE).read_bytes()
    with pytest.raises((RefusedError, RunError, WarehouseError)) as refused:
        Project.open(tmp_path).run(AS_OF)
    assert (tmp_path / DATABASE).read_bytes() == before
    try:
        said = "".join(f"{problem}\n" for problem in Project.open(tmp_path).problems() if problem.severity == "error")
    except WarehouseError as error:
        said = f"{error}\n"
    assert said.strip() == str(refused.value)
    said = said.replace(str(tmp_path), "PROJECT").replace(f"DuckDB {duckdb.__version__}", "DuckDB VERSION")
    assert_golden(case.with_suffix(".txt"), said)


WRITER = """
import sys, time, duckdb
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
connection.execute("create or replace table customers as select * replace ('Gratis' as plan) from customers")
time.sleep(float(sys.argv[2]))
connection.execute("create or replace table customers as select * replace ('Free' as plan) from customers")
connection.close()
"""


def writer(folder: Path, seconds: float) -> subprocess.Popen[str]:
    """Another process that rewrites the sources' file for so long; it has the file when this returns."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder / "crm.duckdb"), str(seconds)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "open\n"
    return process


def test_a_run_waits_for_whoever_rewrites_the_sources(tmp_path: Path, from_tables: Tables) -> None:
    make(tmp_path, "crm.duckdb")
    (tmp_path / "series.yml").write_text(ATTACHED)
    said: list[str] = []
    with writer(tmp_path, 2) as process:
        Project.open(tmp_path, notify=said.append).run(AS_OF)
        assert process.wait() == 0
    assert shop.state(tmp_path / DATABASE) == from_tables
    [sentence] = said
    assert sentence.startswith("Waiting for ")
    assert sentence.endswith(f"(process {process.pid}), who has the database {tmp_path / 'crm.duckdb'} open.")


def test_a_run_waits_no_longer_than_it_may_and_keeps_nobody_waiting_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "crm.duckdb")
    (tmp_path / "series.yml").write_text(ATTACHED)
    with writer(tmp_path, 60) as process:
        series = Path(sys.executable).with_name("series")
        with subprocess.Popen(
            [series, "run", "--as-of", AS_OF],
            cwd=tmp_path, env=os.environ | {"SERIES_LOCK_WAIT": "4"}, stderr=subprocess.PIPE, text=True,
        ) as run:  # fmt: skip
            assert run.stderr
            assert "Waiting for" in run.stderr.readline()
            # The state is free while the run waits for its sources.
            DuckDB.open(tmp_path / DATABASE, wait=2).close()
            assert run.wait() == 1
            assert f"The database {tmp_path / 'crm.duckdb'} is in use by" in run.stderr.read()
        monkeypatch.setenv("SERIES_LOCK_WAIT", "0")
        with pytest.raises(LockedError):
            Project.open(tmp_path).run(AS_OF)
        process.kill()
    assert after_run(tmp_path)


def test_whoever_rewrites_the_sources_does_not_wait_for_senders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path, "crm.duckdb")
    (tmp_path / "series.yml").write_text(ATTACHED)
    wrote: list[int] = []

    hand_off = Project._hand_off

    def rewrite_first(*arguments: Any) -> Any:
        with writer(tmp_path, 0) as process:
            wrote.append(process.wait())
        return hand_off(*arguments)

    monkeypatch.setattr(Project, "_hand_off", rewrite_first)
    Project.open(tmp_path).run(AS_OF)
    assert wrote == [0]


def test_the_same_sources_serve_two_projects_at_once(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make(tmp_path / name, "../crm.duckdb" if name == "one" else "unused.duckdb")
        (tmp_path / name / "series.yml").write_text(ATTACHED.replace("crm.duckdb", "../crm.duckdb"))
    with Project.open(tmp_path / "one").session():
        series = Path(sys.executable).with_name("series")
        subprocess.run([series, "run", "--as-of", AS_OF], cwd=tmp_path / "two", check=True, capture_output=True)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b"9,ada@example.com,extra", "3 values separated by ',', and the header has 2"),
        (b"9,ada@ex\xe4mple.com", "not UTF-8; write the file in UTF-8"),
        (b'9,"ada@example.com', "no CSV; are quotes closed, and doubled within values?"),
    ],
)
def test_a_bad_row_is_named_by_its_place_and_not_quoted(tmp_path: Path, row: bytes, said: str) -> None:
    good = b"".join(b"%d,a%d@example.com\n" % (number, number) for number in range(30_000))
    (tmp_path / "bad.csv").write_bytes(b"customer_id,email\n" + good + row + b"\n")
    source = Files("customers", "csv", [tmp_path / "bad.csv"], "source `customers`")
    with duckdb.connect() as connection, pytest.raises(WarehouseError) as refused:
        source.open(connection, rows=True)
    where = f'"{tmp_path / "bad.csv"}", line 30002'
    assert str(refused.value) == f"source `customers`: the files cannot be read: {where}: {said}"
