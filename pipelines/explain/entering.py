"""Whether a run would let the customer into a series as everything stands, and why not (SPEC 5.3)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from pipelines.explain.explanation import Entering, Judgement, Reason
from pipelines.explain.journal import EntryRow
from pipelines.model import Series
from pipelines.schedule import format_instant

_NOT_LIVE: Mapping[str, str] = {
    "draft": "the series is a draft; nothing of it runs",
    "paused": "the series is paused; nothing of it runs until it is live again",
    "emptying": "the series is emptying: nobody enters any more, and who is in goes on",
    "stopped": "the series is stopped",
}


def entering(
    series: Series,
    rules: Mapping[str, Judgement],
    exit_rule: Judgement | None,
    entries: Sequence[EntryRow],
    as_of: datetime,
    *,
    has_run: bool,
    fails: bool,
) -> Entering:
    """Whether a run at ``as_of`` would let them in.

    Args:
        series: Its definition.
        rules: Its entry rules, judged, by block.
        exit_rule: Its exit rule, judged for whoever would enter; None: it has none.
        entries: The customer's, oldest first.
        as_of: The instant at which rules were judged.
        has_run: Whether it ever ran.
        fails: Whether it cannot run as it is.
    """
    newest = entries[-1] if entries else None
    missing = any(judgement.holds is None for judgement in rules.values())
    reasons = list(_of_series(series, fails=fails))
    if missing:
        reasons.append(Reason("customer_missing", "the customer is not in `customers`, so nothing is evaluated"))
    holding = [block_id for block_id, judgement in rules.items() if judgement.holds]
    if newest is None or _may_enter_again(series, newest, as_of):
        arrives_at = holding
        if not holding and not missing:
            reasons.append(Reason("no_entry_rule", _none_holds(list(rules))))
    else:
        arrives_at = [block_id for block_id in holding if _may_go_on(series, newest) and _is_new(newest, block_id)]
        if not arrives_at:
            reasons.append(_why_not_again(series, newest, as_of))
    if exit_rule and exit_rule.holds and not (newest and newest.status == "exited"):
        reasons.append(Reason("exit", _exit_holds(newest)))
    if reasons:
        return Entering((), tuple(reasons))
    return Entering(tuple(arrives_at), (_enters(newest, has_run=has_run, reenters=series.reentry is not None),))


def _of_series(series: Series, *, fails: bool) -> Iterator[Reason]:
    if series.status in _NOT_LIVE:
        yield Reason(series.status, _NOT_LIVE[series.status])
    elif fails:
        yield Reason("fails", "the series cannot run as it is")


def _may_enter_again(series: Series, newest: EntryRow, as_of: datetime) -> bool:
    """Whether the next arrival would begin a new entry, after those that were."""
    return (
        series.reentry is not None
        and newest.status in ("finished", "disengaged", "goal", "stopped")
        and newest.ended_at is not None
        and as_of >= newest.ended_at + series.reentry.after
        and (series.reentry.limit is None or newest.entry_number < series.reentry.limit)
    )


def _may_go_on(series: Series, newest: EntryRow) -> bool:
    """Whether the customer may still come to entry rules that this entry has not visited."""
    return newest.status == "active" or (series.reentry is None and newest.status in ("finished", "disengaged"))


def _is_new(newest: EntryRow, block_id: str) -> bool:
    return block_id not in newest.entry_rules


def _why_not_again(series: Series, newest: EntryRow, as_of: datetime) -> Reason:
    match newest.status:
        case "active":
            return Reason("active", f"entry {newest.entry_number} is under way")
        case "exited":
            return Reason("exited", "the exit rule has ended an entry; after that nobody enters again")
        case "held_out":
            return Reason("held_out", "the customer is in the holdout, which is kept aside for good")
    if series.reentry is None or newest.ended_at is None:
        return Reason("entered_once", "the customer has had an entry, and the series has no `reentry`")
    if series.reentry.limit is not None and newest.entry_number >= series.reentry.limit:
        had = f"the customer has had {newest.entry_number} of at most {series.reentry.limit} entries"
        return Reason("reentry_limit", f"{had} (`reentry.limit`)")
    again = newest.ended_at + series.reentry.after
    assert as_of < again, "an ended entry keeps out for one of these reasons"
    return Reason("reentry_after", f"the customer may enter again from {format_instant(again)} on (`reentry.after`)")


def _none_holds(blocks: Sequence[str]) -> str:
    if len(blocks) == 1:
        return f"entry rule `{blocks[0]}` does not hold"
    return f"none of the entry rules holds: {', '.join(f'`{block_id}`' for block_id in blocks)}"


def _exit_holds(newest: EntryRow | None) -> str:
    if newest and newest.status == "active":
        return "the exit rule holds, so the next run ends the entry"
    return "the exit rule holds, and who matches it cannot enter"


def _enters(newest: EntryRow | None, *, has_run: bool, reenters: bool) -> Reason:
    which = "next" if has_run else "first"
    if newest is None:
        return Reason("enters", f"nothing is in the way: the {which} run lets the customer in")
    if reenters and newest.status != "active":
        return Reason("enters", f"nothing is in the way: the {which} run begins a new entry")
    return Reason("enters", f"nothing is in the way: entry {newest.entry_number} goes on at a further entry rule")
