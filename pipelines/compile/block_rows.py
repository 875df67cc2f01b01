"""What the steps need to know of blocks and connections, as rows of two tables of the run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from pipelines.checked import CheckedSeries
from pipelines.compile.job import NO_TIME, Job
from pipelines.model import ContentBlock, RuleBlock, TagBlock, WaitBlock
from pipelines.sql_text import interval, literal

BLOCK_COLUMNS = {
    "series_id": "varchar", "block_id": "varchar", "kind": "varchar", "level": "integer", "batch": "integer",
    "level_batch": "integer", "is_late": "boolean", "duration": "interval", "lag": "interval", "channel": "varchar",
    "receipts": "boolean", "send_window": "varchar", "tag": "varchar", "action": "varchar", "leads_on": "boolean",
}  # fmt: skip
"""What the steps need to know of each block; ``duration`` null: it waits for a moment, not for elapsed time;
``send_window``: ``customer`` or ``fixed``, null without one; ``leads_on``: a good outcome leads to some block."""

CONNECTION_COLUMNS = {
    "series_id": "varchar", "from_block": "varchar", "from_position": "integer", "is_good": "boolean",
    "to_block": "varchar", "to_level": "integer", "acts_now": "boolean",
}  # fmt: skip
"""Which block leads where on which outcome; ``acts_now``: the next one is reached at the run's instant."""


GONE_COLUMNS = {"series_id": "varchar", "block_id": "varchar", "leads_on": "boolean"}
"""The blocks that are gone while somebody stands there; ``leads_on``: they go on somewhere."""


def block_rows(job: Job) -> Iterator[str]:
    """The rows of ``run_blocks``: what the steps need to know of each block."""
    settings = job.definitions.settings
    batches = {key: numbers for key, *numbers in job.rule_batches()}
    for checked in job.having("live", "emptying"):
        leading = {one.from_block for one in checked.graph.connections if one.outcome_is_good}
        for block_id, block in checked.series.blocks.items():
            level = job.level(checked, block_id)
            late = isinstance(block, RuleBlock) and job.is_late(checked, block)
            channel = block.channel.value if isinstance(block, ContentBlock) else None
            receipts_come = settings.channels[channel].receipts if channel else True
            values = (
                literal(checked.series.series_id),
                literal(block_id),
                literal(block.kind),
                str(level),
                *(str(number) for number in batches.get((checked.series.series_id, block_id), (0, 0))),
                str(late).lower(),
                _duration(block),
                interval(_lag(job, checked, block)),
                literal(channel) if channel else "null",
                str(receipts_come).lower(),
                _send_window(block),
                literal(block.tag.value) if isinstance(block, TagBlock) else "null",
                literal(block.action) if isinstance(block, TagBlock) else "null",
                str(block_id in leading).lower(),
            )
            yield f"({', '.join(values)})"


def connection_rows(job: Job) -> Iterator[str]:
    """The rows of ``run_connections``: which block leads where, on which outcome."""
    for checked in job.having("live", "emptying"):
        for connection in job.ways(checked):
            target = checked.series.blocks[connection.to_block]
            values = (
                literal(checked.series.series_id),
                literal(connection.from_block),
                str(connection.file_order),
                str(connection.outcome_is_good).lower(),
                literal(connection.to_block),
                str(job.level(checked, connection.to_block)),
                str(target.kind in ("content", "tag")).lower(),
            )
            yield f"({', '.join(values)})"


def gone_rows(job: Job) -> Iterator[str]:
    """The rows of ``run_gone``: the blocks that are gone while somebody stands there."""
    for checked in job.having("live", "emptying"):
        for block_id in job.gone(checked):
            leads_on = str(bool(checked.series.gone[block_id])).lower()
            yield f"({literal(checked.series.series_id)}, {literal(block_id)}, {leads_on})"


def _duration(block: Any) -> str:
    if isinstance(block, RuleBlock):
        return interval(block.within or NO_TIME)
    if isinstance(block, ContentBlock):
        return interval(block.try_for)
    if isinstance(block, WaitBlock) and isinstance(block.until, timedelta):
        return interval(block.until)
    return "null"


def _send_window(block: Any) -> str:
    if not isinstance(block, ContentBlock) or block.send is None:
        return "null"
    return literal("customer" if block.send.timezone == "customer" else "fixed")


def _lag(job: Job, checked: CheckedSeries, block: Any) -> timedelta:
    if isinstance(block, RuleBlock):
        return job.lag(checked.rules[block.block_id])
    settings = job.definitions.settings
    if isinstance(block, ContentBlock) and settings.channels[block.channel.value].receipts:
        return settings.sources["engagements"].lag
    return NO_TIME
