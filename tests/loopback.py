"""A shop whose emails go to a sender of another package, and the server that must, or must not, hear of them."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import duckdb

HERE = Path(__file__).parent
PACKAGE = HERE / "loopback_package"
AS_OF = "2026-03-01T09:00Z"


@dataclass
class Server:
    """A server on loopback; ``heard`` are the headers and bodies of its requests, ``answers`` the status it gives."""

    url: str = ""
    answers: int = 200
    heard: list[tuple[str, bytes]] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Server]:
    server = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.heard.append((self.headers["Authorization"], body))
            self.send_response(server.answers)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        server.url = f"http://127.0.0.1:{http.server_address[1]}/"
        thread = threading.Thread(target=http.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()


def make_shop(folder: Path, url: str, more: str = "") -> Path:
    """The small shop of the transcripts; its warehouse is the one that ``more`` leads to."""
    shutil.copytree(HERE / "cli" / "project", folder, dirs_exist_ok=True)
    senders = f"senders: {{crm: {{type: loopback, url: '{url}', token: {{env: CRM_TOKEN}}}}}}"
    (folder / "series.yml").write_text(f"channels: {{email: {{sender: crm}}}}\n{senders}\n{more}\n")
    (folder / "warehouse").mkdir()
    for name in ("warehouse", "warehouse_dev", "warehouse_prod"):
        with duckdb.connect(str(folder / f"warehouse/{name}.duckdb")) as warehouse:
            warehouse.execute((folder / "tables.sql").read_text())
    return folder
