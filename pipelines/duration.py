"""Lengths of time as people write them: ``90 minutes``, ``1 day``, ``2 weeks``."""

from __future__ import annotations

import re
from datetime import timedelta

UNITS = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
LONGEST = timedelta(days=36_500)
FORM = "a whole number and `minutes`, `hours`, `days` or `weeks`, such as `3 days`"

_DURATION = re.compile(r"\s*([0-9]{1,9})\s+([a-z]+?)s?\s*", re.ASCII | re.IGNORECASE)


def parse_duration(text: str) -> timedelta:
    """Reads ``<n> minutes|hours|days|weeks``; singular and plural are the same, a day is 24 hours.

    >>> parse_duration("90 minutes")
    datetime.timedelta(seconds=5400)
    >>> parse_duration("1 week")
    datetime.timedelta(days=7)

    Raises:
        ValueError: It is anything else, or longer than a hundred years; the message says which.
    """
    found = _DURATION.fullmatch(text)
    unit = UNITS.get(found[2].lower()) if found else None
    if not found or unit is None:
        raise ValueError(f"`{text}` is not a duration; write {FORM}")
    if (length := int(found[1]) * unit) > LONGEST:
        raise ValueError(f"`{text}` is longer than a hundred years ({LONGEST.days} days)")
    return length


def format_duration(length: timedelta) -> str:
    """Writes a duration in its largest whole unit.

    >>> format_duration(timedelta(days=14)), format_duration(timedelta(minutes=90)), format_duration(timedelta(0))
    ('2 weeks', '90 minutes', '0 minutes')
    """
    unit = next((name for name, one in reversed(UNITS.items()) if length and not length % one), "minute")
    count = length // UNITS[unit]
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
