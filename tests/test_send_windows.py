"""Send windows and quiet hours equal a plain reading of the clock on the wall, in all zones and at clock changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.definitions.send_window import read_window
from pipelines.document import Fields, read_document
from pipelines.model import SendWindow
from pipelines.reader import Reader
from pipelines.wall_clock import open_zones
from tests.evaluator.clock import WEEKDAYS, window_is_open
from tests.worlds import dump

ZONES = (
    "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Chatham", "Australia/Lord_Howe", "America/St_Johns",
    "Africa/Casablanca", "Nowhere/City", "",
)  # fmt: skip
CHANGES = (datetime(2026, 3, 29, 1), datetime(2026, 10, 25, 1), datetime(2026, 3, 8, 7), datetime(2026, 11, 1, 6))
QUARTER = timedelta(minutes=15)
times = st.builds("{:02}:{:02}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
windows = st.fixed_dictionaries(
    {},
    optional={
        "days": st.lists(st.sampled_from(WEEKDAYS), min_size=1, unique=True),
        "from": times,
        "to": times,
        "timezone": st.sampled_from(["customer", "Europe/Berlin", "America/New_York"]),
    },
)
instants = st.builds(
    lambda change, quarters, seconds: change + quarters * QUARTER + timedelta(seconds=seconds),
    st.sampled_from(CHANGES),
    st.integers(-200, 200),
    st.sampled_from([0, 0, -1, 1]),
)


def read(window: dict[str, Any]) -> SendWindow:
    node, _ = read_document(dump(window), "series.yml")
    assert isinstance(node, Fields)
    return read_window(Reader(node, "`send`", None, []))


def is_open(window: SendWindow, zone: str, project_zone: str, instant: datetime) -> bool:
    asked = zone if window.timezone == "customer" else ""
    return asked in open_zones(window, project_zone, [zone], instant)


@settings(derandomize=True, database=None, max_examples=300, deadline=None)
@given(windows, st.sampled_from(ZONES), st.sampled_from(["UTC", "Asia/Kathmandu"]), instants)
def test_a_window_is_open_when_a_clock_on_the_wall_says_so(
    window: dict[str, Any], zone: str, project_zone: str, instant: datetime
) -> None:
    assert is_open(read(window), zone, project_zone, instant) == window_is_open(window, instant, zone, project_zone)


@settings(derandomize=True, database=None, max_examples=20, deadline=None)
@given(windows, st.sampled_from(ZONES), st.sampled_from(CHANGES))
def test_no_window_is_skipped_for_good(raw: dict[str, Any], zone: str, change: datetime) -> None:
    """A clock change may skip one night's window, never the one a week later."""
    window, week = read(raw), 7 * 96
    opened = [
        quarter for quarter in range(-week, week + 96) if is_open(window, zone, "UTC", change + quarter * QUARTER)
    ]
    assert min(opened) < 96
    assert max(opened) >= 0
