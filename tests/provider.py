"""A provider on loopback: a real HTTP server that answers as it is told, hangs, or dies after it has accepted."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal


@dataclass(frozen=True)
class Reply:
    """What is answered; ``dies`` closes the connection instead, and ``hangs`` says nothing until the test is over.

    ``drips`` sends the answer's headers, or after them its body, a byte at a time and never to the end.
    """

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    does: Literal["answers", "dies", "hangs", "drips headers", "drips its body"] = "answers"


@dataclass(frozen=True)
class Request:
    """What was heard."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Provider:
    """Answers with ``replies`` in turn, then with 200; ``requests`` is what it heard."""

    url: str = ""
    replies: list[Reply] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    over: threading.Event = field(default_factory=threading.Event)


@contextmanager
def provider(*replies: Reply) -> Iterator[Provider]:
    it = Provider(replies=list(replies))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            it.connections += 1
            super().setup()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            it.requests.append(Request(self.path, dict(self.headers), body, self.command))
            reply = it.replies.pop(0) if it.replies else Reply()
            if reply.does != "answers":
                if reply.does == "hangs":
                    it.over.wait()
                if reply.does.startswith("drips"):
                    self.drip(b"HTTP/1.1 200 OK\r\n" + b"\r\n" * (reply.does == "drips its body"))
                self.close_connection = True
                return
            answer = b"" if reply.body is None else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {**reply.headers, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer)

        def drip(self, begins: bytes) -> None:
            with suppress(OSError):
                self.connection.sendall(begins)
                while not it.over.wait(0.05):
                    self.connection.sendall(b"x")

        do_PUT = do_POST  # noqa: N815 (the name that the library looks for)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as http:
        it.url = f"http://127.0.0.1:{http.server_address[1]}/hook"
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield it
        finally:
            it.over.set()
            http.shutdown()
            thread.join()
