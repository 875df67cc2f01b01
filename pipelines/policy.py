"""Reads the sending policy of ``series.yml``: what holds messages back whatever their series say."""

from __future__ import annotations

from collections.abc import Collection

from pipelines.hint import did_you_mean
from pipelines.model import Policy, QuietHours
from pipelines.reader import Reader
from pipelines.send_window import EVERY_DAY, MIDNIGHT, read_window
from pipelines.vocabulary import QUIET_HOURS


def read_policy(sending: Reader, channels: Collection[str]) -> Policy:
    """Reads the policy from the mapping ``sending``.

    Args:
        sending: The mapping.
        channels: The names of all channels.
    """
    return Policy(quiet_hours=_read_quiet_hours(sending, channels))


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
