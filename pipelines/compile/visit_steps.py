"""The steps that move customers: visits of entry rules, advances from level to level, and visits by kind of block.

Every function returns SELECTs as text, like `pipelines.compile.steps`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from pipelines.checked import CheckedSeries
from pipelines.compile import policy_steps
from pipelines.compile.facts import Asking
from pipelines.compile.job import Job, by_block, literals, of_block
from pipelines.model import (
    GOOD_OUTCOMES,
    NON_RECEIPT_KINDS,
    RECEIPT_KINDS,
    ContentBlock,
    DateTime,
    Kind,
    RuleBlock,
    WaitBlock,
    WeekdayTime,
)
from pipelines.rules import render as render_rule
from pipelines.sql_text import literal, render, timestamp
from pipelines.wall_clock import instant_of


def entry_visits() -> str:
    """The visits of entry rules."""
    return render("entry_visits")


def advances(job: Job, level: int) -> str:
    """The moves of this run to the blocks of one level."""
    return render("advances", level=level, converging=_is_converging(job, level), good_outcomes=literals(GOOD_OUTCOMES))


def standing_visits(job: Job, kind: Kind) -> list[str]:
    """The visits since earlier runs, at blocks of one kind, that leave or change now."""
    blocks = [
        (checked, block)
        for checked, block in job.blocks(kind, "live", "emptying")
        if not (kind == "rule" and (job.is_late(checked, block) or _is_passed_at_once(job, checked, block)))
    ]
    return _visits(job, kind, None, blocks) if kind != "tag" else []


def visits(job: Job, level: int, kind: Kind) -> list[str]:
    """The visits at blocks of one kind that this run reaches at one level."""
    blocks = [
        (checked, block)
        for checked, block in job.blocks(kind, "live", "emptying")
        if job.level(checked, block.block_id) == level
    ]
    return _visits(job, kind, level, blocks)


def late_levels(job: Job) -> frozenset[int]:
    """The levels with such blocks."""
    return frozenset(
        job.level(checked, block.block_id)
        for checked, block in job.blocks("rule", "live", "emptying")
        if job.is_late(checked, block)
    )


def _is_converging(job: Job, level: int) -> bool:
    """Whether an entry can be led to some block of the level twice, by connections as they are or as they were."""
    for checked in job.having("live", "emptying"):
        targets = [
            connection.to_block
            for connection in checked.graph.connections
            if job.level(checked, connection.to_block) == level
        ]
        if targets and (checked.series.series_id in job.revised or len(set(targets)) < len(targets)):
            return True
    return False


def _is_passed_at_once(job: Job, checked: CheckedSeries, block: RuleBlock) -> bool:
    """Whether nobody stands at a rule block: an entry rule, unless it was none when customers came to it."""
    key = (checked.series.series_id, block.block_id)
    return block.block_id in checked.graph.entry_rules and key not in job.stood_at


def _visits(job: Job, kind: Kind, level: int | None, blocks: Sequence[tuple[CheckedSeries, Any]]) -> list[str]:
    if not blocks:
        return []
    if kind == "rule":
        return [_rule_visits(job, level, number, some) for number, some in _rule_batches(job, level, blocks).items()]
    if kind == "wait":
        return [_wait_visits(job, level, blocks)]
    if kind == "content":
        return [_content_visits(job, level, blocks)]
    return [render("tag_visits", level=level)]


def _rule_batches(
    job: Job, level: int | None, blocks: Sequence[tuple[CheckedSeries, RuleBlock]]
) -> Mapping[int, list[tuple[CheckedSeries, RuleBlock]]]:
    numbers = {key: overall if level is None else within for key, overall, within in job.rule_batches()}
    batches: dict[int, list[tuple[CheckedSeries, RuleBlock]]] = {}
    for checked, block in blocks:
        batches.setdefault(numbers[checked.series.series_id, block.block_id], []).append((checked, block))
    return batches


def _rule_visits(job: Job, level: int | None, batch: int, blocks: Sequence[tuple[CheckedSeries, RuleBlock]]) -> str:
    rules = [by_block(checked, block.block_id, checked.rules[block.block_id]) for checked, block in blocks]
    return render(
        "rule_visits",
        level=level,
        batch=batch,
        late=level is not None and any(job.is_late(checked, block) for checked, block in blocks),
        **job.judging(rules),
    )


def _wait_visits(job: Job, level: int | None, blocks: Sequence[tuple[CheckedSeries, WaitBlock]]) -> str:
    zone = job.definitions.settings.timezone
    untils, any_moments = [], False
    for checked, block in blocks:
        whose = of_block(checked, block.block_id, "visit")
        if isinstance(block.until, DateTime):
            untils.append({"whose": whose, "moment": timestamp(instant_of(block.until, zone))})
        elif isinstance(block.until, WeekdayTime):
            any_moments = True
            untils.append({"whose": whose, "moment": "moment.moment_at"})
        elif not isinstance(block.until, timedelta):
            untils.append({"whose": whose, "moment": render_rule(checked.waits[block.block_id].sql)})
    return render("wait_visits", level=level, untils=untils, moments=any_moments)


def _content_visits(job: Job, level: int | None, blocks: Sequence[tuple[CheckedSeries, ContentBlock]]) -> str:
    names = sorted({block.channel.value for _, block in blocks})
    channels = [(name, job.definitions.channels[name]) for name in names]
    consenting = [(name, channel.consent) for name, channel in channels if channel.consent]
    return render(
        "content_visits",
        level=level,
        addressed=[
            {"name": literal(name), "address": render_rule(channel.address.sql)}
            for name, channel in channels
            if channel.address
        ],
        consenting=[literal(name) for name, _ in consenting],
        windowed=any(block.send for _, block in blocks),
        quiet=policy_steps.quiet_hours(job.definitions.settings.policy, names),
        limits=policy_steps.limits(job.definitions.settings.policy, names),
        suppressing=policy_steps.suppressing(job.definitions.settings.policy, [one for _, one in channels]),
        once=policy_steps.once_per_address(job, blocks),
        test_customer=policy_steps.test_customer(job),
        stopped=job.definitions.settings.policy.stopped,
        priorities=policy_steps.priorities(job),
        customer_zone='cast(customer."timezone" as varchar)' if "timezone" in job.customer else "cast(null as varchar)",
        # A channel's consent belongs to no series and cannot ask for engagements.
        **job.judging([Asking("", f"subject.channel = {literal(name)}", rule) for name, rule in consenting]),
        receipt_kinds=literals(RECEIPT_KINDS),
        non_receipt_kinds=literals(NON_RECEIPT_KINDS),
    )
