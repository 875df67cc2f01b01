"""``series compile`` prints what a run executes: the same tables come of it, in plain DuckDB, and in portable words."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from pipelines import Project
from pipelines.definitions.load import load_definitions
from pipelines.model import Definitions
from pipelines.schedule import parse_as_of
from pipelines.script import write_script
from pipelines.sql_text import _environment
from tests import shop
from tests.engine import Engine
from tests.golden import assert_golden
from tests.scenario import read_scenario
from warehouse.duckdb import DuckDB

ROOT = Path(__file__).parents[1]
GOLDEN = Path(__file__).parent / "golden" / "sql"
CONFORMANCE = [
    file for folder in ("conformance", "scenarios") for file in sorted((Path(__file__).parent / folder).glob("*.yaml"))
]
SHIPPED = [file.stem for file in sorted((ROOT / "series_definitions").glob("*.yml")) if file.stem != "segments"]
DATABASE = "warehouse/warehouse.duckdb"
AS_OF = "2026-03-02T09:00Z"
COLUMNS = """
create table customers (
    customer_id varchar, type varchar, email varchar, first_name varchar, plan varchar, timezone varchar,
    country varchar, created_at timestamp, trial_ends_at timestamp, unsubscribed boolean
);
create table companies (company_id varchar, tier varchar);
create table customer_companies (customer_id varchar, company_id varchar);
create table events (customer_id varchar, name varchar, occurred_at timestamp, properties json);
create table engagements (message_id varchar, kind varchar, occurred_at timestamp, link varchar);
create table customer_tags (customer_id varchar, tag varchar);
"""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Mapping[int, Path]:
    """The shop before its first and its last run."""
    folder = tmp_path_factory.mktemp("shop")
    found = {}
    for run, as_of in shop.AS_OF.items():
        shop.change(folder, run)
        found[run] = tmp_path_factory.mktemp("before") / "shop"
        shutil.copytree(folder, found[run])
        Project.open(folder).run(as_of)
    return found


@pytest.mark.parametrize("series", ["upgrade", "trial", "follow", "farewell"])
@pytest.mark.parametrize("run", [1, 3])
def test_a_script_does_what_a_run_does(before: Mapping[int, Path], tmp_path: Path, run: int, series: str) -> None:
    for name in ("by_run", "by_script"):
        shutil.copytree(before[run], tmp_path / name)
    Project.open(tmp_path / "by_run").run(shop.AS_OF[run], series=[series], hand_off=False)
    script = Project.open(tmp_path / "by_script").compile(series, shop.AS_OF[run])
    with duckdb.connect(tmp_path / "by_script" / DATABASE) as connection:
        connection.execute("set timezone = 'Asia/Kolkata'")
        connection.execute(script)
    by_run, by_script = (shop.state(tmp_path / name / DATABASE) for name in ("by_run", "by_script"))
    assert [tick["series_id"] for tick in by_run["series.ticks"]].count(series) == run
    for name, rows in by_run.items():
        assert by_script[name] == rows, name


def test_a_script_says_what_a_run_would_not_do(before: Mapping[int, Path], tmp_path: Path) -> None:
    project = Project.open(shutil.copytree(before[3], tmp_path / "shop"))
    assert "execute nothing" not in project.compile("upgrade", shop.AS_OF[3])
    assert (
        "-- It would execute nothing now. It has run at 2026-03-05T10:00Z already; "
        "a run at 2026-03-05T10:00Z changes nothing.\n"
    ) in project.compile("upgrade", shop.AS_OF[2])


def test_a_script_shows_repeated_ids(before: Mapping[int, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(before[1], tmp_path / "shop")
    _, _, checked = Project.open(folder).compile("upgrade", shop.AS_OF[1]).partition("-- must return nothing: ")
    name, _, rest = checked.partition("\n")
    query = rest.partition(";")[0]
    assert name == "repeated ids of customers"
    with duckdb.connect(folder / DATABASE) as connection:
        connection.execute("create temp view source_customers as select contact_id as customer_id from crm.contacts")
        assert connection.execute(query).fetchall() == []
        connection.execute("insert into crm.contacts by name select 'c001' as contact_id")
        assert connection.execute(query).fetchall() == [("c001", 2)]


def compiled(definitions: Definitions, folder: Path, columns: str) -> dict[str, str]:
    """The script of each series, at a first run over empty sources."""
    with duckdb.connect(folder / "w.duckdb") as connection:
        connection.execute(columns)
    warehouse = DuckDB.open(folder / "w.duckdb", read_only=True)
    try:
        return {name: write_script(warehouse, definitions, name, parse_as_of(AS_OF)) for name in definitions.series}
    finally:
        warehouse.close()


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    return compiled(load_definitions(ROOT)[0], tmp_path_factory.mktemp("shipped"), COLUMNS)


@pytest.mark.golden
@pytest.mark.parametrize("series", SHIPPED)
def test_golden(shipped: Mapping[str, str], series: str) -> None:
    assert_golden(GOLDEN / f"{series}.sql", f"{shipped[series]}\n")


INTEGERS = (exp.DType.TINYINT, exp.DType.SMALLINT, exp.DType.INT, exp.DType.BIGINT)
OF_ONE_ENGINE = frozenset("hash time_to_unix unix_to_time to_days to_hours to_minutes to_seconds timezone".split())
WALL_CLOCK = frozenset("now today current_date current_time current_timestamp get_current_timestamp".split())


def is_whole(node: exp.Expr) -> bool:
    """Whether a number has no fraction, which some engines would cut and others round."""
    if isinstance(node, exp.Column) and (view := node.find_ancestor(exp.Create)):
        return view.kind == "VIEW" and view.this.name.startswith("source_")  # it widens whole numbers
    if isinstance(node, exp.Add | exp.Sub):
        return is_whole(node.this) and is_whole(node.expression)
    return isinstance(node, exp.Floor | exp.Ceil | exp.Extract | exp.Count | exp.Null) or node.is_int


def function(node: exp.Expr) -> str:
    """The name of the function that is called, in small letters; blank where none is."""
    if isinstance(node, exp.Anonymous):
        return node.name.lower()
    return node.sql_name().lower() if isinstance(node, exp.Func) else ""


Check = Callable[[exp.Expr], bool]
NOT_PORTABLE: dict[str, Check] = {
    "date_diff": lambda node: isinstance(node, exp.DateDiff | exp.TimestampDiff),
    "AT TIME ZONE": lambda node: isinstance(node, exp.AtTimeZone | exp.FromTimeZone | exp.ConvertTimezone),
    "a fraction cast to an integer": lambda node: (
        isinstance(node, exp.Cast) and node.to.this in INTEGERS and not is_whole(node.this)
    ),
    "order inside a list": lambda node: isinstance(node, exp.AggFunc) and node.find(exp.Order) is not None,
    "generate_series": lambda node: isinstance(node, exp.GenerateSeries),
    "LATERAL": lambda node: isinstance(node, exp.Lateral),
    "hexadecimal cast": lambda node: isinstance(node, exp.Literal) and node.this.lower() == "0x",
    "ASOF": lambda node: isinstance(node, exp.Join) and node.method.upper() == "ASOF",
    "tuple IN": lambda node: isinstance(node, exp.In) and isinstance(node.this, exp.Tuple),
    "UPDATE FROM": lambda node: isinstance(node, exp.Update) and bool(node.args.get("from_")),
    "ON CONFLICT": lambda node: isinstance(node, exp.OnConflict),
    "recursive CTE": lambda node: isinstance(node, exp.With) and bool(node.args.get("recursive")),
    "INSERT BY NAME": lambda node: isinstance(node, exp.Insert) and bool(node.args.get("by_name")),
    "wall clock": lambda node: function(node) in WALL_CLOCK,
    "*": lambda node: isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count),
    "function of one engine": lambda node: function(node) in OF_ONE_ENGINE,
    "clause of one engine": lambda node: isinstance(node, exp.Qualify | exp.Pivot | exp.Struct),
}

EXAMPLES = [
    ("date_diff", "select date_diff('day', a, b) from t"),
    ("AT TIME ZONE", "select a at time zone 'Europe/Berlin' from t"),
    ("a fraction cast to an integer", "select cast(a / 2 as bigint) from t"),
    ("a fraction cast to an integer", "select cast(2.5 as int)"),
    ("order inside a list", "select list(a order by b) from t"),
    ("order inside a list", "select array_agg(a order by b) from t"),
    ("generate_series", "select a from generate_series(1, 3) as t(a)"),
    ("LATERAL", "select a from t, lateral (select b from u) as v"),
    ("hexadecimal cast", "select cast('0x' || h as bigint) from t"),
    ("ASOF", "select a from t asof join u on t.a >= u.a"),
    ("tuple IN", "select a from t where (a, b) in (select c, d from u)"),
    ("UPDATE FROM", "update t set a = u.a from u where t.b = u.b"),
    ("ON CONFLICT", "insert into t (a) values (1) on conflict do nothing"),
    ("recursive CTE", "with recursive t as (select 1 as a) select a from t"),
    ("INSERT BY NAME", "insert into t by name select 1 as a"),
    ("wall clock", "select now() as a"),
    ("wall clock", "select current_timestamp as a"),
    ("wall clock", "select today() as a"),
    ("*", "select * from t"),
    ("*", "select t.* from t"),
    ("function of one engine", "select hash(a) from t"),
    ("function of one engine", "select epoch(a) from t"),
    ("function of one engine", "select to_days(3)"),
    ("function of one engine", "select timezone('UTC', a) from t"),
    ("clause of one engine", "select a from t qualify row_number() over () = 1"),
]


def not_portable(script: str) -> Iterator[str]:
    """What of a script another engine would refuse, or answer differently."""
    # When the commit happened is the one thing that the wall clock tells.
    for statement in sqlglot.parse(script.replace("cast(now() as timestamp)", "null"), dialect="duckdb"):
        for node in statement.walk() if statement else ():
            for name, is_it in NOT_PORTABLE.items():
                if is_it(node):
                    yield f"{name}: {node.sql(dialect='duckdb')[:200]}"


@pytest.mark.parametrize(("name", "sql"), EXAMPLES)
def test_what_is_not_portable_is_found(name: str, sql: str) -> None:
    assert name in {found.partition(":")[0] for found in not_portable(sql)}


def test_everything_has_an_example() -> None:
    assert {name for name, _ in EXAMPLES} == set(NOT_PORTABLE)


@pytest.mark.parametrize("series", SHIPPED)
def test_shipped_series_are_portable(shipped: Mapping[str, str], series: str) -> None:
    assert sorted(set(not_portable(shipped[series]))) == []


@pytest.mark.parametrize("case", CONFORMANCE, ids=lambda file: file.stem)
def test_conformance_cases_are_portable(case: Path, tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    for step in read_scenario(case).steps:
        for name, text in step.definitions.items():
            (tmp_path / "series_definitions" / f"{name}.yml").write_text(text, encoding="utf-8")
        if step.project:
            (tmp_path / "series.yml").write_text(step.project, encoding="utf-8")
    engine.write_sources()
    project = Project.open(tmp_path)
    found = {found for name in project.definitions.series for found in not_portable(project.compile(name, AS_OF))}
    assert sorted(found) == []


def test_batches_have_an_id_of_their_own_however_many_there_are() -> None:
    batch_id = _environment().get_template("macros.sql.jinja").module.batch_id(1)  # type: ignore[attr-defined]
    query = f"select {batch_id} from ids, (values (1), (99999), (100000), (1000001)) as numbers (message_number)"
    with duckdb.connect() as connection:
        connection.execute("create table ids as select 's' as series_id, 'b' as block_id")
        found = connection.execute(query, {"tick_id": "t"}).fetchall()
    assert [name for (name,) in found] == ["s.b.t.00001", "s.b.t.99999", "s.b.t.100000", "s.b.t.1000001"]
