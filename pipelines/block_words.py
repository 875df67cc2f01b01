"""What a block does, in a few words."""

from __future__ import annotations

from datetime import timedelta

from pipelines.definitions.vocabulary import WEEKDAYS
from pipelines.duration import format_duration
from pipelines.model import AnyBlock, ContentBlock, DateTime, RuleBlock, TagBlock, Text, WaitBlock, WeekdayTime


def title(block: AnyBlock) -> str:
    """What people call it: its label, else its id."""
    return block.label or block.block_id


def describe(block: AnyBlock) -> str:
    """What it does, without where it leads."""
    match block:
        case RuleBlock(rule=rule, within=within):
            return rule.value if within is None else f"{rule.value}, within {format_duration(within)}"
        case ContentBlock(channel=channel, fields=fields):
            texts = [fields.get(name) for name in ("subject", "title", "body")]
            heading = next((text.value for text in texts if isinstance(text, Text)), None)
            words = f"{channel.value}: {' '.join(heading.split())}" if heading else channel.value
            return f"{words}, tried for {format_duration(block.try_for)}"
        case WaitBlock(until=until):
            return _until(until)
        case TagBlock(tag=tag, action=action):
            return f"{action} tag {tag.value}"


def _until(until: object) -> str:
    match until:
        case timedelta():
            return f"wait {format_duration(until)}"
        case WeekdayTime(time=time, weekday=weekday, timezone=timezone):
            day = "" if weekday is None else f"{WEEKDAYS[weekday]} "
            return f"wait until {day}{time}{f' {timezone}' if timezone else ''}"
        case DateTime(local=local, timezone=timezone):
            return f"wait until {local.replace('T', ' ')}{f' {timezone}' if timezone else ''}"
        case _:
            return f"wait until {until}"
