"""What the sending policy adds to the step that judges messages: the structure of ``sql/policy.sql.jinja``.

Each function is asked for the channels of one step and gives None where the policy asks nothing of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.job import Job, literals
from pipelines.model import Limit, Policy
from pipelines.sql_text import interval, literal


def quiet_hours(policy: Policy, channels: Sequence[str]) -> Mapping[str, Any] | None:
    """Which of the channels keep quiet hours, and whether by the customer's clock."""
    quiet = policy.quiet_hours
    if quiet is None:
        return None
    names = [name for name in channels if not quiet.channels or name in quiet.channels]
    return {"channels": literals(names), "by_customer": quiet.window.timezone == "customer"} if names else None


def limits(policy: Policy, channels: Sequence[str]) -> Mapping[str, Any] | None:
    """Caps and gaps on the channels, each under the name of the column that counts for it."""
    asked = [limit for limit in policy.limits if limit.channel is None or limit.channel in channels]
    if not asked:
        return None
    named = [(f"limit_{number}", limit) for number, limit in enumerate(asked)]
    limited = {limit.channel for limit in asked}
    return {
        "each": [
            {"name": name, "channel": limit.channel and literal(limit.channel), "window": interval(limit.within)}
            for name, limit in named
        ],
        "longest": interval(max(limit.within for limit in asked)),
        "channels": [] if None in limited else literals(sorted(name for name in limited if name)),
        "by_channel": [
            {"channel": literal(channel), **_rooms(named, channel)} for channel in channels if channel in limited
        ],
        "overall": _rooms(named, None),
    }


def priorities(job: Job) -> list[str]:
    """For each series that goes before others, how far."""
    return [
        f"when {literal(checked.series.series_id)} then {checked.series.priority}"
        for checked in job.series
        if checked.series.priority
    ]


def _rooms(named: Sequence[tuple[str, Limit]], channel: str | None) -> Mapping[str, Any]:
    found = [(name, limit) for name, limit in named if limit.channel == channel]
    return {
        "every": [{"name": name, "most": limit.most} for name, limit in found],
        "caps": [{"name": name, "most": limit.most} for name, limit in found if limit.reason == "cap"],
    }
