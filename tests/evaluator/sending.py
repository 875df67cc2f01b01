"""The sending policy of `series.yml`, as README, "When messages may be sent", tells it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from tests.evaluator.clock import window_is_open
from tests.evaluator.definition import Project


def is_quiet(project: Project, channel: str, as_of: datetime, customer_zone: Any) -> bool:
    """Quiet hours are a window like any other, only that nothing is sent while it is open."""
    quiet = project.sending.get("quiet_hours")
    if quiet is None or channel not in quiet.get("channels", [channel]):
        return False
    return window_is_open(quiet, as_of, customer_zone, project.timezone)
