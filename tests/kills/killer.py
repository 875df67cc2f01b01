"""Who kills the work, and where."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from tests.kills.killed import Order, encode

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("SERIES_KILLS", "56"))


class Killer:
    """The parent of the runs that are killed (see `tests.kills.killed`)."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kills.killed"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def fork(self, order: Order) -> int:
        """The exit code of a run; a negative one is the signal that ended it."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(encode(order) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate()


def chosen(points: Sequence[str], count: int, calls: Collection[str]) -> list[int]:
    """Some points, evenly spread: half of them around these calls, half around others."""
    around = [number for number, name in enumerate(points) if name.split()[1] in calls]
    # In the order of their names, so that none of the few kinds is left out.
    others = sorted(set(range(len(points))) - set(around), key=lambda number: points[number])
    return [*spread(around, count // 2), *spread(others, count - count // 2)]


def spread(numbers: Sequence[int], count: int) -> list[int]:
    step = max(len(numbers) / count, 1)
    return [numbers[int(place * step)] for place in range(int(len(numbers) / step))]
