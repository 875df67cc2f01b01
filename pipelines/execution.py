"""Executing a run: its statements one after the other, those that have something to do."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from pipelines.compile.compile import Statement
from pipelines.compile.job import Job
from pipelines.model import GOOD_OUTCOMES, Kind
from pipelines.problems import RunError
from warehouse.adapter import StatementError, Warehouse
from warehouse.tables import BATCHES, TICKS

_COUNTS = tuple(column.name for column in TICKS.columns if column.type == "BIGINT")
_COUNTS_OF_RUN = f"""
select series_id, {", ".join(_COUNTS)}
from series.ticks
where tick_id = $tick_id and series_id in (select series_id from run_series)
"""  # noqa: S608 (columns of this software's own)
_NOT_LEFT = "select count(*) from series.batches where status not in ('handed_off', 'dropped')"
Leads = Mapping[tuple[str, str, bool], Collection[tuple[int, Kind]]]
"""Where each block leads to (series, block, and whether it was left by a good outcome): levels, and kinds of block."""


@dataclass(frozen=True, slots=True)
class _Reached:
    """A level that somebody moves to, and the kinds of block they come to there."""

    level: int
    kinds: frozenset[str]


def execute(
    warehouse: Warehouse, job: Job, statements: Sequence[Statement], stood: frozenset[str], as_of: datetime
) -> dict[str, Mapping[str, int]]:
    """Execute those statements of a run that have something to do, within the caller's transaction.

    Args:
        warehouse: An open warehouse.
        job: What was compiled.
        statements: All of the run's, in order.
        stood: The kinds of block at which somebody stood before the run.
        as_of: The run's instant, naive UTC.

    Returns:
        What each series' tick counts, by series.

    Raises:
        RunError: A statement failed, or a check found a broken promise.
    """
    values = {
        "as_of": as_of,
        "tick_id": tick_id(as_of),
        "committed_at": datetime.now(UTC).replace(tzinfo=None),
    }
    leads = _leads(job)
    filled = {BATCHES.qualified_name: warehouse.fetch(_NOT_LEFT)[0][0]}
    reached = _Reached(0, frozenset())
    for statement in statements:
        if statement.level is not None and reached.level < statement.level and filled.get("run_visits"):
            reached = _read_reached(warehouse, leads, statement.level)
        if _is_needed(statement, stood, filled, reached) and (narrowed := _narrowed(warehouse, statement)):
            rows = do(warehouse, narrowed, values)
            if statement.fills:
                filled[statement.fills] = filled.get(statement.fills, 0) + rows
            if rows and statement.fills == "run_visits" and statement.level is None:
                # Who stood somewhere and is judged only at its level may lead where nobody else comes to.
                reached = _Reached(0, frozenset())
    counts = warehouse.fetch(_COUNTS_OF_RUN, values)
    return {row[0]: dict(zip(_COUNTS, row[1:], strict=True)) for row in counts}


def tick_id(as_of: datetime) -> str:
    """The name of the run at an instant (naive UTC): ``20260301T090000Z``, with a fraction where there is one."""
    return as_of.strftime("%Y%m%dT%H%M%S.%fZ" if as_of.microsecond else "%Y%m%dT%H%M%SZ")


def do(warehouse: Warehouse, statement: Statement, values: Mapping[str, object]) -> int:
    """Execute one statement; how many rows it wrote.

    Raises:
        RunError: It failed, or it is a check and found something.
    """
    try:
        if not statement.is_check:
            return warehouse.execute(statement.sql, values)
        broken = warehouse.fetch(statement.sql, values)
    except StatementError as error:
        raise RunError(f"The run failed at `{statement.name}`: {error}\nThe statement was:\n{error.sql}") from error
    if broken:
        rows = "\n".join(f"  entry {entry}, block {block}: {problem}" for entry, block, problem in broken)
        raise RunError(f"The run would have broken a promise ({statement.name}), so nothing of it is kept:\n{rows}")
    return 0


def _leads(job: Job) -> Leads:
    leads: dict[tuple[str, str, bool], set[tuple[int, Kind]]] = {}
    for checked in job.having("live", "emptying"):
        for connection in job.ways(checked):
            key = checked.series.series_id, connection.from_block, connection.outcome_is_good
            target = job.level(checked, connection.to_block), checked.series.blocks[connection.to_block].kind
            leads.setdefault(key, set()).add(target)
    return leads


def _is_needed(statement: Statement, stood: frozenset[str], filled: Mapping[str, int], reached: _Reached) -> bool:
    """Whether a statement has something to do; most of a run's have not, most of the time."""
    if statement.stands is not None and statement.stands not in stood:
        return False
    if statement.level is not None and statement.level != reached.level:
        return False
    if statement.level is not None and statement.kind is not None and statement.kind not in reached.kinds:
        return False
    return not statement.needs or any(filled.get(table) for table in statement.needs)


def _narrowed(warehouse: Warehouse, statement: Statement) -> Statement | None:
    """The statement without the blocks that queued nothing, where it can do without; None where it has none left."""
    if statement.of_queued is None:
        return statement
    queued = warehouse.fetch("select distinct series_id, block_id from run_messages")
    sql = statement.of_queued({(series_id, block_id) for series_id, block_id in queued})
    return replace(statement, sql=sql) if sql else None


def _read_reached(warehouse: Warehouse, leads: Leads, level: int) -> _Reached:
    """The first level from ``level`` on that somebody moves to; beyond all levels where nobody does."""
    left = warehouse.fetch("select distinct series_id, block_id, outcome from run_visits where left_at is not null")
    found = [
        (to_level, kind)
        for series_id, block_id, outcome in left
        for to_level, kind in leads.get((series_id, block_id, outcome in GOOD_OUTCOMES), ())
        if to_level >= level
    ]
    first = min((to_level for to_level, _ in found), default=sys.maxsize)
    return _Reached(first, frozenset(kind for to_level, kind in found if to_level == first))
