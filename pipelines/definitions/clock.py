"""Wall-clock moments as people write them: ``09:00``, ``monday 09:00``, ``2026-03-02 14:00+01:00``, time zones."""

from __future__ import annotations

import re
from datetime import datetime

from pipelines.definitions.vocabulary import WEEKDAYS
from pipelines.hint import did_you_mean, nearest
from pipelines.model import DateTime, WeekdayTime

_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_ZONE = r"(?P<zone>[Zz]|[-+][0-9]{2}(:?[0-9]{2})?)?"
_WEEKDAY_TIME = re.compile(rf"((?P<weekday>[a-z]+)\s+)?(?P<time>[0-9]{{1,2}}:[0-9]{{2}})\s*{_ZONE}", re.IGNORECASE)
_DATE_TIME = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2})([Tt ]\s*(?P<time>[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?))?"
    rf"\s*{_ZONE}"
)


def parse_time(text: str) -> str:
    """Reads a time of day and writes it as ``HH:MM``.

    >>> parse_time("9:00")
    '09:00'

    Raises:
        ValueError: It is no time of day; the message says what one looks like.
    """
    found = _TIME.fullmatch(text.strip())
    if not found or int(found[1]) > 23 or int(found[2]) > 59:
        raise ValueError(f"`{text}` is not a time of day; write hours and minutes, from 00:00 to 23:59")
    return f"{int(found[1]):02}:{found[2]}"


def parse_weekday(text: str) -> int:
    """Reads a weekday by its name or first three letters; Monday is 0.

    >>> parse_weekday("mon"), parse_weekday("Sunday")
    (0, 6)

    Raises:
        ValueError: It is no weekday; the message names the nearest.
    """
    word = text.strip().lower()
    for number, weekday in enumerate(WEEKDAYS):
        if word in (weekday, weekday[:3]):
            return number
    hint = did_you_mean(text, (*WEEKDAYS, *(weekday[:3] for weekday in WEEKDAYS)))
    raise ValueError(f"`{text}` is not a weekday{hint or '; write one such as `monday`'}")


def parse_moment(text: str) -> WeekdayTime | DateTime | None:
    """Reads a date-time, a weekday and time, or a time, each with or without an offset; None when it looks like none.

    >>> parse_moment("monday 9:00")
    WeekdayTime(time='09:00', weekday=0, timezone=None)
    >>> parse_moment("9:00+02:00")
    WeekdayTime(time='09:00', weekday=None, timezone='+02:00')
    >>> parse_moment("2026-03-02 14:00Z")
    DateTime(local='2026-03-02T14:00:00', timezone='UTC')
    >>> parse_moment("trial_ends_at - interval '3 days'")

    Raises:
        ValueError: It looks like one of them and is none, such as ``25:00`` or the 30th of February.
    """
    text = text.strip()
    if found := _DATE_TIME.fullmatch(text):
        return _date_time(found)
    if found := _WEEKDAY_TIME.fullmatch(text):
        weekday = parse_weekday(found["weekday"]) if found["weekday"] else None
        return WeekdayTime(parse_time(found["time"]), weekday, _zone(found["zone"]))
    return None


def time_zone(name: str) -> str:
    """Reads the name of an IANA time zone.

    Raises:
        ValueError: There is no such zone; the message names the nearest.
    """
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        near = nearest(name, zoneinfo.available_timezones())
        hint = f"did you mean `{near}`?" if near else "write one such as `Europe/Berlin`"
        raise ValueError(f"`{name}` is not a time zone; {hint}") from None
    return name


def _date_time(found: re.Match[str]) -> DateTime:
    year, month, day = map(int, found["date"].split("-"))
    clock = (found["time"] or "00:00").zfill(5 if (found["time"] or "").count(":") < 2 else 8)
    try:
        local = datetime.fromisoformat(f"{year:04}-{month:02}-{day:02}T{clock}")
        zone = _zone(found["zone"])
    except ValueError:
        raise ValueError(f"`{found[0]}` is not a date and time; write one such as 2026-03-02 14:00") from None
    return DateTime(local.isoformat(), zone)


def _zone(text: str | None) -> str | None:
    """``UTC``, ``+02:00``, or None when nothing is said."""
    if text is None:
        return None
    if text in "Zz":
        return "UTC"
    hours, minutes = int(text[1:3]), int(text[3:].removeprefix(":") or 0)
    if hours > 23 or minutes > 59:
        raise ValueError(f"`{text}` is not an offset from UTC; write one such as +02:00")
    return f"{text[0]}{hours:02}:{minutes:02}"
