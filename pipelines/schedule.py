"""Schedules: whether a series is due, and the instants that people type."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise

from pipelines.problems import UsageError


def is_due(cron: str, newest_as_of: datetime | None, as_of: datetime) -> bool:
    """Whether a schedule has an instant after the newest run, up to and including ``as_of``.

    However many instants a late run has missed, it is one run.

    Args:
        cron: Five-field cron expression in UTC, already checked.
        newest_as_of: Naive UTC instant of the series' newest run; None when it never ran.
        as_of: Naive UTC instant of the run in question.

    >>> is_due("0 2 * * *", datetime(2026, 3, 1, 2), datetime(2026, 3, 2, 1, 59))
    False
    >>> is_due("0 2 * * *", datetime(2026, 3, 1, 2), datetime(2026, 3, 2, 2))
    True
    >>> is_due("0 2 * * *", None, datetime(2026, 3, 1))
    True
    """
    latest = latest_instant(cron, as_of)
    return latest is not None and (newest_as_of is None or latest > newest_as_of)


def latest_instant(cron: str, as_of: datetime) -> datetime | None:
    """The latest instant of a schedule, up to and including ``as_of``; None where it never had one.

    Args:
        cron: Five-field cron expression in UTC, already checked.
        as_of: Naive UTC instant.

    >>> latest_instant("0 2 * * *", datetime(2026, 3, 1, 1, 59))
    datetime.datetime(2026, 2, 28, 2, 0)
    """
    from cronsim import CronSim

    # Backwards iteration starts strictly before its start, and `as_of` itself counts.
    return next(CronSim(cron, as_of + timedelta(microseconds=1), reverse=True), None)


@cache
def longest_gap(cron: str) -> timedelta:
    """The longest time between one instant of a schedule and the next, as far as a year or so shows it.

    >>> longest_gap("0 2 * * *"), longest_gap("0 9 * * 1-5")
    (datetime.timedelta(days=1), datetime.timedelta(days=3))
    """
    from cronsim import CronSim

    instants = list(islice(CronSim(cron, datetime(2026, 1, 1)), 400))
    return max((later - earlier for earlier, later in pairwise(instants)), default=timedelta(days=366))


def parse_as_of(text: str) -> datetime:
    """Read an instant as people write it, as a naive UTC datetime.

    Args:
        text: ISO 8601, with ``Z`` or an offset; without either it is UTC, and a date is its midnight.

    Raises:
        UsageError: It is not such a text, or lies outside the years 1 to 9999.

    >>> parse_as_of("2026-03-01T10:00+01:00")
    datetime.datetime(2026, 3, 1, 9, 0)
    >>> parse_as_of("2026-03-01")
    datetime.datetime(2026, 3, 1, 0, 0)
    """
    try:
        instant = datetime.fromisoformat(text.strip())
        return instant.astimezone(UTC).replace(tzinfo=None) if instant.tzinfo else instant
    except (ValueError, OverflowError):
        raise UsageError(f"`{text}` is not an instant; write one such as 2026-03-01T09:00Z.") from None


def current_instant() -> datetime:
    """The wall clock as a naive UTC datetime in whole seconds: what ``as_of`` is when nobody says."""
    return datetime.now(UTC).replace(tzinfo=None, microsecond=0)


def format_instant(instant: datetime) -> str:
    """Write a naive UTC instant the way ``parse_as_of`` reads it, no finer than it needs to be.

    >>> format_instant(datetime(2026, 3, 1, 9, 0))
    '2026-03-01T09:00Z'
    >>> format_instant(datetime(2026, 3, 1, 9, 0, 30))
    '2026-03-01T09:00:30Z'
    """
    whole_minute = not (instant.second or instant.microsecond)
    return instant.isoformat(timespec="minutes" if whole_minute else "auto") + "Z"
