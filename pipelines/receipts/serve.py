"""The server that providers tell what became of messages: it checks who says so, and puts it into a folder.

It knows no project and no warehouse, so that it answers whatever they are busy with; `series receipts load` takes in
what has come. A request is answered with 200 when it is safe on the disk, and not before.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pipelines.problems import UsageError
from pipelines.receipts import spool
from pipelines.receipts.signatures import DOORS, Check

LONGEST_BODY = 5 * 1024 * 1024
"""Bytes of a request; SendGrid's are the largest, and far below."""

_SECONDS = 20.0
"""How long a client may be silent in the middle of a request."""

LONGEST_REQUEST = 30.0
"""Seconds for a request as a whole: a byte now and then would keep its thread, and the server from ending."""

_ANSWERS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

Log = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class OpenDoor:
    """A path that takes requests: whose they are, and how that is proved."""

    provider: str | None
    check: Check


def open_doors() -> dict[str, OpenDoor]:
    """The paths whose secrets the environment has.

    Raises:
        UsageError: There is none, or a secret cannot be one.
    """
    found = {
        door.path: OpenDoor(door.provider, door.prepare(door.secret.read().strip()))
        for door in DOORS
        if os.environ.get(door.secret.name, "").strip()
    }
    if not found:
        names = ", ".join(f"{door.secret.name} ({door.path})" for door in DOORS)
        raise UsageError(
            f"Nothing could be checked, so nothing is taken. Set the environment variable of a path: {names}."
        )
    return found


class Server(ThreadingHTTPServer):
    """The server, listening from the moment it is made.

    Args:
        address: Host and port; port 0 is any that is free.
        doors: The paths it has.
        folder: The spool.
        log: Is told of each request: method, path, answer, bytes; nothing of who or what.
    """

    request_queue_size = 128
    daemon_threads = False  # requests that are under way are waited for

    def __init__(self, address: tuple[str, int], doors: Mapping[str, OpenDoor], folder: Path, log: Log) -> None:
        self.doors = doors
        self.folder = folder
        self.log = log
        super().__init__(address, _Handler)

    def handle_error(self, request: object, client_address: object) -> None:  # noqa: ARG002 (it is not told)
        """Say in a line that a client went away; not who."""
        self.log(f"A connection broke: {type(sys.exception()).__name__}.")


class _Handler(BaseHTTPRequestHandler):
    server: Server
    timeout = _SECONDS
    server_version = "series"
    sys_version = ""

    def handle(self) -> None:
        late = threading.Timer(LONGEST_REQUEST, self._hear_no_more)
        late.daemon = True
        late.start()
        try:
            super().handle()
        finally:
            late.cancel()

    def _hear_no_more(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RD)

    def do_POST(self) -> None:
        door = self.server.doors.get(self.path.partition("?")[0])
        if door is None:
            return self._answer(404)
        try:
            status, size = self._take(door)
        except (ConnectionError, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 (whatever it is, the client is told to try again, and no more)
            self.server.log(f"A request failed: {type(error).__name__}.")
            status, size = 500, 0
        return self._answer(status, size)

    def _refuse_method(self) -> None:
        self._answer(405 if self.path.partition("?")[0] in self.server.doors else 404)

    do_GET = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse_method  # noqa: N815 (as the library calls them)

    def _take(self, door: OpenDoor) -> tuple[int, int]:
        """Take a request: the answer's status, and how many bytes it had."""
        length = self.headers.get("Content-Length", "")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdigit()):
            return 411, 0
        if len(length) > 12 or int(length) > LONGEST_BODY:
            return 413, 0
        if self.headers.get("Content-Encoding", "identity") != "identity":
            return 415, 0
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            return 400, len(body)
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not door.check(headers, body):
            return 401, len(body)
        if not _is_json(body):
            return 400, len(body)
        try:
            spool.keep(self.server.folder, door.provider, body)
        except OSError as error:
            self.server.log(f"The spool cannot be written: {error.strerror}.")
            return 503, len(body)
        return 200, len(body)

    def _answer(self, status: int, size: int = 0) -> None:
        # What was not read must not be taken for the next request.
        self.close_connection = True
        text = f"{_ANSWERS[status]}\n".encode()
        self.send_response_only(status, _ANSWERS[status])
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(text)))
        self.send_header("Connection", "close")
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="series"')
        if status == 405:
            self.send_header("Allow", "POST")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)
        path = self.path.partition("?")[0]
        self.server.log(f"{self.command} {path if path in self.server.doors else '(unknown path)'} {status} {size}")

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """What the library itself refuses: a request that is none. It would quote it."""
        self.close_connection = True
        self.wfile.write(f"HTTP/1.0 {code} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        self.server.log(f"(no request) {code} 0")

    def log_message(self, format: str, *args: object) -> None:
        """Its lines would show addresses."""


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def serve(host: str, port: int, folder: Path, say: Log) -> None:
    """Serve until SIGTERM or SIGINT; requests that are under way are finished.

    Args:
        host: The address to listen at.
        port: The port; 0 is any that is free.
        folder: The spool.
        say: Is told what is open, and each request.

    Raises:
        UsageError: No path could be checked, or the address cannot be had.
        OSError: The folder cannot be written.
    """
    doors = open_doors()
    spool.prepare(folder)
    try:
        server = Server((host, port), doors, folder, lambda line: say(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}"))
    except (OSError, OverflowError) as error:
        raise UsageError(f"Nobody can listen at {host}:{port}: {getattr(error, 'strerror', None) or error}.") from error
    with server:
        for number in (signal.SIGTERM, signal.SIGINT):
            # In a thread of its own: it waits for the loop, which stands still while a signal is handled.
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        say(f"Listening at http://{host}:{server.server_address[1]} for {', '.join(doors)}; SIGTERM ends it.")
        server.serve_forever(poll_interval=0.2)
    say("Ended.")
