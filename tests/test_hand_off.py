from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.hand_off.hand_off import MOST_MESSAGES, _groups, _send, _Way, hand_off
from pipelines.hand_off.offer import Answer, HandedBatch, Waiting
from pipelines.model import Definitions, Sender, Series, Settings, Status
from pipelines.problems import Position
from pipelines.senders import Batch, Outcome, Promise
from warehouse.duckdb import DuckDB
from warehouse.tables import ABSENT_MESSAGES, BATCHES, MESSAGES, TAG_WRITES
from warehouse.views import VIEWS

AS_OF = datetime(2026, 3, 1, 9)
LATER = AS_OF + timedelta(days=10)
ROOT = Path(__file__).parent.parent
CLOCK = datetime(2026, 3, 1, 9, 0, 5)
MOST = MOST_MESSAGES["exactly_once"]


def definitions(status: Status = "live", **options: str) -> Definitions:
    series = Series("welcome", Position("w.yml", 1, 1), "w.yml", "", status, "0 * * * *", {})
    outbox = Sender("outbox", "files", {"path": "outbox", "format": "jsonl"} | options)
    return Definitions(Settings("w.duckdb", "UTC", {}, {}, {"outbox": outbox}), {"welcome": series}, {})


def add_batch(
    warehouse: DuckDB, batch_id: str, messages: int, *, series: str = "welcome", sender: str = "outbox"
) -> None:
    """Queue a batch at AS_OF; the first of its messages expires a day later, the others never."""
    parameters = {"batch_id": batch_id, "series": series, "sender": sender, "messages": messages, "as_of": AS_OF}
    warehouse.execute(
        """
        insert into series.batches by name
        select $batch_id as batch_id, $as_of as as_of, $series as series_id, 'mail' as block_id, 'email' as channel,
            $sender as sender, $messages as message_count, 'pending' as status, 0 as attempts,
            0 as offers
        """,
        parameters,
    )
    warehouse.execute(
        """
        insert into series.messages by name
        select $batch_id || '-' || lpad(cast(i as varchar), 6, '0') as message_id, i as entry_id, $series as series_id,
            'mail' as block_id, i as customer_id, 'email' as channel, i || '@example.com' as address,
            $as_of as queued_at, case when i = 0 then $as_of + interval 1 day end as expires_at,
            json_object('subject', 'Hi "' || i || '"') as payload, $batch_id as batch_id, 'queued' as status
        from range($messages) t(i)
        order by hash(i)
        """,
        parameters,
    )


@contextmanager
def opened(folder: Path) -> Iterator[DuckDB]:
    warehouse = DuckDB.open(folder / "w.duckdb")
    try:
        yield warehouse
    finally:
        warehouse.close()


def make(warehouse: DuckDB, *batches: tuple[str, int]) -> None:
    warehouse.execute("create schema series")
    warehouse.execute("create schema series_state")
    for table in (MESSAGES, TAG_WRITES, BATCHES, ABSENT_MESSAGES):
        warehouse.execute(table.create("BIGINT"))
    (outgoing,) = (view for view in VIEWS if view.name == "outgoing")
    warehouse.execute(f"create view {outgoing.qualified_name} as {outgoing.select}")
    for batch_id, count in batches:
        add_batch(warehouse, batch_id, count)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDB]:
    with opened(tmp_path) as warehouse:
        make(warehouse)
        yield warehouse


def offer(warehouse: DuckDB, folder: Path, wanted: Definitions, as_of: datetime = AS_OF) -> tuple[HandedBatch, ...]:
    return hand_off(lambda: nullcontext(warehouse), wanted, folder, as_of, clock=lambda: CLOCK).batches


def batches(warehouse: DuckDB) -> list[tuple[Any, ...]]:
    return warehouse.fetch(
        "select batch_id, status, attempts, handed_off_at, last_error from series.batches order by batch_id"
    )


def messages(warehouse: DuckDB) -> dict[str, int]:
    return dict(warehouse.fetch("select status, count(*) from series.messages group by status"))


def lines(folder: Path, batch_id: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "outbox" / f"{batch_id}.jsonl").read_text("utf-8").splitlines()]


def files(folder: Path) -> dict[str, bytes]:
    """All files of the outbox, the hidden ones too."""
    return {path.name: path.read_bytes() for path in sorted((folder / "outbox").rglob("*")) if path.is_file()}


def test_hands_off_what_is_pending_once(warehouse: DuckDB, tmp_path: Path) -> None:
    add_batch(warehouse, "b2", 3)
    add_batch(warehouse, "b1", 2)
    assert offer(warehouse, tmp_path, definitions()) == (
        HandedBatch("b1", "handed_off", 2),
        HandedBatch("b2", "handed_off", 3),
    )
    assert batches(warehouse) == [("b1", "handed_off", 1, CLOCK, None), ("b2", "handed_off", 1, CLOCK, None)]
    assert messages(warehouse) == {"handed_off": 5}
    assert lines(tmp_path, "b2")[1] == {
        "message_id": "b2-000001",
        "customer_id": 1,
        "address": "1@example.com",
        "channel": "email",
        "series_id": "welcome",
        "block_id": "mail",
        "entry_id": 1,
        "queued_at": "2026-03-01T09:00:00Z",
        "expires_at": None,
        "payload": {"subject": 'Hi "1"'},
    }
    assert [line["message_id"] for line in lines(tmp_path, "b2")] == ["b2-000000", "b2-000001", "b2-000002"]
    written = files(tmp_path)
    assert offer(warehouse, tmp_path, definitions()) == ()
    assert files(tmp_path) == written


def test_what_has_expired_is_not_sent(warehouse: DuckDB, tmp_path: Path) -> None:
    add_batch(warehouse, "b1", 3)
    add_batch(warehouse, "b2", 1)
    exactly_then = AS_OF + timedelta(days=1)
    assert offer(warehouse, tmp_path, definitions(), exactly_then) == (
        HandedBatch("b1", "handed_off", 2),
        HandedBatch("b2", "dropped", 0),
    )
    assert messages(warehouse) == {"handed_off": 2, "expired": 2}
    assert [line["entry_id"] for line in lines(tmp_path, "b1")] == [1, 2]
    assert not (tmp_path / "outbox" / "b2.jsonl").exists()


@pytest.mark.parametrize(
    ("status", "goes"), [("emptying", True), ("draft", False), ("paused", False), ("stopped", False)]
)
def test_series_that_may_not_send_keeps_its_batches(
    warehouse: DuckDB, tmp_path: Path, status: Status, goes: bool
) -> None:
    add_batch(warehouse, "b1", 2)
    add_batch(warehouse, "b2", 2, series="gone")
    results = offer(warehouse, tmp_path, definitions(status))
    assert [each.status for each in results] == ["handed_off" if goes else "pending", "pending"]
    assert [each.error for each in results] == [None, None]
    assert batches(warehouse)[1] == ("b2", "pending", 0, None, None)
    assert (batches(warehouse)[0][2] == 1) is goes


def test_one_batch_that_fails_does_not_hold_up_the_others(warehouse: DuckDB, tmp_path: Path) -> None:
    for name in ("b1", "b2", "b3"):
        add_batch(warehouse, name, 2)
    add_batch(warehouse, "b4", 2, sender="pigeon")
    (tmp_path / "outbox").mkdir()
    alien = tmp_path / "outbox" / "b2.jsonl"
    alien.write_text("somebody else's\n")
    first, second, third, fourth = offer(warehouse, tmp_path, definitions())
    assert (first.status, second.status, third.status, fourth.status) == (
        "handed_off",
        "pending",
        "handed_off",
        "pending",
    )
    assert second.error is not None
    assert "b2.jsonl is there with another content" in second.error
    assert fourth.error == "There is no sender `pigeon` in series.yml; put it back under `senders`."
    assert alien.read_text() == "somebody else's\n"
    assert [row[4] for row in batches(warehouse)] == [None, second.error, None, fourth.error]
    assert messages(warehouse) == {"handed_off": 4, "queued": 4}

    alien.unlink()
    assert [each.status for each in offer(warehouse, tmp_path, definitions())] == ["handed_off", "pending"]
    assert batches(warehouse)[1] == ("b2", "handed_off", 2, CLOCK, None)


def kill(folder: Path, point: str, *batches: tuple[str, int]) -> None:
    """Make a warehouse with batches (none: there is one) and hand off in a process that is killed at a point."""
    if batches:
        with opened(folder) as warehouse:
            make(warehouse, *batches)
    child = subprocess.run([sys.executable, "-m", "tests.killed_hand_off", str(folder), point], cwd=ROOT, check=False)
    assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("point", ["os.link:1", "os.remove:1", "os.link:2", "os.remove:2", "os.link:3", "mark"])
def test_killed_and_repeated_is_as_if_nothing_had_happened(tmp_path: Path, point: str) -> None:
    kill(tmp_path, point, ("b1", 3), ("b2", 3))
    there = [(tmp_path / "outbox" / name).exists() for name in ("b1.jsonl", "b2.jsonl")]
    assert any(there) or point.startswith("os.link")  # both are written at the same time
    assert all(there) or point != "mark"

    # The repeat comes when messages have expired: what a file already holds stays, what none holds is not sent.
    with opened(tmp_path) as warehouse:
        assert offer(warehouse, tmp_path, definitions(), LATER) == (
            HandedBatch("b1", "handed_off", 3 if there[0] else 2),
            HandedBatch("b2", "handed_off", 3 if there[1] else 2),
        )
        assert [row[1:3] for row in batches(warehouse)] == [("handed_off", 2), ("handed_off", 2)]
        marked = warehouse.fetch("select message_id from series.messages where status = 'handed_off'")
    assert sorted(files(tmp_path)) == ["b1.jsonl", "b1.manifest.json", "b2.jsonl", "b2.manifest.json"]
    assert {line["message_id"] for name in ("b1", "b2") for line in lines(tmp_path, name)} == {row[0] for row in marked}


def test_killed_and_repeated_at_once_leaves_the_files_of_an_undisturbed_hand_off(tmp_path: Path) -> None:
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    kill(killed, "os.link:2", ("b1", 3), ("b2", 3))
    with opened(killed) as warehouse:
        offer(warehouse, killed, definitions())
    with opened(undisturbed) as warehouse:
        make(warehouse, ("b1", 3), ("b2", 3))
        offer(warehouse, undisturbed, definitions())
    assert files(killed) == files(undisturbed)


def test_a_batch_found_in_another_format_is_not_written_again(tmp_path: Path) -> None:
    kill(tmp_path, "mark", ("b1", 2))
    with opened(tmp_path) as warehouse:
        assert offer(warehouse, tmp_path, definitions(format="csv")) == (HandedBatch("b1", "handed_off", 2),)
    assert sorted(files(tmp_path)) == ["b1.jsonl", "b1.manifest.json"]


def test_a_large_batch_goes_in_one_piece(warehouse: DuckDB, tmp_path: Path) -> None:
    add_batch(warehouse, "b1", MOST + 1)
    add_batch(warehouse, "b2", 1)
    assert [each.message_count for each in offer(warehouse, tmp_path, definitions())] == [MOST + 1, 1]
    assert len(lines(tmp_path, "b1")) == MOST + 1
    assert messages(warehouse) == {"handed_off": MOST + 2}


def waiting(batch_id: str, message_count: int) -> Waiting:
    return Waiting(batch_id, "welcome", "mail", "email", AS_OF, "outbox", message_count, "pending", 0)


@pytest.mark.parametrize(("most", "sizes"), [(0, [[4], [3], [9], [1]]), (7, [[4, 3], [9], [1]]), (99, [[4, 3, 9, 1]])])
def test_batches_are_claimed_in_groups_that_fit(most: int, sizes: list[list[int]]) -> None:
    batches = [waiting(str(size), size) for size in (4, 3, 9, 1)]
    assert [[each.message_count for each in group] for group in _groups(batches, most)] == sizes


class Broken:
    """A sender with a defect."""

    promise: Promise = "at_most_once"

    def has(self, batch_id: str) -> bool:
        return batch_id == ""

    def send(self, batch: Batch) -> Outcome:
        raise ZeroDivisionError(batch.batch_id)

    def close(self) -> None:
        pass


def test_of_a_batch_whose_sender_has_a_defect_nobody_knows(warehouse: DuckDB) -> None:
    table = warehouse.fetch_arrow("select 1 as message_id")
    batch = waiting("b1", 1)
    assert _send(_Way(Broken(), None, waits=False), Broken(), batch, table) == Answer(
        batch, 1, error="ZeroDivisionError: b1", is_unknown=True
    )
