"""Making a plan: the state as it stands, then the run in a transaction that is rolled back. Nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pipelines.guards import GuardFinding, are_set, read_findings
from pipelines.memo import Memo
from pipelines.model import Definitions, Series
from pipelines.plan.changes import compare
from pipelines.plan.plan import BlockedMessages, Changes, Departures, Plan, PlannedMessages, SeriesPlan
from pipelines.run import SeriesRun, run, version_of
from pipelines.schedule import format_instant
from pipelines.sql_text import read_query
from pipelines.standing import read_standing
from warehouse import state
from warehouse.adapter import Warehouse


@dataclass(frozen=True, slots=True)
class _Newest:
    """The newest run of a series; ``text`` is None where the state has lost it."""

    as_of: datetime
    definition_hash: str
    text: str | None


@dataclass(frozen=True)
class _Before:
    """What there is before the run: newest runs, how many customers stand in each series, and at each of its blocks."""

    newest: Mapping[str, _Newest] = field(default_factory=dict)
    customers: Mapping[str, int] = field(default_factory=dict)
    standing: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass
class _After:
    """What there is at the end of the run's transaction: rows by series, and what guards found."""

    messages: Mapping[str, Sequence[tuple[Any, ...]]] = field(default_factory=dict)
    departures: Mapping[str, Sequence[tuple[Any, ...]]] = field(default_factory=dict)
    blocked: Mapping[str, Sequence[tuple[Any, ...]]] = field(default_factory=dict)
    guards: tuple[GuardFinding, ...] = ()


def make_plan(
    warehouse: Warehouse,
    definitions: Definitions,
    as_of: datetime,
    *,
    series: Sequence[str] | None = None,
    due: bool = False,
    accept: Collection[str] = (),
    memo: Memo | None = None,
) -> Plan:
    """What a run at an instant would do; for the arguments and what is raised see `pipelines.run.run`."""
    before, after = _read_before(warehouse), _After()

    def look(ran: Sequence[SeriesRun]) -> None:
        after.messages = _by_series(warehouse, "messages", {"as_of": as_of})
        after.departures = _by_series(warehouse, "departures", {"as_of": as_of})
        after.blocked = _by_series(warehouse, "blocked")
        if are_set(definitions):
            after.guards = read_findings(warehouse, as_of, [one.series_id for one in ran])

    ran = run(warehouse, definitions, as_of, series=series, due=due, accept=accept, memo=memo, look=look)
    plans = [_plan(definitions, one, before, after) for one in ran]
    gone = _gone(definitions, before) if series is None else ()
    return Plan(definitions.settings.target, as_of, (*plans, *gone), after.guards)


def _read_before(warehouse: Warehouse) -> _Before:
    if state.read_version(warehouse) is None:
        return _Before()
    rows = warehouse.fetch(read_query("plan/versions"))
    standing: dict[str, dict[str, int]] = {}
    for stood in read_standing(warehouse):
        blocks = standing.setdefault(stood.series_id, {})
        blocks[stood.block_id] = blocks.get(stood.block_id, 0) + stood.customers
    newest = {series_id: _Newest(*found) for series_id, *found in rows}
    return _Before(newest, dict(warehouse.fetch(read_query("plan/customers"))), standing)


def _by_series(
    warehouse: Warehouse, query: str, values: Mapping[str, object] | None = None
) -> dict[str, list[tuple[Any, ...]]]:
    found: dict[str, list[tuple[Any, ...]]] = {}
    for series_id, *row in warehouse.fetch(read_query(f"plan/{query}"), values):
        found.setdefault(series_id, []).append(tuple(row))
    return found


def _plan(definitions: Definitions, ran: SeriesRun, before: _Before, after: _After) -> SeriesPlan:
    name, series = ran.series_id, definitions.series[ran.series_id]
    newest, runs = before.newest.get(name), ran.state == "done"
    changes = _changes(definitions, series, newest, before.standing.get(name, {}))
    messages = (PlannedMessages(*row) for row in after.messages.get(name, ()))
    departures = (Departures(*row) for row in after.departures.get(name, ()))
    blocked = (BlockedMessages(*row) for row in after.blocked.get(name, ()))
    order = {block_id: place for place, block_id in enumerate(series.blocks)}
    return SeriesPlan(
        series_id=name,
        title=series.title,
        status=series.status,
        state="runs" if runs else "fails" if ran.state == "failed" else "idle",
        reason=ran.message,
        last_run=newest.as_of if newest else None,
        definition="changed" if changes else "same" if newest else "new",
        changes=changes,
        customers=before.customers.get(name, 0),
        counts=ran.counts or {},
        messages=tuple(sorted(messages, key=lambda one: order.get(one.block_id, 0))) if runs else (),
        departures=tuple(departures) if runs else (),
        blocked=tuple(sorted(blocked, key=lambda one: order.get(one.block_id, 0))) if runs else (),
    )


def _changes(
    definitions: Definitions, series: Series, newest: _Newest | None, customers: Mapping[str, int]
) -> Changes | None:
    version = version_of(definitions, series)
    if newest is None or newest.definition_hash == version.definition_hash:
        return None
    if newest.text is None:
        return Changes(is_read=False)
    former = f"(run at {format_instant(newest.as_of)})"
    return compare(newest.text, version.text, series.file, customers=customers, former=former)


def _gone(definitions: Definitions, before: _Before) -> Iterator[SeriesPlan]:
    """Series without a file in which customers stand; nobody would miss the others."""
    for name, newest in before.newest.items():
        customers = before.customers.get(name, 0)
        if name not in definitions.series and customers:
            stay = "1 customer stays" if customers == 1 else f"{customers:,} customers stay"
            reason = f"It has no file any more; {stay} where they are."
            yield SeriesPlan(name, None, None, "gone", reason, newest.as_of, None, customers=customers)
