"""Batches: what became of each, and what a person decides about those that wait for one.

A decision is one transaction: the batches, their messages and the record of it change together, or nothing does.
Deciding the same again changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, get_args

from pipelines.hand_off.carried import CHANGE, MESSAGES, TAG_WRITES
from pipelines.hint import did_you_mean, there_is_no
from pipelines.problems import UsageError
from pipelines.sql_text import read_query

if TYPE_CHECKING:
    from pipelines.model import Definitions
    from warehouse.adapter import Warehouse

BatchStatus = Literal["pending", "held", "unknown", "failed", "handed_off", "dropped"]
STATUSES: tuple[BatchStatus, ...] = get_args(BatchStatus)
WAITING: tuple[BatchStatus, ...] = ("pending", "held", "unknown", "failed")
"""What has neither left nor been dropped."""

HELD: tuple[BatchStatus, ...] = ("held",)
FAILED: tuple[BatchStatus, ...] = ("failed", "unknown")
"""What a guard holds, and what its sender did not take or may have taken."""

Decision = Literal["released", "retried", "dropped"]
DECIDABLE: Mapping[Decision, tuple[BatchStatus, ...]] = {
    "released": HELD,
    "retried": FAILED,
    "dropped": (*HELD, *FAILED),
}
"""The statuses of the batches about which each can be decided."""

_LISTED = ", ".join(f"`{status}`" for status in STATUSES)
_SERIES = "select distinct series_id from series.batches"
_OPEN_TO = "select batch_id from series.batches where status in (select unnest($statuses)) order by all"
_KNOWN = """
with
    decisions as (
        select
            batch_id,
            decision,
            decided_by,
            row_number() over (partition by batch_id order by decided_at desc) as decisions_ago
        from series.batch_decisions
        where batch_id in (select unnest($batch_ids))
    )
select batch.batch_id, batch.status, batch.message_count, decision.decision, decision.decided_by
from series.batches as batch
left join decisions as decision on decision.batch_id = batch.batch_id and decision.decisions_ago = 1
where batch.batch_id in (select unnest($batch_ids))
"""
_STATUS_AFTER: dict[Decision, BatchStatus] = {"released": "pending", "retried": "pending", "dropped": "dropped"}
_CHANGE = """
update series.batches set status = $status, next_attempt_at = null where batch_id in (select unnest($batch_ids))
"""
_RECORD = """
insert into series.batch_decisions (batch_id, decision, why, decided_by, decided_at)
select unnest($batch_ids), $decision, $why, $decided_by, $decided_at
"""


@dataclass(frozen=True, slots=True)
class BatchRow:
    """One batch.

    Attributes:
        as_of: The run (naive UTC) that made it.
        messages: How many it holds.
        guards: What held it, as words with commas; None: it never was.
        decision: What a person decided; None: nothing so far. Likewise `why`, `decided_by` and `decided_at` (UTC).
        attempts: How often it was offered.
        handed_off_at: When (UTC, wall clock) its sender accepted it; None: not so far.
        last_error: What its sender said last; None: nothing went wrong.
        parent_batch_id: The batch in which its messages were offered before; None: a run made it.
        next_attempt_at: When (UTC, wall clock) it is offered again at the earliest; None: at the next hand-off.
    """

    batch_id: str
    series_id: str
    block_id: str
    channel: str
    sender: str
    as_of: datetime
    messages: int
    status: BatchStatus
    guards: str | None
    decision: Decision | None
    why: str | None
    decided_by: str | None
    decided_at: datetime | None
    attempts: int
    handed_off_at: datetime | None
    last_error: str | None
    parent_batch_id: str | None
    next_attempt_at: datetime | None


@dataclass(frozen=True, slots=True)
class DecisionResult:
    """What a decision did.

    Attributes:
        batches: Ids of the batches that it changed.
        messages: How many messages these hold.
        unchanged: Ids of those about which the same had been decided before.
    """

    decision: Decision
    batches: tuple[str, ...]
    messages: int
    unchanged: tuple[str, ...]


def read_batches(
    warehouse: Warehouse | None, definitions: Definitions, status: Collection[str], series: Collection[str]
) -> tuple[BatchRow, ...]:
    """The batches of these statuses (none: those that wait) and series (none: all), oldest first.

    Args:
        warehouse: Where; None when nothing ever ran.
        definitions: Say which series there are.
        status: Statuses of batches.
        series: Ids of series.

    Raises:
        UsageError: There is no such status or series.
    """
    for word in status:
        if word not in STATUSES:
            raise UsageError(
                f"No batch is ever `{word}`{did_you_mean(word, STATUSES) or f'; the statuses are {_LISTED}.'}"
            )
    _refuse_unknown_series(warehouse, definitions, series)
    if warehouse is None:
        return ()
    rows = warehouse.fetch(read_query("batches/list"), {"statuses": list(status or WAITING)})
    found = [BatchRow(*row) for row in rows]
    return tuple(batch for batch in found if not series or batch.series_id in series)


def batches_of(
    warehouse: Warehouse, definitions: Definitions, status: Collection[str], series: Collection[str]
) -> list[str]:
    """Ids of the batches of these statuses and series (none: of all).

    Raises:
        UsageError: There is no such series.
    """
    return [batch.batch_id for batch in read_batches(warehouse, definitions, status, series)]


def decide(
    warehouse: Warehouse, decision: Decision, batch_ids: Sequence[str], why: str, decided_by: str
) -> DecisionResult:
    """Decide on batches and record it, all of them or none.

    Args:
        warehouse: Open for writing, with a state.
        decision: What is decided.
        batch_ids: About which batches.
        why: The reason.
        decided_by: Who decides.

    Raises:
        UsageError: A batch does not exist or does not wait for this, or there is no reason.
    """
    if not why.strip():
        raise UsageError("Say why; the reason is recorded with the decision.")
    with warehouse.transaction():
        wanted = list(dict.fromkeys(batch_ids))
        known = {row[0]: _Known(*row) for row in warehouse.fetch(_KNOWN, {"batch_ids": wanted})}
        missing = [_missing(warehouse, decision, batch_id) for batch_id in wanted if batch_id not in known]
        refused = [refusal for one in wanted if one in known and (refusal := _refusal(decision, known[one]))]
        if problems := [*missing, *refused]:
            raise UsageError("\n".join([*problems, "Nothing is changed."]))
        changed = [batch_id for batch_id in wanted if known[batch_id].status in DECIDABLE[decision]]
        if changed:
            values: dict[str, Any] = {
                "batch_ids": changed,
                "decision": decision,
                "why": why.strip(),
                "decided_by": decided_by,
            }
            values |= {"status": _STATUS_AFTER[decision], "decided_at": datetime.now(UTC).replace(tzinfo=None)}
            warehouse.execute(_CHANGE, values)
            for status, batch_ids in _messages_after(decision, [known[batch_id] for batch_id in changed]).items():
                for carried in (MESSAGES, TAG_WRITES):
                    warehouse.execute(carried.sql(CHANGE), {"status": status, "batch_ids": batch_ids})
            warehouse.execute(_RECORD, values)
    messages = sum(known[batch_id].messages for batch_id in changed)
    unchanged = tuple(batch_id for batch_id in wanted if batch_id not in changed)
    return DecisionResult(decision, tuple(changed), messages, unchanged)


@dataclass(frozen=True, slots=True)
class _Known:
    """A batch as it stands before a decision."""

    batch_id: str
    status: BatchStatus
    messages: int
    decision: Decision | None
    decided_by: str | None


def _messages_after(decision: Decision, changed: Sequence[_Known]) -> dict[str, list[str]]:
    """What the messages of batches are after a decision, with the batches; of what may have left nobody knows."""
    if decision != "dropped":
        return {"queued": [batch.batch_id for batch in changed]}
    after: dict[str, list[str]] = {}
    for batch in changed:
        after.setdefault("unknown" if batch.status == "unknown" else "dropped", []).append(batch.batch_id)
    return after


def _missing(warehouse: Warehouse, decision: Decision, batch_id: str) -> str:
    waiting = [name for (name,) in warehouse.fetch(_OPEN_TO, {"statuses": list(DECIDABLE[decision])})]
    return f"There is no batch `{batch_id}`{did_you_mean(batch_id, waiting) or '; `series batches` lists them.'}"


def _refusal(decision: Decision, batch: _Known) -> str | None:
    """Why a batch cannot be decided on like this; None where it can, or was so before."""
    if batch.status in DECIDABLE[decision] or batch.decision == decision:
        return None
    if batch.decision and batch.status not in (*HELD, *FAILED):
        by = f"{batch.decided_by} has {batch.decision} it"
        return f"Batch `{batch.batch_id}` is {_said(batch.status)}; {by}, and that is for good."
    needed = " or ".join(DECIDABLE[decision])
    return f"Batch `{batch.batch_id}` is {_said(batch.status)}; only a {needed} batch can be {decision}."


def _said(status: str) -> str:
    return status.replace("_", " ")


def _refuse_unknown_series(warehouse: Warehouse | None, definitions: Definitions, series: Collection[str]) -> None:
    if not series:
        return
    known = {*definitions.series, *definitions.refused}
    known |= {series_id for (series_id,) in warehouse.fetch(_SERIES)} if warehouse else set()
    for name in series:
        if name not in known:
            raise UsageError(there_is_no("series", name, sorted(known)))
