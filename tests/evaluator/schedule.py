"""When a series is due (SPEC 7, `--due`): minute by minute, in UTC."""

from __future__ import annotations

from datetime import datetime, timedelta

NAMED = {"hourly": "0 * * * *", "nightly": "0 2 * * *"}
MINUTE = timedelta(minutes=1)


def is_due(schedule: str, newest: datetime | None, as_of: datetime) -> bool:
    """Whether the schedule has an instant after `newest` and up to `as_of`; None ran never, and is due.

    >>> is_due("nightly", datetime(2026, 3, 2, 1), datetime(2026, 3, 2, 2))
    True
    >>> is_due("30 */3 * * *", datetime(2026, 3, 2, 3, 30), datetime(2026, 3, 2, 6))
    False
    """
    if newest is None:
        return True
    moment = as_of.replace(second=0, microsecond=0)
    while moment > newest:
        if is_instant(NAMED.get(schedule, schedule), moment):
            return True
        moment -= MINUTE
    return False


def is_instant(cron: str, moment: datetime) -> bool:
    """Whether the five fields meet the moment. Not for expressions that restrict both kinds of day."""
    parts = (moment.minute, moment.hour, moment.day, moment.month, moment.isoweekday() % 7)
    return all(meets(field, part) for field, part in zip(cron.split(), parts, strict=True))


def meets(field: str, part: int) -> bool:
    if field.startswith("*/"):
        return part % int(field[2:]) == 0
    return field == "*" or part in [int(one) for one in field.split(",")]
