"""Not more requests a second than a provider takes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Pace:
    """Lets requests pass one by one, evenly.

    Attributes:
        per_second: How many; None: as many as come.
    """

    per_second: int | None
    _next: float = field(default=0.0, repr=False)

    def wait(self) -> None:
        """Until the next request may go."""
        if self.per_second is None:
            return
        now = time.monotonic()
        if self._next > now:
            sleep(self._next - now)
        self._next = max(self._next, now) + 1 / self.per_second


def sleep(seconds: float) -> None:
    """Do nothing for a while."""
    time.sleep(seconds)
