"""The webhook sender against a real server: what is said, how often, and under which key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipelines.definitions.targets import read_targets
from pipelines.hand_off.batches import decide
from pipelines.hand_off.claim import BROKEN_OFF
from pipelines.hand_off.hand_off import hand_off
from pipelines.hand_off.offer import HandedBatch
from pipelines.model import Definitions, Sender
from pipelines.secret import Secret
from pipelines.senders import http_call
from tests.provider import Provider, Reply, provider
from tests.test_hand_off import AS_OF, CLOCK, add_batch, batches, definitions, make, messages, opened
from warehouse.duckdb import DuckDB
from warehouse.tables import BATCH_DECISIONS

SECRET = "a-secret-of-the-webhook"  # noqa: S105 (the test's own)
MUCH_LATER = timedelta(days=2)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    with provider() as server:
        yield server


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDB]:
    with opened(tmp_path) as warehouse:
        make(warehouse, ("b1", 3))
        warehouse.execute(BATCH_DECISIONS.create("BIGINT"))
        yield warehouse


def settings(url: str) -> Definitions:
    ours = definitions()
    hook = Sender("outbox", "webhook", {"url": url}, None, {"secret": Secret("HOOK_SECRET")})
    return replace(ours, settings=replace(ours.settings, senders={"outbox": hook}, sends=True))


def offer(
    warehouse: DuckDB, server: Provider, *, now: datetime = CLOCK, as_of: datetime = AS_OF
) -> tuple[HandedBatch, ...]:
    clock = lambda: now  # noqa: E731
    return hand_off(lambda: nullcontext(warehouse), settings(server.url), Path(), as_of, clock=clock).batches


def keys(server: Provider) -> list[str]:
    return [request.headers["Idempotency-Key"] for request in server.requests]


def test_a_batch_is_one_signed_post(warehouse: DuckDB, server: Provider) -> None:
    add_batch(warehouse, "b2", 1)
    assert [each.status for each in offer(warehouse, server)] == ["handed_off", "handed_off"]
    first, second = server.requests
    assert (keys(server), server.connections) == (["b1", "b2"], 1)
    said = first.json
    assert {key: said[key] for key in said if key != "messages"} == {
        "batch_id": "b1",
        "series_id": "welcome",
        "block_id": "mail",
        "channel": "email",
        "as_of": "2026-03-01T09:00:00Z",
        "message_count": 3,
    }
    assert [each["message_id"] for each in said["messages"]] == ["b1-000000", "b1-000001", "b1-000002"]
    assert said["messages"][1]["payload"] == {"subject": 'Hi "1"'}
    assert second.json["message_count"] == len(second.json["messages"]) == 1
    signed = f"b1.{first.headers['webhook-timestamp']}.".encode() + first.body
    digest = base64.b64encode(hmac.digest(SECRET.encode(), signed, hashlib.sha256)).decode()
    assert (first.headers["webhook-id"], first.headers["webhook-signature"]) == ("b1", f"v1,{digest}")
    assert batches(warehouse)[0] == ("b1", "handed_off", 1, CLOCK, None)
    assert offer(warehouse, server) == ()


@pytest.mark.parametrize(
    ("reply", "status", "error"),
    [
        (Reply(429, headers={"Retry-After": "3600"}), "pending", "127.0.0.1:PORT answered 429 Too Many Requests."),
        (Reply(500, body="planted@example.com"), "unknown", "127.0.0.1:PORT answered 500 Internal Server Error."),
        (Reply(302, headers={"Location": "/elsewhere"}), "pending", "127.0.0.1:PORT answered 302 Found."),
        (Reply(207, {"m": 1}), "unknown", "127.0.0.1:PORT answered 207 without a readable status of each message."),
        (Reply(does="dies"), "unknown", "127.0.0.1:PORT did not answer: ProtocolError."),
        (Reply(does="hangs"), "unknown", "127.0.0.1:PORT did not answer within 0.3 seconds."),
    ],
)  # fmt: skip
def test_what_is_not_taken_is_offered_again_later_with_the_same_body_under_the_same_key(
    warehouse: DuckDB, server: Provider, monkeypatch: pytest.MonkeyPatch, reply: Reply, status: str, error: str
) -> None:
    monkeypatch.setattr(http_call, "ANSWER_SECONDS", 0.3)
    http_call._pool.cache_clear()
    server.replies.append(reply)
    (first,) = offer(warehouse, server)
    port = server.url.split(":")[2].partition("/")[0]
    assert (first.status, first.error) == (status, error.replace("PORT", port))
    assert messages(warehouse) == {"queued": 3}
    waits = (first.next_attempt_at or CLOCK) - CLOCK
    assert waits == timedelta(hours=1) if reply.status == 429 else timedelta(seconds=7) < waits <= timedelta(seconds=15)

    (waiting,) = offer(warehouse, server, now=CLOCK + timedelta(seconds=5))
    assert (waiting.status, waiting.error, len(server.requests)) == (status, None, 1)
    (second,) = offer(warehouse, server, now=CLOCK + MUCH_LATER)
    assert second == HandedBatch("b1", "handed_off", 3)
    assert keys(server) == ["b1", "b1"]
    assert len({request.body for request in server.requests}) == 1
    assert batches(warehouse) == [("b1", "handed_off", 2, CLOCK + MUCH_LATER, None)]
    http_call._pool.cache_clear()


def test_a_server_that_is_not_there_was_not_reached(warehouse: DuckDB, server: Provider) -> None:
    server.url = "http://127.0.0.1:9/hook"
    (first,) = offer(warehouse, server)
    assert (first.status, first.error) == ("pending", "127.0.0.1:9 cannot be reached: NewConnectionError.")


@contextmanager
def listener(meets: Callable[[socket.socket], object]) -> Iterator[str]:
    """Where somebody accepts connections, and is no server of TLS."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as other:
        met: list[socket.socket] = []

        def accept() -> None:
            with suppress(OSError):
                met.append(server.accept()[0])
                meets(met[0])

        other.submit(accept)
        yield f"https://127.0.0.1:{server.getsockname()[1]}/hook"
        for each in met:
            each.close()


@pytest.mark.parametrize(
    ("meets", "code"),
    [
        (lambda connection: connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "WRONG_VERSION_NUMBER"),
        (lambda connection: connection.sendall(b"\x15\x03\x03\x00\x02\x02\x28"), "SSLV3_ALERT_HANDSHAKE_FAILURE"),
        (lambda connection: connection.close(), ""),
        (lambda _: None, "TimeoutError"),
    ],
    ids=["no TLS", "refuses", "closes", "says nothing"],
)
def test_without_a_handshake_nothing_was_sent(
    warehouse: DuckDB, server: Provider, monkeypatch: pytest.MonkeyPatch, meets: Any, code: str
) -> None:
    monkeypatch.setattr(http_call, "CONNECT_SECONDS", 0.5)
    with listener(meets) as server.url:
        (batch,) = offer(warehouse, server)
    assert batch.status == "pending"
    assert batch.error is not None
    assert "cannot be reached: the TLS handshake failed (" in batch.error
    assert code in batch.error


@pytest.mark.parametrize("does", ["drips headers", "drips its body"])
def test_an_answer_that_never_ends_is_none(
    warehouse: DuckDB, server: Provider, monkeypatch: pytest.MonkeyPatch, does: Any
) -> None:
    monkeypatch.setattr(http_call, "ANSWER_SECONDS", 0.5)
    server.replies.append(Reply(does=does))
    begun = time.monotonic()
    (batch,) = offer(warehouse, server)
    assert time.monotonic() - begun < 20
    assert (batch.status, batch.error) == ("unknown", f"{server.url.split('/')[2]} did not answer within 0.5 seconds.")


def test_one_bad_message_neither_holds_up_nor_repeats_the_others(warehouse: DuckDB, server: Provider) -> None:
    said = [
        {"message_id": "b1-000000", "status": 202, "id": "p-0"},
        {"message_id": "b1-000001", "status": 422},
        {"message_id": "b1-000002", "status": 429},
    ]
    server.replies.append(Reply(207, {"messages": said}, {"Retry-After": "60"}))
    whole, rest = offer(warehouse, server)
    assert whole == HandedBatch("b1", "handed_off", 1, refused=1)
    assert (rest.batch_id, rest.status, rest.message_count) == ("b1.1", "pending", 1)
    assert rest.next_attempt_at == CLOCK + timedelta(minutes=1)
    assert warehouse.fetch(
        "select batch_id, parent_batch_id, message_count, status, attempts, last_error from series.batches order by all"
    ) == [
        ("b1", None, 2, "handed_off", 1, "1 message refused: 422 Unprocessable Entity (1)."),
        ("b1.1", "b1", 1, "pending", 1, "1 message refused for now: 429 Too Many Requests (1)."),
    ]
    assert offer(warehouse, server, now=CLOCK + timedelta(minutes=1)) == (HandedBatch("b1.1", "handed_off", 1),)
    assert [each["message_id"] for each in server.requests[1].json["messages"]] == ["b1-000002"]
    assert keys(server) == ["b1", "b1.1"]
    assert warehouse.fetch("select status, provider_message_id from series.messages order by message_id") == [
        ("handed_off", "p-0"),
        ("refused", None),
        ("handed_off", None),
    ]


def test_what_a_server_says_of_other_messages_changes_none(warehouse: DuckDB, server: Provider) -> None:
    """Least of all does a message leave twice."""
    offer(warehouse, server)
    add_batch(warehouse, "b2", 2)
    said = [{"message_id": "b1-000000", "status": 429}, {"message_id": "b1-000001", "status": 422}]
    said += [{"message_id": "b2-000000", "status": 202, "id": "half of a character: \ud800"}]
    server.replies.append(Reply(207, {"messages": said}))
    assert offer(warehouse, server) == (HandedBatch("b2", "handed_off", 2),)
    assert messages(warehouse) == {"handed_off": 5}
    assert warehouse.fetch("select provider_message_id from series.messages where message_id = 'b2-000000'") == [
        ("half of a character: ?",)
    ]


def test_a_header_that_cannot_be_is_not_sent_and_not_shown(
    warehouse: DuckDB, server: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = settings(server.url)
    hook = wanted.settings.senders["outbox"]
    hook = replace(hook, secrets={**hook.secrets, "authorization": Secret("HOOK_LOGIN")})
    wanted = replace(wanted, settings=replace(wanted.settings, senders={"outbox": hook}))
    for value, status in (("Bearer planted\nX-Other: 1", "pending"), ("Bearer planted\n", "handed_off")):
        monkeypatch.setenv("HOOK_LOGIN", value)
        (batch,) = hand_off(
            lambda: nullcontext(warehouse), wanted, Path(), AS_OF, clock=lambda: CLOCK + MUCH_LATER
        ).batches
        assert batch.status == status
        assert "planted" not in str(batch)
        warehouse.execute("update series.batches set next_attempt_at = null")
    assert [request.headers["Authorization"] for request in server.requests] == ["Bearer planted"]


@pytest.mark.parametrize(("reply", "status"), [(Reply(503), "failed"), (Reply(does="dies"), "unknown")])
def test_after_so_many_attempts_a_person_decides(
    warehouse: DuckDB, server: Provider, reply: Reply, status: str
) -> None:
    server.replies += [reply] * 10
    now = CLOCK
    for _ in range(10):
        (each,) = offer(warehouse, server, now=now)
        now += MUCH_LATER
    assert (each.status, each.next_attempt_at) == (status, None)
    (waiting,) = offer(warehouse, server, now=now)
    assert waiting.status == status
    assert waiting.error is not None
    assert waiting.error.endswith("Decide with `series batches retry` or `series batches drop`.")
    assert len(server.requests) == 10
    assert decide(warehouse, "retried", ["b1"], "Their outage is over", "Ada").messages == 3
    assert offer(warehouse, server, now=now) == (HandedBatch("b1", "handed_off", 3),)
    assert set(keys(server)) == {"b1"}


def test_what_expired_meanwhile_is_not_sent_and_what_did_not_has_a_key_of_its_own(
    warehouse: DuckDB, server: Provider
) -> None:
    server.replies.append(Reply(503))
    offer(warehouse, server)
    later = AS_OF + timedelta(days=1)
    old, new = offer(warehouse, server, now=CLOCK + MUCH_LATER, as_of=later)
    assert (old, new) == (HandedBatch("b1", "dropped", 0), HandedBatch("b1.1", "pending", 2))
    assert offer(warehouse, server, now=CLOCK + MUCH_LATER, as_of=later) == (HandedBatch("b1.1", "handed_off", 2),)
    assert messages(warehouse) == {"expired": 1, "handed_off": 2}
    assert [len(request.json["messages"]) for request in server.requests] == [3, 2]


@pytest.mark.parametrize("reply", [Reply(does="dies"), Reply(504), Reply(409)])
def test_what_expired_while_nobody_knew_waits_for_a_person(warehouse: DuckDB, server: Provider, reply: Reply) -> None:
    server.replies.append(reply)
    offer(warehouse, server)
    (kept,) = offer(warehouse, server, now=CLOCK + MUCH_LATER, as_of=AS_OF + timedelta(days=1))
    assert (kept.status, len(server.requests)) == ("unknown", 1)
    assert kept.error is not None
    assert "some of its messages have expired meanwhile" in kept.error
    decide(warehouse, "dropped", ["b1"], "It had arrived", "Ada")
    assert (messages(warehouse), batches(warehouse)[0][1]) == ({"unknown": 3}, "dropped")
    assert offer(warehouse, server, now=CLOCK + MUCH_LATER) == ()


def test_a_no_to_a_repeat_says_nothing_of_the_first_time(warehouse: DuckDB, server: Provider) -> None:
    server.replies += [Reply(does="dies"), Reply(503)]
    offer(warehouse, server)
    (each,) = offer(warehouse, server, now=CLOCK + MUCH_LATER)
    assert each.status == "unknown"
    (kept,) = offer(warehouse, server, now=CLOCK + 2 * MUCH_LATER, as_of=AS_OF + timedelta(days=1))
    assert (kept.status, keys(server)) == ("unknown", ["b1", "b1"])


def test_a_hand_off_that_was_killed_on_the_way_is_unknown_and_goes_again(warehouse: DuckDB, server: Provider) -> None:
    claimed = "update series.batches set status = 'unknown', attempts = 1, offers = 1, last_error = $e"
    warehouse.execute(claimed, {"e": BROKEN_OFF})
    assert offer(warehouse, server) == (HandedBatch("b1", "handed_off", 3),)
    assert keys(server) == ["b1"]


@pytest.mark.parametrize(
    ("sender", "told"),
    [
        ("url: 'ftp://x/y', secret: {env: S}", "The URL is none of the web"),
        ("url: 'https://x/y', secret: planted", "`secret` of sender `crm` is a secret"),
        ("url: 'https://x/y'", "sender `crm` has no `secret`; add it"),
        ("url: {env: U}, secret: {env: S}, authorization: {env: A}", None),
    ],
)
def test_settings(sender: str, told: str | None) -> None:
    _, problems = read_targets(f"senders: {{crm: {{type: webhook, {sender}}}}}")
    assert [told in problem.message for problem in problems if told] == ([True] if told else [])
