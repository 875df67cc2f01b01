"""Reads the sending policy of ``series.yml``: what holds messages back whatever their series say."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from datetime import timedelta

from pipelines.definitions.send_window import EVERY_DAY, MIDNIGHT, read_window
from pipelines.definitions.vocabulary import ALL_CHANNELS, QUIET_HOURS
from pipelines.document import Fields
from pipelines.duration import parse_duration
from pipelines.hint import did_you_mean
from pipelines.model import SUPPRESSING_KINDS, Limit, Policy, QuietHours
from pipelines.reader import Reader

_CAP = re.compile(r"\s*([0-9]{1,6})\s+per\s+(.+)", re.ASCII | re.IGNORECASE)


def read_policy(sending: Reader, channels: Collection[str]) -> Policy:
    """Reads the policy from the mapping ``sending``.

    Args:
        sending: The mapping.
        channels: The names of all channels.
    """
    return Policy(
        quiet_hours=_read_quiet_hours(sending, channels),
        limits=(*_read_caps(sending, channels), *_read_gaps(sending, channels)),
        suppress=_read_suppress(sending),
        test_customers=sending.text("test_customers"),
        stopped=sending.boolean("stopped") or False,
    )


def parse_cap(text: str) -> tuple[int, timedelta]:
    """Reads how many messages a customer gets within which time.

    >>> parse_cap("2 per 1 day")
    (2, datetime.timedelta(days=1))

    Raises:
        ValueError: It is anything else; the message says what one looks like.
    """
    found = _CAP.fullmatch(text)
    if not found or int(found[1]) == 0:
        raise ValueError(f"`{text}` is not a cap; write a number of messages from 1 and a time, such as `2 per 1 day`")
    within = parse_duration(found[2])
    if not within:
        raise ValueError(f"the time of the cap `{text}` must be longer than nothing")
    return int(found[1]), within


def _read_caps(sending: Reader, channels: Collection[str]) -> Iterator[Limit]:
    reader = sending.inner("caps", None)
    if reader is None:
        return
    for name in _known(reader, channels):
        for text in reader.texts(name):
            try:
                most, within = parse_cap(text.value)
            except ValueError as error:
                reader.report(text.position, str(error))
            else:
                yield Limit("cap", None if name == ALL_CHANNELS else name, most, within)


def _read_gaps(sending: Reader, channels: Collection[str]) -> Iterator[Limit]:
    entry = sending.node.entries.get("gap")
    if entry is None:
        return
    if not isinstance(entry.value, Fields):
        if within := sending.duration("gap"):
            yield Limit("gap", None, 1, within)
        return
    reader = Reader(entry.value, f"`gap` of {sending.where}", None, sending.problems)
    for name in _known(reader, channels):
        if within := reader.duration(name):
            yield Limit("gap", None if name == ALL_CHANNELS else name, 1, within)


def _read_suppress(sending: Reader) -> tuple[str, ...]:
    found = []
    for text in sending.texts("suppress"):
        if text.value in SUPPRESSING_KINDS:
            found.append(text.value)
        else:
            hint = did_you_mean(text.value, SUPPRESSING_KINDS)
            kinds = ", ".join(f"`{kind}`" for kind in SUPPRESSING_KINDS)
            sending.report(text.position, f"`suppress` cannot be `{text}`{hint or f'; write some of {kinds}'}")
    return tuple(sorted(found))


def _known(reader: Reader, channels: Collection[str]) -> list[str]:
    """The keys that are channels or ``all``; the others are problems."""
    reader.refuse_unknown({ALL_CHANNELS, *channels})
    return [name for name in reader.node.entries if name == ALL_CHANNELS or name in channels]


def _read_quiet_hours(sending: Reader, channels: Collection[str]) -> QuietHours | None:
    reader = sending.inner("quiet_hours", QUIET_HOURS)
    if reader is None:
        return None
    so_far = len(reader.problems)
    window = read_window(reader)
    never_ends = window.days == EVERY_DAY and (window.start or MIDNIGHT) == (window.stop or MIDNIGHT)
    if never_ends and len(reader.problems) == so_far:
        reader.report(reader.position, f"{reader.where} would never end; say `from` and `to`, or `days`")
    return QuietHours(window, _read_channels(reader, channels))


def _read_channels(reader: Reader, channels: Collection[str]) -> tuple[str, ...]:
    found = []
    for text in reader.texts("channels"):
        if text.value in channels:
            found.append(text.value)
        else:
            hint = did_you_mean(text.value, channels) or "; declare it under `channels`"
            reader.report(text.position, f"there is no channel `{text}`{hint}")
    return tuple(sorted(found))
