"""What sending costs: messages a second to a server on loopback, beside a bare client that sends the same bytes.

``python benchmarks/senders.py [MESSAGES]``. Server and client are two processes; the ratio says what senders add, such
as writing and signing bodies.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import smtplib
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

import pyarrow as pa
import urllib3

from pipelines.secret import Secret
from pipelines.senders import Batch, Outcome
from pipelines.senders.mail import write_mail
from pipelines.senders.protocol import MESSAGE_COLUMNS
from pipelines.senders.smtp import SmtpSender
from pipelines.senders.webhook import WebhookSender, body_of

BATCH = 500
AS_OF = datetime(2026, 3, 1, 9)
SENT_FROM = "Shop <hello@shop.example>"
HTML = "<p>" + "Premium has what you are looking for. " * 40 + "</p>"


class Handler(BaseHTTPRequestHandler):
    """Takes whatever is posted."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read the body, say yes."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Mailbox:
    """Takes whatever is mailed."""

    async def handle_DATA(self, *_: Any) -> str:  # noqa: N802 (aiosmtpd calls it)
        """Say yes."""
        return "250 OK"


def serve_http(ready: Connection) -> None:
    """Serve until the process is ended."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        ready.send(server.server_address[1])
        server.serve_forever()


def serve_smtp(ready: Connection) -> None:
    """Likewise."""
    import socket

    from aiosmtpd.controller import Controller

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    Controller(Mailbox(), hostname="127.0.0.1", port=port).start()
    ready.send(port)
    time.sleep(3600)


def batch_of(number: int) -> Batch:
    """A batch of emails of some 2 kB."""
    rows = [
        {
            **dict.fromkeys(MESSAGE_COLUMNS),
            "message_id": f"{number:06}-{place:04}",
            "customer_id": place,
            "address": f"customer{place}@shop.example",
            "channel": "email",
            "series_id": "welcome",
            "block_id": "mail",
            "queued_at": AS_OF,
            "payload": json.dumps({"subject": f"Hello {place}", "body": "Hello", "html": HTML}),
        }
        for place in range(BATCH)
    ]
    return Batch(f"b{number}", "welcome", "mail", "email", AS_OF, pa.Table.from_pylist(rows))


def seconds(work: Callable[[], object]) -> float:
    """The wall clock that work takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def started(serve: Callable[[Connection], None]) -> tuple[int, multiprocessing.Process]:
    """A server's port and process."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    return ours.recv(), process


def webhook(batches: list[Batch], port: int) -> tuple[float, float]:
    """Seconds of the sender, and of a bare client."""
    url = f"http://127.0.0.1:{port}/"
    sender, pool = WebhookSender(url, Secret("BENCHMARK_KEY")), urllib3.PoolManager()
    bodies = [body_of(batch) for batch in batches]
    ours = seconds(lambda: [check(sender.send(batch)) for batch in batches])
    return ours, seconds(lambda: [pool.request("POST", url, body=body) for body in bodies])


def smtp(batches: list[Batch], port: int) -> tuple[float, float]:
    """Likewise."""
    sender = SmtpSender("127.0.0.1", port, "none", None, None, SENT_FROM)
    rows = [row for batch in batches for row in batch.messages.to_pylist()]
    mails = [(row["address"], write_mail(row, SENT_FROM, "shop.example", datetime.now(UTC))) for row in rows]
    ours = seconds(lambda: [check(sender.send(batch)) for batch in batches])
    sender.close()
    with smtplib.SMTP("127.0.0.1", port) as client:
        return ours, seconds(lambda: [client.sendmail("hello@shop.example", to, text) for to, text in mails])


def check(outcome: Outcome) -> None:
    """Every message was taken."""
    if outcome != Outcome():
        sys.exit(f"not everything was taken: {outcome}")


def main() -> None:
    """Measure, and print a line for each sender."""
    messages = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    os.environ["BENCHMARK_KEY"] = "only for this benchmark"
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} CPUs, batches of {BATCH}")
    for name, serve, measure, share in (("webhook", serve_http, webhook, 1), ("smtp", serve_smtp, smtp, 10)):
        batches = [batch_of(number) for number in range(max(messages // BATCH // share, 1))]
        port, process = started(serve)
        ours, bare = measure(batches, port)
        process.terminate()
        count = len(batches) * BATCH
        print(
            f"{name:8} {count / ours:>10,.0f} messages/s; bare client {count / bare:>10,.0f}; ratio {ours / bare:.2f}"
        )


if __name__ == "__main__":
    main()
