"""Wall-clock moments as instants: what a time in a zone means where clocks are moved.

Zones come from the `tzdata` package, not from the machine, so that every machine agrees. A local time that a clock
change skips is the first instant after the gap; one that it repeats is the first of the two (SPEC 3).
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from functools import cache
from itertools import pairwise

from pipelines.model import DateTime, SendWindow, WeekdayTime

zoneinfo.reset_tzpath(to=())

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def utc_of_local(local: datetime, zone: tzinfo) -> datetime:
    """The naive UTC instant of a naive local time."""
    early, late = (_naive(local.replace(tzinfo=zone, fold=fold)) for fold in (1, 0))
    if local_of_utc(late, zone) == local:
        return late
    # The time is skipped: the clock moves somewhere after `early` and no later than `late`.
    before = local_of_utc(early, zone) - early
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        middle = middle.replace(microsecond=0)
        if middle <= early:
            break
        early, late = (middle, late) if local_of_utc(middle, zone) - middle == before else (early, middle)
    return late.replace(microsecond=0)


def local_of_utc(instant: datetime, zone: tzinfo) -> datetime:
    """The naive local time of a naive UTC instant."""
    return instant.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)


def offsets_between(zone: zoneinfo.ZoneInfo, since: datetime, until: datetime) -> list[tuple[datetime, timedelta]]:
    """How far a zone's clocks are from UTC over a span of time.

    >>> berlin = offsets_between(zoneinfo.ZoneInfo("Europe/Berlin"), datetime(2026, 3, 28), datetime(2026, 11, 1))
    >>> [(str(since), str(offset)) for since, offset in berlin]  # doctest: +NORMALIZE_WHITESPACE
    [('2026-03-28 00:00:00', '1:00:00'), ('2026-03-29 01:00:00', '2:00:00'), ('2026-10-25 01:00:00', '1:00:00')]

    Args:
        zone: The zone.
        since: The first instant, naive UTC.
        until: The last one, not before it.

    Returns:
        Instants, naive UTC, with the offset that holds from each until the next; the first is ``since``.
    """
    found = [(since, local_of_utc(since, zone) - since)]
    before = since
    while before < until:
        after = min(before + _DAY, until)
        if local_of_utc(after, zone) - after != found[-1][1]:
            changed = _change_between(zone, before, after)
            found.append((changed, local_of_utc(changed, zone) - changed))
        before = after
    return found


def _change_between(zone: zoneinfo.ZoneInfo, early: datetime, late: datetime) -> datetime:
    """The second at which the offset becomes another one; clocks are not changed twice a day."""
    before = local_of_utc(early, zone) - early
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        early, late = (middle, late) if local_of_utc(middle, zone) - middle == before else (early, middle)
    return late.replace(microsecond=0)


def instant_of(moment: DateTime, project_zone: str) -> datetime:
    """The naive UTC instant of a date-time of a definition."""
    return utc_of_local(datetime.fromisoformat(moment.local), _zone(moment.timezone or project_zone))


def moments_between(
    wanted: WeekdayTime, project_zone: str, since: datetime, until: datetime
) -> list[tuple[datetime, datetime]]:
    """Every such moment with the one before it, so that each instant of [since, until] lies in one (previous, moment].

    All naive UTC. Who arrives within the span is due at the moment of theirs.
    """
    zone = _zone(wanted.timezone or project_zone)
    clock = time.fromisoformat(wanted.time)
    first, last = local_of_utc(since, zone).date() - 9 * _DAY, local_of_utc(until, zone).date() + 9 * _DAY
    days = (first + number * _DAY for number in range((last - first).days + 1))
    moments = sorted({_moment(day, clock, zone) for day in days if wanted.weekday in (None, day.weekday())})
    return [(before, after) for before, after in pairwise(moments) if after >= since and before < until]


def open_zones(window: SendWindow, project_zone: str, zones: Iterable[str], instant: datetime) -> list[str]:
    """The time zones in which a message may be sent now.

    Args:
        window: The send window.
        project_zone: The project's zone, which also stands for every zone that does not exist.
        zones: The customers' time zones as they write them; asked for only where the window is in theirs.
        instant: Now, naive UTC.

    Returns:
        Those of ``zones`` where the window is open, and an empty text where it is open for everybody else: in the
        window's own zone, or the project's.
    """
    asked = {"": window.timezone or project_zone}
    if window.timezone == "customer":
        asked = {"": project_zone} | {zone: zone if is_zone(zone) else project_zone for zone in zones}
    return [name for name, zone in asked.items() if _is_open(window, local_of_utc(instant, _zone(zone)))]


def is_zone(name: str) -> bool:
    """Whether there is such an IANA time zone."""
    return name in _zones()


def _is_open(window: SendWindow, local: datetime) -> bool:
    """A window over midnight belongs to the day it begins; ``start`` counts and ``stop`` does not."""
    start, stop = time.fromisoformat(window.start or "00:00"), time.fromisoformat(window.stop or "00:00")
    length = _DAY if stop <= start else timedelta(0)
    return any(
        day.weekday() in window.days and datetime.combine(day, start) <= local < datetime.combine(day, stop) + length
        for day in (local.date(), local.date() - _DAY)
    )


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


@cache
def _zone(name: str) -> tzinfo:
    """An IANA zone, or a fixed offset such as ``+02:00``; kept, because `zoneinfo` itself keeps only eight."""
    if name[0] not in "+-":
        return zoneinfo.ZoneInfo(name)
    hours, minutes = map(int, name[1:].split(":"))
    return timezone((1 if name[0] == "+" else -1) * timedelta(hours=hours, minutes=minutes))


def _moment(day: date, clock: time, zone: tzinfo) -> datetime:
    return utc_of_local(datetime.combine(day, clock), zone)


def _naive(aware: datetime) -> datetime:
    return aware.astimezone(UTC).replace(tzinfo=None)
