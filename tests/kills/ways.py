"""Where killed hand-offs send to, and what must be there once they have been repeated."""

# ruff: noqa: ARG002, N802 - aiosmtpd gives the names and arguments of its handlers

from __future__ import annotations

import email
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from tests.bucket import bucket_server, objects
from tests.kafka_cluster import cluster
from tests.kills.offers import MESSAGES, rows, statuses
from tests.provider import provider
from tests.test_smtp import free_port

HOOK_SECRET = "KILLED_HOOK"  # noqa: S105 (a name)


@dataclass(frozen=True)
class Way:
    """One way out.

    Attributes:
        calls: The points that are its own (see `tests.kills.killed`).
        entry: The entry of ``senders`` of one hand-off, by a name for it.
        check: Asserts that a hand-off's messages are where they should be, by its folder and name.
    """

    calls: Collection[str]
    entry: Callable[[str], str]
    check: Callable[[Path, str], None]


def all_left(folder: Path) -> bool:
    return statuses(folder) == dict.fromkeys(MESSAGES, ("handed_off", "handed_off"))


@contextmanager
def table() -> Iterator[Way]:
    """Rows: each message once."""

    def check(folder: Path, _: str) -> None:
        assert all_left(folder)
        assert sorted(rows(folder, "select message_id from outbox.outbox")) == [(each,) for each in MESSAGES]

    yield Way(("begin", "commit"), lambda _: "{type: table}", check)


def _check_files(files: Mapping[str, bytes], whole: dict[str, bytes]) -> None:
    """Each batch is there once, as the first hand-off, which nobody disturbed, left it."""
    whole.update({} if whole else files)
    found = [json.loads(line)["message_id"] for name, text in files.items() if name.endswith(".jsonl")
             for line in text.splitlines()]  # fmt: skip
    assert sorted(found) == MESSAGES
    assert files == whole


@contextmanager
def files() -> Iterator[Way]:
    """Files of this machine."""
    whole: dict[str, bytes] = {}

    def check(folder: Path, _: str) -> None:
        assert all_left(folder)
        found = {path.name: path.read_bytes() for path in (folder / "outbox").rglob("*") if path.is_file()}
        _check_files(found, whole)

    yield Way(("mkdir", "fsync", "link", "unlink"), lambda _: "{type: files}", check)


@contextmanager
def bucket() -> Iterator[Way]:
    """Files of a bucket, each hand-off with a prefix of its own."""
    whole: dict[str, bytes] = {}
    with bucket_server() as server:
        store = server.make("killed")

        def check(folder: Path, name: str) -> None:
            assert all_left(folder)
            found = {key.rpartition("/")[2]: text for key, text in objects(store, f"{name}/").items()}
            _check_files(found, whole)

        yield Way(("head", "put", "get"), lambda name: server.sender(f"s3://killed/{name}"), check)


@contextmanager
def webhook() -> Iterator[Way]:
    """Each message under one key, and under each key one body."""
    with provider() as server:

        def check(folder: Path, _: str) -> None:
            assert all_left(folder)
            heard = {(request.headers["Idempotency-Key"], request.body) for request in server.requests}
            assert len(heard) == len({key for key, _ in heard})
            sent = [each["message_id"] for _, body in heard for each in json.loads(body)["messages"]]
            assert sorted(sent) == MESSAGES
            server.requests.clear()

        sender = f"{{type: webhook, url: '{server.url}', secret: {{env: {HOOK_SECRET}}}}}"
        yield Way(("request",), lambda _: sender, check)


@contextmanager
def http() -> Iterator[Way]:
    """Each message under one key, in a request of its own."""
    with provider() as server:

        def check(folder: Path, _: str) -> None:
            assert all_left(folder)
            heard = {(request.headers["Idempotency-Key"], request.body) for request in server.requests}
            assert sorted(key for key, _ in heard) == sorted(json.loads(body)["id"] for _, body in heard) == MESSAGES
            server.requests.clear()

        sender = (
            f"{{type: http, url: '{server.url}', message: {{id: '{{{{ message_id }}}}'}}, "
            "headers: {Idempotency-Key: '{{ key }}'}, remembers: 20000 days}"
        )
        yield Way(("request",), lambda _: sender, check)


def _check_at_most_once(folder: Path, name: str, arrived: Sequence[str]) -> None:
    """A message has left, or its batch waits for a person."""
    assert len(arrived) == len(set(arrived))
    said = statuses(folder)
    assert set(said.values()) <= {("handed_off", "handed_off"), ("unknown", "unknown")}
    in_doubt = {message_id for message_id, (status, _) in said.items() if status == "unknown"}
    assert {message_id[:2] for message_id in in_doubt} in (set(), {"b1"}, {"b2"}), "one batch at most"
    assert said.keys() - in_doubt <= set(arrived)
    assert name != "undisturbed" or not in_doubt


@contextmanager
def http_without_keys() -> Iterator[Way]:
    """Each message once at most."""
    with provider() as server:

        def check(folder: Path, name: str) -> None:
            _check_at_most_once(folder, name, [request.json["id"] for request in server.requests])
            server.requests.clear()

        sender = f"{{type: http, url: '{server.url}', message: {{id: '{{{{ message_id }}}}'}}}}"
        yield Way(("request",), lambda _: sender, check)


@contextmanager
def kafka() -> Iterator[Way]:
    """Each message under its own key, whatever how often; each hand-off has a topic of its own."""
    with cluster() as running:

        def check(folder: Path, name: str) -> None:
            assert all_left(folder)
            records = {(record.key(), record.value()) for record in running.records(name)}
            assert sorted((key or b"").decode() for key, _ in records) == MESSAGES

        def entry(name: str) -> str:
            return f"{{type: kafka, servers: '{running.servers}', topic: {name}, tls: none}}"

        yield Way(("list_topics", "produce", "flush"), entry, check)


class _Mailbox:
    """Takes mail; a hand-off has an address that it sends from."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        said = email.message_from_bytes(envelope.content)["X-Series-Message-ID"]
        self.mails.append((envelope.mail_from.partition("@")[0], said))
        return "250 OK"


@contextmanager
def smtp() -> Iterator[Way]:
    """Each message once at most."""
    mailbox = _Mailbox()
    controller = Controller(mailbox, hostname="127.0.0.1", port=free_port())
    controller.start()

    def check(folder: Path, name: str) -> None:
        _check_at_most_once(folder, name, [message_id for sent_from, message_id in mailbox.mails if sent_from == name])

    def entry(name: str) -> str:
        return f"{{type: smtp, host: 127.0.0.1, port: '{controller.port}', tls: none, from: {name}@shop.example}}"

    try:
        yield Way(("connect", "send", "getreply"), entry, check)
    finally:
        controller.stop()
        assert len(mailbox.mails) == len(set(mailbox.mails)), "those that came late, too"


WAYS: Mapping[str, Callable[[], AbstractContextManager[Way]]] = {
    "files": files,
    "bucket": bucket,
    "table": table,
    "webhook": webhook,
    "http": http,
    "http_without_keys": http_without_keys,
    "kafka": kafka,
    "smtp": smtp,
}
