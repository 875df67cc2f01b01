"""Wall clocks (SPEC 2 and 3): send windows and `wait_until`. Instants are naive UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = timedelta(days=1)


def as_utc(value: Any) -> datetime:
    """A time as naive UTC: naive is UTC, zoned is converted, a date is its midnight."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


def zone_of(name: Any, default: str) -> ZoneInfo:
    """The named zone; the default for an unknown one."""
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else ZoneInfo(default)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return ZoneInfo(default)


def local(instant: datetime, zone: ZoneInfo) -> datetime:
    """What the wall clock of the zone shows, naive."""
    return instant.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """The instant this wall clock shows: the first of a repeated time, of a skipped one the end of the gap.

    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> str(instant_of(datetime(2026, 3, 29, 2, 30), berlin)), str(instant_of(datetime(2026, 10, 25, 2, 30), berlin))
    ('2026-03-29 01:00:00', '2026-10-25 00:30:00')
    """
    instant = as_utc(wall.replace(tzinfo=zone, fold=0))
    if local(instant, zone) == wall:
        return instant
    while local(instant, zone) >= wall:
        instant -= timedelta(minutes=1)
    return instant + timedelta(minutes=1)


def window_is_open(send: dict[str, Any] | None, instant: datetime, customer_zone: Any, project_zone: str) -> bool:
    """Whether a message may go out: `from` counts and `to` does not; over midnight belongs to the day it begins."""
    if send is None:
        return True
    named = send.get("timezone", project_zone)
    now = local(instant, zone_of(customer_zone if named == "customer" else named, project_zone))
    start, end = time.fromisoformat(send.get("from", "00:00")), send.get("to")
    days = [day[:3].lower() for day in send.get("days", WEEKDAYS)]
    today, yesterday = WEEKDAYS[now.weekday()], WEEKDAYS[(now - DAY).weekday()]
    if end is None:
        return today in days and now.time() >= start
    stop = time.fromisoformat(end)
    if start < stop:
        return today in days and start <= now.time() < stop
    return (today in days and now.time() >= start) or (yesterday in days and now.time() < stop)


def named_moment(text: str, arrived_at: datetime, zone_name: str) -> datetime | None:
    """When `wait_until` is over if it names a date-time, a weekday and time, or a time; None for an expression."""
    zone = ZoneInfo(zone_name)
    if re.fullmatch(r"\d{4}-\d\d-\d\d([ T].*)?", text):
        moment = datetime.fromisoformat(text)
        return as_utc(moment) if moment.tzinfo else instant_of(moment, zone)
    match = re.fullmatch(r"(?:([a-z]{3})[a-z]* )?(\d\d?:\d\d)(z|[+-]\d\d:\d\d)?", text.lower())
    if not match or (match[1] and match[1] not in WEEKDAYS):
        return None
    if match[3]:
        offset = datetime.fromisoformat(f"2026-01-01T00:00{match[3].upper()}").utcoffset()
        assert offset is not None
        moment = next_moment(match[1], time.fromisoformat(match[2].zfill(5)), arrived_at + offset, ZoneInfo("UTC"))
        return moment - offset
    return next_moment(match[1], time.fromisoformat(match[2].zfill(5)), arrived_at, zone)


def next_moment(weekday: str | None, at_time: time, arrived_at: datetime, zone: ZoneInfo) -> datetime:
    """The first such moment at or after `arrived_at`."""
    day: date = local(arrived_at, zone).date() - DAY
    while True:
        moment = instant_of(datetime.combine(day, at_time), zone)
        if moment >= arrived_at and weekday in (None, WEEKDAYS[day.weekday()]):
            return moment
        day += DAY
