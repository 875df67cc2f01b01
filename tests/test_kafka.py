"""The kafka sender against librdkafka's own cluster for tests: a real client, a real connection, brokers that store."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka import Producer

from pipelines.definitions.targets import choose, read_targets
from pipelines.hand_off.hand_off import hand_off
from pipelines.hand_off.offer import HandedBatch
from pipelines.model import Definitions, Sender
from pipelines.senders import Outcome, SenderError, UnansweredError, kafka
from pipelines.senders.kafka import KafkaSender
from tests.kafka_cluster import Cluster, cluster
from tests.test_files_sender import batch
from tests.test_hand_off import AS_OF, CLOCK, add_batch, definitions, make, messages, opened
from tests.test_smtp import free_port
from tests.test_tag_writes import add as add_tags
from warehouse.duckdb import DuckDB

NUMBERS = count()


@pytest.fixture(scope="module")
def running() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def topic() -> str:
    return f"mails-{next(NUMBERS)}"


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDB]:
    with opened(tmp_path) as warehouse:
        make(warehouse, ("b1", 3))
        yield warehouse


def settings(servers: str, topic: str) -> Definitions:
    ours = definitions()
    options = {"servers": servers, "topic": topic, "tls": "none", "mechanism": "plain"}
    senders = {"outbox": Sender("outbox", "kafka", options)}
    return replace(ours, settings=replace(ours.settings, senders=senders, sends=True))


def offer(warehouse: DuckDB, wanted: Definitions) -> tuple[HandedBatch, ...]:
    return hand_off(lambda: nullcontext(warehouse), wanted, Path(), AS_OF, clock=lambda: CLOCK).batches


def keys(running: Cluster, topic: str) -> list[str]:
    return [(record.key() or b"").decode() for record in running.records(topic)]


def test_each_message_is_a_record_under_its_id(warehouse: DuckDB, running: Cluster, topic: str) -> None:
    add_batch(warehouse, "b2", 1)
    assert offer(warehouse, settings(running.servers, topic)) == (
        HandedBatch("b1", "handed_off", 3),
        HandedBatch("b2", "handed_off", 1),
    )
    records = running.records(topic)
    assert [(record.key() or b"").decode() for record in records] == [
        "b1-000000",
        "b1-000001",
        "b1-000002",
        "b2-000000",
    ]
    assert [dict(record.headers() or ()) for record in records] == [
        {"batch_id": (record.key() or b"").split(b"-")[0], "message_id": record.key()} for record in records
    ]
    said = json.loads(records[1].value() or b"")
    assert (said["message_id"], said["address"], said["payload"]) == (
        "b1-000001",
        "1@example.com",
        {"subject": 'Hi "1"'},
    )
    assert said["queued_at"] == "2026-03-01T09:00:00Z"


def test_what_is_said_of_one_customers_tags_has_one_key(tmp_path: Path, running: Cluster, topic: str) -> None:
    with opened(tmp_path) as warehouse:
        make(warehouse)
        for hour, action in ((9, "add"), (10, "remove"), (11, "add")):
            add_tags(warehouse, hour, action, 7, 12)
        for _ in range(3):
            offer(warehouse, settings(running.servers, topic))
    records = running.records(topic)
    said = [(record.key(), dict(record.headers() or ())["message_id"]) for record in records]
    assert [message_id for key, message_id in said if key == b"7"] == [b"9-add-7", b"10-remove-7", b"11-add-7"]
    assert len(said) == 6
    assert [json.loads(record.value() or b"")["message_id"].encode() for record in records] == [id_ for _, id_ in said]


def test_a_record_that_is_too_large_is_refused_alone(warehouse: DuckDB, running: Cluster, topic: str) -> None:
    large = json.dumps({"body": "x" * 1_100_000})
    warehouse.execute("update series.messages set payload = $large where message_id = 'b1-000001'", {"large": large})
    assert offer(warehouse, settings(running.servers, topic)) == (HandedBatch("b1", "handed_off", 2, refused=1),)
    assert keys(running, topic) == ["b1-000000", "b1-000002"]
    assert messages(warehouse) == {"handed_off": 2, "refused": 1}


def test_brokers_that_are_not_there_were_not_reached(
    warehouse: DuckDB, topic: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(kafka, "CONNECT_SECONDS", 0.3)
    (only,) = offer(warehouse, settings(f"127.0.0.1:{free_port()}", topic))
    assert (only.status, messages(warehouse)) == ("pending", {"queued": 3})
    assert only.error == f"Kafka's topic {topic} cannot be reached: TRANSPORT."
    assert capfd.readouterr().err == ""


def test_brokers_that_go_away_before_anything_has_left_have_nothing(
    warehouse: DuckDB, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        there = stack.enter_context(cluster())

        class Abandoned(Producer):
            def list_topics(self, *args: Any, **kwargs: Any) -> Any:
                found = super().list_topics(*args, **kwargs)
                stack.close()
                return found

        monkeypatch.setattr(confluent_kafka, "Producer", Abandoned)
        monkeypatch.setattr(kafka, "ANSWER_SECONDS", 0.5)
        (only,) = offer(warehouse, settings(there.servers, topic))
    assert only == HandedBatch(
        "b1", "pending", 3, f"Kafka's topic {topic} took nothing: PURGE_QUEUE.", next_attempt_at=only.next_attempt_at
    )


def test_an_answer_that_comes_too_late_leaves_doubt(topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster(**{"test.mock.broker.rtt": 800}) as slow:
        sender = KafkaSender(topic, {"bootstrap.servers": slow.servers})
        assert sender.send(batch(batch_id="warm")) == Outcome()
        monkeypatch.setattr(kafka, "ANSWER_SECONDS", 0.4)
        with pytest.raises(UnansweredError, match=r"did not answer: PURGE_INFLIGHT\.$"):
            sender.send(batch(batch_id="late"))


@pytest.mark.parametrize(
    ("reports", "told"),
    [
        ({"m1": None, "m2": "_PURGE_INFLIGHT", "m3": "MSG_SIZE_TOO_LARGE"}, None),
        ({"m1": "_PURGE_QUEUE", "m2": "_PURGE_QUEUE"}, "SenderError: Kafka's topic t took nothing: PURGE_QUEUE."),
        (
            {"m1": "_PURGE_QUEUE", "m2": "_MSG_TIMED_OUT"},
            "UnansweredError: Kafka's topic t did not answer: PURGE_QUEUE.",
        ),
    ],
)
def test_what_reports_say_of_a_batch(reports: dict[str, str | None], told: str | None) -> None:
    sender = KafkaSender("t", {})
    if told is None:
        outcome = sender._outcome(reports)
        assert outcome.refused == {"m3": "MSG_SIZE_TOO_LARGE"}
        assert outcome.deferred == {"m2": "PURGE_INFLIGHT"}
    else:
        with pytest.raises(SenderError) as failed:
            sender._outcome(reports)
        assert f"{type(failed.value).__name__}: {failed.value}" == told


@pytest.mark.parametrize(
    ("sender", "told"),
    [
        ("servers: k, topic: t, username: u", "needs both `username` and `password`"),
        ("servers: k, topic: t, tls: none, username: u, password: {env: P}", "leave out `tls: none`"),
        ("servers: k, topic: t, key: {env: P}", "needs both `certificate` and `key`"),
        ("servers: k, topic: t, mechanism: oauth", "`mechanism` of sender `bus` cannot be `oauth`"),
        ("servers: k", "has no `topic`"),
    ],
)
def test_settings_that_cannot_be_are_refused(sender: str, told: str) -> None:
    _, (problem,) = read_targets(f"senders: {{bus: {{type: kafka, {sender}}}}}")
    assert told in problem.message


def test_the_library_takes_the_settings_as_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUS", "USER_NAME", "PASSWORD"):
        monkeypatch.setenv(name, f"Xq7-{name}")
    monkeypatch.setattr(kafka, "CONNECT_SECONDS", 0.1)
    monkeypatch.setenv("BUS", f"127.0.0.1:{free_port()}")
    login = "mechanism: scram-sha-512, username: {env: USER_NAME}, password: {env: PASSWORD}"
    targets, _ = read_targets(f"senders: {{bus: {{type: kafka, servers: {{env: BUS}}, topic: t, {login}}}}}")
    sender = kafka.KAFKA.open(choose(targets, None).senders["bus"], Path())
    assert isinstance(sender, KafkaSender)
    assert sender.config["security.protocol"] == "sasl_ssl"
    assert "Xq7" not in repr(sender)
    with pytest.raises(SenderError, match=r"^Kafka's topic t cannot be reached: "):
        sender._open()


def test_without_the_extra_the_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "confluent_kafka", None)
    _, (problem,) = read_targets("senders: {bus: {type: kafka, servers: k, topic: t}}")
    assert problem.message == (
        "Sender `bus` writes to Kafka, which needs confluent_kafka, which is not installed: "
        "pip install 'warehouse-series[kafka]'"
    )
