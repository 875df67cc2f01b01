"""When an asset that a schedule makes is too old."""

from collections.abc import Iterable
from datetime import timedelta

from dagster import FreshnessPolicy

from pipelines.model import Series
from pipelines.schedule import longest_gap

_GRACE = timedelta(hours=1)
_RUNNING = ("live", "emptying", "stopped")


def series_freshness(series: Series) -> FreshnessPolicy | None:
    """A series runs as often as its schedule says; None for one that no run looks at."""
    return _no_older_than(longest_gap(series.schedule)) if series.status in _RUNNING else None


def run_freshness(all_series: Iterable[Series]) -> FreshnessPolicy | None:
    """What every run makes is made as often as the most frequent of the series runs; None where none runs."""
    gaps = [longest_gap(series.schedule) for series in all_series if series.status in _RUNNING]
    return _no_older_than(min(gaps)) if gaps else None


def _no_older_than(gap: timedelta) -> FreshnessPolicy:
    """The longest time between two runs, and some for the run itself: as much again, an hour at most."""
    return FreshnessPolicy.time_window(fail_window=gap + min(gap, _GRACE))
