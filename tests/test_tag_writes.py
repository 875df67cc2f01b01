"""Tag writes leave like messages, in the order in which they were made; the source has its say in `has_tag`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import Project
from pipelines.definitions.targets import read_targets
from pipelines.hand_off.batches import decide
from pipelines.hand_off.hand_off import hand_off
from pipelines.hand_off.offer import HandedBatch
from pipelines.model import Definitions
from pipelines.senders.recipes import NAMES as RECIPES
from tests.provider import Provider, Reply, provider
from tests.test_hand_off import definitions, make, opened
from tests.test_webhook import settings
from warehouse.duckdb import DuckDB
from warehouse.tables import BATCH_DECISIONS

RUNS = {hour: datetime(2026, 3, 1, hour) for hour in range(9, 14)}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("HOOK_SECRET", "a-secret-of-the-webhook")
    with provider() as server:
        yield server


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDB]:
    with opened(tmp_path) as warehouse:
        make(warehouse)
        warehouse.execute(BATCH_DECISIONS.create("BIGINT"))
        yield warehouse


def add(
    warehouse: DuckDB, hour: int, action: str, *customers: int, series: str = "welcome", sender: str = "outbox"
) -> None:
    """Queue a batch of what the run at an hour does with the tag `vip`; it is called `9-add` or likewise."""
    values = {"batch_id": f"{hour}-{action}", "action": action, "customers": list(customers), "as_of": RUNS[hour]}
    warehouse.execute(
        """
        insert into series.batches by name
        select $batch_id as batch_id, $as_of as as_of, $series as series_id, $action as block_id, 'tags' as channel,
            $sender as sender, len($customers) as message_count, 'pending' as status, 0 as attempts,
            0 as offers
        """,
        values | {"series": series, "sender": sender},
    )
    warehouse.execute(
        """
        insert into series.tag_writes by name
        select $batch_id || '-' || id as tag_write_id, id as entry_id, $series as series_id, $action as block_id,
            id as customer_id, 'vip' as tag, $action as action, $as_of as as_of, $batch_id as batch_id,
            'queued' as status
        from (select unnest($customers) as id)
        """,
        values | {"series": series},
    )


def offer(warehouse: DuckDB, wanted: Definitions, folder: Path, minutes: int = 0) -> dict[str, str]:
    """Hand off so long after the newest run; the batches by their new status."""
    now = RUNS[13] + timedelta(minutes=minutes)
    handed = hand_off(lambda: nullcontext(warehouse), wanted, folder, RUNS[13], clock=lambda: now).batches
    return {each.batch_id: each.status for each in handed}


def heard(server: Provider) -> list[tuple[str, list[tuple[int, str]]]]:
    """The keys that a server was told, each with the customers and what happened to their tag."""
    said = [
        (
            request.headers["Idempotency-Key"],
            [(each["customer_id"], each["payload"]["action"]) for each in request.json["messages"]],
        )
        for request in server.requests
    ]
    server.requests.clear()
    return said


def statuses(warehouse: DuckDB) -> dict[str, str]:
    return dict(warehouse.fetch("select tag_write_id, status from series.tag_writes order by all"))


def test_a_tag_write_looks_like_a_message(warehouse: DuckDB, tmp_path: Path) -> None:
    add(warehouse, 9, "add", 7)
    assert offer(warehouse, definitions(), tmp_path) == {"9-add": "handed_off"}
    assert json.loads((tmp_path / "outbox" / "9-add.jsonl").read_text()) == {
        "message_id": "9-add-7",
        "customer_id": 7,
        "address": None,
        "channel": "tags",
        "series_id": "welcome",
        "block_id": "add",
        "entry_id": 7,
        "queued_at": "2026-03-01T09:00:00Z",
        "expires_at": None,
        "payload": {"tag": "vip", "action": "add", "customer_id": 7},
    }
    assert json.loads((tmp_path / "outbox" / "9-add.manifest.json").read_text())["channel"] == "tags"
    assert statuses(warehouse) == {"9-add-7": "handed_off"}
    assert offer(warehouse, definitions(), tmp_path) == {}


def test_what_has_waited_leaves_in_the_order_of_its_runs(warehouse: DuckDB, server: Provider, tmp_path: Path) -> None:
    for hour, action in ((11, "add"), (9, "add"), (10, "remove")):
        add(warehouse, hour, action, 1, 2)
    assert set(offer(warehouse, settings(server.url), tmp_path).values()) == {"handed_off"}
    assert [key for key, _ in heard(server)] == ["9-add", "10-remove", "11-add"]


def test_only_who_is_contradicted_waits_for_a_batch_that_is_not_taken(
    warehouse: DuckDB, server: Provider, tmp_path: Path
) -> None:
    add(warehouse, 9, "add", 1)
    add(warehouse, 10, "remove", 1, 2)
    add(warehouse, 11, "add", 2)
    add(warehouse, 12, "remove", 1)
    server.replies = [Reply(503)]
    assert offer(warehouse, settings(server.url), tmp_path) == {
        "9-add": "pending",
        "10-remove": "handed_off",
        "10-remove.0": "pending",
        "11-add": "handed_off",
        "12-remove": "pending",
    }
    assert heard(server) == [("9-add", [(1, "add")]), ("10-remove", [(2, "remove")]), ("11-add", [(2, "add")])]
    assert offer(warehouse, settings(server.url), tmp_path) == {
        "9-add": "pending",
        "10-remove.0": "pending",
        "12-remove": "pending",
    }
    assert heard(server) == []
    assert set(offer(warehouse, settings(server.url), tmp_path, minutes=1).values()) == {"handed_off"}
    assert heard(server) == [("9-add", [(1, "add")]), ("10-remove.0", [(1, "remove")]), ("12-remove", [(1, "remove")])]
    assert warehouse.fetch(
        "select batch_id, message_count, parent_batch_id from series.batches where block_id = 'remove' order by all"
    ) == [("10-remove", 1, None), ("10-remove.0", 1, "10-remove"), ("12-remove", 1, None)]


def test_one_that_is_refused_for_now_is_followed_by_what_contradicts_it(
    warehouse: DuckDB, server: Provider, tmp_path: Path
) -> None:
    add(warehouse, 9, "add", 1, 2)
    add(warehouse, 10, "remove", 1, 2)
    server.replies = [Reply(207, {"messages": [{"message_id": "9-add-1", "status": 429}]})]
    assert offer(warehouse, settings(server.url), tmp_path) == {
        "9-add": "handed_off",
        "9-add.1": "pending",
        "10-remove": "handed_off",
        "10-remove.0": "pending",
    }
    heard(server)
    assert set(offer(warehouse, settings(server.url), tmp_path, minutes=1).values()) == {"handed_off"}
    assert heard(server) == [("9-add.1", [(1, "add")]), ("10-remove.0", [(1, "remove")])]


@pytest.mark.parametrize(("decision", "kept"), [("retried", "handed_off"), ("dropped", "unknown")])
def test_doubt_holds_back_what_contradicts_it_until_a_person_decides(
    warehouse: DuckDB, server: Provider, tmp_path: Path, decision: Any, kept: str
) -> None:
    add(warehouse, 9, "add", 1)
    add(warehouse, 10, "remove", 1)
    server.replies = [Reply(does="dies")]
    assert offer(warehouse, settings(server.url), tmp_path) == {"9-add": "unknown", "10-remove": "pending"}
    heard(server)
    decide(warehouse, decision, ["9-add"], "Seen", "Ada")
    assert set(offer(warehouse, settings(server.url), tmp_path).values()) == {"handed_off"}
    retried: Sequence[tuple[str, list[tuple[int, str]]]] = [("9-add", [(1, "add")])] if decision == "retried" else []
    assert heard(server) == [*retried, ("10-remove", [(1, "remove")])]
    assert statuses(warehouse) == {"9-add-1": kept, "10-remove-1": "handed_off"}


def test_a_paused_series_holds_back_its_own_and_what_contradicts_them(warehouse: DuckDB, tmp_path: Path) -> None:
    add(warehouse, 9, "add", 1, series="other")
    add(warehouse, 10, "remove", 1, 2)
    ours = definitions()
    paused = replace(ours, series={**ours.series, "other": replace(ours.series["welcome"], status="paused")})
    assert offer(warehouse, paused, tmp_path) == {
        "9-add": "pending",
        "10-remove": "handed_off",
        "10-remove.0": "pending",
    }
    live = replace(ours, series={**ours.series, "other": ours.series["welcome"]})
    assert set(offer(warehouse, live, tmp_path).values()) == {"handed_off"}


def test_what_comes_after_its_contradiction_has_left_is_dropped(warehouse: DuckDB, tmp_path: Path) -> None:
    add(warehouse, 10, "remove", 1)
    offer(warehouse, definitions(), tmp_path)
    add(warehouse, 9, "add", 1, 2, series="welcome")
    assert offer(warehouse, definitions(), tmp_path) == {"9-add": "handed_off"}
    assert statuses(warehouse) == {"10-remove-1": "handed_off", "9-add-1": "dropped", "9-add-2": "handed_off"}


def test_what_comes_after_its_contradiction_may_have_left_is_dropped(
    warehouse: DuckDB, server: Provider, tmp_path: Path
) -> None:
    add(warehouse, 10, "remove", 1)
    server.replies = [Reply(does="dies")]
    assert offer(warehouse, settings(server.url), tmp_path) == {"10-remove": "unknown"}
    add(warehouse, 9, "add", 1)
    assert offer(warehouse, settings(server.url), tmp_path, minutes=1) == {
        "9-add": "dropped",
        "10-remove": "handed_off",
    }


def test_of_one_run_removing_is_last(warehouse: DuckDB, server: Provider, tmp_path: Path) -> None:
    add(warehouse, 9, "remove", 1)
    add(warehouse, 9, "add", 1)
    offer(warehouse, settings(server.url), tmp_path)
    offer(warehouse, settings(server.url), tmp_path)
    assert [each for _, customers in heard(server) for each in customers] == [(1, "add"), (1, "remove")]


API = "senders: {api: {type: http"


@pytest.mark.parametrize("name", RECIPES)
def test_no_recipe_of_messages_carries_tags(name: str) -> None:
    values = "{from: a@example.com, instance: x.example.com, campaign_id: c, transactional_message_id: 1, admin_id: 1}"
    text = f"{API}, recipe: {name}, token: {{env: T}}, values: {values}}}}}\n"
    assert read_targets(text)[1] == []
    (problem,) = read_targets(f"{text}tags: {{sender: api}}\n")[1]
    assert problem.message.startswith("sender `api` cannot carry tags: ")


@pytest.mark.parametrize(
    "message",
    [
        "'{{ payload }}'",
        """{who: '{{ customer_id | int }}', \
on: "{{ payload.action == 'add' }}", tags: ['{{ payload.tag }}'], to: '{{ address }}'}""",
    ],
)
def test_a_message_that_says_it_all_carries_tags(message: str) -> None:
    text = f"{API}, url: 'https://api.example.com', message: {message}}}}}\ntags: {{sender: api}}\n"
    assert read_targets(text)[1] == []


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (
            "senders: {mail: {type: smtp, host: localhost, tls: none, from: a@example.com}}\ntags: {sender: mail}\n",
            "series.yml:2:16",
            "a sender of type `smtp` cannot carry tags; `files`, `table`, `webhook`",
        ),
        ("tags: {sender: outbx}\n", "series.yml:1:16", "`sender` of `tags` cannot be `outbx`; did you mean `outbox`?"),
        (
            f"{API}, recipe: postmark, token: {{env: T}}, values: {{from: a@example.com}}}}}}\ntags: {{sender: api}}\n",
            "series.yml:2:16",
            "sender `api` cannot carry tags: the template at recipe postmark:25:8 fails: AttributeError; of a tag",
        ),
        (
            f"{API}, url: 'https://api.example.com', message: '{{{{ customer_id }}}}'}}}}\ntags: {{sender: api}}\n",
            "series.yml:2:16",
            "its `message` is the same whatever they are; put `{{ payload.tag }}`, `{{ payload.action }}` into it",
        ),
        ("tags: {}\n", "series.yml:1:7", "`tags` has no `sender`; add it"),
        ("channels: {tags: {address: email}}\n", "series.yml:1:18", "no channel can be called `tags`"),
    ],
)
def test_refused(text: str, place: str, message: str) -> None:
    (problem,) = read_targets(text)[1]
    assert str(problem.position) == place
    assert message in problem.message


SERIES = """series: perks
status: live
schedule: hourly
blocks:
  ready: {rule: "points > 9 or has_tag('vip')", then: tag_vip}
  tag_vip: {tag: vip}
"""
WATCHER = """series: watcher
status: live
schedule: hourly
reentry: {after: 1 minute}
blocks:
  vip: {rule: has_tag('vip')}
"""
CUSTOMERS = """
create table customers as
    select 'c' || i as customer_id, i * 10 as points, 'c@example.com' as email, false as unsubscribed
    from range(3) as numbers(i);
create table customer_tags (customer_id varchar, tag varchar);
"""


class Club:
    """A project that tags customers c1 and c2 in its first run, and watches who has the tag."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("series_definitions", "warehouse"):
            (folder / name).mkdir()
        (folder / "series_definitions" / "perks.yml").write_text(SERIES)
        (folder / "series_definitions" / "watcher.yml").write_text(WATCHER)
        self.sql(CUSTOMERS)

    def settings(self, text: str) -> None:
        (self.folder / "series.yml").write_text(text)

    def sql(self, statements: str) -> list[Any]:
        with duckdb.connect(self.folder / "warehouse" / "warehouse.duckdb") as connection:
            return connection.execute(statements).fetchall()

    def run(self, hour: int) -> tuple[HandedBatch, ...]:
        handed = Project.open(self.folder).run(RUNS[hour]).hand_off
        return handed.batches if handed else ()

    def tagged(self, hour: int) -> list[str]:
        """Who has the tag, as rules of a run see it."""
        self.run(hour)
        query = f"select customer_id from series.entries where series_id = 'watcher' and entered_at = '{RUNS[hour]}'"
        return sorted(row[0] for row in self.sql(query))


@pytest.fixture
def club(tmp_path: Path) -> Club:
    return Club(tmp_path)


def test_without_a_sender_tags_stay(club: Club) -> None:
    assert club.run(9) == ()
    assert club.sql("select tag, status, batch_id from series.tag_writes") == [("vip", None, None)] * 2
    assert club.sql("select * from series.batches") == []
    club.settings("tags: {sender: outbox}\n")
    assert club.run(10) == ()


def test_tags_leave_in_batches_with_ids_that_stay(club: Club) -> None:
    club.settings("tags: {sender: crm}\nsenders: {crm: {type: table}}\nsending: {batch_size: 1}\n")
    assert [each.status for each in club.run(9)] == ["handed_off"] * 2
    rows = club.sql("select batch_id, message_id, customer_id, payload from outbox.crm order by all")
    assert [(row[0], row[2], json.loads(row[3])) for row in rows] == [
        (
            f"perks.tag_vip.20260301T090000Z.0000{number}",
            customer,
            {"tag": "vip", "action": "add"} | {"customer_id": customer},
        )
        for number, customer in ((1, "c1"), (2, "c2"))
    ]
    assert [row[1] for row in rows] == [
        row[0] for row in club.sql("select md5('perks/tag_vip/1/' || c) from unnest(['c1', 'c2']) as t(c)")
    ]
    published = Project.open(club.folder).table("tag_writes")
    assert published["status"].to_list() == ["handed_off"] * 2
    assert Project.open(club.folder).report().differences == ()


def test_held_with_the_messages_of_a_series_beyond_its_limit(club: Club) -> None:
    club.settings("tags: {sender: outbox}\nguards: {messages_per_run: 0}\n")
    definition = club.folder / "series_definitions" / "perks.yml"
    definition.write_text(
        SERIES.replace("then: tag_vip}", "then: [hello, tag_vip]}\n  hello: {content: post, title: Hi}")
    )
    assert club.run(9) == ()
    assert club.sql("select channel, status, message_count from series.batches order by all") == [
        ("post", "held", 2),
        ("tags", "held", 2),
    ]
    Project.open(club.folder).decide("dropped", all_held=True, why="A mistake")
    assert club.sql("select distinct status from series.tag_writes") == [("dropped",)]
    # The series has said so, whether it left or not (SPEC 4).
    assert club.tagged(10) == ["c1", "c2"]


def test_the_source_decides_once_it_has_caught_up(club: Club) -> None:
    club.settings("tags: {sender: outbox}\n")
    club.run(9)
    assert club.tagged(10) == ["c1", "c2"]
    club.sql("insert into customer_tags values ('c1', 'vip')")
    assert club.tagged(11) == ["c1", "c2"]
    club.sql("delete from customer_tags")
    assert club.tagged(12) == ["c2"]
    club.sql("insert into customer_tags values ('c0', 'vip')")
    assert club.tagged(13) == ["c0", "c2"]


def test_the_report_says_nothing_of_a_source_that_there_is_not(club: Club) -> None:
    def in_source() -> list[bool | None]:
        tags = Project.open(club.folder).report().tables["customer_tags_now"].sort("customer_id")
        return list(tags["in_source"])

    club.run(9)
    assert in_source() == [False, False]
    club.sql("insert into customer_tags values ('c1', 'vip')")
    club.run(10)
    assert in_source() == [True, False]
    club.sql("drop table customer_tags")
    club.run(11)
    assert in_source() == [None, None]
    club.sql("update series_state.meta set schema_version = 7; alter table series_state.meta drop has_customer_tags")
    club.sql("create table customer_tags (customer_id varchar, tag varchar)")
    club.run(12)
    assert in_source() == [True, False]
