"""What providers say, taken in: each event once, by its meaning, whatever is loaded again, killed or hostile.

``tests/receipts`` holds files as providers write them (documented shapes, made-up values) and what is made of them.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines import Project
from pipelines.cli import main
from pipelines.receipts.maps import MAPS
from tests.golden import assert_golden
from tests.loopback import AS_OF
from warehouse.duckdb import DuckDB
from warehouse.receipt_files import Reading, ReceiptReader

HERE = Path(__file__).parent
CASES = sorted(file for file in (HERE / "receipts").iterdir() if file.suffix in (".jsonl", ".csv"))
SERIES = Path(sys.executable).with_name("series")
DATABASE = "warehouse/warehouse.duckdb"
RECEIPTS = "select * exclude (loaded_at) from series_state.receipts order by all"


@pytest.fixture(scope="module")
def after_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small shop of the transcripts, which has no engagements, after its first run."""
    folder = tmp_path_factory.mktemp("receipts") / "shop"
    shutil.copytree(HERE / "cli" / "project", folder)
    (folder / "warehouse").mkdir()
    with duckdb.connect(str(folder / DATABASE)) as warehouse:
        warehouse.execute((folder / "tables.sql").read_text())
        warehouse.execute("drop table engagements")
    Project.open(folder).run(AS_OF)
    return folder


@pytest.fixture
def shop(after_run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(after_run, tmp_path / "shop")


def rows(folder: Path, query: str = RECEIPTS) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / DATABASE)) as warehouse:
        return warehouse.execute(query).fetchall()


def messages(folder: Path) -> list[str]:
    return [row[0] for row in rows(folder, "select message_id from series.messages order by customer_id")]


def series(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(main, ["--project-dir", str(folder), *words])


def say(folder: Path, *said: dict[str, Any], name: str = "receipts.jsonl") -> Path:
    file = folder / name
    file.write_text("".join(f"{json.dumps(one)}\n" for one in said))
    return file


def receipt(message_id: str, kind: str, at: str = "2026-03-01T10:00Z", **more: Any) -> dict[str, Any]:
    return {"message_id": message_id, "kind": kind, "occurred_at": at, **more}


def clicked(count: int) -> list[dict[str, Any]]:
    return [receipt(f"m{number}", "clicked") for number in range(count)]


@pytest.mark.golden
@pytest.mark.parametrize("case", CASES, ids=lambda file: file.name)
def test_what_is_made_of_events(shop: Path, case: Path) -> None:
    first, second = messages(shop)[:2]
    with duckdb.connect(str(shop / DATABASE)) as warehouse:
        warehouse.execute(
            "update series.messages set provider_message_id = case message_id when $first then 'known' "
            "when $second then 'other' else 'several' end",
            {"first": first, "second": second},
        )
    shutil.copy(case, shop / case.name)
    provider = () if case.stem == "own" else ("--map", case.stem)
    done = series(shop, "receipts", "load", str(shop / case.name), *provider)
    assert done.exit_code == 1, "each file has bad rows"
    again = series(shop, "receipts", "load", str(shop / case.name), *provider)
    assert again.stdout.startswith("Loaded 0 receipts")
    found = "".join(f"{' | '.join(str(value) for value in row)}\n" for row in rows(shop))
    said = f"{found}\n{done.stdout}{done.stderr}".replace(first, "(first message)").replace(f"{shop}/", "")
    assert_golden(case.with_name(f"{case.name}.txt"), said)


def test_every_kind_is_one_of_ours_and_every_map_names_its_source() -> None:
    own = {"delivered", "opened", "clicked", "bounced", "failed", "complained", "unsubscribed"}
    for each in MAPS.values():
        assert set(each.kinds.values()) == own
        assert each.source.startswith("https://")


def test_receipts_move_customers_without_any_configuration(shop: Path) -> None:
    assert "there is no `engagements` source" in series(shop, "validate").stdout
    _, second, third = messages(shop)[:3]
    file = say(shop, receipt(second, "opened"), receipt(third, "bounced"))
    assert series(shop, "receipts", "load", str(file)).stdout == "Loaded 2 receipts from 1 file.\n"
    assert "engagements" not in series(shop, "validate").stdout
    assert "loaded receipts" in series(shop, "sources").stdout
    series(shop, "run", "--as-of", "2026-03-01T11:00Z")
    left = dict(
        rows(
            shop,
            "select message_id, outcome from series.messages join series.visits using (entry_id, block_id) "
            "where outcome is not null",
        )
    )
    assert left == {second: "delivered", third: "not_delivered"}


def test_receipts_count_beside_the_source(shop: Path) -> None:
    first, second = messages(shop)[:2]
    with duckdb.connect(str(shop / DATABASE)) as warehouse:
        warehouse.execute("create schema crm; create table crm.answers (id varchar, what varchar, at_ timestamptz)")
        warehouse.execute("insert into crm.answers values ($id, 'opened', '2026-03-01 10:00Z')", {"id": first})
    columns = "{message_id: id, kind: what, occurred_at: at_}"
    (shop / "series.yml").write_text(f"sources: {{engagements: {{table: crm.answers, columns: {columns}}}}}\n")
    series(shop, "receipts", "load", str(say(shop, receipt(second, "opened"))))
    assert "crm.answers and loaded receipts" in series(shop, "sources").stdout
    series(shop, "run", "--as-of", "2026-03-01T11:00Z")
    received = rows(shop, "select message_id from series.messages where received_at is not null order by customer_id")
    assert [row[0] for row in received] == [first, second]


def test_a_source_that_only_has_a_lag_waits_for_receipts(shop: Path) -> None:
    (shop / "series.yml").write_text("sources: {engagements: {lag: 1 hour}}\n")
    validated = series(shop, "validate")
    assert (validated.exit_code, "series receipts load" in validated.stdout) == (0, True)
    series(shop, "receipts", "load", str(say(shop, receipt(messages(shop)[0], "opened"))))
    assert series(shop, "run", "--as-of", "2026-03-01T11:00Z").exit_code == 0


def test_a_provider_id_that_is_known_later_is_recognised_then_and_forgotten_after_a_day(shop: Path) -> None:
    first = messages(shop)[0]
    event = {"RecordType": "Open", "MessageID": "p-1", "ReceivedAt": "2026-03-01T10:00Z"}
    file = say(shop, event, event | {"MessageID": "of-another-system"}, name="open.postmark.jsonl")
    series(shop, "receipts", "load", str(file))
    unknown = "select provider_message_id, message_id from series_state.receipts order by all"
    assert rows(shop, unknown) == [("of-another-system", None), ("p-1", None)]
    with duckdb.connect(str(shop / DATABASE)) as warehouse:
        warehouse.execute(
            "update series.messages set provider_message_id = 'p-1' where message_id = $id", {"id": first}
        )
        warehouse.execute("update series_state.receipts set loaded_at = loaded_at - interval 25 hour")
    series(shop, "receipts", "load", str(say(shop, receipt(first, "clicked"))))
    assert rows(shop, unknown) == [("p-1", first), (None, first)]


def test_a_folder_is_read_as_its_names_say_and_removed_but_for_what_is_bad(shop: Path) -> None:
    spool = shop / "spool"
    (spool / "inner").mkdir(parents=True)
    say(spool, receipt("m1", "opened"), name="a.jsonl")
    say(
        spool, {"event": "click", "timestamp": 1, "sg_event_id": "1", "message_id": "m2"}, name="inner/b.sendgrid.jsonl"
    )
    say(spool, {"event": "processed", "sg_event_id": "2"}, name="c.sendgrid.jsonl")
    say(spool, receipt("m3", "opened"), {"kind": 7}, name="bad [1].jsonl")
    (spool / "no.parquet").write_text("PAR1 no")
    (spool / "latin.csv").write_bytes(
        b"message_id,kind,occurred_at\nStra\xdfe,opened,2026-03-01\nm5,opened,2026-03-01\n"
    )
    (spool / "empty.csv").write_text("")
    (spool / "empty.jsonl").write_text("")
    (spool / "notes.txt").write_text("no receipts")
    say(spool, receipt("m4", "opened"), name=".half-written.jsonl")
    done = series(shop, "receipts", "load", str(spool), "--remove")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [
        "Loaded 3 receipts from 8 files.",
        "No receipts of messages: processed (1).",
        "Passed over 1 file by its name: not .jsonl, .ndjson, .csv or .parquet.",
        "Removed 5 files.",
    ]
    assert sorted(file.name for file in spool.rglob("*") if file.is_file()) == [
        ".half-written.jsonl", "bad [1].jsonl", "latin.csv", "no.parquet", "notes.txt",
    ]  # fmt: skip
    assert f"{spool}/bad [1].jsonl:2: " in done.stderr
    assert f"{spool}/no.parquet: it cannot be read as Parquet" in done.stderr
    assert f"{spool}/latin.csv: it cannot be read as CSV with a header, in UTF-8" in done.stderr
    assert {row[1] for row in rows(shop)} == {"m1", "m2", "m3"}
    again = series(shop, "receipts", "load", str(spool))
    assert again.stdout.startswith("Loaded 0 receipts from 3 files; 1 were known already.\nPassed over 1 file ")
    only = shop / "only"
    only.mkdir()
    (only / "events.json.gz").write_text("")
    assert series(shop, "receipts", "load", str(only)).stdout.startswith(
        "There is nothing to load.\nPassed over 1 file "
    )


def test_a_file_that_grows_meanwhile_is_not_removed(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = say(shop, receipt("m1", "opened"))
    read = ReceiptReader.read

    def read_and_grow(*arguments: Any) -> Reading:
        found = read(*arguments)
        file.write_text(f"{file.read_text()}{json.dumps(receipt('m2', 'opened'))}\n")
        return found

    monkeypatch.setattr(ReceiptReader, "read", read_and_grow)
    assert "Removed" not in series(shop, "receipts", "load", str(file), "--remove").stdout
    monkeypatch.undo()
    assert "Removed 1 file" in series(shop, "receipts", "load", str(file), "--remove").stdout
    assert {row[1] for row in rows(shop)} == {"m1", "m2"}


def test_parquet_with_times_of_several_types(shop: Path) -> None:
    with duckdb.connect() as engine:
        engine.execute(
            f"""
            copy (select 'm1' as message_id, 'opened' as kind, timestamptz '2026-03-01 10:00+02' as occurred_at)
            to '{shop}/zoned.parquet'
            """
        )
        engine.execute(
            f"""
            copy (select uuid '00000000-0000-0000-0000-000000000001' as message_id, 'opened' as kind,
                timestamp_ns '2026-03-01 10:00:00.123456789' as occurred_at, 'https://a' as link)
            to '{shop}/naive.parquet'
            """
        )
    assert series(shop, "receipts", "load", str(shop / "zoned.parquet"), str(shop / "naive.parquet")).exit_code == 0
    found = {row[1]: (str(row[4]), row[5]) for row in rows(shop)}
    assert found == {
        "m1": ("2026-03-01 08:00:00", None),
        "00000000-0000-0000-0000-000000000001": ("2026-03-01 10:00:00.123456", "https://a"),
    }


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere.jsonl"], "There is no file or folder nowhere.jsonl."),
        (["series.yml"], "its name must end in .jsonl"),
        ([".", "--map", "postmak"], "There is no map `postmak`; did you mean `postmark`?"),
    ],
)
def test_wrong_usage(shop: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str) -> None:
    (shop / "series.yml").touch()
    monkeypatch.chdir(shop)
    done = series(shop, "receipts", "load", *words)
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_two_loads_at_once_while_a_run_has_the_warehouse(shop: Path) -> None:
    file = say(shop, *clicked(2_000))
    load = [str(SERIES), "receipts", "load", str(file)]
    with Project.open(shop).session(publish=False):
        started = [subprocess.Popen(load, cwd=shop, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        time.sleep(1.5)
    said = {process.communicate()[0] for process in started}
    assert [process.returncode for process in started] == [0, 0]
    assert said == {
        "Loaded 2,000 receipts from 1 file.\n",
        "Loaded 0 receipts from 1 file; 2,000 were known already.\n",
    }
    assert len(rows(shop)) == 2_000


def test_a_load_waits_no_longer_than_it_may_and_says_for_whom(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = say(shop, receipt("m1", "opened"))
    monkeypatch.setenv("SERIES_LOCK_WAIT", "0")
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print(1, flush=True); input()",
         str(shop / DATABASE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    with holder:
        assert holder.stdout
        holder.stdout.readline()
        done = series(shop, "receipts", "load", str(file), "--remove")
        holder.kill()
    assert (done.exit_code, file.exists()) == (1, True)
    assert f"(process {holder.pid})" in done.stderr


@pytest.mark.parametrize("seconds", [0.7, 1.2])
def test_killed_anywhere_and_repeated(shop: Path, seconds: float) -> None:
    spool = shop / "spool"
    spool.mkdir()
    for number in range(6):
        lines = ["message_id,kind,occurred_at\n", *(f"m{number}-{n},opened,2026-03-01\n" for n in range(1_000))]
        (spool / f"{number}.csv").write_text("".join(lines))
    with subprocess.Popen(
        [SERIES, "receipts", "load", "spool", "--remove"], cwd=shop, stdout=subprocess.DEVNULL
    ) as killed:
        time.sleep(seconds)
        os.kill(killed.pid, signal.SIGKILL)
    assert series(shop, "receipts", "load", str(spool), "--remove").exit_code == 0
    found = "select count(*), count(distinct receipt_id), count(distinct message_id) from series_state.receipts"
    assert rows(shop, found) == [(6_000, 6_000, 6_000)]
    assert list(spool.iterdir()) == []


def test_it_is_one_transaction_with_everything_in_it(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = say(shop, *clicked(10))
    execute = DuckDB.execute

    def fail(self: DuckDB, sql: str, parameters: Any = None) -> int:
        if "forgotten" in sql or sql.startswith("delete from series_state.receipts"):
            raise KeyboardInterrupt
        return execute(self, sql, parameters)

    monkeypatch.setattr(DuckDB, "execute", fail)
    assert series(shop, "receipts", "load", str(file), "--remove").exit_code == 1
    monkeypatch.undo()
    with duckdb.connect(str(shop / DATABASE)) as warehouse:
        assert warehouse.execute("select count(*) from duckdb_tables() where table_name = 'receipts'").fetchall() == [
            (0,)
        ]
    assert file.exists()


def test_nothing_of_what_a_row_holds_is_said(shop: Path) -> None:
    address = "ada@customers.example"
    (shop / "a.jsonl").write_text(f'{{"kind": "{address}", "message_id": "{address}"}}\n{address}\n')
    (shop / "a.csv").write_text(f"message_id,kind,occurred_at\n{address},{address}\n{address},opened,{address}\n")
    (shop / "b.csv").write_text(f'"kind"\n"{address}\n{address}')
    (shop / "c.csv").write_text(f"{address},{address}\n{address},{address}\n")
    (shop / "a.parquet").write_text(address)
    files = [str(shop / name) for name in ("a.jsonl", "a.csv", "b.csv", "c.csv", "a.parquet")]
    for more in ([], ["--format", "json"], ["--debug"]):
        done = series(shop, "receipts", "load", *files, *more)
        assert [name for name in files if f"{name}:" not in done.stderr] == []
        assert address not in f"{done.stdout}{done.stderr}"
