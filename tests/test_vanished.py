"""Nothing is sent for customers who have vanished until a run has seen them again; then it is, once (SPEC 5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import Project
from pipelines.display import batches as shown_batches
from pipelines.display import hand_off_failures
from pipelines.display import status as shown_status
from pipelines.hand_off.absent import REASON
from pipelines.hand_off.hand_off import HandOffResult
from pipelines.hand_off.offer import HandedBatch
from tests.provider import Provider, Reply, Request, provider
from tests.test_hand_off import AS_OF, add_batch, definitions, files, kill, lines, make, messages, offer, opened
from tests.test_http import KEYED, ONE
from tests.test_http import offer as ask
from tests.test_webhook import offer as post
from warehouse.adapter import WarehouseError
from warehouse.duckdb import DuckDB

START = datetime(2026, 3, 2, 9)
BATCH = "welcome.hello.20260302T090000Z.00001"
WELCOME = """series: welcome
status: live
schedule: hourly
exit: plan = 'Left'
blocks:
  all: {rule: plan = 'Free', then: hello}
  hello: {content: post, title: Hi, body: Welcome, try_for: 1 day, then: mark}
  mark: {tag: welcomed}
"""
OTHER = """series: other
status: live
schedule: hourly
blocks:
  all: {rule: plan = 'Nobody'}
"""


class World:
    """A project that greets customers 1, 2 and 3 by messages that its first run queues."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("series_definitions", "warehouse"):
            (folder / name).mkdir()
        self.define("welcome", WELCOME)
        self.sql("create table customers as select i as customer_id, 'Free' as plan from range(1, 4) as numbers(i)")

    def define(self, name: str, text: str) -> None:
        (self.folder / "series_definitions" / f"{name}.yml").write_text(text)

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(self.folder / "warehouse" / "warehouse.duckdb") as connection:
            return connection.execute(statement).fetchall()

    def vanish(self, *customers: int) -> None:
        self.sql(f"delete from customers where customer_id in {(*customers, 0)}")

    def come_back(self, *customers: int) -> None:
        for customer in customers:
            self.sql(f"insert into customers values ({customer}, 'Free')")

    def run(self, hours: int, *, hand_off: bool = True, series: list[str] | None = None) -> HandOffResult:
        ran = Project.open(self.folder).run(START + timedelta(hours=hours), hand_off=hand_off, series=series)
        handed = ran.hand_off or HandOffResult(())
        assert hand_off_failures(handed) == []
        return handed

    def hand_off(self) -> HandOffResult:
        return Project.open(self.folder).hand_off()

    def sent(self) -> list[tuple[str, int]]:
        """What left: batch and customer; every message once."""
        found = [
            (path.stem, line["message_id"], line["customer_id"])
            for path in sorted((self.folder / "outbox").glob("*.jsonl"))
            for line in map(json.loads, path.read_text().splitlines())
        ]
        assert len({message_id for _, message_id, _ in found}) == len(found)
        return sorted((batch_id, customer) for batch_id, _, customer in found)

    def batches(self) -> list[tuple[Any, ...]]:
        return self.sql(
            "select batch_id, status, message_count, attempts, last_error, parent_batch_id "
            "from series.batches order by batch_id"
        )

    def statuses(self) -> dict[int, str]:
        """The status of each customer's message."""
        return dict(self.sql("select customer_id, status from series.messages order by customer_id"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    assert Project.open(tmp_path).report().differences == ()
    published = Project.open(tmp_path).table("messages").select("message_id", "status").rows()
    assert sorted(published) == world.sql("select message_id, status from series.messages order by all")


def test_who_has_vanished_stays_behind_and_leaves_when_a_run_has_seen_them_again(world: World) -> None:
    world.run(0, hand_off=False)
    world.vanish(2)
    handed = world.run(1)
    assert set(handed.batches) == {HandedBatch(BATCH, "handed_off", 2), HandedBatch(f"{BATCH}.0", "pending", 1)}
    assert world.sent() == [(BATCH, 1), (BATCH, 3)]
    assert world.batches() == [
        (BATCH, "handed_off", 2, 1, None, None),
        (f"{BATCH}.0", "pending", 1, 0, REASON, BATCH),
    ]
    project = Project.open(world.folder)
    assert REASON in shown_batches(project.batches())
    assert REASON in shown_status(project.status())
    assert project.health("pending_batches", "stuck_batches") == {"pending_batches": (), "stuck_batches": ()}
    world.hand_off()
    world.come_back(2)
    # Nobody has seen them yet.
    world.hand_off()
    assert world.sent() == [(BATCH, 1), (BATCH, 3)]
    world.run(2)
    assert world.sent() == [(BATCH, 1), (BATCH, 3), (f"{BATCH}.0", 2)]
    assert world.batches()[1] == (f"{BATCH}.0", "handed_off", 1, 1, None, BATCH)
    world.vanish(1, 2, 3)
    world.run(3)
    assert len(world.sent()) == 3


def test_a_batch_of_which_everybody_has_vanished_stays_as_it_is(world: World) -> None:
    world.run(0, hand_off=False)
    world.vanish(1, 2, 3)
    for hours in (1, 2):
        assert world.run(hours).batches == (HandedBatch(BATCH, "pending", 3),)
        assert world.batches() == [(BATCH, "pending", 3, 0, REASON, None)]
    assert world.sent() == []
    world.come_back(1, 3)
    world.run(3)
    assert world.sent() == [(BATCH, 1), (BATCH, 3)]
    world.come_back(2)
    world.run(4)
    assert world.sent() == [(BATCH, 1), (BATCH, 3), (f"{BATCH}.0", 2)]


@pytest.mark.parametrize("customers", [[2], [1, 2, 3]])
def test_what_expires_meanwhile_is_over(world: World, customers: list[int]) -> None:
    world.run(0, hand_off=False)
    world.vanish(*customers)
    world.run(23)
    world.run(24)
    assert world.statuses() == {
        customer: "expired" if customer in customers else "handed_off" for customer in (1, 2, 3)
    }
    assert {row[1] for row in world.batches()} == ({"dropped"} if len(customers) == 3 else {"handed_off", "dropped"})
    world.come_back(*customers)
    assert world.run(25).batches == ()
    assert [customer for _, customer in world.sent()] == sorted({1, 2, 3} - set(customers))


def test_what_was_held_waits_for_its_customers_once_it_is_released(world: World) -> None:
    (world.folder / "series.yml").write_text("guards: {messages_per_run: 0}\n")
    world.run(0)
    world.vanish(2)
    world.run(1)
    Project.open(world.folder).decide("released", all_held=True, why="It is right")
    world.hand_off()
    assert world.sent() == [(BATCH, 1), (BATCH, 3)]
    world.come_back(2)
    world.run(2)
    assert world.statuses() == {1: "handed_off", 2: "handed_off", 3: "handed_off"}


def test_a_series_that_was_paused_finds_them_gone(world: World) -> None:
    world.define("other", OTHER)
    world.run(0, hand_off=False)
    world.define("welcome", WELCOME.replace("live", "paused"))
    world.vanish(2)
    world.run(1)
    assert world.sent() == []
    world.define("welcome", WELCOME)
    world.hand_off()
    assert world.sent() == [(BATCH, 1), (BATCH, 3)]


def test_a_run_of_another_series_sees_who_is_there(world: World) -> None:
    world.define("other", OTHER)
    world.run(0, hand_off=False)
    world.vanish(2)
    world.run(1, series=["other"])
    assert world.sent() == [(BATCH, 1), (BATCH, 3)]
    world.come_back(2)
    # Also one of an earlier instant, made late: the source is as it is now.
    world.define("third", OTHER.replace("other", "third"))
    world.run(-1, series=["third"])
    assert world.sent() == [(BATCH, 1), (BATCH, 3), (f"{BATCH}.0", 2)]


def test_a_message_of_an_entry_that_has_ended_waits_as_well(world: World) -> None:
    world.run(0, hand_off=False)
    world.sql("update customers set plan = 'Left' where customer_id = 2")
    world.run(1, hand_off=False)
    assert world.sql("select status from series.entries where customer_id = 2") == [("exited",)]
    world.vanish(2)
    world.run(2)
    assert world.sent() == [(BATCH, 1), (BATCH, 3)]


def test_who_comes_back_gets_what_is_queued_then(world: World) -> None:
    world.define("welcome", WELCOME.replace("exit:", "reentry: {after: 1 hour}\nexit:"))
    world.run(0, hand_off=False)
    world.vanish(2)
    world.run(1)
    world.run(24)
    world.come_back(2)
    world.run(25)
    world.run(26)
    assert world.sql("select status from series.messages where customer_id = 2 order by queued_at") == [
        ("expired",),
        ("handed_off",),
    ]


def test_a_sender_that_writes_into_the_warehouse_gets_the_others(world: World) -> None:
    (world.folder / "series.yml").write_text("senders: {outbox: {type: table}}\n")
    world.run(0, hand_off=False)
    world.vanish(2)
    world.run(1)
    query = "select batch_id, cast(customer_id as bigint) from outbox.outbox order by all"
    assert world.sql(query) == [(BATCH, 1), (BATCH, 3)]
    world.come_back(2)
    world.run(2)
    assert world.sql(query) == [(BATCH, 1), (BATCH, 3), (f"{BATCH}.0", 2)]


def test_a_sender_that_was_down_gets_the_others(world: World) -> None:
    world.run(0, hand_off=False)
    (world.folder / "outbox").write_text("no folder")
    assert [batch.status for batch in world.hand_off().batches] == ["pending"]
    (world.folder / "outbox").unlink()
    world.vanish(2)
    world.run(1)
    assert world.sent() == [(BATCH, 1), (BATCH, 3)]
    assert world.batches()[1] == (f"{BATCH}.1", "pending", 1, 1, REASON, BATCH)
    world.come_back(2)
    world.run(2)
    assert world.sent() == [(BATCH, 1), (BATCH, 3), (f"{BATCH}.1", 2)]


def test_runs_at_which_nothing_waits_note_nothing(world: World) -> None:
    world.run(0, hand_off=False)
    world.vanish(2)
    world.run(1, hand_off=False)
    assert len(world.sql("select * from series_state.absent_messages")) == 1
    world.come_back(2)
    world.run(2)
    assert world.sql("select * from series_state.absent_messages") == []


def test_a_state_from_before_is_migrated_by_the_run_that_looks(world: World) -> None:
    world.run(0, hand_off=False)
    world.sql("drop table series_state.absent_messages; alter table series.batches drop column offers")
    world.sql("update series_state.meta set schema_version = 8")
    with pytest.raises(WarehouseError, match="The next `series run` brings it up to date"):
        world.hand_off()
    world.vanish(2)
    world.run(1)
    assert world.sent() == [(BATCH, 1), (BATCH, 3)]


def note(warehouse: DuckDB, *message_ids: str) -> None:
    """What a run notes at which the customers of these messages are not there."""
    warehouse.execute("delete from series_state.absent_messages")
    for message_id in message_ids:
        warehouse.execute(f"insert into series_state.absent_messages values ('{message_id}')")


@pytest.mark.parametrize("point", ["os.link:1", "os.link:3", "mark"])
@pytest.mark.parametrize("vanishes", ["before the kill", "after it"])
def test_what_a_file_holds_has_left_and_what_none_holds_has_not(tmp_path: Path, point: str, vanishes: str) -> None:
    with opened(tmp_path) as warehouse:
        make(warehouse, ("b1", 3), ("b2", 3))
        note(warehouse, *(["b1-000001"] if vanishes == "before the kill" else []))
    kill(tmp_path, point)
    is_there = (tmp_path / "outbox" / "b1.jsonl").exists()
    had_left = vanishes == "after it" and is_there
    with opened(tmp_path) as warehouse:
        note(warehouse, "b1-000001")
        offer(warehouse, tmp_path, definitions())
        assert [line["message_id"] for line in lines(tmp_path, "b1")] == [
            "b1-000000",
            *(["b1-000001"] if had_left else []),
            "b1-000002",
        ]
        assert messages(warehouse) == ({"handed_off": 6} if had_left else {"handed_off": 5, "queued": 1})
        note(warehouse)
        offer(warehouse, tmp_path, definitions())
        assert messages(warehouse) == {"handed_off": 6}
    assert len([name for name in files(tmp_path) if name.endswith(".jsonl")]) == (2 if had_left else 3)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("HOOK_SECRET", "a-secret-of-the-webhook")
    with provider() as server:
        yield server


@pytest.mark.parametrize("reply", [Reply(503), Reply(does="dies")])
def test_a_batch_that_its_sender_may_know_stays_as_it_is(tmp_path: Path, server: Provider, reply: Reply) -> None:
    with opened(tmp_path) as warehouse:
        make(warehouse)
        add_batch(warehouse, "b1", 3)
        server.replies = [reply]
        post(warehouse, server)
        note(warehouse, "b1-000001")
        later = AS_OF + timedelta(hours=1)
        assert [(each.batch_id, each.status) for each in post(warehouse, server, now=later)] == [("b1", "handed_off")]
    first, second = server.requests
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"] == "b1"
    assert first.json == second.json
    assert len(second.json["messages"]) == 3


def test_what_its_sender_refused_for_now_waits_for_its_customer(tmp_path: Path, server: Provider) -> None:
    """It has a new key, which the sender does not know, although it was offered before."""
    said = [{"message_id": f"b1-00000{number}", "status": 429} for number in (1, 2)]
    with opened(tmp_path) as warehouse:
        make(warehouse, ("b1", 3))
        server.replies = [Reply(207, {"messages": said})]
        post(warehouse, server)
        assert offers(warehouse) == [("b1", "handed_off", 1, 1, 1), ("b1.1", "pending", 2, 1, 0)]
        note(warehouse, "b1-000001")
        for hours in (1, 2):
            post(warehouse, server, now=AS_OF + timedelta(hours=hours))
            assert [asked(request) for request in server.requests[1:]] == [("b1.1", ["b1-000002"])]
        assert offers(warehouse)[1:] == [("b1.1", "handed_off", 1, 2, 1), ("b1.1.1", "pending", 1, 1, 0)]
        note(warehouse)
        for hours in (3, 4):
            post(warehouse, server, now=AS_OF + timedelta(hours=hours))
            assert [asked(request) for request in server.requests[2:]] == [("b1.1.1", ["b1-000001"])]
        assert messages(warehouse) == {"handed_off": 3}


def test_what_nobody_answered_for_stays_as_it_is(tmp_path: Path, server: Provider) -> None:
    """It keeps the keys under which it was offered, although its batch is new; what was not offered has none."""
    entry = f"{ONE}, {KEYED}"
    with opened(tmp_path) as warehouse:
        make(warehouse, ("b1", 5))
        server.replies = [Reply(202), Reply(does="dies"), Reply(504)]
        ask(warehouse, server, entry)
        assert offers(warehouse) == [
            ("b1", "handed_off", 1, 1, 1),
            ("b1.1", "pending", 2, 1, 0),
            ("b1.1.unknown", "unknown", 2, 1, 1),
        ]
        note(warehouse, "b1-000001", "b1-000003")
        ask(warehouse, server, entry, now=AS_OF + timedelta(hours=1))
        assert messages(warehouse) == {"handed_off": 4, "queued": 1}
        assert [request.json["id"] for request in server.requests[3:]] == ["b1-000004", "b1-000001", "b1-000002"]


def offers(warehouse: DuckDB) -> list[tuple[Any, ...]]:
    query = "select batch_id, status, message_count, attempts, offers from series.batches order by batch_id"
    return warehouse.fetch(query)


def asked(request: Request) -> tuple[str, list[str]]:
    """The key of a request of the webhook, and its messages."""
    return request.headers["Idempotency-Key"], [each["message_id"] for each in request.json["messages"]]
