"""One run: everything that is due at one instant, in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Literal

from pipelines.check import SourceColumns, check
from pipelines.checked import CheckedDefinitions, CheckedSeries
from pipelines.compile.compile import (
    Calendar,
    Version,
    compile_calendar,
    compile_run,
    compile_setup,
    compile_views,
)
from pipelines.compile.job import Job
from pipelines.execution import do, execute
from pipelines.guards import check_sources, refuse_unknown_guards
from pipelines.hint import target_option, there_is_no
from pipelines.memo import Memo
from pipelines.model import ENGAGEMENT_KINDS, Definitions, Series, WeekdayTime
from pipelines.problems import Problem, RefusedError, RunError, UsageError
from pipelines.rules import family_of
from pipelines.rules.model import Family
from pipelines.schedule import format_instant, is_due
from pipelines.source_rows import find_duplicates
from pipelines.sources import SourceTable, customer_id_type, find_sources
from pipelines.sql_text import literal, render
from pipelines.standing import Standing, find_stranded, read_standing
from pipelines.wall_clock import moments_between, open_zones
from pipelines.zones import read_zones
from warehouse import state
from warehouse.adapter import Warehouse

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
    definitions: Definitions, warehouse: Warehouse | None, memo: Memo
) -> tuple[CheckedDefinitions, dict[str, SourceTable], list[Problem]]:
    """Check definitions against the warehouse as it is now, or without one.

    Returns:
        What is right, the sources (none without a warehouse), and every problem found.
    """
    if warehouse is None:
        checked, problems = memo.ask(check, definitions, SourceColumns())
        return checked, {}, problems
    sources, problems = find_sources(warehouse, definitions.settings)
    if problems:
        # What cannot be read would only make every rule wrong as well.
        checked, found = memo.ask(check, definitions, SourceColumns())
    else:
        checked, found = memo.ask(check, definitions, SourceColumns(families_of(sources)))
    return checked, sources, problems + found


def families_of(sources: Mapping[str, SourceTable]) -> dict[str, dict[str, Family]]:
    """The columns of each source with their families; none for a source that is absent."""
    return {
        name: {column: family_of(type_) for column, (_, type_) in (table.columns or {}).items()}
        for name, table in sources.items()
    }


def run(
    warehouse: Warehouse,
    definitions: Definitions,
    as_of: datetime,
    *,
    series: Sequence[str] | None = None,
    due: bool = False,
    accept: Collection[str] = (),
    memo: Memo | None = None,
    look: Callable[[Sequence[SeriesRun]], None] | None = None,
) -> list[SeriesRun]:
    """Run the series at one instant.

    Args:
        warehouse: An open warehouse.
        definitions: What the project's files say now.
        as_of: The instant, naive UTC.
        series: Only these; None is all.
        due: Only those whose schedule has an instant after their newest run, up to this one.
        accept: Guards of sources that this run may go beyond.
        memo: Remembers what earlier runs checked and compiled.
        look: Called at the end of the run's transaction, which is then rolled back, so that nothing has happened; it is
            not called where no series takes part. Every series then says why, if it does not.

    Raises:
        RefusedError: A definition cannot be used.
        RunError: A source cannot be used, a guard refuses it, or a statement failed; nothing is committed.
        UsageError: A series is named that does not exist, or a guard that cannot be accepted.
    """
    refuse_unknown_guards(accept)
    _refuse_unknown_series(definitions, series or ())
    memo = memo or Memo()
    checked, sources, problems = read_definitions(definitions, warehouse, memo)
    refuse(problems)
    version = state.read_version(warehouse)
    newest = newest_runs(warehouse, version)
    is_named = series is not None or look is not None
    results: dict[str, SeriesRun] = {}
    chosen: dict[str, CheckedSeries] = {}
    named = {name: one for name, one in checked.series.items() if series is None or name in series}
    for name, one in named.items():
        reason = nothing_to_do(one, newest.get(name), as_of, due=due, named=is_named)
        if reason is None:
            chosen[name] = one
        elif reason:
            results[name] = SeriesRun(name, "no_op", reason)
    if chosen:
        able = replace(checked, series=chosen)
        settings = definitions.settings
        options = [target_option(settings.target), *(f" --series {name}" for name in series or ()), " --due" * due]
        guard = partial(check_sources, warehouse, settings, as_of, accept, "".join(options))
        try:
            with warehouse.transaction(keep=look is None):
                id_type = state.prepare(warehouse, customer_id_type(sources), version=version)
                state.claim(warehouse, settings.target)
                found = _run_chosen(warehouse, definitions, able, sources, id_type, as_of, guard, memo)
                if look is not None:
                    look(found)
        except BaseException:
            memo.forget_told()
            raise
        if look is not None:
            memo.forget_told()
        results |= {result.series_id: result for result in found}
    return [results[name] for name in checked.series if name in results]


def _run_chosen(
    warehouse: Warehouse,
    definitions: Definitions,
    chosen: CheckedDefinitions,
    sources: Mapping[str, SourceTable],
    id_type: str,
    as_of: datetime,
    guard: Callable[[], None],
    memo: Memo,
) -> list[SeriesRun]:
    standing = read_standing(warehouse)
    stranded = find_stranded(chosen, standing)
    able = replace(chosen, series={name: one for name, one in chosen.series.items() if name not in stranded})
    counts: Mapping[str, Mapping[str, int]] = {}
    if able.series:
        views = memo.ask(compile_views, sources, id_type)
        for view in views if memo.tell(warehouse, "views", views) else ():
            do(warehouse, view, {})
        _refuse_duplicates(warehouse, sources)
        guard()
        texts = versions(definitions, able)
        job = make_job(able, sources, standing, read_revised(warehouse, texts))
        setup = memo.ask(compile_setup, job, texts)
        statements = (
            *(setup if memo.tell(warehouse, "setup", setup) else ()),
            *compile_calendar(read_calendar(warehouse, job, standing, as_of)),
            *memo.ask(compile_run, job, id_type),
        )
        counts = execute(warehouse, job, statements, frozenset(one.kind for one in standing), as_of)
    return [
        *(SeriesRun(name, "failed", message) for name, message in stranded.items()),
        *(SeriesRun(name, "done", "", count) for name, count in counts.items()),
    ]


def count_ignored(warehouse: Warehouse, as_of: datetime) -> dict[str, int]:
    """Rows of the engagements source since the run before this one that count for nothing: how many, by reason.

    To be asked after a run, on its connection. A row without a time belongs to every run.
    """
    query = render("ignored_engagements", kinds=[literal(kind) for kind in ENGAGEMENT_KINDS])
    counts = warehouse.fetch(query, {"as_of": as_of})[0]
    reasons = ("without a time", "of an unknown kind", "for an unknown message")
    return {reason: count for reason, count in zip(reasons, counts, strict=True) if count}


def read_revised(warehouse: Warehouse, texts: Mapping[str, Version]) -> frozenset[str]:
    """The series that ran in another version before, in a state that exists."""
    known = warehouse.fetch("select series_id, definition_hash from series.definitions")
    return frozenset(
        series_id
        for series_id, definition_hash in known
        if series_id in texts and definition_hash != texts[series_id].definition_hash
    )


def make_job(
    definitions: CheckedDefinitions,
    sources: Mapping[str, SourceTable],
    standing: Sequence[Standing],
    revised: frozenset[str],
) -> Job:
    """What is to be compiled."""
    families = families_of(sources)
    return Job(
        definitions=definitions,
        customer=families["customers"],
        company=families["companies"] if families["customer_companies"] else {},
        stood_at=frozenset(
            (stood.series_id, stood.block_id)
            for stood in standing
            if stood.series_id in definitions.series
            and _is_out_of_place(definitions.series[stood.series_id], stood.block_id)
        ),
        revised=revised,
        has_customer_tags=sources["customer_tags"].columns is not None,
    )


def _is_out_of_place(one: CheckedSeries, block_id: str) -> bool:
    """Whether nobody comes to stand at a block: an entry rule, or one that is gone."""
    return block_id in one.graph.entry_rules or block_id in one.series.gone


def versions(definitions: Definitions, checked: CheckedDefinitions) -> dict[str, Version]:
    """The version of each series: its file, with the segments where it may name one, and the files of its messages."""
    return {name: version_of(definitions, one.series) for name, one in checked.series.items()}


def version_of(definitions: Definitions, series: Series) -> Version:
    """The version of one series; `pipelines.plan.changes` takes the text apart again."""
    text = series.text
    if "in_segment" in text.lower():
        # Every line is a comment, so that the text can be read again.
        rules = {name: rule.value.strip().replace("\n", "\n#     ") for name, rule in definitions.segments.items()}
        segments = "".join(f"#   {name}: {rule}\n" for name, rule in rules.items())
        text = f"{text.rstrip()}\n# segments.yml at that time:\n{segments}"
    for path, content in series.files.items():
        lines = "".join(f"#   {line}\n" for line in content.split("\n"))
        text = f"{text.rstrip()}\n# {path} at that time:\n{lines}"
    return Version(hashlib.sha256(text.encode()).hexdigest(), text)


def newest_runs(warehouse: Warehouse, version: int | None) -> dict[str, datetime]:
    """The newest ``as_of`` of each series that ever ran; ``version`` is the state's."""
    if version is None:
        return {}
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


def _refuse_unknown_series(definitions: Definitions, series: Sequence[str]) -> None:
    for name in series:
        if name not in definitions.series:
            raise UsageError(there_is_no("series", name, definitions.series))


def nothing_to_do(
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


def read_calendar(warehouse: Warehouse, job: Job, standing: Sequence[Standing], as_of: datetime) -> Calendar:
    """What wall clocks say at a run.

    Nobody arrives at a wait in this run before the oldest arrival of the series that is still open.
    """
    oldest: dict[str, datetime] = {}
    for stood in standing:
        oldest[stood.series_id] = min(stood.since, oldest.get(stood.series_id, as_of))
    zone = job.definitions.settings.timezone
    waits = {(one.series.series_id, block.block_id): block.until for one, block in job.blocks("wait")}
    windows = {(one.series.series_id, block.block_id): block.send for one, block in job.blocks("content") if block.send}
    quiet = job.definitions.settings.policy.quiet_hours
    asked = [*windows.values(), *([quiet.window] if quiet else [])]
    by_customer = "timezone" in job.customer and any(window.timezone == "customer" for window in asked)
    zones = read_zones(warehouse) if by_customer else {}
    return Calendar(
        moments={
            key: moments_between(until, zone, oldest.get(key[0], as_of), as_of)
            for key, until in waits.items()
            if isinstance(until, WeekdayTime)
        },
        open_zones={key: open_zones(window, zone, zones, as_of) for key, window in windows.items()},
        quiet_zones=open_zones(quiet.window, zone, zones, as_of) if quiet else None,
    )


def _refuse_duplicates(warehouse: Warehouse, sources: Mapping[str, SourceTable]) -> None:
    if found := find_duplicates(warehouse, sources):
        raise RunError("\n".join(found.values()))
