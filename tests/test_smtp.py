"""The smtp sender against a real mail server that refuses, hangs up, is slow, wants TLS and a login."""

# ruff: noqa: ARG002, N802 - aiosmtpd gives the names and arguments of its handlers

from __future__ import annotations

import asyncio
import email
import email.policy
import socket
import ssl
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

from pipelines.definitions.targets import read_targets
from pipelines.hand_off.batches import decide
from pipelines.hand_off.hand_off import hand_off
from pipelines.hand_off.offer import HandedBatch
from pipelines.model import Definitions, Sender
from pipelines.secret import Secret
from pipelines.senders import smtp
from tests.test_hand_off import AS_OF, CLOCK, add_batch, batches, definitions, make, messages, opened
from warehouse.duckdb import DuckDB
from warehouse.tables import BATCH_DECISIONS

PASSWORD = "Xq7 the&password+1"  # noqa: S105 (the test's own)


@dataclass
class Handler:
    """Takes mail; what it does at an address or message stands in ``does``."""

    does: dict[str, str] = field(default_factory=dict)
    mails: list[EmailMessage] = field(default_factory=list)
    sessions: int = 0

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, hostname: str, responses: Any) -> Any:
        session.host_name = hostname
        self.sessions += 1
        return responses

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if (answer := self.does.get(address)) and answer[0] in "45":
            return f"{answer} <{address}> is not to our taste"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        action = self.does.get(envelope.rcpt_tos[0])
        if action == "hangs up":
            transport: Any = server.transport
            transport.abort()
        elif action == "is slow":
            await asyncio.sleep(1.0)
        elif action == "closes":
            return "421 4.3.2 Closing"
        return "250 OK"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def handler() -> Handler:
    return Handler()


@pytest.fixture
def server(handler: Handler) -> Iterator[Controller]:
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield controller
    controller.stop()


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDB]:
    with opened(tmp_path) as warehouse:
        make(warehouse, ("b1", 3))
        warehouse.execute(BATCH_DECISIONS.create("BIGINT"))
        yield warehouse


def settings(port: int, secrets: dict[str, Secret] | None = None, **options: str) -> Definitions:
    ours = definitions()
    all_options = {"host": "localhost", "port": str(port), "tls": "none", "from": "Shop <hello@shop.example>"} | options
    mailer = Sender("outbox", "smtp", all_options, None, secrets or {})
    return replace(ours, settings=replace(ours.settings, senders={"outbox": mailer}, sends=True))


def offer(warehouse: DuckDB, wanted: Definitions) -> tuple[HandedBatch, ...]:
    return hand_off(lambda: nullcontext(warehouse), wanted, Path(), AS_OF, clock=lambda: CLOCK).batches


def recipients(handler: Handler) -> list[str]:
    return [mail["To"] for mail in handler.mails]


def statuses(warehouse: DuckDB) -> list[str]:
    return [status for (status,) in warehouse.fetch("select status from series.messages order by message_id")]


def test_each_message_is_a_mail_over_one_connection(warehouse: DuckDB, server: Controller, handler: Handler) -> None:
    add_batch(warehouse, "b2", 1)
    payload = (
        '{"subject": "Häppy", "preheader": "a < b", "body": ".Plain\\n.text", "html": "<p>Rich</p>", '
        '"reply_to": "help@shop.example", "headers": {"List-Unsubscribe": "<https://shop.example/u>", "Bcc": "x@y.z"}}'
    )
    warehouse.execute(
        "update series.messages set payload = $payload where message_id = 'b1-000001'", {"payload": payload}
    )
    assert [each.status for each in offer(warehouse, settings(server.port))] == ["handed_off", "handed_off"]
    assert handler.sessions == 1
    assert recipients(handler) == ["0@example.com", "1@example.com", "2@example.com", "0@example.com"]
    mail = handler.mails[1]
    assert (mail["Message-ID"], mail["X-Series-Message-ID"]) == ("<b1-000001@shop.example>", "b1-000001")
    assert (mail["From"], mail["Reply-To"], mail["Bcc"]) == ("Shop <hello@shop.example>", "help@shop.example", None)
    assert (mail["Subject"], mail["List-Unsubscribe"]) == ("Häppy", "<https://shop.example/u>")
    plain, rich = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert rich is not None
    assert plain.get_content().splitlines() == [".Plain", ".text"]
    assert "a &lt; b</div><p>Rich</p>" in rich.get_content()
    assert handler.mails[0].get_content_type() == "text/plain"


def test_one_refused_recipient_holds_up_and_repeats_nobody(
    warehouse: DuckDB, server: Controller, handler: Handler
) -> None:
    handler.does |= {"0@example.com": "550 5.1.1", "1@example.com": "451 4.7.1"}
    whole, rest = offer(warehouse, settings(server.port))
    assert whole == HandedBatch("b1", "handed_off", 1, refused=1)
    assert (rest.batch_id, rest.status, rest.error) == ("b1.1", "pending", "1 message refused for now: 451 4.7.1 (1).")
    assert batches(warehouse)[0][4] == "1 message refused: 550 5.1.1 (1)."
    assert (statuses(warehouse), recipients(handler)) == (["refused", "queued", "handed_off"], ["2@example.com"])


def test_a_server_that_takes_from_nobody_loses_nothing(warehouse: DuckDB, server: Controller, handler: Handler) -> None:
    warehouse.execute("update series.batches set status = 'handed_off'")
    add_batch(warehouse, "b2", 14)
    warehouse.execute("update series.messages set address = null where message_id < 'b2-000002'")
    handler.does |= {f"{number}@example.com": "554 5.7.1" for number in range(14)}
    (batch,) = offer(warehouse, settings(server.port))
    assert (batch.status, batch.message_count) == ("pending", 14)
    assert batch.error is not None
    assert "refused each of the first 10 messages: 554 5.7.1. All of them are kept" in batch.error
    del handler.does["7@example.com"]
    warehouse.execute("update series.batches set next_attempt_at = null")
    assert offer(warehouse, settings(server.port)) == (HandedBatch("b2", "handed_off", 1, refused=13),)


def test_whoever_has_no_address_or_several_is_refused_alone(
    warehouse: DuckDB, server: Controller, handler: Handler
) -> None:
    none_or_several = [None, "", "<>", "a@b.c, d@e.f", "a@b.c\r\nRCPT TO:<d@e.f>", "a@b.c\x00", "plain"]
    add_batch(warehouse, "b2", len(none_or_several))
    for number, address in enumerate(none_or_several):
        parameters = {"address": address, "message_id": f"b2-{number:06}"}
        warehouse.execute("update series.messages set address = $address where message_id = $message_id", parameters)
    assert offer(warehouse, settings(server.port)) == (
        HandedBatch("b1", "handed_off", 3),
        HandedBatch("b2", "handed_off", 0, refused=7),
    )
    assert recipients(handler) == ["0@example.com", "1@example.com", "2@example.com"]


def test_a_connection_that_breaks_after_data_leaves_one_message_in_doubt(
    warehouse: DuckDB, server: Controller, handler: Handler
) -> None:
    handler.does["1@example.com"] = "hangs up"
    whole, doubt = offer(warehouse, settings(server.port))
    assert whole == HandedBatch("b1", "handed_off", 2)
    assert doubt == HandedBatch("b1.1.unknown", "unknown", 1, "1 message without an answer: the connection broke (1).")
    assert statuses(warehouse) == ["handed_off", "unknown", "handed_off"]
    (kept,) = offer(warehouse, settings(server.port))
    assert (kept.status, recipients(handler).count("1@example.com")) == ("unknown", 1)
    handler.does.clear()
    decide(warehouse, "retried", ["b1.1.unknown"], "It did not arrive", "Ada")
    assert offer(warehouse, settings(server.port)) == (HandedBatch("b1.1.unknown", "handed_off", 1),)
    assert messages(warehouse) == {"handed_off": 3}


def test_a_server_that_is_too_slow_leaves_doubt_and_is_not_asked_for_ever(
    warehouse: DuckDB, server: Controller, handler: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "SECONDS", 0.2)
    handler.does |= {f"{number}@example.com": "is slow" for number in range(3)}
    results = {each.batch_id: (each.status, each.message_count) for each in offer(warehouse, settings(server.port))}
    assert results == {"b1": ("handed_off", 0), "b1.1": ("pending", 1), "b1.1.unknown": ("unknown", 2)}


def test_a_server_that_closes_is_asked_anew(warehouse: DuckDB, server: Controller, handler: Handler) -> None:
    handler.does["0@example.com"] = "closes"
    whole, rest = offer(warehouse, settings(server.port))
    assert (whole.message_count, rest.message_count, handler.sessions) == (2, 1, 2)


def test_a_bad_row_is_refused_alone(warehouse: DuckDB, server: Controller, handler: Handler) -> None:
    for number, address in enumerate(["a@x.example\r\nRCPT TO:<b@x.example>", "ü@x.example"]):
        change = "update series.messages set address = $address where message_id = $message_id"
        warehouse.execute(change, {"address": address, "message_id": f"b1-00000{number}"})
    assert offer(warehouse, settings(server.port))[0].refused == 2
    assert recipients(handler) == ["2@example.com"]


def test_a_server_that_is_not_there_was_not_reached(warehouse: DuckDB) -> None:
    (only,) = offer(warehouse, settings(free_port()))
    assert (only.status, statuses(warehouse)) == ("pending", ["queued"] * 3)
    assert only.error is not None
    assert only.error.endswith("cannot be reached: ConnectionRefusedError.")


def test_tls_and_login(warehouse: DuckDB, handler: Handler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    logins: list[Any] = []

    def login(*arguments: Any) -> AuthResult:
        logins.append((arguments[4].login, arguments[4].password))
        return AuthResult(success=logins[-1] == (b"shop", PASSWORD.encode()), handled=False)

    controller = Controller(
        handler, hostname="127.0.0.1", port=free_port(), tls_context=context, require_starttls=True, authenticator=login
    )
    controller.start()
    try:
        wanted = settings(controller.port, {"password": Secret("MAIL_PASSWORD")}, tls="starttls", username="shop")
        monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
        (untrusted,) = offer(warehouse, wanted)
        assert untrusted.error == f"localhost:{controller.port} shows a certificate that is not trusted."
        warehouse.execute("update series.batches set next_attempt_at = null")

        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        monkeypatch.setenv("MAIL_PASSWORD", "Xq7-not-the-password")
        (refused,) = offer(warehouse, wanted)
        assert refused.error == f"localhost:{controller.port} refuses the login: 535 5.7.8."
        warehouse.execute("update series.batches set next_attempt_at = null")

        monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
        assert offer(warehouse, wanted) == (HandedBatch("b1", "handed_off", 3),)
    finally:
        controller.stop()
    assert logins[-1] == (b"shop", PASSWORD.encode())


@pytest.mark.parametrize(
    ("sender", "told"),
    [
        ("host: m, from: a@b.example, username: u", "needs both `username` and `password`"),
        ("host: m, from: a@b.example, username: u, password: {env: P}, tls: none", "leave out `tls: none`"),
        ("host: m, from: nobody", "must be an address"),
        ("host: m, from: hello@müller.example", "must be an address of ASCII in one line"),
        (r'host: m, from: "a@b.example\nBcc: c@d.example"', "must be an address of ASCII in one line"),
        ("host: m, from: a@b.example, port: many", "must be a number from 1 to 65535"),
        ("host: m, from: a@b.example, tls: ssl", "`tls` of sender `crm` cannot be `ssl`"),
    ],
)
def test_settings(sender: str, told: str) -> None:
    _, (problem,) = read_targets(f"senders: {{crm: {{type: smtp, {sender}}}}}")
    assert told in problem.message
