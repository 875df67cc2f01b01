"""How a project stands: entries by status, customers waiting, batches that have not left, last runs.

Reads the tables that analysts may query and the definitions, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipelines.hand_off.absent import REASON
from pipelines.model import Definitions, Series
from pipelines.senders.unsent import unsent_folder
from pipelines.sql_text import read_query
from warehouse.adapter import Warehouse
from warehouse.tables import ENTRY_STATUSES


@dataclass(frozen=True, slots=True)
class WaitingBlock:
    """One block with customers in it.

    Attributes:
        customers: How many are in it, those held back included.
        since: When the longest-waiting of them arrived, naive UTC.
        blocked_by: Reason to the number of customers whose message it holds back.
    """

    block_id: str
    customers: int
    since: datetime
    blocked_by: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeriesStatus:
    """How one series stands.

    Attributes:
        title: None when the definition has none.
        status: As the definition says; None when there is none that can be read, as for a series whose file is gone.
        schedule: Cron expression in UTC; None likewise.
        last_run: Newest ``as_of``, naive UTC; None when it never ran.
        entries: Entry status to the number of entries; statuses that do not occur are left out.
        goals: Entries that reached the goal, whatever became of them.
        waiting: Blocks with customers in them, in the definition's order.
    """

    series_id: str
    title: str | None
    status: str | None
    schedule: str | None
    last_run: datetime | None
    entries: Mapping[str, int]
    goals: int
    waiting: tuple[WaitingBlock, ...]


@dataclass(frozen=True, slots=True)
class WaitingBatches:
    """Batches of one series for one sender that have not left; those that wait for vanished customers are apart.

    Attributes:
        status: ``pending``, ``held``, ``unknown`` or ``failed``.
        oldest: ``as_of`` of the oldest of them, naive UTC.
        attempts: How often the most-tried of them was offered.
        last_error: What the sender answered to that one; None when nothing went wrong.
        next_attempt_at: When (naive UTC, wall clock) the first of them is offered again; None: at the next hand-off.
    """

    series_id: str
    sender: str
    status: str
    batches: int
    messages: int
    oldest: datetime
    attempts: int
    last_error: str | None
    next_attempt_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """How a project stands.

    Attributes:
        target: The target that it stands so for; None: the project has no targets.
        series: In the definitions' order, then by name those that cannot be read or are gone.
        unsent: The senders that may not send here, with the folder, from the project's, that gets their batches.
    """

    target: str | None
    last_run: datetime | None
    series: tuple[SeriesStatus, ...]
    batches: tuple[WaitingBatches, ...]
    unsent: Mapping[str, str]


def read_status(definitions: Definitions, warehouse: Warehouse | None) -> Status:
    """Collect how a project stands.

    Args:
        definitions: What the files say now.
        warehouse: Where to read the tables; None when nothing ever ran.
    """
    entries = _by_first(_rows(warehouse, "entries"))
    visits = _by_first(_rows(warehouse, "visits"))
    last_runs: dict[str, datetime] = dict(_rows(warehouse, "ticks"))
    others = sorted((entries.keys() | last_runs.keys() | definitions.refused.keys()) - definitions.series.keys())
    return Status(
        target=definitions.settings.target,
        last_run=max(last_runs.values(), default=None),
        series=tuple(
            _series_status(
                series_id,
                definitions.series.get(series_id),
                last_runs.get(series_id),
                entries.get(series_id, []),
                visits.get(series_id, []),
            )
            for series_id in [*definitions.series, *others]
        ),
        batches=tuple(WaitingBatches(*row) for row in _rows(warehouse, "batches", {"waits_for_customers": REASON})),
        unsent={
            name: folder
            for name, sender in definitions.settings.senders.items()
            if (folder := unsent_folder(definitions.settings, sender)) is not None
        },
    )


def _rows(
    warehouse: Warehouse | None, query: str, values: Mapping[str, object] | None = None
) -> Sequence[tuple[Any, ...]]:
    return warehouse.fetch(read_query(f"status/{query}"), values) if warehouse else []


def _by_first(rows: Iterable[tuple[Any, ...]]) -> dict[Any, list[tuple[Any, ...]]]:
    """Group rows by their first column, which the grouped rows then lack."""
    grouped: dict[Any, list[tuple[Any, ...]]] = {}
    for first, *rest in rows:
        grouped.setdefault(first, []).append(tuple(rest))
    return grouped


def _series_status(
    series_id: str,
    series: Series | None,
    last_run: datetime | None,
    entries: Sequence[tuple[str, int, int]],
    visits: Sequence[tuple[str, str | None, int, datetime]],
) -> SeriesStatus:
    return SeriesStatus(
        series_id=series_id,
        title=series.title if series else None,
        status=series.status if series else None,
        schedule=series.schedule if series else None,
        last_run=last_run,
        entries={status: count for status, count, _ in sorted(entries, key=lambda row: ENTRY_STATUSES.index(row[0]))},
        goals=sum(goals for _, _, goals in entries),
        waiting=_waiting(visits, series.blocks if series else ()),
    )


def _waiting(visits: Sequence[tuple[str, str | None, int, datetime]], order: Iterable[str]) -> tuple[WaitingBlock, ...]:
    by_block: dict[str, list[tuple[str | None, int, datetime]]] = _by_first(visits)
    defined = [block_id for block_id in order if block_id in by_block]
    return tuple(
        WaitingBlock(
            block_id=block_id,
            customers=sum(customers for _, customers, _ in by_block[block_id]),
            since=min(arrived_at for _, _, arrived_at in by_block[block_id]),
            blocked_by={reason: customers for reason, customers, _ in by_block[block_id] if reason is not None},
        )
        for block_id in [*defined, *sorted(by_block.keys() - set(defined))]
    )
