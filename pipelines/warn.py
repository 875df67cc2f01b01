"""What is allowed in a series and most likely not meant."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from pipelines.checked import CheckedSeries
from pipelines.model import ContentBlock, RuleBlock, Settings
from pipelines.problems import Position, Problem
from pipelines.rules.model import EngagementCall, Rule


def series_warnings(checked: CheckedSeries, settings: Settings, has_engagements: bool) -> list[Problem]:
    """All warnings about one series; a rule that could not be parsed is passed over.

    Args:
        checked: The series with its rules.
        settings: The project's settings, for channels.
        has_engagements: Whether there is an ``engagements`` source, as far as known.
    """
    warnings = [
        *_engagement_rules(checked),
        *_impossible_engagements(checked, settings),
        *_customer_wide_entries(checked),
        *_goal_before_rules(checked),
    ]
    if not has_engagements:
        warnings += _unprovable_receipts(checked, settings)
    return warnings


def _engagement_rules(checked: CheckedSeries) -> Iterator[Problem]:
    for block, rule in _rule_blocks(checked):
        if not rule.reads_engagements:
            continue
        if not block.within:
            yield _warning(
                block.rule.position,
                f"rule `{block.block_id}` asks for an engagement and has no `within`, so it is decided the moment a"
                " customer reaches it; add `within` to give people time",
            )
        elif _has_negated_engagement(rule):
            yield _warning(
                block.rule.position,
                f"rule `{block.block_id}` has an engagement under `not` and a `within`, so it matches on arrival,"
                " before anybody can have engaged; ask for the engagement, and use `else` for those who did not",
            )


def _impossible_engagements(checked: CheckedSeries, settings: Settings) -> Iterator[Problem]:
    for place, rule in _all_rules(checked):
        for call in rule.calls.values():
            if not isinstance(call, EngagementCall) or call.function == "received":
                continue
            block = checked.series.blocks[call.block_id]
            channel = settings.channels.get(block.channel.value) if isinstance(block, ContentBlock) else None
            if channel and channel.engagements is not None and call.function not in channel.engagements:
                kinds = ", ".join(f"`{kind}`" for kind in channel.engagements)
                yield _warning(
                    place,
                    f"`{call.function}('{call.block_id}')` never holds: a message of channel `{channel.name}` can be"
                    f" {kinds}; ask for one of them, or say in series.yml what its `engagements` are",
                )


def _all_rules(checked: CheckedSeries) -> Iterator[tuple[Position, Rule]]:
    """Every rule that may ask about the messages of this series, with its place."""
    series = checked.series
    yield from ((block.rule.position, rule) for block, rule in _rule_blocks(checked))
    if series.exit and checked.exit:
        yield series.exit.position, checked.exit
    if series.goal and checked.goal:
        yield series.goal.rule.position, checked.goal
    for block_id, rule in checked.message_goals.items():
        block = series.blocks[block_id]
        if isinstance(block, ContentBlock) and block.goal:
            yield block.goal.rule.position, rule


def _has_negated_engagement(rule: Rule) -> bool:
    facts = (column for column in rule.sql.find_all(exp.Column) if column.table == "fact")
    return any(isinstance(rule.calls.get(fact.name), EngagementCall) and _is_negated(fact) for fact in facts)


def _is_negated(node: exp.Expr) -> bool:
    """Whether an odd number of ``not`` stands around it."""
    negated = False
    while (parent := node.parent) is not None:
        negated ^= isinstance(parent, exp.Not)
        node = parent
    return negated


def _customer_wide_entries(checked: CheckedSeries) -> Iterator[Problem]:
    for block, rule in _rule_blocks(checked):
        narrowing = rule.columns - (
            {"type", "customer_id"} if _asks_only_whether_known(rule, "customer_id") else {"type"}
        )
        if block.block_id in checked.graph.entry_rules and not (rule.calls or rule.company_columns or narrowing):
            yield _warning(
                block.rule.position,
                f"entry rule `{block.block_id}` takes in everybody, or everybody of a type, now and later; narrow it if"
                " only some are meant",
            )


def _asks_only_whether_known(rule: Rule, name: str) -> bool:
    columns = (column for column in rule.sql.find_all(exp.Column) if column.name == name)
    return all(isinstance(column.parent, exp.Is) for column in columns)


def _goal_before_rules(checked: CheckedSeries) -> Iterator[Problem]:
    goal = checked.series.goal
    if goal is None or not goal.exits or checked.goal is None:
        return
    for block, rule in _rule_blocks(checked):
        if block.block_id not in checked.graph.entry_rules and checked.goal.sql in _conjuncts(rule.sql):
            yield _warning(
                block.rule.position,
                f"rule `{block.block_id}` asks for what the goal asks for, but the goal ends the entry first;"
                " set `exits: false` in `goal` to let customers go on",
            )


def _conjuncts(sql: exp.Expr) -> list[exp.Expr]:
    """The conditions that must all hold."""
    whole = sql.unnest()
    return list(whole.flatten()) if isinstance(whole, exp.And) else [whole]


def _unprovable_receipts(checked: CheckedSeries, settings: Settings) -> Iterator[Problem]:
    seen: set[str] = set()
    for block in checked.series.blocks.values():
        if not isinstance(block, ContentBlock) or block.channel.value in seen:
            continue
        seen.add(block.channel.value)
        channel = settings.channels.get(block.channel.value)
        if channel and channel.receipts:
            yield _warning(
                block.channel.position,
                f"channel `{channel.name}` expects receipts, but there is no `engagements` source, so no message will"
                " count as delivered; add the source, take receipts in with `series receipts load`, or set"
                " `receipts: false` for the channel in series.yml",
            )


def _rule_blocks(checked: CheckedSeries) -> Iterator[tuple[RuleBlock, Rule]]:
    for block_id, rule in checked.rules.items():
        block = checked.series.blocks[block_id]
        if isinstance(block, RuleBlock):
            yield block, rule


def _warning(position: Position, message: str) -> Problem:
    return Problem(position, message, "warning")
