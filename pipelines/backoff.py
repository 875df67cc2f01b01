"""When a batch is offered again that its sender did not take."""

from __future__ import annotations

from random import random

MOST_ATTEMPTS = 10
"""How often a batch is offered by itself; what is not taken then is ``failed``, and waits for a person."""

_FIRST = 15.0
_LONGEST = 3_600.0
LONGEST_ASKED = 86_400.0
"""Seconds that a sender may ask for at most; a day."""


def seconds_until_next(attempts: int, retry_after: float | None = None, chance: float | None = None) -> float:
    """How long to wait after so many attempts: twice as long each time, and not all at the same moment.

    Args:
        attempts: How often it was offered, the last time included; at least 1.
        retry_after: Seconds that the sender asked for; they are honoured, up to a day.
        chance: A number from 0 to 1 for the jitter; None draws one.

    >>> [seconds_until_next(attempts, chance=1) for attempts in (1, 2, 3, 10)]
    [15.0, 30.0, 60.0, 3600.0]
    >>> seconds_until_next(1, chance=0), seconds_until_next(1, retry_after=120, chance=1)
    (7.5, 120.0)
    """
    usual = min(_FIRST * 2.0 ** min(attempts - 1, 20), _LONGEST)
    jittered = usual * (0.5 + 0.5 * (random() if chance is None else chance))  # noqa: S311 (no secret)
    return max(jittered, min(float(retry_after or 0), LONGEST_ASKED))
