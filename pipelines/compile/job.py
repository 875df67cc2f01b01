"""What one compilation is about, and what several steps ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from pipelines.checked import CheckedDefinitions, CheckedSeries
from pipelines.compile.facts import Asking, Facts, gather, predicate
from pipelines.compile.levels import run_levels
from pipelines.graph import Connection, ways_from_gone
from pipelines.model import Kind, RuleBlock
from pipelines.rules.model import Columns, EngagementCall, Rule
from pipelines.sql_text import literal
from pipelines.templates.template import Attributes

MOST_BRANCHES = 50
"""Branches of one statement; planning grows faster than their number."""

NO_TIME = timedelta(0)


@dataclass(frozen=True)
class Job:
    """What one compilation is about.

    Attributes:
        definitions: The series that are due (live, emptying or stopped), checked.
        customer: Attributes of customers with their families, for messages.
        company: Attributes of companies likewise; empty where there are none.
        stood_at: The blocks (series and block) that somebody stands at who came before they were entry rules, or gone.
        revised: The series that ran in another version before.
        has_customer_tags: Whether there is a source of that name.
    """

    definitions: CheckedDefinitions
    customer: Columns
    company: Columns
    stood_at: frozenset[tuple[str, str]]
    revised: frozenset[str]
    has_customer_tags: bool

    @property
    def series(self) -> Sequence[CheckedSeries]:
        """The series that are due, by name."""
        return list(self.definitions.series.values())

    @property
    def attributes(self) -> Attributes:
        """What messages may show."""
        return Attributes(self.customer, self.company)

    def having(self, *statuses: str) -> list[CheckedSeries]:
        """The series of these statuses."""
        return [checked for checked in self.series if checked.series.status in statuses]

    def blocks(self, kind: Kind, *statuses: str) -> Iterator[tuple[CheckedSeries, Any]]:
        """Every block of a kind in series of these statuses (all, when none is named), with its series."""
        for checked in self.having(*statuses) if statuses else self.series:
            for block in checked.series.blocks.values():
                if block.kind == kind:
                    yield checked, block

    @cached_property
    def levels(self) -> Mapping[tuple[str, str], int]:
        """The level at which a run looks at each block (series and block)."""
        return {
            (checked.series.series_id, block_id): level
            for checked in self.having("live", "emptying")
            for block_id, level in run_levels(checked, self.definitions.settings.channels).items()
        }

    def level(self, checked: CheckedSeries, block_id: str) -> int:
        """The level of one block."""
        return self.levels[checked.series.series_id, block_id]

    def gone(self, checked: CheckedSeries) -> list[str]:
        """The blocks that are gone while somebody stands there who may go on."""
        return [block for block in checked.series.gone if (checked.series.series_id, block) in self.stood_at]

    def ways(self, checked: CheckedSeries) -> list[Connection]:
        """Every way that customers of a series can go in this run."""
        gone = self.gone(checked)
        from_gone = [way for way in ways_from_gone(checked.series) if way.from_block in gone]
        return [*checked.graph.connections, *from_gone]

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

    def judging(self, rules: Sequence[Asking]) -> dict[str, Any]:
        """What a template needs to judge subjects by rules: predicates, each with whose it is, and the facts."""
        return {
            "rules": [
                {"whose": one.whose, "predicate": predicate(one.rule), "company": bool(one.rule.company_columns)}
                for one in rules
            ],
            "facts": self.gather(rules),
        }

    def is_late(self, checked: CheckedSeries, block: RuleBlock) -> bool:
        """Whether who stands at a rule block is judged when this run reaches its level, not before.

        Only where queueing counts as receipt can a run itself do what the rule asks for.
        """
        queued_is_received = self.without_receipts().get(checked.series.series_id, frozenset())
        return any(
            isinstance(call, EngagementCall) and call.function == "received" and call.block_id in queued_is_received
            for call in checked.rules[block.block_id].calls.values()
        )

    def rule_batches(self) -> Iterator[tuple[tuple[str, str], int, int]]:
        """For each rule block (series and block): its batch among all of them, and among those of its level."""
        at_level: dict[int, int] = {}
        for place, (checked, block) in enumerate(self.blocks("rule", "live", "emptying")):
            level = self.level(checked, block.block_id)
            number = at_level[level] = at_level.get(level, -1) + 1
            yield (checked.series.series_id, block.block_id), place // MOST_BRANCHES, number // MOST_BRANCHES


def in_batches(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Runs of at most MOST_BRANCHES items."""
    for start in range(0, len(items), MOST_BRANCHES):
        yield items[start : start + MOST_BRANCHES]


def by_series(checked: CheckedSeries, rule: Rule) -> Asking:
    """A rule that judges the subjects of one series."""
    series_id = checked.series.series_id
    return Asking(series_id, f"subject.series_id = {literal(series_id)}", rule)


def by_block(checked: CheckedSeries, block_id: str, rule: Rule) -> Asking:
    """A rule that judges the subjects at one block."""
    return Asking(checked.series.series_id, of_block(checked, block_id), rule)


def of_block(checked: CheckedSeries, block_id: str, relation: str = "subject") -> str:
    """The condition that tells the rows of one block."""
    return f"{relation}.series_id = {literal(checked.series.series_id)} and {relation}.block_id = {literal(block_id)}"


def series_list(series: Iterable[CheckedSeries]) -> list[str]:
    """The ids of these series as literals."""
    return [literal(checked.series.series_id) for checked in series]


def literals(kinds: Iterable[str]) -> list[str]:
    """Words as literals."""
    return [literal(kind) for kind in kinds]
