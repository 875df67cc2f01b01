"""The steps of a run: one function per template in ``sql/``, giving it the structure that the definitions ask for.

Every function returns SELECTs as text. Which relation each fills, and when, is `pipelines.compile`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pipelines.checked import CheckedDefinitions, CheckedSeries
from pipelines.facts import Asking, Facts, gather, predicate
from pipelines.model import (
    GOOD_OUTCOMES,
    NON_RECEIPT_KINDS,
    RECEIPT_KINDS,
    ContentBlock,
    DateTime,
    Kind,
    RuleBlock,
    TagBlock,
    WaitBlock,
    WeekdayTime,
)
from pipelines.rules import render as render_rule
from pipelines.rules.model import Columns, EngagementCall, Rule
from pipelines.sql_text import interval, literal, render, timestamp
from pipelines.template import payload_sql
from pipelines.wall_clock import instant_of

MOST_BRANCHES = 50
"""Branches of one statement; planning grows faster than their number."""

NO_TIME = timedelta(0)
BLOCK_COLUMNS = {
    "series_id": "varchar", "block_id": "varchar", "kind": "varchar", "level": "integer", "batch": "integer",
    "level_batch": "integer", "is_late": "boolean", "duration": "interval", "lag": "interval", "channel": "varchar",
    "receipts": "boolean", "send_window": "varchar", "tag": "varchar", "action": "varchar",
}  # fmt: skip
"""What the steps need to know of each block; ``duration`` null: it waits for a moment, not for elapsed time;
``send_window``: ``customer`` or ``fixed``, null without one."""

CONNECTION_COLUMNS = {
    "series_id": "varchar", "from_block": "varchar", "from_position": "integer", "is_good": "boolean",
    "to_block": "varchar", "to_level": "integer", "acts_now": "boolean",
}  # fmt: skip
"""Which block leads where on which outcome; ``acts_now``: the next one is reached at the run's instant."""


@dataclass(frozen=True)
class Job:
    """What one compilation is about.

    Attributes:
        definitions: The series that are due (live, emptying or stopped), checked.
        customer: Attributes of customers with their families, for templates.
        stood_at: The entry rules (series and block) that somebody stands at, who came before they were entry rules.
    """

    definitions: CheckedDefinitions
    customer: Columns
    stood_at: frozenset[tuple[str, str]]

    @property
    def series(self) -> Sequence[CheckedSeries]:
        """The series that are due, by name."""
        return list(self.definitions.series.values())

    def having(self, *statuses: str) -> list[CheckedSeries]:
        """The series of these statuses."""
        return [checked for checked in self.series if checked.series.status in statuses]

    def blocks(self, kind: Kind, *statuses: str) -> Iterator[tuple[CheckedSeries, Any]]:
        """Every block of a kind in series of these statuses (all, when none is named), with its series."""
        for checked in self.having(*statuses) if statuses else self.series:
            for block in checked.series.blocks.values():
                if block.kind == kind:
                    yield checked, block

    def without_receipts(self) -> Mapping[str, frozenset[str]]:
        """By series, the content blocks that count as received when queued."""
        found: dict[str, set[str]] = {}
        for checked, block in self.blocks("content"):
            if not self.definitions.settings.channels[block.channel.value].receipts:
                found.setdefault(checked.series.series_id, set()).add(block.block_id)
        return {series_id: frozenset(blocks) for series_id, blocks in found.items()}

    def lag(self, rule: Rule) -> timedelta:
        """How long a deadline waits for late rows of the sources that the rule reads."""
        sources = self.definitions.settings.sources
        lags = [NO_TIME]
        if rule.reads_events:
            lags.append(sources["events"].lag)
        if rule.reads_engagements:
            lags.append(sources["engagements"].lag)
        return max(lags)

    def gather(self, rules: Iterable[Asking], *, everyone: bool = False) -> Facts:
        """The facts of a step's rules."""
        instant = "$as_of" if everyone else "moment.instant"
        return gather(list(rules), instant=instant, queued_is_received=self.without_receipts())


def goals(job: Job) -> str | None:
    """Entries whose goal is decided now; None where no series has one."""
    aimed = [(checked, checked.goal, checked.series.goal) for checked in job.series]
    found = [(checked, rule, goal) for checked, rule, goal in aimed if rule and goal]
    if not found:
        return None
    return render(
        "goals",
        windows=[
            f"select {literal(checked.series.series_id)} as series_id, "
            f"{interval(goal.within)} as duration, {interval(job.lag(rule))} as lag"
            for checked, rule, goal in found
        ],
        **_judging(job, [_by_series(checked, rule) for checked, rule, _ in found]),
    )


def receipts(job: Job) -> str:
    """Messages whose receipt is proved for the first time."""
    return render("receipts", series=_series_list(job.series), receipt_kinds=_kinds(RECEIPT_KINDS))


def message_goals(job: Job) -> str | None:
    """Messages whose goal is decided now; None where no block has one."""
    found = [
        (checked, block, checked.message_goals[block.block_id])
        for checked, block in job.blocks("content")
        if block.goal and block.block_id in checked.message_goals
    ]
    if not found:
        return None
    return render(
        "message_goals",
        windows=[
            f"select {literal(checked.series.series_id)} as series_id, {literal(block.block_id)} as block_id, "
            f"{interval(block.goal.within)} as duration, {interval(job.lag(rule))} as lag"
            for checked, block, rule in found
        ],
        **_judging(job, [_by_block(checked, block.block_id, rule) for checked, block, rule in found]),
    )


def ends(job: Job) -> str:
    """Entries that this run ends before anybody moves."""
    moving = job.having("live", "emptying")
    exiting = [(checked, checked.exit) for checked in moving if checked.exit]
    idle = [(checked, checked.series.idle_exit) for checked in moving if checked.series.idle_exit]
    return render(
        "ends",
        series=_series_list(job.series),
        goal_exits=_series_list(checked for checked in job.series if checked.series.goal and checked.series.goal.exits),
        **_judging(job, [_by_series(checked, rule) for checked, rule in exiting]),
        exiting=_series_list(checked for checked, _ in exiting),
        idle=[
            f"select {literal(checked.series.series_id)} as series_id, {interval(idle_exit)} as duration"
            for checked, idle_exit in idle
        ],
        stopped=_series_list(job.having("stopped")),
        receipt_kinds=_kinds(RECEIPT_KINDS),
    )


def matches(job: Job) -> list[str]:
    """Customers at the entry rules that they match and may pass; several SELECTs where there are many rules."""
    rules = [
        (checked, block_id, checked.rules[block_id])
        for checked in job.having("live")
        for block_id in checked.graph.entry_rules
    ]
    return [
        render(
            "matches",
            rules=[
                {
                    "series": literal(checked.series.series_id),
                    "block": literal(block_id),
                    "predicate": predicate(rule, instant="as_of"),
                    "company": bool(rule.company_columns),
                    "reentry_after": checked.series.reentry and interval(checked.series.reentry.after),
                    "reentry_limit": checked.series.reentry and checked.series.reentry.limit,
                }
                for checked, block_id, rule in some
            ],
            reentering=_series_list(checked for checked in job.having("live") if checked.series.reentry),
            facts=job.gather((Asking(checked.series.series_id, "", rule) for checked, _, rule in some), everyone=True),
        )
        for some in in_batches(rules)
    ]


def kept_out(job: Job) -> str | None:
    """Customers whom an exit rule keeps out; None where no live series has one."""
    exiting = [(checked, checked.exit) for checked in job.having("live") if checked.exit]
    if not exiting:
        return None
    return render(
        "kept_out",
        exiting=_series_list(checked for checked, _ in exiting),
        **_judging(job, [_by_series(checked, rule) for checked, rule in exiting]),
    )


def new_entries(job: Job) -> str | None:
    """The entries that begin now; None where no series is live."""
    live = job.having("live")
    if not live:
        return None
    aimed = [(checked, checked.goal) for checked in live if checked.goal]
    limits = [
        f"when {literal(checked.series.series_id)} then {int(checked.series.holdout * 100)}"
        for checked in live
        if checked.series.holdout
    ]
    return render(
        "new_entries",
        with_goal=_series_list(checked for checked, _ in aimed),
        **_judging(job, [_by_series(checked, rule) for checked, rule in aimed]),
        single_door=_series_list(checked for checked in live if len(checked.graph.entry_rules) == 1),
        several_doors=_series_list(checked for checked in live if len(checked.graph.entry_rules) > 1),
        bucket=_BUCKET if limits else "0",
        holdout=f"(case series_id {' '.join(limits)} else 0 end)" if limits else "0",
    )


def entry_visits() -> str:
    """The visits of entry rules."""
    return render("entry_visits")


def advances(level: int) -> str:
    """The moves of this run to the blocks of one level."""
    return render("advances", level=level, good_outcomes=_kinds(GOOD_OUTCOMES))


def standing_visits(job: Job, kind: Kind) -> list[str]:
    """The visits since earlier runs, at blocks of one kind, that leave or change now."""
    blocks = [
        (checked, block)
        for checked, block in job.blocks(kind, "live", "emptying")
        if not (kind == "rule" and (is_late(job, checked, block) or _is_passed_at_once(job, checked, block)))
    ]
    return _visits(job, kind, None, blocks) if kind != "tag" else []


def visits(job: Job, level: int, kind: Kind) -> list[str]:
    """The visits at blocks of one kind that this run reaches at one level."""
    blocks = [
        (checked, block)
        for checked, block in job.blocks(kind, "live", "emptying")
        if checked.graph.levels[block.block_id] == level
    ]
    return _visits(job, kind, level, blocks)


def is_late(job: Job, checked: CheckedSeries, block: RuleBlock) -> bool:
    """Whether who stands at a rule block is judged when this run reaches its level, not before.

    Only where queueing counts as receipt can a run itself do what the rule asks for.
    """
    queued_is_received = job.without_receipts().get(checked.series.series_id, frozenset())
    return any(
        isinstance(call, EngagementCall) and call.function == "received" and call.block_id in queued_is_received
        for call in checked.rules[block.block_id].calls.values()
    )


def late_levels(job: Job) -> frozenset[int]:
    """The levels with such blocks."""
    return frozenset(
        checked.graph.levels[block.block_id]
        for checked, block in job.blocks("rule", "live", "emptying")
        if is_late(job, checked, block)
    )


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


def batch_numbers(job: Job) -> Iterator[tuple[tuple[str, str], int, int]]:
    """For each rule block (series and block): its batch among all of them, and among those of its level."""
    at_level: dict[int, int] = {}
    for place, (checked, block) in enumerate(job.blocks("rule", "live", "emptying")):
        level = checked.graph.levels[block.block_id]
        number = at_level[level] = at_level.get(level, -1) + 1
        yield (checked.series.series_id, block.block_id), place // MOST_BRANCHES, number // MOST_BRANCHES


def _rule_batches(
    job: Job, level: int | None, blocks: Sequence[tuple[CheckedSeries, RuleBlock]]
) -> Mapping[int, list[tuple[CheckedSeries, RuleBlock]]]:
    numbers = {key: overall if level is None else within for key, overall, within in batch_numbers(job)}
    batches: dict[int, list[tuple[CheckedSeries, RuleBlock]]] = {}
    for checked, block in blocks:
        batches.setdefault(numbers[checked.series.series_id, block.block_id], []).append((checked, block))
    return batches


def _rule_visits(job: Job, level: int | None, batch: int, blocks: Sequence[tuple[CheckedSeries, RuleBlock]]) -> str:
    rules = [_by_block(checked, block.block_id, checked.rules[block.block_id]) for checked, block in blocks]
    return render(
        "rule_visits",
        level=level,
        batch=batch,
        late=level is not None and any(is_late(job, checked, block) for checked, block in blocks),
        **_judging(job, rules),
    )


def _wait_visits(job: Job, level: int | None, blocks: Sequence[tuple[CheckedSeries, WaitBlock]]) -> str:
    zone = job.definitions.settings.timezone
    untils, any_moments = [], False
    for checked, block in blocks:
        whose = _of_block(checked, block.block_id, "visit")
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
        customer_zone='cast(customer."timezone" as varchar)' if "timezone" in job.customer else "cast(null as varchar)",
        # A channel's consent belongs to no series and cannot ask for engagements.
        **_judging(job, [Asking("", f"subject.channel = {literal(name)}", rule) for name, rule in consenting]),
        receipt_kinds=_kinds(RECEIPT_KINDS),
        non_receipt_kinds=_kinds(NON_RECEIPT_KINDS),
    )


def messages(job: Job) -> list[str]:
    """The messages queued now, rendered; several SELECTs where there are many blocks."""
    blocks = list(job.blocks("content", "live", "emptying"))
    return [_messages(job, some) for some in in_batches(blocks)]


def _messages(job: Job, blocks: Sequence[tuple[CheckedSeries, ContentBlock]]) -> str:
    channels = {block.channel.value: job.definitions.channels[block.channel.value] for _, block in blocks}
    return render(
        "messages",
        blocks=[
            {
                "whose": _of_block(checked, block.block_id, "visit"),
                "payload": render_rule(payload_sql(block.fields, job.customer)),
            }
            for checked, block in blocks
        ],
        addresses=[
            {"channel": literal(name), "address": f"cast({render_rule(checked.address.sql)} as varchar)"}
            for name, checked in channels.items()
            if checked.address
        ],
        batch_size=job.definitions.settings.batch_size,
    )


def progress() -> str:
    """Where the entries that moved stand now."""
    return render("progress", good_outcomes=_kinds(GOOD_OUTCOMES))


def entries() -> str:
    """The entries that are new or different."""
    return render("entries")


def block_rows(job: Job) -> Iterator[str]:
    """The rows of ``run_blocks``: what the steps need to know of each block."""
    settings = job.definitions.settings
    batches = {key: numbers for key, *numbers in batch_numbers(job)}
    for checked in job.having("live", "emptying"):
        for block_id, block in checked.series.blocks.items():
            level = checked.graph.levels[block_id]
            late = isinstance(block, RuleBlock) and is_late(job, checked, block)
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
            )
            yield f"({', '.join(values)})"


def connection_rows(job: Job) -> Iterator[str]:
    """The rows of ``run_connections``: which block leads where, on which outcome."""
    for checked in job.having("live", "emptying"):
        for connection in checked.graph.connections:
            target = checked.series.blocks[connection.to_block]
            values = (
                literal(checked.series.series_id),
                literal(connection.from_block),
                str(connection.file_order),
                str(connection.outcome_is_good).lower(),
                literal(connection.to_block),
                str(checked.graph.levels[connection.to_block]),
                str(target.kind in ("content", "tag")).lower(),
            )
            yield f"({', '.join(values)})"


def in_batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Runs of at most MOST_BRANCHES items."""
    for start in range(0, len(items), MOST_BRANCHES):
        yield items[start : start + MOST_BRANCHES]


_HEX = "'0123456789abcdef'"
_BUCKET = (
    "mod("
    + " + ".join(
        f"(strpos({_HEX}, substr(md5(series_id || ':' || cast(customer_id as varchar)), {digit}, 1)) - 1)"
        f" * {16 ** (7 - digit)}"
        for digit in range(1, 8)
    )
    + ", 10000)"
)
"""First seven hex digits of the md5 as an integer, modulo 10000 (SPEC 5.3); engines have no hex in common."""


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


def _judging(job: Job, rules: Sequence[Asking]) -> dict[str, Any]:
    """What a template needs to judge subjects by rules: predicates, each with whose it is, and the facts."""
    return {
        "rules": [
            {"whose": one.whose, "predicate": predicate(one.rule), "company": bool(one.rule.company_columns)}
            for one in rules
        ],
        "facts": job.gather(rules),
    }


def _by_series(checked: CheckedSeries, rule: Rule) -> Asking:
    series_id = checked.series.series_id
    return Asking(series_id, f"subject.series_id = {literal(series_id)}", rule)


def _by_block(checked: CheckedSeries, block_id: str, rule: Rule) -> Asking:
    return Asking(checked.series.series_id, _of_block(checked, block_id), rule)


def _of_block(checked: CheckedSeries, block_id: str, relation: str = "subject") -> str:
    return f"{relation}.series_id = {literal(checked.series.series_id)} and {relation}.block_id = {literal(block_id)}"


def _series_list(series: Iterable[CheckedSeries]) -> list[str]:
    return [literal(checked.series.series_id) for checked in series]


def _kinds(kinds: Iterable[str]) -> list[str]:
    return [literal(kind) for kind in kinds]
