"""The server of receipts, started as users start it: who may come in, what is kept, and that nothing is lost."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from pipelines import Project
from pipelines.receipts import spool
from pipelines.receipts.serve import LONGEST_BODY
from pipelines.senders.webhook import signature

HERE = Path(__file__).parent
SERIES = Path(sys.executable).with_name("series")
ADDRESS = "ada@customers.example"
SECRET = "planted-Tr0ub4dor"  # noqa: S105 (it is looked for in all that is said)
KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = base64.b64encode(KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
SECRETS = {
    "SERIES_RECEIPTS_SECRET": SECRET,
    "SENDGRID_WEBHOOK_KEY": PUBLIC,
    "MAILGUN_WEBHOOK_KEY": SECRET,
    "POSTMARK_WEBHOOK_LOGIN": f"hook:{SECRET}",
}
Sent = tuple[str, bytes, dict[str, str]]


@dataclass
class Running:
    """A server of its own process."""

    process: subprocess.Popen[str]
    port: int
    spool: Path

    def post(self, path: str, body: bytes, headers: Mapping[str, str], method: str = "POST") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request(method, path, body, dict(headers))
        return connection.getresponse().status

    def raw(self, sent: bytes) -> bytes:
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").read()

    def kept(self) -> list[str]:
        return sorted(file.name for file in self.spool.iterdir())


@contextmanager
def running(folder: Path, secrets: Mapping[str, str] = SECRETS, code: str = "") -> Iterator[Running]:
    command = [sys.executable, "-c", f"{code}\nfrom pipelines.cli import main\nmain()"]
    with subprocess.Popen(
        [*command, "receipts", "serve", str(folder), "--port", "0"],
        stderr=subprocess.PIPE, text=True, env=os.environ | dict(secrets), cwd=HERE.parent,
    ) as process:  # fmt: skip
        assert process.stderr
        first = process.stderr.readline()
        try:
            yield Running(process, int(first.partition(" for ")[0].rpartition(":")[2]), folder)
        finally:
            if process.poll() is None:
                process.terminate()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("server") / "spool") as it:
        yield it
        it.process.terminate()
        assert it.process.stderr
        said = it.process.stderr.read()
        assert it.process.wait(10) == 0
        assert said.endswith("Ended.\n")
        assert "POST /sendgrid 200" in said
        for hidden in (SECRET, ADDRESS, "Traceback", "127.0.0.1", "secret-path"):
            assert hidden not in said


def own(rows: Any, *, signed_with: str = SECRET, at: int | None = None) -> Sent:
    body = json.dumps(rows).encode()
    return "/receipts", body, signature(signed_with, "id", body, at)


def sendgrid(rows: Any) -> Sent:
    body, now = json.dumps(rows).encode(), str(int(time.time()))
    proof = base64.b64encode(KEY.sign(now.encode() + body, ec.ECDSA(SHA256()))).decode()
    name = "X-Twilio-Email-Event-Webhook"
    return "/sendgrid", body, {f"{name}-Signature": proof, f"{name}-Timestamp": now}


def mailgun(event: Any, at: float | None = None, signed_with: str = SECRET) -> Sent:
    now = str(int(at or time.time()))
    proof = hmac.new(signed_with.encode(), f"{now}token".encode(), hashlib.sha256).hexdigest()
    said = {"signature": {"timestamp": now, "token": "token", "signature": proof}, "event-data": event}
    return "/mailgun", json.dumps(said).encode(), {}


def postmark(event: Any, login: str = f"hook:{SECRET}") -> Sent:
    return (
        "/postmark",
        json.dumps(event).encode(),
        {"Authorization": f"Basic {base64.b64encode(login.encode()).decode()}"},
    )


RIGHT: Mapping[str, Callable[[], Sent]] = {
    "own": lambda: own([{"message_id": "m", "kind": "opened", "occurred_at": "2026-03-01", "to": ADDRESS}]),
    "sendgrid": lambda: sendgrid(
        [{"event": "open", "sg_event_id": "1", "message_id": "m", "timestamp": 1, "email": ADDRESS}]
    ),
    "mailgun": lambda: mailgun({"event": "opened", "id": "1", "timestamp": 1.5, "recipient": ADDRESS}),
    "postmark": lambda: postmark(
        {"RecordType": "Open", "MessageID": "p", "ReceivedAt": "2026-03-01", "Recipient": ADDRESS}
    ),
}
"""Made when they are sent: what is signed says when, and is believed for five minutes."""


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_signed_is_kept_once_for_its_owner_alone(server: Running, name: str) -> None:
    path, body, headers = RIGHT[name]()
    assert [server.post(path, body, headers), server.post(f"{path}?x=secret-path", body, headers)] == [200, 200]
    named = {"/receipts": ""}.get(path, path.replace("/", "."))
    file = server.spool / f"{hashlib.sha256(body).hexdigest()}{named}.jsonl"
    assert file.read_bytes() == body + b"\n"
    assert file.stat().st_mode & 0o077 == 0
    assert server.spool.stat().st_mode & 0o077 == 0


def test_what_is_not_signed_is_refused(server: Running) -> None:
    before = server.kept()
    now = int(time.time())
    path, body, headers = RIGHT["sendgrid"]()
    wrong = [
        ("/receipts", b"{}", {}),
        own({}, signed_with="wrong"),
        own({}, at=now - 400),
        own({}, at=now + 400),
        ("/receipts", own({})[1], own({})[2] | {"webhook-id": "other"}),
        (path, body + b" ", headers),
        (path, body, {name: value for name, value in headers.items() if "Signature" in name}),
        (path, body, headers | {"X-Twilio-Email-Event-Webhook-Signature": "no base64"}),
        mailgun({}, signed_with="wrong"),
        mailgun({}, at=now - 100_000),
        ("/mailgun", b"[[[" * 100_000, {}),
        ("/mailgun", b'{"signature": {"timestamp": 7}}', {}),
        postmark({}, "hook:wrong"),
        postmark({}, SECRET),
        ("/postmark", b"{}", {"Authorization": "Basic \xfc"}),
    ]
    assert [server.post(*each) for each in wrong] == [401] * len(wrong)
    assert server.kept() == before


def test_hostile_requests(server: Running) -> None:
    before = server.kept()
    _, _, login = postmark({})
    assert server.post("/postmark", b"no json " + ADDRESS.encode(), login) == 400
    assert server.post("/postmark", b"[" * 1_000_000, login) == 400
    assert server.post("/postmark", b"\xff\xfe", login) == 400
    assert server.post("/postmark", b"{}", login | {"Content-Encoding": "gzip"}) == 415
    assert server.post("/secret-path/../postmark", b"{}", login) == 404
    assert server.post("/", b"", {}) == 404
    assert server.post("/postmark", b"", login, "GET") == 405
    assert server.post("/secret-path", b"", {}, "DELETE") == 404
    head = b"POST /postmark HTTP/1.1\r\nHost: a\r\n"
    assert b" 413 " in server.raw(head + f"Content-Length: {LONGEST_BODY + 1}\r\n\r\n".encode())
    assert b" 413 " in server.raw(head + b"Content-Length: " + b"9" * 400 + b"\r\n\r\n")
    assert b" 411 " in server.raw(head + b"\r\n")
    assert b" 411 " in server.raw(head + b"Content-Length: -1\r\n\r\n")
    assert b" 411 " in server.raw(head + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
    assert b" 400 " in server.raw(head + b"Content-Length: 100\r\n\r\n{}")
    assert b" 400 " in server.raw(f"{ADDRESS} {ADDRESS} {ADDRESS}\r\n\r\n".encode())
    assert b" 414 " in server.raw(b"POST /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n")
    assert server.raw(b"") == b""
    assert server.kept() == before


def test_a_path_without_its_secret_is_closed_and_a_server_without_any_does_not_start(tmp_path: Path) -> None:
    with running(tmp_path / "spool", {"POSTMARK_WEBHOOK_LOGIN": f"hook:{SECRET}"}) as server:
        assert server.post(*RIGHT["own"]()) == 404
        assert server.post(*RIGHT["postmark"]()) == 200
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(10) == 0
    for secrets, said in (
        ({}, "Set the environment variable of a path: SERIES_RECEIPTS_SECRET (/receipts)"),
        ({"SENDGRID_WEBHOOK_KEY": SECRET}, "is not the verification key that SendGrid shows"),
        ({"POSTMARK_WEBHOOK_LOGIN": SECRET}, "must be `name:password`"),
    ):
        done = subprocess.run(
            [SERIES, "receipts", "serve", "s"],
            cwd=tmp_path,
            env=os.environ | secrets,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, said in done.stderr, SECRET in done.stderr) == (2, True, False), done.stderr


KILLED = """
import os, signal
from pipelines.receipts import spool
keep = spool.keep
def keep_and_die(*arguments):
    {before}
    keep(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
spool.keep = keep_and_die
"""
BETWEEN = """
fsync = os.fsync
    def die(descriptor): fsync(descriptor); os.kill(os.getpid(), signal.SIGKILL)
    os.fsync = die"""


@pytest.mark.parametrize("before", ["", BETWEEN.strip()], ids=["written, not answered", "written aside"])
def test_killed_before_the_answer_and_asked_again(tmp_path: Path, before: str) -> None:
    path, body, headers = RIGHT["own"]()
    with running(tmp_path, code=KILLED.format(before=before)) as server:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            server.post(path, body, headers)
        server.process.wait(10)
        assert [name.startswith(".") for name in server.kept()] == [bool(before)]
    with running(tmp_path) as server:
        assert server.post(path, body, headers) == 200
        assert server.kept() == [f"{hashlib.sha256(body).hexdigest()}.jsonl"]


def test_a_request_that_is_under_way_is_finished_when_the_server_ends(tmp_path: Path) -> None:
    _, body, login = RIGHT["postmark"]()
    head = f"POST /postmark HTTP/1.1\r\nAuthorization: {login['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
    with running(tmp_path) as server, socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(head.encode() + body[:5])
        time.sleep(0.3)
        server.process.terminate()
        time.sleep(0.5)
        connection.sendall(body[5:])
        assert connection.makefile("rb").readline() == b"HTTP/1.0 200 OK\r\n"
        assert server.process.wait(10) == 0
        assert len(server.kept()) == 1


def test_a_client_that_dribbles_keeps_neither_others_out_nor_the_server_from_ending(tmp_path: Path) -> None:
    short = "import pipelines.receipts.serve as it\nit.LONGEST_REQUEST = 1.0"
    address = "127.0.0.1"
    with running(tmp_path, code=short) as server, socket.create_connection((address, server.port)) as slow:
        slow.sendall(b"POST /postmark HTTP/1.1\r\nContent-Length: 100000\r\n\r\n")
        assert server.post(*RIGHT["own"]()) == 200
        server.process.terminate()
        with contextlib.suppress(ConnectionError):
            for _ in range(50):
                slow.sendall(b" ")
                time.sleep(0.1)
                if server.process.poll() is not None:
                    break
        assert server.process.wait(5) == 0


def test_only_what_a_server_left_half_written_is_cleared(tmp_path: Path) -> None:
    others = [tmp_path / ".mysql_workbench1", tmp_path / ".0123456789abcdef"]
    for other in others:
        other.write_text("somebody else's")
    (tmp_path / ".receipt-0123456789abcdef").write_text("half")
    spool.prepare(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(others)


def test_a_full_disk_is_no_answer(tmp_path: Path) -> None:
    full = "import os\ndef no(*_): raise OSError(28, 'No space left on device')\nos.fsync = no"
    with running(tmp_path, code=full) as server:
        assert server.post(*RIGHT["own"]()) == 503
        assert server.kept() == []


def test_line_breaks_in_a_body_stay_one_row(tmp_path: Path) -> None:
    spool.keep(tmp_path, None, json.dumps({"a": "b\nc"}, indent=1).replace("\n", "\r\n").encode())
    [file] = tmp_path.iterdir()
    [line] = file.read_bytes().splitlines()
    assert json.loads(line) == {"a": "b\nc"}


def test_from_a_run_over_webhooks_to_the_next_run(server: Running, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    shutil.copytree(HERE / "cli" / "project", folder)
    (folder / "warehouse").mkdir()
    database = str(folder / "warehouse/warehouse.duckdb")
    with duckdb.connect(database) as warehouse:
        warehouse.execute((folder / "tables.sql").read_text())
    project = Project.open(folder)
    project.run("2026-03-01T09:00Z")
    [batch] = (folder / "outbox").glob("*.jsonl")
    ids = [json.loads(line)["message_id"] for line in batch.read_text().splitlines()]
    assert len(ids) == 6
    for file in server.spool.iterdir():
        file.unlink()
    at = 1772359200  # 2026-03-01T10:00:00Z
    for sent in (
        own({"message_id": ids[0], "kind": "opened", "occurred_at": "2026-03-01T10:00Z"}),
        sendgrid([{"event": "delivered", "sg_event_id": "1", "message_id": ids[1], "timestamp": at}]),
        mailgun({"event": "opened", "id": "1", "timestamp": at, "user-variables": {"message_id": ids[2]}}),
        postmark(
            {
                "RecordType": "Bounce",
                "Type": "HardBounce",
                "BouncedAt": "2026-03-01T10:00:00Z",
                "Metadata": {"message_id": ids[3]},
            }
        ),
    ):
        assert server.post(*sent) == 200
    for loaded in (4, 0):
        assert project.load_receipts([server.spool]).loaded == loaded
    assert project.load_receipts([server.spool], remove=True).removed == 4
    assert server.kept() == []
    project.run("2026-03-01T11:00Z")
    with duckdb.connect(database) as warehouse:
        left = warehouse.execute(
            "select message_id, outcome from series.messages join series.visits using (entry_id, block_id) "
            "where outcome is not null"
        ).fetchall()
    assert dict(left) == {
        ids[0]: "delivered",
        ids[1]: "delivered",
        ids[2]: "delivered",
        ids[3]: "not_delivered",
    }
