"""The http sender against a real server, whatever its recipe: when it stops, what is in doubt, and under which key."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from pipelines.definitions.targets import read_targets
from pipelines.hand_off.batches import decide
from pipelines.hand_off.claim import BROKEN_OFF
from pipelines.hand_off.hand_off import hand_off
from pipelines.hand_off.offer import HandedBatch
from pipelines.senders import http_offer
from tests.golden import assert_golden
from tests.provider import Provider, Reply, provider
from tests.test_hand_off import AS_OF, CLOCK, definitions, make, messages, opened
from warehouse.duckdb import DuckDB
from warehouse.tables import BATCH_DECISIONS

SLIPS = Path(__file__).parent / "refused_senders"
ONE = "message: {id: '{{ message_id }}'}"
KEYED = "headers: {Idempotency-Key: '{{ key }}'}, remembers: 24 hours"
LATER = CLOCK + timedelta(hours=1)


@pytest.fixture
def server() -> Iterator[Provider]:
    with provider() as server:
        yield server


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(http_offer, "sleep", slept.append)
    return slept


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDB]:
    with opened(tmp_path) as warehouse:
        make(warehouse, ("b1", 5))
        warehouse.execute(BATCH_DECISIONS.create("BIGINT"))
        yield warehouse


def offer(warehouse: DuckDB, server: Provider, entry: str, *, now: Any = CLOCK) -> tuple[HandedBatch, ...]:
    targets, problems = read_targets(f"senders: {{outbox: {{type: http, url: '{server.url}', {entry}}}}}")
    assert problems == []
    ours = definitions()
    outbox = {"outbox": targets[None].senders["outbox"]}
    ours = replace(ours, settings=replace(ours.settings, senders=outbox, sends=True))
    return hand_off(lambda: nullcontext(warehouse), ours, Path(), AS_OF, clock=lambda: now).batches


def ids(server: Provider) -> list[list[str]]:
    """What each request was about, by the last figure of the messages' ids."""
    bodies = [request.json for request in server.requests]
    return [[each["id"][-1] for each in (body if isinstance(body, list) else [body])] for body in bodies]


def keys(server: Provider) -> list[str]:
    return [request.headers["Idempotency-Key"] for request in server.requests]


def test_two_without_an_answer_are_enough_and_are_not_sent_again_by_themselves(
    warehouse: DuckDB, server: Provider
) -> None:
    server.replies += [Reply(202), Reply(does="dies"), Reply(504)]
    whole, rest, doubt = offer(warehouse, server, ONE)
    assert (whole, rest.batch_id, rest.message_count) == (HandedBatch("b1", "handed_off", 1), "b1.1", 2)
    assert (doubt.batch_id, doubt.status, doubt.message_count) == ("b1.1.unknown", "unknown", 2)
    assert doubt.error == "2 messages without an answer: no answer (1), 504 Gateway Timeout (1)."
    assert messages(warehouse) == {"handed_off": 1, "queued": 2, "unknown": 2}
    again, waits = offer(warehouse, server, ONE, now=LATER)
    assert (again, waits.status) == (HandedBatch("b1.1", "handed_off", 2), "unknown")
    assert ids(server) == [["0"], ["1"], ["2"], ["3"], ["4"]]
    decide(warehouse, "retried", ["b1.1.unknown"], "Their log has none of them", "Ada")
    assert offer(warehouse, server, ONE, now=LATER) == (HandedBatch("b1.1.unknown", "handed_off", 2),)
    assert ids(server)[5:] == [["1"], ["2"]]


def test_under_keys_only_what_was_not_answered_is_sent_again_with_the_same_bytes(
    warehouse: DuckDB, server: Provider
) -> None:
    entry = f"{ONE}, {KEYED}, per_request: 2"
    server.replies += [Reply(202), Reply(does="dies")]
    whole, doubt = offer(warehouse, server, entry)
    assert (whole, doubt.batch_id, doubt.status) == (HandedBatch("b1", "handed_off", 3), "b1.1.unknown", "unknown")
    assert doubt.next_attempt_at is not None
    assert offer(warehouse, server, entry, now=CLOCK)[0].status == "unknown"
    assert offer(warehouse, server, entry, now=LATER) == (HandedBatch("b1.1.unknown", "handed_off", 2),)
    assert ids(server) == [["0", "1"], ["2", "3"], ["4"], ["2", "3"]]
    assert len(set(keys(server))) == 3
    assert (server.requests[1].body, keys(server)[1]) == (server.requests[3].body, keys(server)[3])


@pytest.mark.parametrize("died", [1, 2])
def test_halves_in_doubt_go_again_as_the_whole_that_they_were(warehouse: DuckDB, server: Provider, died: int) -> None:
    """Else what is left of them would be put together otherwise, under another key."""
    entry = f"{ONE}, {KEYED}, per_request: 4"
    server.replies += [Reply(400), *[Reply(202)] * died, Reply(does="dies")]
    first = offer(warehouse, server, entry)
    assert [(each.batch_id, each.status) for each in first] == (
        [("b1", "unknown")] if died == 1 else [("b1", "handed_off"), ("b1.1.unknown", "unknown")]
    )
    server.replies += [Reply(400)] if died == 1 else []
    assert {each.status for each in offer(warehouse, server, entry, now=LATER)} == {"handed_off"}
    of_message: dict[str, set[str]] = {}
    for request, about in zip(server.requests, ids(server), strict=True):
        if about != ["0", "1", "2", "3"]:  # which was refused as a whole
            for each in about:
                of_message.setdefault(each, set()).add(request.headers["Idempotency-Key"])
    assert all(len(found) == 1 for found in of_message.values())
    assert messages(warehouse) == {"handed_off": 5}


def test_under_keys_a_request_of_which_half_is_unclear_goes_again_as_it_was(
    warehouse: DuckDB, server: Provider
) -> None:
    entry = (
        f"{ONE}, {KEYED}, per_request: 4, unknown: '{{{{ body[index] == 7 }}}}', taken: '{{{{ body[index] == 1 }}}}'"
    )
    server.replies += [Reply(200, said) for said in ([1, 7, 1, 1], [1], [1, 1, 1, 1], [1])]
    assert offer(warehouse, server, entry)[0].status == "unknown"
    assert offer(warehouse, server, entry, now=LATER) == (HandedBatch("b1", "handed_off", 5),)
    assert ids(server) == [["0", "1", "2", "3"], ["4"]] * 2
    assert keys(server)[:2] == keys(server)[2:]


def test_what_a_provider_may_have_forgotten_waits_for_a_person(warehouse: DuckDB, server: Provider) -> None:
    entry = f"{ONE}, {KEYED}, per_request: 9"
    server.replies.append(Reply(does="dies"))
    assert offer(warehouse, server, entry)[0].status == "unknown"
    (kept,) = offer(warehouse, server, entry, now=AS_OF + timedelta(hours=24))
    assert (kept.status, len(server.requests)) == ("unknown", 1)
    assert kept.error is not None
    assert kept.error.startswith("Nobody knows whether it arrived.")
    assert offer(warehouse, server, entry, now=AS_OF + timedelta(hours=23, minutes=59))[0].status == "handed_off"


def test_a_no_to_a_repeat_says_nothing_of_the_first_time(warehouse: DuckDB, server: Provider) -> None:
    """Else it went again when the provider had forgotten its key."""
    entry = f"{ONE}, {KEYED}"
    server.replies += [Reply(202), Reply(does="dies"), Reply(202), Reply(202), Reply(202)]
    assert [each.batch_id for each in offer(warehouse, server, entry)] == ["b1", "b1.1.unknown"]
    server.replies.append(Reply(503))
    (doubt,) = offer(warehouse, server, entry, now=LATER)
    assert (doubt.status, doubt.error) == ("unknown", f"{server.url.split('/')[2]} answered 503 Service Unavailable.")
    (kept,) = offer(warehouse, server, entry, now=AS_OF + timedelta(hours=24))
    assert (kept.status, ids(server)) == ("unknown", [["0"], ["1"], ["2"], ["3"], ["4"], ["1"]])


def test_what_is_left_of_a_repeat_stays_in_doubt_under_its_keys(warehouse: DuckDB, server: Provider) -> None:
    entry = f"{ONE}, {KEYED}, per_request: 2"
    server.replies += [Reply(does="dies"), Reply(does="dies")]
    assert [each.status for each in offer(warehouse, server, entry)] == ["unknown"]
    server.replies += [Reply(202), Reply(503)]
    whole, rest = offer(warehouse, server, entry, now=LATER)
    assert (whole.batch_id, whole.status, whole.message_count) == ("b1", "handed_off", 2)
    assert (rest.batch_id, rest.status, rest.message_count) == ("b1.2.unknown", "unknown", 3)
    assert offer(warehouse, server, entry, now=LATER + timedelta(hours=1))[0].status == "handed_off"
    assert ids(server)[2:] == [["0", "1"], ["2", "3"], ["2", "3"], ["4"]]
    assert len(set(keys(server))) == 3


@pytest.mark.parametrize(("entry", "sent"), [(f"{ONE}, {KEYED}", 5), (ONE, 0)])
def test_a_hand_off_that_was_killed_on_the_way(warehouse: DuckDB, server: Provider, entry: str, sent: int) -> None:
    claimed = "update series.batches set status = 'unknown', attempts = 1, offers = 1, last_error = $e"
    warehouse.execute(claimed, {"e": BROKEN_OFF})
    (batch,) = offer(warehouse, server, entry)
    assert (batch.status, len(server.requests)) == ("handed_off" if sent else "unknown", sent)


@pytest.mark.parametrize(
    ("reply", "error", "asked"),
    [
        (Reply(401, "ada@example.com"), "HOST answered 401 Unauthorized.", 1),
        (Reply(302, headers={"Location": "/hook"}), "HOST answered 302 Found.", 1),
        (Reply(503), "HOST answered 503 Service Unavailable.", 1),
        (Reply(429, headers={"Retry-After": "31"}), "HOST answered 429 Too Many Requests.", 1),
        (Reply(429, headers={"Retry-After": "2"}), "HOST answered 429 Too Many Requests.", 4),
    ],
)
def test_whoever_takes_none_now_is_not_asked_for_each(
    warehouse: DuckDB, server: Provider, slept: list[float], reply: Reply, error: str, asked: int
) -> None:
    server.replies += [reply] * 9
    (batch,) = offer(warehouse, server, ONE)
    assert (batch.batch_id, batch.status, batch.message_count) == ("b1", "pending", 5)
    assert batch.error == error.replace("HOST", server.url.split("/")[2])
    assert (len(server.requests), slept) == (asked, [2.0] * (asked - 1))
    assert batch.next_attempt_at is not None
    if asked == 1 and reply.status == 429:
        assert batch.next_attempt_at == CLOCK + timedelta(seconds=31)


def test_a_slip_in_the_settings_loses_nothing(warehouse: DuckDB, server: Provider, tmp_path: Path) -> None:
    with opened(tmp_path / "many") as many:
        make(many, ("b1", 40))
        server.replies += [Reply(400)] * 99
        (batch,) = offer(many, server, ONE)
        assert (batch.status, len(server.requests)) == ("pending", 10)
        assert batch.error is not None
        assert "refused each of the first 10 messages: 400 Bad Request. All of them are kept" in batch.error
        assert messages(many) == {"queued": 40}
    server.replies.clear()
    (batch,) = offer(warehouse, server, "message: {id: '{{ payload.titel }}'}")
    assert (batch.status, len(server.requests)) == ("pending", 10)
    assert batch.error is not None
    assert batch.error.startswith("No message can be written: the template at series.yml:1:")
    assert batch.error.endswith("fails: UndefinedError.")


def test_who_cannot_be_written_to_says_nothing_of_the_settings(server: Provider, tmp_path: Path) -> None:
    with opened(tmp_path / "many") as many:
        make(many, ("b1", 13))
        many.execute("update series.messages set address = 'nowhere' where message_id < 'b1-000011'")
        server.replies.append(Reply(400))
        (batch,) = offer(many, server, "message: {to: '{{ address | one_address }}'}")
        assert batch == HandedBatch("b1", "handed_off", 1, refused=12)


def test_a_malformed_address_is_refused_at_once_however_small_the_batch(server: Provider, tmp_path: Path) -> None:
    with opened(tmp_path / "one") as one:
        make(one, ("b1", 1))
        one.execute("update series.messages set address = 'ada@example.com, eve@example.com'")
        assert offer(one, server, "message: {to: '{{ address | one_address }}'}") == (
            HandedBatch("b1", "handed_off", 0, refused=1),
        )
        assert messages(one) == {"refused": 1}
        (error,) = one.fetch("select last_error from series.batches")[0]
        assert error.startswith("1 message refused: the template at series.yml:1:")
    assert server.requests == []


@pytest.mark.parametrize("does", ["drips headers", "drips its body"])
def test_an_answer_that_never_ends_is_none(warehouse: DuckDB, server: Provider, does: Any) -> None:
    server.replies += [Reply(does=does), Reply(202)]
    begun = time.monotonic()
    whole, doubt = offer(warehouse, server, f"{ONE}, answer_seconds: 1")
    assert time.monotonic() - begun < 20
    assert (whole.message_count, doubt.status, doubt.message_count) == (4, "unknown", 1)
    assert doubt.error == "1 message without an answer: no answer (1)."


def test_a_no_that_says_yes_to_some_is_believed(warehouse: DuckDB, server: Provider) -> None:
    server.replies.append(Reply(418, [1, 0, 1, 0, 1]))
    whole, rest = offer(warehouse, server, f"{ONE}, per_request: 9, taken: '{{{{ body[index] == 1 }}}}'")
    assert (whole.message_count, rest.message_count, rest.status) == (3, 2, "pending")


def test_what_waits_for_a_person_has_no_next_attempt(warehouse: DuckDB, server: Provider) -> None:
    server.replies.append(Reply(200, "planted@example.com"))
    (batch,) = offer(warehouse, server, f"{ONE}, per_request: 9, taken: '{{{{ body[index].ok }}}}'")
    assert (batch.status, batch.next_attempt_at) == ("unknown", None)
    assert batch.error is not None
    assert batch.error.endswith("answered 200 OK. What that means for the messages is not understood.")


def test_a_wait_of_any_length_is_a_wait_of_a_day(warehouse: DuckDB, server: Provider) -> None:
    server.replies.append(Reply(429, {"wait": 10**400}))
    (batch,) = offer(warehouse, server, f"{ONE}, retry_after: '{{{{ body.wait }}}}'")
    assert (batch.status, batch.next_attempt_at) == ("pending", CLOCK + timedelta(days=1))


def test_a_token_that_no_header_can_have_is_not_shown(
    warehouse: DuckDB, server: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "planted\nX-Other: 1")
    (batch,) = offer(warehouse, server, f"{ONE}, token: {{env: TOKEN}}, headers: {{Authorization: '{{{{ token }}}}'}}")
    assert (batch.status, server.requests) == ("pending", [])
    assert batch.error == "The header `Authorization` cannot be sent: it would have a character that none may have."


def test_requests_keep_the_pace(warehouse: DuckDB, server: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("pipelines.senders.pace.sleep", slept.append)
    offer(warehouse, server, f"{ONE}, per_second: 1, method: PUT")
    assert len(slept) == 4
    assert 3 < slept[-1] <= 4
    assert {request.method for request in server.requests} == {"PUT"}


@pytest.mark.golden
@pytest.mark.parametrize("case", sorted(SLIPS.glob("*.yml")), ids=lambda path: path.stem)
def test_says_exactly_what_is_wrong(case: Path) -> None:
    _, problems = read_targets(case.read_text())
    assert problems
    assert_golden(case.with_suffix(".txt"), "".join(f"{problem}\n" for problem in problems))


def test_templates_see_data_and_nothing_else(warehouse: DuckDB, server: Provider) -> None:
    payload = {"items": "mine", "text": '"}, {"to": "eve', "n": 3, "none": None, "code": "{{ token }}"}
    warehouse.execute(
        "update series.messages set payload = $payload",
        {"payload": json.dumps(payload)},
    )
    message = (
        "message: {id: '{{ message_id }}', items: '{{ payload.items }}', text: 'To {{ payload.text }}', "
        "n: '{{ payload.n }}', mixed: '{{ payload.n }} {{ payload.none }}', gone: '{{ payload.none }}', "
        "code: '{{ payload.code }}', all: '{{ payload }}', "
        "list: ['{{ none }}', 1.5, true, 0o17, '{% if payload.n > 2 %}many{% endif %}']}"
    )
    offer(warehouse, server, message)
    said = server.requests[0].json
    assert said == {
        "id": "b1-000000",
        "items": "mine",
        "text": 'To "}, {"to": "eve',
        "n": 3,
        "mixed": "3 ",
        "code": "{{ token }}",
        "all": payload,
        "list": [1.5, True, 15, "many"],
    }


FORM = """headers: {
    Content-Type: application/x-www-form-urlencoded, Authorization: "Basic {{ ('api:' ~ 7) | base64 }}"
}"""


def test_a_form(warehouse: DuckDB, server: Provider) -> None:
    warehouse.execute("update series.messages set payload = $payload", {"payload": '{"text": "a=b&to=eve\\u00e9"}'})
    fields = (
        "{to: '{{ message_id }}', text: '{{ payload.text }}', 'o:tag': [x, y], n: 1.5, gone: '{{ none }}', "
        "all: '{{ payload }}'}"
    )
    assert {each.status for each in offer(warehouse, server, f"message: {fields}, {FORM}")} == {"handed_off"}
    request = server.requests[0]
    assert request.headers["Authorization"] == "Basic YXBpOjc="
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qsl(request.body.decode("ascii"), strict_parsing=True) == [
        ("to", "b1-000000"),
        ("text", "a=b&to=eve\u00e9"),
        ("o:tag", "x"),
        ("o:tag", "y"),
        ("n", "1.5"),
        ("all", '{"text":"a=b&to=eve\u00e9"}'),
    ]


def test_a_form_that_is_none_loses_nothing(warehouse: DuckDB, server: Provider) -> None:
    (batch,) = offer(warehouse, server, f"{ONE}, {FORM}, body: '{{{{ messages }}}}'")
    assert (batch.status, server.requests) == ("pending", [])
    assert batch.error
    assert "takes an object, and `body` is none" in batch.error
