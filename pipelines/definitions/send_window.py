"""Reads a window of weekdays and hours: when a message may be sent, or when everybody is left alone."""

from __future__ import annotations

from pipelines.definitions.clock import parse_time, parse_weekday, time_zone
from pipelines.hint import nearest
from pipelines.model import SendWindow, Text
from pipelines.reader import Reader

EVERY_DAY = tuple(range(7))
MIDNIGHT = "00:00"
CUSTOMER = "customer"


def read_window(reader: Reader) -> SendWindow:
    """Reads ``days``, ``from``, ``to`` and ``timezone``, each of them optional."""
    days = [_read_weekday(reader, day) for day in reader.texts("days")]
    return SendWindow(
        days=tuple(sorted({day for day in days if day is not None})) or EVERY_DAY,
        start=reader.parsed("from", parse_time),
        stop=reader.parsed("to", _parse_stop),
        timezone=reader.parsed("timezone", _parse_zone),
    )


def _read_weekday(reader: Reader, day: Text) -> int | None:
    try:
        return parse_weekday(day.value)
    except ValueError as error:
        reader.report(day.position, str(error))
        return None


def _parse_stop(text: str) -> str | None:
    return None if text == "24:00" else parse_time(text)


def _parse_zone(text: str) -> str:
    if text != CUSTOMER and nearest(text, (CUSTOMER,)):
        raise ValueError(f"`{text}` is not a time zone; did you mean `{CUSTOMER}`?")
    return text if text == CUSTOMER else time_zone(text)
