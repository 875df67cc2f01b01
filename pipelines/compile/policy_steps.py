"""What the sending policy adds to the step that judges messages: the structure of ``sql/policy.sql.jinja``.

Each function is asked for the channels of one step and gives None where the policy asks nothing of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.checked import CheckedChannel, CheckedSeries
from pipelines.compile.facts import predicate
from pipelines.compile.job import Job, literals, of_block
from pipelines.model import ContentBlock, Limit, Policy
from pipelines.rules import render as render_rule
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
    if policy.stopped:
        return None
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


def suppressing(policy: Policy, channels: Sequence[CheckedChannel]) -> list[str]:
    """The kinds of engagement that suppress an address; none where no channel has addresses."""
    return literals(policy.suppress) if any(channel.address for channel in channels) else []


def once_per_address(job: Job, blocks: Sequence[tuple[CheckedSeries, ContentBlock]]) -> list[Mapping[str, str]]:
    """The blocks whose message an address gets once: how to tell their messages and visits."""
    return [
        {
            "subject": of_block(checked, block.block_id),
            "message": of_block(checked, block.block_id, "message"),
            "visit": of_block(checked, block.block_id, "visit"),
            "address": render_rule(address.sql),
        }
        for checked, block in blocks
        if block.once_per_address and (address := job.definitions.channels[block.channel.value].address)
    ]


def test_customer(job: Job) -> str | None:
    """The condition that tells test customers."""
    rule = job.definitions.test_customers
    return predicate(rule) if rule else None


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
