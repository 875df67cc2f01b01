"""``series init``: from a folder and somebody's tables to a project that its own checks accept, by the command line."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
import yaml
from click.testing import CliRunner, Result

from pipelines import Project
from pipelines.cli import main

CONTACTS = """
create schema crm;
create table crm."Dim Contacts" as
select
    n as id_of_row, 'u' || n as contact_id, 'Ann' as first_name, 'a' || n || '@example.com' as "E-Mail",
    n % 7 = 0 as opted_out, 'it''s' as "odd ""name"": é"
from range(20) as numbers(n)
"""
EVENTS = """
create table crm.fct_events as
select
    'u' || (n % 20) as contact_id, ['log''in: "x"', 'buy'][1 + (n % 3 > 1)::int] as event_type,
    timestamptz '2026-02-01 00:00+00' + interval 1 hour * n as ts, {'a': n} as props
from range(60) as numbers(n)
"""


def database(path: Path, *statements: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    return path


def own(folder: Path, *statements: str) -> None:
    """The project's own warehouse with these tables."""
    database(folder / "warehouse/warehouse.duckdb", *statements)


def init(folder: Path, *arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "80"}).invoke(main, ["init", str(folder), *arguments])


def problems(folder: Path) -> list[str]:
    return [problem.message for problem in Project.open(folder).problems()]


def sources(folder: Path) -> dict[str, dict[str, object]]:
    found = yaml.safe_load((folder / "series.yml").read_text(encoding="utf-8"))["sources"]
    assert isinstance(found, dict)
    return found


def test_an_odd_warehouse_is_understood_and_the_project_runs(tmp_path: Path) -> None:
    own(tmp_path, CONTACTS, EVENTS, "create table crm.orders (id int, total double)")
    result = init(tmp_path, "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert "No problems found." in result.stdout
    assert sources(tmp_path) == {
        "customers": {
            "table": "crm.Dim Contacts",
            "columns": {"customer_id": "contact_id", "email": "E-Mail", "unsubscribed": "opted_out"},
        },
        "events": {
            "table": "crm.fct_events",
            "columns": {"customer_id": "contact_id", "name": "event_type", "occurred_at": "ts", "properties": "props"},
        },
    }
    assert problems(tmp_path) == []
    example = tmp_path / "series_definitions/example.yml"
    assert "status: draft" in example.read_text(encoding="utf-8")
    example.write_text(example.read_text(encoding="utf-8").replace("status: draft", "status: live"), encoding="utf-8")
    Project.open(tmp_path).run("2026-02-04T00:00Z")
    project = Project.open(tmp_path)
    assert project.table("entries").height == 20
    assert project.table("messages").height == 17
    assert "Hi Ann," in str(project.table("messages")["payload"][0])


def test_rows_are_shown_only_when_asked_for(tmp_path: Path) -> None:
    own(tmp_path, CONTACTS)
    assert "@example.com" not in init(tmp_path, "--yes").stdout
    shown = init(tmp_path, "--yes", "--force", "--samples").stdout
    assert shown.count("@example.com") == 3
    facts = json.loads(init(tmp_path, "--yes", "--force", "--samples", "--format", "json").stdout)
    assert [sample["source"] for sample in facts["samples"]] == ["customers"]
    assert len(facts["samples"][0]["rows"]) == 3
    assert json.loads(init(tmp_path, "--yes", "--force", "--format", "json").stdout)["samples"] == []


def test_another_database_is_attached_and_stays_as_it_is(tmp_path: Path) -> None:
    shared = database(tmp_path / "the team's data" / "Crm: 2.duckdb", CONTACTS, EVENTS)
    before = shared.read_bytes()
    folder = tmp_path / "journeys"
    result = init(folder, "--warehouse", str(shared), "--yes")
    assert result.exit_code == 0, result.stdout + result.stderr
    settings = yaml.safe_load((folder / "series.yml").read_text(encoding="utf-8"))
    assert settings["warehouse"]["attach"] == {"crm_2": {"path": "../the team's data/Crm: 2.duckdb"}}
    assert settings["sources"]["events"]["table"] == "crm_2.crm.fct_events"
    assert problems(folder) == []
    Project.open(folder).run("2026-02-04T00:00Z")
    assert shared.read_bytes() == before


def test_an_empty_folder_gets_files_that_are_valid(tmp_path: Path) -> None:
    result = init(tmp_path / "new")
    assert (result.exit_code, result.stderr) == (0, "")
    assert problems(tmp_path / "new") == []
    assert "load your tables into" in result.stdout
    assert sorted(path.name for path in (tmp_path / "new").rglob("*")) == [
        "example.yml",
        "series.yml",
        "series_definitions",
    ]


def test_a_warehouse_without_tables_is_like_none(tmp_path: Path) -> None:
    own(tmp_path)
    result = init(tmp_path)
    assert result.exit_code == 0
    assert "load your tables into" in result.stdout


def test_the_untouched_example_follows_when_the_tables_come(tmp_path: Path) -> None:
    init(tmp_path)
    own(tmp_path, "create table customers as select 1 as customer_id, 'x' as plan")
    result = init(tmp_path, "--force")
    assert result.exit_code == 0
    assert "No problems" not in result.stdout
    (warning,) = problems(tmp_path)
    assert warning.startswith("entry rule `newcomers` takes in everybody")


def test_what_is_there_stays(tmp_path: Path) -> None:
    own(tmp_path, "create table customers as select 1 as customer_id")
    (tmp_path / "series.yml").write_text("timezone: Europe/Berlin\n", encoding="utf-8")
    refused = init(tmp_path, "--yes")
    assert refused.exit_code == 2
    assert "is there already and stays as it is" in refused.stderr
    assert not (tmp_path / "series_definitions").exists()
    (tmp_path / "series_definitions").mkdir()
    (tmp_path / "series_definitions/mine.yml").write_text("series: mine\n", encoding="utf-8")
    for _ in range(2):
        init(tmp_path, "--yes", "--force")
    assert (tmp_path / "series.yml.bak").read_text(encoding="utf-8") == "timezone: Europe/Berlin\n"
    assert "customers:" in (tmp_path / "series.yml.bak2").read_text(encoding="utf-8")
    assert [path.name for path in (tmp_path / "series_definitions").iterdir()] == ["mine.yml"]


def test_without_a_person_nothing_is_guessed(tmp_path: Path) -> None:
    own(tmp_path, CONTACTS)
    refused = init(tmp_path, "--no-input")
    assert refused.exit_code == 2
    assert refused.stderr == (
        "source `customers` looks like crm.Dim Contacts with customer_id = contact_id, email = E-Mail,"
        " unsubscribed = opted_out. Take the proposals with --yes, or say --customers.\n"
    )
    assert not (tmp_path / "series.yml").exists()
    assert init(tmp_path, "--no-input", "--customers", "crm.Dim Contacts").exit_code == 0


def test_default_names_need_no_word(tmp_path: Path) -> None:
    own(tmp_path, "create table customers as select 1 as customer_id, 'x' as plan")
    assert init(tmp_path, "--no-input").exit_code == 0
    assert sources(tmp_path) == {"customers": {"table": "customers"}}


def test_ambiguous_tables_are_for_a_person(tmp_path: Path) -> None:
    own(
        tmp_path,
        "create table users as select 1 as user_id",
        "create table contacts as select 2 as contact_id",
        "create schema raw",
        "create table raw.users as select 1 as user_id",
    )
    refused = init(tmp_path, "--yes")
    assert refused.exit_code == 2
    assert refused.stderr == ("source `customers` could be users or contacts. Say which with --customers, or `none`.\n")
    assert init(tmp_path, "--yes", "--customers", "contacts").exit_code == 0
    assert sources(tmp_path)["customers"] == {"table": "contacts", "columns": {"customer_id": "contact_id"}}


def test_the_id_is_what_is_unique(tmp_path: Path) -> None:
    own(tmp_path, "create table customers as select n // 2 as customer_id, n as id from range(10) as numbers(n)")
    assert init(tmp_path, "--yes").exit_code == 0
    assert sources(tmp_path)["customers"]["columns"] == {"customer_id": "id"}


def test_no_unique_id_is_said_and_the_work_failed(tmp_path: Path) -> None:
    own(tmp_path, "create table customers as select n // 2 as customer_id from range(10) as numbers(n)")
    result = init(tmp_path, "--yes")
    assert result.exit_code == 1
    assert "customer_id must be unique and not null, but there are: '0' (2 rows)" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "No table looks like customers. There are: orders, visits. Say which with --customers."),
        (["--customers", "order"], "--customers order: there is no such table; did you mean `orders`?"),
        (
            ["--customers", "visits"],
            """source `customers`: which columns of visits are customer_id? It has: seen_at. \
Say so with --column customers.customer_id=….""",
        ),
        (
            ["--customers", "orders", "--column", "customers.customer_id=nr_"],
            "--column customers.customer_id=nr_: orders has no such column; did you mean `nr`?",
        ),
        (
            ["--column", "customers"],
            "--column customers: write it as source.column=column, such as events.name=event_type.",
        ),
        (
            ["--column", "custmers.a=b"],
            "--column custmers.a=b: there is no source `custmers`; did you mean `customers`?",
        ),
        (["--warehouse", "nowhere.duckdb"], "There is no warehouse nowhere.duckdb."),
    ],
)
def test_wrong_usage_writes_nothing(tmp_path: Path, arguments: list[str], message: str) -> None:
    own(tmp_path, "create table orders (nr int, total double)", "create table visits (seen_at timestamp)")
    refused = init(tmp_path, "--yes", *arguments)
    assert (refused.exit_code, refused.stdout, refused.stderr) == (2, "", f"{message}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["warehouse"]


def test_a_file_that_is_no_database_is_said(tmp_path: Path) -> None:
    (tmp_path / "not.duckdb").write_text("hello" * 1000, encoding="utf-8")
    refused = init(tmp_path / "new", "--warehouse", str(tmp_path / "not.duckdb"), "--yes")
    assert refused.exit_code == 1
    assert "Cannot open the warehouse" in refused.stderr
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("event", ["'; drop table victims; --{{ x }}: #", "\x1b[31m", "\u2028", "a\nb: c"])
def test_hostile_names_stay_names(tmp_path: Path, event: str) -> None:
    table, column = 'a"; drop table victims; --', "x\n# y: ["
    quoted = [name.replace('"', '""') for name in (table, column)]
    quoted_event = event.replace("'", "''")
    own(
        tmp_path,
        "create table victims (id int)",
        f'create table "{quoted[0]}" as select 1 as "{quoted[1]}"',
        f"create table events as select 1 as customer_id, '{quoted_event}' as name, now() as occurred_at",
    )
    result = init(tmp_path, "--yes", "--samples", "--customers", table, "--column", f"customers.customer_id={column}")
    assert result.exit_code == 0, result.stdout + result.stderr
    assert "\x1b" not in result.stdout
    assert "\n# y" not in result.stdout
    assert sources(tmp_path)["customers"] == {"table": table, "columns": {"customer_id": column}}
    with duckdb.connect(tmp_path / "warehouse/warehouse.duckdb") as connection:
        assert connection.execute("select count(*) from victims").fetchone() == (0,)


def test_killed_between_its_files_it_begins_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own(tmp_path, "create table customers as select 1 as customer_id, timestamp '2026-01-01' as created_at")
    replaced = os.link
    calls = []

    def fail_on_second(source: Path, target: Path) -> None:
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        replaced(source, target)

    monkeypatch.setattr("pipelines.text_file.os.link", fail_on_second)
    assert init(tmp_path, "--yes").exit_code == 1
    assert not (tmp_path / "series.yml").exists()
    assert [path.name for path in (tmp_path / "series_definitions").iterdir()] == ["example.yml"]
    assert init(tmp_path, "--yes").exit_code == 0
    assert problems(tmp_path) == []


def test_questions_on_a_real_terminal(tmp_path: Path) -> None:
    own(tmp_path, CONTACTS, EVENTS, "create table contacts as select 1 as contact_id")
    keyboard, terminal = pty.openpty()
    command = [sys.executable, "-c", "from pipelines.cli import main; main()", "init", str(tmp_path)]
    # Customers: a typing mistake, then the table; its columns and everything else as proposed, but no events.
    answers = "crm.Dim Contact\ncrm.Dim Contacts\n\n\n\nnone\n\n\n"
    with subprocess.Popen(command, stdin=terminal, stdout=subprocess.PIPE, stderr=terminal, text=True) as process:
        os.write(keyboard, answers.encode())
        assert process.stdout is not None
        stdout = process.stdout.read()
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
    os.close(terminal)
    asked = os.read(keyboard, 100_000).decode()
    os.close(keyboard)
    assert process.returncode == 0, asked
    assert "could also be" in asked
    assert "did you mean `crm.Dim Contacts`?" in asked
    assert "customers.customer_id is column [contact_id]" in asked
    assert set(sources(tmp_path)) == {"customers"}
    assert "@example.com" not in stdout
    assert "No problems found." in stdout or "warning" in stdout
