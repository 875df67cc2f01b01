"""One run: everything that is due at one instant, in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from pipelines.check import CheckedDefinitions, CheckedSeries, SourceColumns, check
from pipelines.compile import Statement, Version, compile_run
from pipelines.hint import did_you_mean
from pipelines.model import Definitions, WaitBlock, WeekdayTime
from pipelines.problems import Problem, RefusedError, RunError, UsageError
from pipelines.rules import family_of
from pipelines.schedule import format_instant, is_due
from pipelines.sources import SourceTable, customer_id_type, duplicate_checks, find_sources
from pipelines.sql_text import literal
from pipelines.steps import Job, Moments
from pipelines.wall_clock import moments_between
from warehouse import state
from warehouse.adapter import StatementError, Warehouse
from warehouse.tables import TICKS

_COUNTS = tuple(column.name for column in TICKS.columns if column.type == "BIGINT")
_RUNNING = ("live", "emptying", "stopped")


@dataclass(frozen=True, slots=True)
class SeriesRun:
    """What a run did for one series.

    Attributes:
        state: ``done``; ``no_op``: there was nothing to do; ``failed``: nothing was done, and somebody has to look.
        message: Why, when it is not ``done``.
        counts: What the run did, as in ``series.ticks``; empty when it is not ``done``.
    """

    series_id: str
    state: Literal["done", "no_op", "failed"]
    message: str = ""
    counts: Mapping[str, int] | None = None


def read_definitions(
    definitions: Definitions, warehouse: Warehouse | None
) -> tuple[CheckedDefinitions, dict[str, SourceTable], list[Problem]]:
    """Check definitions against the warehouse as it is now, or without one.

    Returns:
        What is right, the sources (none without a warehouse), and every problem found.
    """
    if warehouse is None:
        checked, problems = check(definitions, SourceColumns())
        return checked, {}, problems
    sources, problems = find_sources(warehouse, definitions.settings)
    families = {
        name: {column: family_of(type_) for column, (_, type_) in (table.columns or {}).items()}
        for name, table in sources.items()
    }
    if problems:
        # What cannot be read would only make every rule wrong as well.
        checked, found = check(definitions, SourceColumns())
    else:
        checked, found = check(definitions, SourceColumns(families))
    return checked, sources, problems + found


def run(
    warehouse: Warehouse,
    definitions: Definitions,
    as_of: datetime,
    *,
    series: Sequence[str] | None = None,
    due: bool = False,
) -> list[SeriesRun]:
    """Run the series at one instant.

    Args:
        warehouse: An open warehouse.
        definitions: What the project's files say now.
        as_of: The instant, naive UTC.
        series: Only these; None is all.
        due: Only those whose schedule has an instant after their newest run, up to this one.

    Raises:
        RefusedError: A definition cannot be used.
        RunError: A source cannot be used or a statement failed; nothing is committed.
        UsageError: A series is named that does not exist.
    """
    checked, sources, problems = read_definitions(definitions, warehouse)
    refuse(problems)
    newest = newest_runs(warehouse)
    results: dict[str, SeriesRun] = {}
    chosen = []
    for one in _named(checked, series):
        reason = _nothing_to_do(one, newest.get(one.series.series_id), as_of, due=due, named=series is not None)
        if reason is None:
            chosen.append(one)
        elif reason:
            results[one.series.series_id] = SeriesRun(one.series.series_id, "no_op", reason)
    if chosen:
        with warehouse.transaction():
            found = _run_chosen(warehouse, definitions, checked, sources, chosen, as_of)
        results |= {result.series_id: result for result in found}
    return [results[name] for name in checked.series if name in results]


def _run_chosen(
    warehouse: Warehouse,
    definitions: Definitions,
    checked: CheckedDefinitions,
    sources: Mapping[str, SourceTable],
    chosen: Sequence[CheckedSeries],
    as_of: datetime,
) -> list[SeriesRun]:
    id_type = state.prepare(warehouse, customer_id_type(sources))
    stranded = _stranded(warehouse, chosen)
    able = [one for one in chosen if one.series.series_id not in stranded]
    counts: Mapping[str, Mapping[str, int]] = {}
    if able:
        job = make_job(checked, able, sources, warehouse, as_of)
        statements = compile_run(job, sources, id_type, versions(definitions, able))
        counts = _execute(warehouse, statements, sources, as_of)
    return [
        *(SeriesRun(name, "failed", message) for name, message in stranded.items()),
        *(SeriesRun(name, "done", "", count) for name, count in counts.items()),
    ]


def make_job(
    checked: CheckedDefinitions,
    series: Sequence[CheckedSeries],
    sources: Mapping[str, SourceTable],
    warehouse: Warehouse,
    as_of: datetime,
) -> Job:
    """What is to be compiled, with the wall-clock moments that its waits may end at."""
    customers = sources["customers"].columns or {}
    return Job(
        definitions=replace(checked, series={one.series.series_id: one for one in series}),
        customer={column: family_of(type_) for column, (_, type_) in customers.items()},
        moments=_moments(checked, series, warehouse, as_of),
    )


def versions(definitions: Definitions, series: Iterable[CheckedSeries]) -> dict[str, Version]:
    """The version of each series: its file, with the segments where it may name one."""
    found = {}
    for one in series:
        text = one.series.text
        if "in_segment" in text:
            segments = "".join(f"#   {name}: {rule.value}\n" for name, rule in definitions.segments.items())
            text = f"{text.rstrip()}\n# segments.yml at that time:\n{segments}"
        found[one.series.series_id] = Version(hashlib.sha256(text.encode()).hexdigest(), text)
    return found


def tick_id(as_of: datetime) -> str:
    """The name of the run at an instant (naive UTC): ``20260301T090000Z``, with a fraction where there is one."""
    return as_of.strftime("%Y%m%dT%H%M%S.%fZ" if as_of.microsecond else "%Y%m%dT%H%M%SZ")


def newest_runs(warehouse: Warehouse) -> dict[str, datetime]:
    """The newest ``as_of`` of each series that ever ran."""
    if not state.exists(warehouse):
        return {}
    state.check_version(warehouse)
    return dict(warehouse.fetch("select series_id, max(as_of) from series.ticks group by series_id"))


def refuse(problems: Sequence[Problem]) -> None:
    """Raise when there is an error among them.

    Raises:
        RefusedError: An error has a place in a file of the project.
        RunError: The errors are all about the warehouse.
    """
    errors = [problem for problem in problems if problem.severity == "error"]
    if any(problem.position for problem in errors):
        raise RefusedError(errors)
    if errors:
        raise RunError("\n".join(str(problem) for problem in errors))


def _named(checked: CheckedDefinitions, series: Sequence[str] | None) -> list[CheckedSeries]:
    if series is None:
        return list(checked.series.values())
    for name in series:
        if name not in checked.series:
            raise UsageError(f"There is no series `{name}`{did_you_mean(name, checked.series) or '.'}")
    return [one for name, one in checked.series.items() if name in series]


def _nothing_to_do(
    one: CheckedSeries, newest: datetime | None, as_of: datetime, *, due: bool, named: bool
) -> str | None:
    """Why a series takes no part; empty where nobody needs to be told, None where it does take part."""
    if one.series.status not in _RUNNING:
        return f"It is {one.series.status}." if named else ""
    if newest is not None and as_of <= newest:
        return f"It has run at {format_instant(newest)} already; a run at {format_instant(as_of)} changes nothing."
    if due and not is_due(one.series.schedule, newest, as_of):
        return "It is not due yet." if named else ""
    return None


def _stranded(warehouse: Warehouse, series: Sequence[CheckedSeries]) -> dict[str, str]:
    """Series with customers at a block that is gone or of another kind now, with what to say about it."""
    found: dict[str, list[str]] = {}
    by_id = {one.series.series_id: one.series for one in series if one.series.status != "stopped"}
    standing = warehouse.fetch(
        "select series_id, block_id, kind, count(*) from series_state.open_visits group by series_id, block_id, kind "
        "order by series_id, block_id, kind"
    )
    for series_id, block_id, kind, customers in standing:
        block = by_id[series_id].blocks.get(block_id) if series_id in by_id else None
        if series_id not in by_id or (block and block.kind == kind):
            continue
        now = f"is a {block.kind} block now" if block else "is gone"
        found.setdefault(series_id, []).append(f"{customers} customers wait at {kind} block `{block_id}`, which {now}")
    return {
        series_id: f"{'; '.join(lines)}. Put it back, or set `status: stopped` to end their entries."
        for series_id, lines in found.items()
    }


def _moments(
    checked: CheckedDefinitions, series: Sequence[CheckedSeries], warehouse: Warehouse, as_of: datetime
) -> Moments:
    waits = [
        (one.series.series_id, block_id, block.until)
        for one in series
        for block_id, block in one.series.blocks.items()
        if isinstance(block, WaitBlock) and isinstance(block.until, WeekdayTime)
    ]
    if not waits:
        return {}
    oldest: dict[str, datetime] = {}
    if state.exists(warehouse):
        # Nobody arrives before the oldest arrival that is still open.
        query = "select series_id, min(arrived_at) from series_state.open_visits group by series_id"
        oldest = dict(warehouse.fetch(query))
    zone = checked.settings.timezone
    return {
        (series_id, block_id): moments_between(until, zone, oldest.get(series_id, as_of), as_of)
        for series_id, block_id, until in waits
    }


def _execute(
    warehouse: Warehouse, statements: Sequence[Statement], sources: Mapping[str, SourceTable], as_of: datetime
) -> dict[str, Mapping[str, int]]:
    """Execute the statements; what each series' tick counts, by series."""
    values = {
        "as_of": as_of,
        "tick_id": tick_id(as_of),
        "committed_at": datetime.now(UTC).replace(tzinfo=None),
    }
    views = [statement for statement in statements if statement.name.startswith("view ")]
    for statement in views:
        _do(warehouse, statement, values)
    _refuse_duplicates(warehouse, sources)
    for statement in statements[len(views) :]:
        _do(warehouse, statement, values)
    counts = warehouse.fetch(
        f"select series_id, {', '.join(_COUNTS)} from series.ticks where tick_id = $tick_id "
        "and series_id in (select series_id from run_series)",
        values,
    )
    return {row[0]: dict(zip(_COUNTS, row[1:], strict=True)) for row in counts}


def _do(warehouse: Warehouse, statement: Statement, values: Mapping[str, object]) -> None:
    try:
        if not statement.is_check:
            warehouse.execute(statement.sql, values)
            return
        broken = warehouse.fetch(statement.sql, values)
    except StatementError as error:
        raise RunError(f"The run failed at `{statement.name}`: {error}\nThe statement was:\n{error.sql}") from error
    if broken:
        rows = "\n".join(f"  entry {entry}, block {block}: {problem}" for entry, block, problem in broken)
        raise RunError(f"The run would have broken a promise ({statement.name}), so nothing of it is kept:\n{rows}")


def _refuse_duplicates(warehouse: Warehouse, sources: Mapping[str, SourceTable]) -> None:
    problems = []
    for name, column, query in duplicate_checks(sources):
        try:
            rows = warehouse.fetch(query)
        except StatementError as error:
            raise RunError(f"source `{name}`: {sources[name].source.table} cannot be read: {error}") from error
        if rows:
            shown = ", ".join(f"{'null' if id_ is None else literal(str(id_))} ({count} rows)" for id_, count in rows)
            problems.append(f"source `{name}`: {column} must be unique and not null, but there are: {shown}.")
    if problems:
        raise RunError("\n".join(problems))
