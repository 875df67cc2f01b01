"""One hand-off at a time: a lock that a killed process gives back, and that the warehouse need not be open for."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from warehouse.adapter import LockedError
from warehouse.duckdb import wait_seconds

_POLL_SECONDS = 0.1


@contextlib.contextmanager
def only_hand_off(
    warehouse_path: Path, wait: float | None = None, notify: Callable[[str], None] = lambda _: None
) -> Iterator[None]:
    """Be the only one who hands off batches of a warehouse, or decides on those that nobody may be offering.

    Whoever is in here knows of every batch that stands as offered whether somebody is still at it: nobody is.

    Args:
        warehouse_path: The warehouse's file; the lock is a file beside it.
        wait: Seconds to wait for another hand-off; None: as SERIES_LOCK_WAIT says, or a minute.
        notify: Told once, when waiting begins.

    Raises:
        LockedError: Another hand-off went on for so long.
    """
    wait = wait_seconds() if wait is None else wait
    path = warehouse_path.with_name(f"{warehouse_path.name}.hand_off")
    with path.open("a+") as file:
        _acquire(file.fileno(), path, time.monotonic() + wait, wait, notify)
        os.ftruncate(file.fileno(), 0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def _acquire(descriptor: int, path: Path, deadline: float, wait: float, notify: Callable[[str], None]) -> None:
    told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = f"Another hand-off (process {path.read_text().strip() or 'unknown'}) is under way"
            if time.monotonic() >= deadline:
                raise LockedError(f"{holder} (waited {wait:g} s). Try again when it is done.") from error
            if not told:
                notify(f"{holder}; waiting for it.")
                told = True
            time.sleep(_POLL_SECONDS)
        else:
            return
