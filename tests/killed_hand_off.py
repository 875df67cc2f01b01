"""A hand-off in a process that ends itself with SIGKILL: ``python killed_hand_off.py PROJECT_FOLDER POINT``.

POINT is the name of an audit event of the interpreter and which of its occurrences it is about: ``os.link:2`` is just
before the second file of the hand-off gets its name. ``mark`` is after the files and before the transaction that marks.
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path

from pipelines.hand_off.hand_off import hand_off
from tests.test_hand_off import AS_OF, definitions
from warehouse.duckdb import DuckDB


def die() -> datetime:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("still alive")


def die_at(event: str, occurrence: int) -> None:
    seen = 0

    def watch(name: str, _: tuple[object, ...]) -> None:
        nonlocal seen
        if name == event:
            seen += 1
            if seen == occurrence:
                die()

    sys.addaudithook(watch)


if __name__ == "__main__":
    folder, point = Path(sys.argv[1]), sys.argv[2]
    if point != "mark":
        event, _, occurrence = point.partition(":")
        die_at(event, int(occurrence))
    moments = iter([AS_OF])

    def clock() -> datetime:
        """Asked when batches are chosen, and again when they are marked."""
        return next(moments, None) or die()

    hand_off(lambda: closing(DuckDB.open(folder / "w.duckdb")), definitions(), folder, AS_OF, clock=clock)
