"""Text that pretends to be SQL, Jinja or markup does nothing but appear as text, wherever it comes from.

Every text goes through all ways in at once: ids, attributes, tags and event names of the sources; titles, labels,
messages, links, tags and rule literals of a definition. It has to come out of all ways out as it was.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import duckdb
import pytest

from pipelines import Project
from pipelines.problems import RefusedError
from tests import shop
from warehouse.adapter import StatementError, WarehouseError
from warehouse.duckdb import DuckDB

AS_OF = "2026-03-01T09:00Z"
DATABASE = "warehouse/warehouse.duckdb"
TEXTS = {
    "quotes": """it's "quoted" `so` ''twice'' \\' \\" $$dollar$$ $as_of $1 ? :name""",
    "statement": "'); drop table series.entries; --",
    "comment": "' or 1=1 /* -- */ ; -- $tick_id",
    "union": "x' union all select * from read_text('/etc/passwd') --",
    "jinja": "{{ 7 * 7 }}{% for x in range(9) %}{{ x }}{% endfor %}{# gone #}{{ ''.__class__.__mro__ }}",
    "format": "%s %(as_of)s {0} {as_of} %d ${HOME} $(id) `id`",
    "markup": "<script>alert('x')</script> &amp; [bold]rich[/bold] [/] \\[x]",
    "yaml": "- a: &x [1, *x] # !!python/object:os.system\u2028 @ | >",
    "json": '", "message_id": "other", "x": "\\u0000\\n',
    "csv": '=cmd|"/c calc"!A1,";\t',
    "unicode": "Straße \N{COMBINING ACUTE ACCENT} \N{RIGHT-TO-LEFT OVERRIDE}evil \N{PILE OF POO} \N{ZERO WIDTH SPACE}",
    "lines": "one  \n\n\ntwo\r\nthree\ttab\n--\n;\x85\u2029",
}
DATA_ONLY = {"empty": "", "blank": "   ", "long": "x'" * 20_000, "control": "\x1b[31mred\x07\x7f", "null": "a\x00b"}
"""A definition is refused that has no text where there must be one, too long a rule, or what YAML cannot hold."""


CHANNELS = "channels: {letter: {address: email, consent: not unsubscribed}}\n"
"""A channel of the project's own changes nothing for its messages' sake: no line breaks, no markup, no addresses."""


def quoted(value: str) -> str:
    """A YAML scalar: JSON's, but for the further line breaks of YAML."""
    text = json.dumps(value, ensure_ascii=False)
    return text.translate({ord(each): f"\\u{ord(each):04x}" for each in "\x85\u2028\u2029"})


def tag_of(value: str) -> str:
    """A tag is one line."""
    return "".join(character if character.isprintable() else "_" for character in value)


def rule_literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def template_of(value: str) -> str:
    """A message template that renders as the text."""
    return "".join(f"{{{{ '{brace}' }}}}" if brace in ("{{", "{%", "{#") else brace for brace in _pieces(value))


def _pieces(value: str) -> Iterator[str]:
    while value:
        size = 2 if value[:2] in ("{{", "{%", "{#") else 1
        yield value[:size]
        value = value[size:]


def definition(name: str, value: str) -> str:
    """A series that only those enter who have the text, and that says nothing else."""
    literal = rule_literal(value)
    tagged = f"has_tag({rule_literal(tag_of(value))})"
    rule = f"plan = {literal} and did({literal}) and {tagged} and plan in ({literal}, 'x')"
    followed = f'plan = {literal} and "it\'s" = {literal} and did({literal}, where => note = {literal})'
    return f"""
series: {name}
title: {quoted(value)}
description: {quoted(value)}
status: live
schedule: hourly
goal: {{rule: {quoted(f"plan != {literal} or has_tag('reached')")}, within: 30 days}}
blocks:
  enters: {{label: {quoted(value)}, rule: {quoted(rule)}, then: follows}}
  follows: {{label: {quoted(value)}, rule: {quoted(followed)}, within: 1 day, then: [mail, tags]}}
  mail: {{label: {quoted(value)}, content: letter, subject: "{{{{ plan }}}}", body: {quoted(template_of(value))},
          link: {quoted(template_of(value))}, from: {quoted(template_of(value))}, then: clicked}}
  clicked: {{rule: {quoted(f"clicked('mail', link => {literal})")}, within: 1 day, then: waits}}
  waits: {{wait: 1 day}}
  tags: {{tag: {quoted(tag_of(value))}}}
"""


DEFINITIONS = {name: definition(name, value) for name, value in TEXTS.items()}


def make_project(folder: Path, values: Iterable[str], definitions: Mapping[str, str]) -> Path:
    """A project with a customer for each text, who has it wherever sources have text, and one who has not."""
    for name in ("series_definitions", "warehouse"):
        (folder / name).mkdir(parents=True)
    for name, text in definitions.items():
        (folder / "series_definitions" / f"{name}.yml").write_text(text, encoding="utf-8")
    (folder / "series.yml").write_text(CHANNELS)
    texts = [(value, tag_of(value)) for value in (*values, "other")]
    with duckdb.connect(folder / DATABASE) as connection:
        connection.execute("create table texts (value text, tag text)")
        connection.executemany("insert into texts values (?, ?)", texts)
        connection.execute(
            """
            create table customers as
            select value as customer_id, value as plan, value as "it's", value || '@x' as email, false as unsubscribed
            from texts;
            create table events as
            select value as customer_id, value as name, timestamp '2026-03-01 08:00:00' as occurred_at,
                to_json({note: value}) as properties
            from texts;
            create table customer_tags as select value as customer_id, tag from texts;
            create table engagements (message_id text, kind text, occurred_at timestamp, link text);
            drop table texts
            """
        )
    return folder


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which everybody enters the series of their text, and then clicks on the link of its message."""
    folder = make_project(tmp_path_factory.mktemp("played") / "project", TEXTS.values(), DEFINITIONS)
    project = Project.open(folder)
    assert [str(problem) for problem in project.problems() if problem.severity == "error"] == []
    assert {series.state for series in project.run(AS_OF).series} == {"done"}
    with duckdb.connect(folder / DATABASE) as connection:
        connection.execute(
            "insert into engagements select message_id, 'clicked', queued_at + interval 1 hour, customer_id "
            "from series.messages"
        )
    project.run("2026-03-01T11:00Z")
    return folder


@pytest.mark.parametrize("name", TEXTS)
def test_text_of_definitions_and_data_stays_text(played: Path, name: str) -> None:
    value = TEXTS[name]
    state = shop.state(played / DATABASE)
    tables = {table: [row for row in rows if row.get("series_id") == name] for table, rows in state.items()}
    assert {row["customer_id"] for row in tables["series.entries"]} == {value}
    assert [row["tag"] for row in tables["series.tag_writes"]] == [tag_of(value)]
    assert {row["block_id"] for row in tables["series.visits"]} == {
        "enters", "follows", "mail", "tags", "clicked", "waits",
    }  # fmt: skip
    [message] = tables["series.messages"]
    content = json.loads(message["payload"])
    assert (message["customer_id"], message["address"]) == (value, f"{value}@x")
    written = value.replace("\r\n", "\n")  # as templates have it
    assert content == {"subject": value, "body": written, "link": written, "from": written}
    assert [row["text"] for row in tables["series.definitions"]] == [DEFINITIONS[name]]
    [line] = next((played / "outbox").glob(f"{name}.*.jsonl")).read_bytes().splitlines()
    sent = json.loads(line)
    assert (sent["customer_id"], sent["address"]) == (value, f"{value}@x")
    assert sent["payload"] == content


def test_compiled_text_stays_text(tmp_path: Path) -> None:
    folder = make_project(tmp_path / "project", TEXTS.values(), DEFINITIONS)
    for name, value in TEXTS.items():
        script = Project.open(folder).compile(name, AS_OF)
        with duckdb.connect(folder / DATABASE) as connection:
            connection.execute(script)
            found = connection.execute("select customer_id from series.entries where series_id = $1", [name]).fetchall()
        assert found == [(value,)]
    texts = Project.open(folder).table("definitions").select("series_id", "text").rows()
    assert dict(texts) == DEFINITIONS


@pytest.mark.parametrize(
    ("format_", "reader"),
    [("csv", "read_csv($file, all_varchar = true, delim = ',', header = true)"), ("parquet", "read_parquet($file)")],
)
def test_files_of_other_formats_hold_the_text(tmp_path: Path, format_: str, reader: str) -> None:
    folder = make_project(tmp_path, TEXTS.values(), DEFINITIONS)
    sender = f"senders: {{outbox: {{type: files, path: outbox, format: {format_}}}}}\n"
    (folder / "series.yml").write_text(CHANNELS + sender)
    Project.open(folder).run(AS_OF)
    for name, value in TEXTS.items():
        [file] = (folder / "outbox").glob(f"{name}.*.{format_}")
        found = duckdb.connect().execute(f"select customer_id, address from {reader}", {"file": str(file)}).fetchall()
        assert found == [(value, f"{value}@x")], name


def test_text_of_data_stays_text(tmp_path: Path) -> None:
    text = """
series: hostile
status: live
schedule: hourly
blocks:
  enters: {rule: plan != 'other', then: mail}
  mail: {content: letter, subject: "{{ plan }}", body: "{% if plan == 'x' %}x{% else %}{{ plan | trim }}{% endif %}"}
"""
    folder = make_project(tmp_path / "project", DATA_ONLY.values(), {"hostile": text})
    Project.open(folder).run(AS_OF)
    messages = shop.state(folder / DATABASE)["series.messages"]
    expected = {value: value for value in DATA_ONLY.values()}
    assert {row["customer_id"]: json.loads(row["payload"])["subject"] for row in messages} == expected
    lines = next((folder / "outbox").glob("*.jsonl")).read_bytes().splitlines()
    assert {json.loads(line)["customer_id"] for line in lines} == set(expected)


@pytest.mark.parametrize("name", ["markup", "control", "lines"])
def test_status_and_run_show_one_line_per_row_and_command_no_terminal(tmp_path: Path, name: str) -> None:
    value = {**TEXTS, **DATA_ONLY}[name]
    folder = make_project(tmp_path / "project", [value], {"hostile": definition("hostile", "x")})
    with duckdb.connect(folder / DATABASE) as connection:
        connection.execute(
            "insert into customers values ($value || '2', $value, $value, $value, false)", {"value": value}
        )
        connection.execute(
            "insert into customers values ($value || '2', $value, $value, $value, false)", {"value": value}
        )
    series = Path(sys.executable).with_name("series")
    for verb in (["run", "--as-of", AS_OF], ["status"]):
        done = subprocess.run([series, *verb], cwd=folder, capture_output=True, text=True, check=False)
        assert not set("\x1b\x07\x7f") & set(done.stdout + done.stderr)
    with duckdb.connect(folder / DATABASE) as connection:
        connection.execute("delete from customers where ends_with(customer_id, '2')")
    Project.open(folder).run(AS_OF)
    with duckdb.connect(folder / DATABASE) as connection:
        connection.execute("update series.batches set last_error = $value, status = 'pending'", {"value": value})
    done = subprocess.run([series, "status"], cwd=folder, capture_output=True, text=True, check=True)
    assert not set("\x1b\x07\x7f") & set(done.stdout)


REACHING = [
    "read_text('/etc/passwd') = 'x'",
    "plan = (select content from read_text('/etc/passwd'))",
    "exists (select 1 from customers)",
    "plan in (select plan from customers)",
    "getenv('HOME') = 'x'",
    "current_setting('timezone') = 'UTC'",
    "set_config('timezone', 'x', false) = 'x'",
    "query('drop table customers') = 'x'",
    "plan = glob('/etc/*')",
    "nextval('s') > 1",
    "random() > 0.5",
    "current_timestamp > now()",
    "series.entries.status = 'x'",
    "plan = 'x'; drop table customers",
    "plan = 'x' -- and nothing else",
    "plan = $as_of",
    "plan = ?",
    "plan = 'x' union select 1",
    "plan = {{ plan }}",
    "customer.plan = 'x'",
    "http_get('http://localhost') = 'x'",
    "load_extension('httpfs') = 'x'",
    "(attach 'elsewhere.duckdb') = 'x'",
    "pg_read_file('/etc/passwd') = 'x'",
    "list_transform([1], lambda x: x) = [1]",
    "columns('.*') = 'x'",
    "plan = e'\\x41'",
]


@pytest.mark.parametrize("rule", REACHING)
def test_a_rule_that_reaches_out_is_refused(tmp_path: Path, rule: str) -> None:
    text = f"series: hostile\nstatus: live\nschedule: hourly\nblocks:\n  enters: {{rule: {quoted(rule)}}}\n"
    folder = make_project(tmp_path / "project", ["x"], {"hostile": text})
    before = (folder / DATABASE).read_bytes()
    with pytest.raises(RefusedError, match=r"hostile\.yml:5:\d+: error: "):
        Project.open(folder).run(AS_OF)
    assert (folder / DATABASE).read_bytes() == before


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('/etc/passwd')",
        "select * from read_text('/etc/passwd')",
        "select * from read_blob('/etc/*')",
        "select * from glob('/etc/*')",
        "select * from '/etc/passwd.csv'",
        "select * from read_csv('http://localhost:1/x.csv')",
        "attach 'other.duckdb'",
        "attach 'http://localhost:1/x.duckdb'",
        "copy (select 1) to 'out.csv'",
        "export database 'out'",
        "import database 'out'",
        "install httpfs",
        "load httpfs",
        "create secret (type s3)",
        "set enable_external_access = true",
        "set lock_configuration = false",
        "set timezone = 'Asia/Kolkata'",
        "reset timezone",
        "set global threads = 1",
        "pragma threads = 1",
        "set home_directory = '/'",
        "set allowed_directories = ['/']",
        "pragma enable_profiling",
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_sql_that_gets_through_meets_the_second_wall(tmp_path: Path, sql: str, read_only: bool) -> None:
    DuckDB.open(tmp_path / "w.duckdb").close()
    files = sorted(tmp_path.iterdir())
    warehouse = DuckDB.open(tmp_path / "w.duckdb", read_only=read_only)
    with pytest.raises(StatementError, match=r"disabled|locked|to be loaded"):
        warehouse.fetch(sql)
    with pytest.raises(WarehouseError):
        warehouse.execute(sql)
    warehouse.close()
    assert sorted(tmp_path.iterdir()) == files
