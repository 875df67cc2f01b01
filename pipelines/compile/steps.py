"""The steps of a run: one function per template in ``sql/``, giving it the structure that the definitions ask for.

Every function returns SELECTs as text. Which relation each fills, and when, is `pipelines.compile.compile`'s business.
The steps that move customers are in `pipelines.compile.visit_steps`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlglot import exp

from pipelines.checked import CheckedSeries
from pipelines.compile.facts import Asking, at_entry, first_event_of, predicate
from pipelines.compile.guard_steps import are_set
from pipelines.compile.job import Job, by_block, by_series, in_batches, literals, of_block, series_list
from pipelines.compile.payload import payload_sql
from pipelines.model import ENGAGEMENT_KINDS, GOOD_OUTCOMES, RECEIPT_KINDS, ContentBlock, Series
from pipelines.rules import render as render_rule
from pipelines.sql_text import interval, literal, render
from pipelines.templates.template import columns_read
from warehouse.tables import TAG_CHANNEL


def goals(job: Job) -> str | None:
    """Entries whose goal is decided now; None where no series has one."""
    aimed = [(checked, checked.goal, checked.series.goal) for checked in job.series]
    found = [(checked, rule, goal) for checked, rule, goal in aimed if rule and goal]
    if not found:
        return None
    rules = [by_series(checked, rule) for checked, rule, _ in found]
    values = [by_series(checked, checked.goal_value) for checked, _, _ in found if checked.goal_value]
    events = [by_series(checked, event_at) for checked, rule, _ in found if (event_at := first_event_of(rule))]
    return render(
        "goals",
        values=[{"whose": one.whose, "sql": predicate(one.rule)} for one in values],
        events=[{"whose": one.whose, "sql": predicate(one.rule)} for one in events],
        windows=[
            {
                "series": literal(checked.series.series_id),
                "duration": interval(goal.within),
                "lag": interval(job.lag(rule)),
            }
            for checked, rule, goal in found
        ],
        **job.judging(rules) | {"facts": job.gather([*rules, *values, *events])},
    )


def first_engagements(job: Job) -> str:
    """Kinds of engagement that a message has for the first time."""
    return render("first_engagements", series=series_list(job.series), kinds=literals(ENGAGEMENT_KINDS))


def receipts() -> str:
    """Messages whose receipt is proved for the first time."""
    return render("receipts", receipt_kinds=literals(RECEIPT_KINDS))


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
            {
                "whose": of_block(checked, block.block_id, "message"),
                "duration": interval(block.goal.within),
                "lag": interval(job.lag(rule)),
            }
            for checked, block, rule in found
        ],
        **job.judging([by_block(checked, block.block_id, rule) for checked, block, rule in found]),
    )


def ends(job: Job) -> str:
    """Entries that this run ends before anybody moves."""
    moving = job.having("live", "emptying")
    exiting = [(checked, checked.exit) for checked in moving if checked.exit]
    idle = [(checked, checked.series.idle_exit) for checked in moving if checked.series.idle_exit]
    return render(
        "ends",
        goal_exits=series_list(checked for checked in job.series if checked.series.goal and checked.series.goal.exits),
        **job.judging([by_series(checked, rule) for checked, rule in exiting]),
        exiting=series_list(checked for checked, _ in exiting),
        idle=[
            {"series": literal(checked.series.series_id), "duration": interval(idle_exit)}
            for checked, idle_exit in idle
        ],
        stopped=series_list(job.having("stopped")),
        receipt_kinds=literals(RECEIPT_KINDS),
    )


def matches(job: Job) -> list[str]:
    """Customers at the entry rules that they match and may pass; several SELECTs where there are many rules."""
    at_once = [one for one in job.having("live") if one.series.reentry and not one.series.reentry.after]
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
                    "facts": job.gather([Asking(checked.series.series_id, "", rule)], everyone=True),
                    "reentry_at_once": checked in at_once,
                    "reentry_after": checked.series.reentry and interval(checked.series.reentry.after),
                    "reentry_limit": checked.series.reentry and checked.series.reentry.limit,
                }
                for checked, block_id, rule in some
            ],
            reentering=series_list(checked for checked in job.having("live") if checked.series.reentry),
            reentering_at_once=series_list(at_once),
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
        exiting=series_list(checked for checked, _ in exiting),
        **job.judging([by_series(checked, rule) for checked, rule in exiting]),
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
        with_goal=series_list(checked for checked, _ in aimed),
        **job.judging([by_series(checked, at_entry(rule)) for checked, rule in aimed]),
        single_door=series_list(checked for checked in live if len(checked.graph.entry_rules) == 1),
        several_doors=series_list(checked for checked in live if len(checked.graph.entry_rules) > 1),
        bucket=_BUCKET if limits else "0",
        holdout=f"(case series_id {' '.join(limits)} else 0 end)" if limits else "0",
    )


def messages(job: Job) -> str:
    """The messages queued now, and the batches they leave in."""
    return render("messages", batch_size=job.definitions.settings.batch_size)


def tag_writes(job: Job) -> str:
    """The tag writes of this run, and the batches they leave in, if any."""
    settings = job.definitions.settings
    return render("tag_writes", batch_size=settings.batch_size, leave=settings.tag_sender is not None)


def batches(job: Job, carried: Literal["run_messages", "run_tag_writes"]) -> str:
    """The batches of what this run queued."""
    channel = "carried.channel" if carried == "run_messages" else literal(TAG_CHANNEL)
    return render("write_batches", carried=carried, channel=channel, is_guarded=are_set(job))


@dataclass(frozen=True, slots=True)
class RenderedMessages:
    """What the messages of some blocks say.

    Attributes:
        blocks: By series and block: whose messages these are, what they say, and whether they show a company.
        addresses: What the address is, by channel.
    """

    blocks: Mapping[tuple[str, str], Mapping[str, Any]]
    addresses: Sequence[Mapping[str, str]]

    def select(self, queued: Collection[tuple[str, str]] | None = None) -> str | None:
        """The SELECT for those of the blocks that queued something, or for all; None where none of them did."""
        some = [block for key, block in self.blocks.items() if queued is None or key in queued]
        if not some:
            return None
        of_company = any(block["of_company"] for block in some)
        return render("write_messages", blocks=some, of_company=of_company, addresses=self.addresses)


def rendered_messages(job: Job) -> list[RenderedMessages]:
    """What the messages queued now say; several where there are many blocks."""
    return [_rendered(job, some) for some in in_batches(list(job.blocks("content", "live", "emptying")))]


def _rendered(job: Job, blocks: Sequence[tuple[CheckedSeries, ContentBlock]]) -> RenderedMessages:
    channels = {block.channel.value: job.definitions.channels[block.channel.value] for _, block in blocks}
    payloads = [payload_sql(block, job.attributes) for _, block in blocks]
    return RenderedMessages(
        blocks={
            (checked.series.series_id, block.block_id): {
                "whose": of_block(checked, block.block_id, "message"),
                "payload": render_rule(payload),
                "of_company": bool(columns_read(payload, "company")),
            }
            for (checked, block), payload in zip(blocks, payloads, strict=True)
        },
        addresses=[
            {"channel": literal(name), "address": f"cast({render_rule(checked.address.sql)} as varchar)"}
            for name, checked in channels.items()
            if checked.address
        ],
    )


def check_visits() -> str:
    """What is wrong with entries and visits that this run touched."""
    return render("check_visits", good_outcomes=literals(GOOD_OUTCOMES))


def progress() -> str:
    """Where the entries that moved stand now."""
    return render("progress", good_outcomes=literals(GOOD_OUTCOMES))


def entries(job: Job) -> str:
    """The entries that are new or different."""
    return render(
        "entries",
        breakdowns=[
            {"series": literal(checked.series.series_id), "attributes": render_rule(_attributes(checked.series))}
            for checked in job.having("live")
            if checked.series.breakdowns
        ],
    )


def _attributes(series: Series) -> exp.Expression:
    """The breakdowns as JSON text, each value as text or null."""
    members: list[exp.Expr] = []
    for name in series.breakdowns:
        value = exp.cast(exp.column(name.value, table="customer", quoted=True), "text")
        members += [exp.Literal.string(name.value), value]
    return exp.cast(exp.Anonymous(this="json_object", expressions=members), "text")


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
