"""What a demo tells: how many customers, for how long, from when on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Story:
    """What is told.

    Attributes:
        customers: How many there are when it begins; more sign up while it goes on.
        hours: How long it goes on, which is how many runs there are.
        seed: Another seed is another company.
        starts_at: The first run, naive UTC, on the hour.
    """

    customers: int = 5_000
    hours: int = 336
    seed: int = 1
    starts_at: datetime = datetime(2026, 3, 2)

    @property
    def ends_at(self) -> datetime:
        """When the hour after the last run is over (naive UTC)."""
        return self.starts_at + self.hours * HOUR

    @property
    def instants(self) -> Sequence[datetime]:
        """The instants of the runs (naive UTC)."""
        return [self.starts_at + hour * HOUR for hour in range(self.hours)]
