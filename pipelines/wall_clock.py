"""Wall-clock moments as instants: what a time in a zone means where clocks are moved.

Zones come from the `tzdata` package, not from the machine, so that every machine agrees. A local time that a clock
change skips is the first instant after the gap; one that it repeats is the first of the two (SPEC 3).
"""

from __future__ import annotations

import zoneinfo
from datetime import UTC, date, datetime, time, timedelta, timezone
from itertools import pairwise

from pipelines.model import DateTime, WeekdayTime

zoneinfo.reset_tzpath(to=())

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def utc_of_local(local: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    """The naive UTC instant of a naive local time."""
    early, late = (_naive(local.replace(tzinfo=zone, fold=fold)) for fold in (1, 0))
    if _local(late, zone) == local:
        return late
    # The time is skipped: the clock moves somewhere after `early` and no later than `late`.
    before = _local(early, zone) - early
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        if middle <= early:
            break
        early, late = (middle, late) if _local(middle, zone) - middle == before else (early, middle)
    return late.replace(microsecond=0)


def instant_of(moment: DateTime, project_zone: str) -> datetime:
    """The naive UTC instant of a date-time of a definition."""
    local = datetime.fromisoformat(moment.local)
    if moment.timezone is None:
        return utc_of_local(local, zoneinfo.ZoneInfo(project_zone))
    if moment.timezone == "UTC":
        return local
    sign = -1 if moment.timezone[0] == "-" else 1
    hours, minutes = map(int, moment.timezone[1:].split(":"))
    return _naive(local.replace(tzinfo=timezone(sign * timedelta(hours=hours, minutes=minutes))))


def moments_between(
    wanted: WeekdayTime, project_zone: str, since: datetime, until: datetime
) -> list[tuple[datetime, datetime]]:
    """Every such moment with the one before it, so that each instant of [since, until] lies in one (previous, moment].

    All naive UTC. Who arrives within the span is due at the moment of theirs.
    """
    zone = zoneinfo.ZoneInfo(wanted.timezone or project_zone)
    clock = time.fromisoformat(wanted.time)
    first, last = _local(since, zone).date() - 9 * _DAY, _local(until, zone).date() + 9 * _DAY
    days = (first + number * _DAY for number in range((last - first).days + 1))
    moments = sorted({_moment(day, clock, zone) for day in days if wanted.weekday in (None, day.weekday())})
    return [(before, after) for before, after in pairwise(moments) if after >= since and before < until]


def _moment(day: date, clock: time, zone: zoneinfo.ZoneInfo) -> datetime:
    return utc_of_local(datetime.combine(day, clock), zone)


def _naive(aware: datetime) -> datetime:
    return aware.astimezone(UTC).replace(tzinfo=None)


def _local(instant: datetime, zone: zoneinfo.ZoneInfo) -> datetime:
    return instant.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
