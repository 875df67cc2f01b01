"""Which sources a series reads: what its rules ask for, what its messages show, and what proves that they arrived."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.checked import CheckedDefinitions, CheckedSeries
from pipelines.compile.payload import payload_sql
from pipelines.definitions.vocabulary import SOURCES
from pipelines.model import ContentBlock
from pipelines.rules.model import Rule, TagCall
from pipelines.templates.template import Attributes, columns_read


def sources_read(definitions: CheckedDefinitions, one: CheckedSeries) -> tuple[str, ...]:
    """The sources whose rows decide what becomes of the series' customers, or stand in its messages; as in SPEC 2."""
    contents = [block for block in one.series.blocks.values() if isinstance(block, ContentBlock)]
    channels = {block.channel.value: definitions.channels[block.channel.value] for block in contents}
    rules = [*_rules(one), *(rule for each in channels.values() for rule in (each.address, each.consent) if rule)]
    payloads = (payload_sql(block, Attributes(None, None)) for block in contents)
    awaits_receipts = any(each.channel.receipts for each in channels.values())
    found = {"customers"}
    if any(rule.company_columns for rule in rules) or any(columns_read(payload, "company") for payload in payloads):
        found |= {"companies", "customer_companies"}
    if any(rule.reads_events for rule in rules):
        found.add("events")
    if any(rule.reads_engagements for rule in rules) or awaits_receipts or one.series.idle_exit:
        found.add("engagements")
    if contents and definitions.settings.policy.suppress:
        found.add("engagements")
    if any(isinstance(call, TagCall) for rule in rules for call in rule.calls.values()):
        found.add("customer_tags")
    return tuple(name for name in SOURCES if name in found)


def _rules(one: CheckedSeries) -> Iterator[Rule]:
    yield from (rule for rule in (one.exit, one.goal, one.goal_value) if rule)
    for rules in (one.rules, one.waits, one.message_goals):
        yield from rules.values()
