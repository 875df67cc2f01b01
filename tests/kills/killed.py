"""Work that ends itself with SIGKILL: ``python -m tests.kills.killed``, a parent that forks each piece from warm code.

It reads orders from standard input, one JSON object a line, and answers each with the exit code. DuckDB is opened by
the children alone, because its threads would not survive the fork.

Work passes points: before and after each call of DuckDB (``begin``, ``execute``, ``sql``, ``commit``), each step of
writing a file (``mkdir``, ``fsync``, ``link``, ``unlink``) and each call of a sender's library. Undisturbed work writes
their names to ``points.txt``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import confluent_kafka

from pipelines import Project
from pipelines.sql_text import _environment
from tests.kills.offers import offer
from warehouse.duckdb import DuckDB

Work = Literal["run", "hand-off", "released", "dropped", "offer"]
CALLS = ("begin", "execute", "sql", "commit")
FILE_STEPS = ("mkdir", "fsync", "link", "unlink")
SENDER_STEPS = {
    ("urllib3", "PoolManager"): ("request",),
    ("smtplib", "SMTP"): ("connect", "send", "getreply"),
    ("obstore.store", "S3Store"): ("head", "put", "get"),
}
KAFKA_STEPS = ("list_topics", "produce", "flush")
"""Its class cannot be changed, but there can be one in its place."""


@dataclass(frozen=True)
class Order:
    """Work on the project in `folder`, killed at a point (its number), after seconds, or not at all."""

    folder: str
    as_of: str
    work: Work
    point: int | None = None
    seconds: float | None = None


class Points:
    """The points passed so far; the process ends at the one of number `last`."""

    def __init__(self, last: int | None) -> None:
        self.last = last
        self.passed: list[str] = []
        self._one_at_a_time = threading.Lock()

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def spied(*arguments: Any, **named: Any) -> Any:
            sql = getattr(arguments[0], "query", arguments[0]) if name in ("execute", "sql") else ""
            detail = f" {' '.join(sql.split())[:60]}"
            self.reach(f"before {name}{detail}")
            result = call(*arguments, **named)
            self.reach(f"after {name}{detail}")
            return result

        return spied

    def reach(self, name: str) -> None:
        with self._one_at_a_time:
            if len(self.passed) == self.last:
                os.kill(os.getpid(), signal.SIGKILL)
            self.passed.append(name)


class Spy:
    """A connection of DuckDB whose calls are points."""

    def __init__(self, connection: Any, points: Points) -> None:
        self._connection = connection
        self._points = points

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._connection, name)
        return self._points.around(name, attribute) if name in CALLS else attribute


def do(order: Order) -> None:
    """What the order is about, undisturbed."""
    if order.work == "offer":
        offer(Path(order.folder))
    else:
        work(Project.open(order.folder), order)


def work(project: Project, order: Order) -> None:
    """The same in a whole project."""
    if order.work == "run":
        project.run(order.as_of, hand_off=False)
    elif order.work == "hand-off":
        project.hand_off()
    else:
        assert order.work != "offer"
        project.decide(order.work, all_held=True, why="A test")


def work_watched(order: Order) -> None:
    points = Points(order.point)
    make = DuckDB.__init__

    def make_spied(self: DuckDB, connection: Any, release: Callable[[], None]) -> None:
        make(self, Spy(connection, points), release)  # type: ignore[arg-type]

    DuckDB.__init__ = make_spied  # type: ignore[method-assign]
    for name in FILE_STEPS:
        setattr(os, name, points.around(name, getattr(os, name)))
    for (module, kind), names in SENDER_STEPS.items():
        changed = getattr(import_module(module), kind)
        for name in names:
            setattr(changed, name, points.around(name, getattr(changed, name)))
    steps = {name: points.around(name, getattr(confluent_kafka.Producer, name)) for name in KAFKA_STEPS}
    setattr(confluent_kafka, "Producer", type("Producer", (confluent_kafka.Producer,), steps))  # noqa: B010 (a type)
    do(order)
    Path(order.folder, "points.txt").write_text("\n".join(points.passed))


def fork(order: Order) -> int:
    """The exit code of a child that does what the order says."""
    child = os.fork()
    if child == 0:
        try:
            work_watched(order)
        except BaseException as error:  # noqa: BLE001 - a child must never go on as if it were the parent
            sys.stderr.write(f"{order}: {error!r}\n")
            os._exit(1)
        os._exit(0)
    if order.seconds is not None:
        time.sleep(order.seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def warm(folder: Path) -> None:
    """Do once, for all children, what needs no DuckDB."""
    ours = ("pipelines.hand_off.hand_off", "pipelines.run", *(module for module, _ in SENDER_STEPS))
    for module in ("pyarrow", "polars", *ours):
        import_module(module)
    Project.open(folder).problems()
    for template in (Path(__file__).parents[2] / "sql").glob("*.jinja"):
        _environment().get_template(template.name)


def encode(order: Order) -> str:
    return json.dumps(asdict(order))


if __name__ == "__main__":
    warm(Path(__file__).parents[1] / "shop" / "1")
    for line in sys.stdin:
        sys.stdout.write(f"{fork(Order(**json.loads(line)))}\n")
        sys.stdout.flush()
