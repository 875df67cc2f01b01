"""When a schedule is due, and the instants that people type."""

from __future__ import annotations

from datetime import datetime

import pytest

from pipelines.problems import UsageError
from pipelines.schedule import format_instant, is_due, parse_as_of

HOURLY = "0 * * * *"
NIGHTLY = "0 2 * * *"
MONDAYS = "30 9 * * mon"


@pytest.mark.parametrize(
    ("cron", "newest", "as_of", "due"),
    [
        (HOURLY, "2026-03-01T09:00", "2026-03-01T09:00", False),
        (HOURLY, "2026-03-01T09:00", "2026-03-01T09:59:59.999999", False),
        (HOURLY, "2026-03-01T09:00", "2026-03-01T10:00", True),
        (HOURLY, "2026-03-01T09:00", "2026-03-01T10:00:00.000001", True),
        (HOURLY, "2026-03-01T09:07", "2026-03-01T09:53", False),
        (HOURLY, "2026-03-01T08:59:59", "2026-03-01T09:00", True),
        (HOURLY, "2026-03-05T00:00", "2026-03-01T09:00", False),
        (NIGHTLY, "2026-03-01T02:00", "2026-03-02T01:59", False),
        (NIGHTLY, "2026-03-01T02:00", "2026-03-02T02:00", True),
        (NIGHTLY, "2026-03-01T02:00", "2026-05-01T12:00", True),
        (MONDAYS, "2026-03-02T09:30", "2026-03-08T23:59", False),
        (MONDAYS, "2026-03-02T09:30", "2026-03-09T09:30", True),
        ("0 0 29 2 *", "2024-02-29T00:00", "2028-02-28T23:59", False),
        ("0 0 29 2 *", "2024-02-29T00:00", "2028-02-29T00:00", True),
    ],
)
def test_due_when_an_instant_lies_after_the_newest_run(cron: str, newest: str, as_of: str, due: bool) -> None:
    assert is_due(cron, datetime.fromisoformat(newest), datetime.fromisoformat(as_of)) is due


def test_a_series_that_never_ran_is_due() -> None:
    assert is_due(MONDAYS, None, datetime(2026, 3, 4))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-01T09:00Z", "2026-03-01T09:00"),
        ("2026-03-01T09:00", "2026-03-01T09:00"),
        ("2026-03-01 09:00:30", "2026-03-01T09:00:30"),
        ("2026-03-01T09:00:00.25Z", "2026-03-01T09:00:00.250000"),
        ("2026-03-01T00:30+01:00", "2026-02-28T23:30"),
        ("2026-03-01", "2026-03-01T00:00"),
        (" 2026-03-01T09:00Z ", "2026-03-01T09:00"),
    ],
)
def test_instants_are_read_as_utc(text: str, instant: str) -> None:
    assert parse_as_of(text) == datetime.fromisoformat(instant)


@pytest.mark.parametrize("text", ["", "now", "2026-13-01", "2026-02-30T00:00Z", "9 am", "0001-01-01T00:00+10:00"])
def test_other_texts_are_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="is not an instant; write one such as 2026-03-01T09:00Z"):
        parse_as_of(text)


@pytest.mark.parametrize("text", ["2026-03-01T09:00Z", "2026-03-01T09:00:01Z", "2026-03-01T09:00:00.000001Z"])
def test_instants_are_written_as_they_are_read(text: str) -> None:
    assert format_instant(parse_as_of(text)) == text
