"""Whether a project is well: batches that do not leave, customers who do not move on, promises that are broken.

Looks at the tables that analysts may query and at the definitions, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipelines.hand_off.absent import REASON
from pipelines.hand_off.batches import BatchRow, read_batches
from pipelines.hint import target_option
from pipelines.model import Definitions
from pipelines.output import count
from pipelines.schedule import format_instant, latest_instant
from pipelines.sql_text import read_query
from pipelines.status import WaitingBatches, read_status
from warehouse import state
from warehouse.adapter import Warehouse


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be.

    Attributes:
        series_id: The series it is about.
        block_id: The block it is about; None: the series as a whole, or one of its senders.
        count: How many customers, visits or messages it concerns.
        message: What is wrong and what to do, as one sentence or two.
    """

    series_id: str
    block_id: str | None
    count: int
    message: str


def read_health(
    warehouse: Warehouse, definitions: Definitions, checks: Sequence[str]
) -> dict[str, tuple[Finding, ...]]:
    """What some of `CHECKS` find, by their names; nothing where no run has ever been committed."""
    if state.read_version(warehouse) is None:
        return dict.fromkeys(checks, ())
    return {name: tuple(CHECKS[name](warehouse, definitions)) for name in checks}


def held_batches(warehouse: Warehouse, definitions: Definitions) -> list[Finding]:
    """Batches that guards hold until a person decides, by series."""
    found: dict[str, list[BatchRow]] = {}
    for batch in read_batches(warehouse, definitions, ["held"], ()):
        found.setdefault(batch.series_id, []).append(batch)
    return [_held(series_id, batches, definitions.settings.target) for series_id, batches in found.items()]


def pending_batches(warehouse: Warehouse, definitions: Definitions) -> list[Finding]:
    """Batches of series that may send which have not left; after a hand-off, those that their senders did not take.

    Those that wait for vanished customers are as they should be.
    """
    sending = {name for name, series in definitions.series.items() if series.status in ("live", "emptying")}
    return [
        _waiting(group)
        for group in read_status(definitions, warehouse).batches
        if group.status == "pending" and group.series_id in sending and group.last_error != REASON
    ]


def stuck_batches(warehouse: Warehouse, definitions: Definitions) -> list[Finding]:
    """Batches that should have left by now: pending ones, and those that failed or of which nobody knows."""
    return [
        *pending_batches(warehouse, definitions),
        *(
            _waiting(group)
            for group in read_status(definitions, warehouse).batches
            if group.status in ("unknown", "failed")
        ),
    ]


def overdue_visits(warehouse: Warehouse, definitions: Definitions) -> list[Finding]:
    """Customers whose deadline had passed when their series was due last, and who are still there.

    Customers who are not in the source wait until they are back, and series that are neither live nor emptying stand
    still; both are as they should be. What a deadline decides waits for late rows (``lag``).
    """
    status = read_status(definitions, warehouse)
    if status.last_run is None:
        return []
    _name_customers(warehouse, definitions)
    query = read_query("health/overdue_visits")
    lag = max((source.lag for source in definitions.settings.sources.values()), default=timedelta(0))
    findings = []
    for series in definitions.series.values():
        due_at = latest_instant(series.schedule, status.last_run)
        if series.status not in ("live", "emptying") or due_at is None:
            continue
        rows = warehouse.fetch(query, {"series_id": series.series_id, "instant": due_at - lag})
        findings += [
            Finding(series.series_id, block_id, count, _overdue(block_id, count, oldest, due_at))
            for block_id, count, oldest in rows
        ]
    return findings


def broken_promises(warehouse: Warehouse, _: Definitions) -> list[Finding]:
    """Rows that contradict what every run keeps (SPEC 6)."""
    rows = warehouse.fetch(read_query("health/broken_promises"))
    return [
        Finding(series_id, block_id, count, f"{count:,} entries{f' at {block_id}' if block_id else ''}: {problem}.")
        for problem, series_id, block_id, count in rows
    ]


CHECKS: Mapping[str, Callable[[Warehouse, Definitions], list[Finding]]] = {
    "held_batches": held_batches,
    "pending_batches": pending_batches,
    "stuck_batches": stuck_batches,
    "overdue_visits": overdue_visits,
    "broken_promises": broken_promises,
}
"""What can be looked at, by name."""

NEEDS_SOURCES = frozenset({"overdue_visits"})
"""Those of them that read the customers, too."""


def _held(series_id: str, batches: Sequence[BatchRow], target: str | None) -> Finding:
    messages = sum(batch.messages for batch in batches)
    guards = sorted({batch.guards for batch in batches if batch.guards})
    by = f" by {', '.join(guards)}" if guards else ""
    return Finding(
        series_id,
        None,
        messages,
        f"{series_id}: {count(len(batches), 'batch')} with {count(messages, 'message')} held{by} since "
        f"{format_instant(batches[0].as_of)}. See `series batches`; then "
        f"`series batches release{target_option(target)} --all-held --series {series_id} --why '...'`, or `drop`.",
    )


def _waiting(group: WaitingBatches) -> Finding:
    message = (
        f"{group.batches:,} batches for {group.sender} are {group.status} after {group.attempts:,} attempts, "
        f"since {format_instant(group.oldest)}{f': {group.last_error}' if group.last_error else '.'}"
    )
    return Finding(group.series_id, None, group.messages, message)


def _overdue(block_id: str, count: int, oldest: datetime, due_at: datetime) -> str:
    return (
        f"{count:,} customers should have left {block_id}, the first of them at {format_instant(oldest)}; "
        f"the series was due at {format_instant(due_at)}."
    )


def _name_customers(warehouse: Warehouse, definitions: Definitions) -> None:
    """Make ``source_customers`` for this connection."""
    from pipelines.compile.compile import compile_views
    from pipelines.run import refuse
    from pipelines.sources import find_sources

    tables, problems = find_sources(warehouse, definitions.settings)
    refuse(problems)
    for statement in compile_views(tables, state.customer_id_type(warehouse)):
        warehouse.execute(statement.sql)
