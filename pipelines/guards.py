"""Guards: limits that a person sets, and what is found when a run goes beyond one.

Guards over sources are looked at before a run, which they refuse. Guards over messages and entry rules are looked at in
its transaction (`pipelines.compile.guard_steps`); the batches of the series concerned are then held until a person
decides.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pipelines.duration import format_duration
from pipelines.hint import did_you_mean
from pipelines.model import Definitions, Guards, Settings, Source
from pipelines.person import current_person
from pipelines.problems import RunError, Severity, UsageError
from pipelines.schedule import format_instant
from pipelines.sql_text import identifier, literal, render
from warehouse import writes
from warehouse.adapter import Warehouse
from warehouse.tables import GUARD_FINDINGS

Action = Literal["refused", "accepted", "held", "reported"]

ACCEPTABLE = ("max_age", "max_drop")
"""The guards that a person can let a run pass, because they look before anything has happened."""

_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class GuardFinding:
    """One limit that a run went beyond.

    Attributes:
        guard: The key that sets the limit.
        action: What followed. ``refused``: nothing ran; ``accepted``: a person let the run pass; ``held``: the
            batches of the series' run are held; ``reported``: the series queued no message that could be held.
        severity: An ``error`` while somebody has to do something about it; a ``warning`` once a person decided.
        message: What was found, in a sentence without a full stop.
        observed: Hours for ``max_age`` (None: no row at all), percent for ``max_drop`` and ``entry_share``, else
            messages.
        allowed: The limit, in the same unit.
        series_id: None: it is about a source.
        source: None: it is about a series.
        block_id: The entry rule; None for the other guards.
        customers: How many customers it is about; None where it is not about customers.
        held_batches: How many of the run's batches still wait for a person.
        held_messages: How many messages these hold.
    """

    guard: str
    action: Action
    severity: Severity
    message: str
    observed: float | None
    allowed: float
    series_id: str | None = None
    source: str | None = None
    block_id: str | None = None
    customers: int | None = None
    held_batches: int = 0
    held_messages: int = 0


class GuardError(RunError):
    """A run that guards refused; nothing has changed.

    Attributes:
        findings: The limits that it went beyond.
    """

    def __init__(self, as_of: datetime, findings: Sequence[GuardFinding], options: str) -> None:
        self.findings = tuple(findings)
        instant = format_instant(as_of)
        accepts = " ".join(f"--accept {guard}" for guard in dict.fromkeys(found.guard for found in findings))
        lines = [f"The run at {instant} is refused; nothing has changed."]
        lines += [f"source `{found.source}`: {found.message}." for found in findings]
        lines += ["Bring the source up to date and run again. If it is right as it is, let this one run pass:"]
        lines += [f"  series run{options} --as-of {instant} {accepts}"]
        super().__init__("\n".join(lines))


def are_set(definitions: Definitions) -> bool:
    """Whether there is any guard at all."""
    settings = definitions.settings
    limits = [settings.guards, *(series.guards for series in definitions.series.values())]
    return any(limit != Guards() for limit in limits) or any(map(_is_guarded, settings.sources.values()))


def refuse_unknown_guards(names: Iterable[str]) -> None:
    """Raise for a guard that nobody can let pass.

    Raises:
        UsageError: There is one among them.
    """
    for name in names:
        if name not in ACCEPTABLE:
            words = " and ".join(f"`{word}`" for word in ACCEPTABLE)
            hint = did_you_mean(name, ACCEPTABLE) or f"; only {words} look before a run"
            raise UsageError(f"A run cannot accept `{name}`{hint}")


def source_select(settings: Settings) -> str | None:
    """The SELECT that tells what the guards of sources look at; None where there are none."""
    guarded = [source for source in settings.sources.values() if _is_guarded(source)]
    if not guarded:
        return None
    return render(
        "guards/sources",
        sources=[
            {
                "name": literal(source.name),
                "relation": f"source_{source.name}",
                "time": (identifier(source.updated_at.value) if source.updated_at else "occurred_at")
                if source.max_age
                else None,
                "follows_messages": source.name == "engagements",
                "counted": source.max_drop is not None,
            }
            for source in guarded
        ],
    )


def check_sources(
    warehouse: Warehouse, settings: Settings, as_of: datetime, accept: Collection[str], options: str
) -> None:
    """Look at the sources before a run, within its transaction; what a person lets pass is recorded.

    Args:
        warehouse: With the views of the sources, and the state.
        settings: Say what is guarded.
        as_of: The run's instant, naive UTC.
        accept: Guards that this run may go beyond.
        options: What the run is asked for, as the command line has it; it is shown with what to do.

    Raises:
        GuardError: A source is beyond its limit.
    """
    select = source_select(settings)
    if select is None:
        return
    found: list[GuardFinding] = []
    for name, newest_at, awaited_since, row_count, earlier_count in warehouse.fetch(select, {"as_of": as_of}):
        source = settings.sources[name]
        found += _find_age(source, as_of, newest_at, awaited_since)
        found += _find_drop(source, as_of, row_count, earlier_count)
    if refused := [finding for finding in found if finding.guard not in accept]:
        raise GuardError(as_of, refused, options)
    for finding in found:
        values = {column: getattr(finding, column, None) for column in GUARD_FINDINGS.column_names}
        values |= {"as_of": as_of, "action": "accepted", "decided_by": current_person()}
        given = f"select {', '.join(f'${column} as {column}' for column in values)}"
        warehouse.execute(writes.append(GUARD_FINDINGS.qualified_name, values, given), values)


def read_findings(warehouse: Warehouse, as_of: datetime, series: Collection[str]) -> tuple[GuardFinding, ...]:
    """What the guards found at the run of these series at an instant, as it stands now.

    To be asked after a run; also after one that had nothing to do any more, so that a repeat tells the same.
    """
    found = [_finding(as_of, *row) for row in warehouse.fetch(render("guards/findings"), {"as_of": as_of})]
    return tuple(each for each in found if each.series_id is None or each.series_id in series)


def _is_guarded(source: Source) -> bool:
    return source.max_age is not None or source.max_drop is not None


def _find_age(
    source: Source, as_of: datetime, newest_at: datetime | None, awaited_since: datetime | None
) -> Iterator[GuardFinding]:
    """A source older than its ``max_age``; no engagement is awaited before there is a message."""
    since = newest_at or awaited_since
    if source.max_age is None or (source.name == "engagements" and since is None):
        return
    if since is None or as_of - since > source.max_age:
        observed = (as_of - newest_at) / _HOUR if newest_at else None
        yield _finding(as_of, "max_age", "refused", observed, source.max_age / _HOUR, source=source.name)


def _find_drop(
    source: Source, as_of: datetime, row_count: int | None, earlier_count: int | None
) -> Iterator[GuardFinding]:
    """A source that shrank by more than its ``max_drop`` since the run before."""
    if source.max_drop is None or row_count is None or not earlier_count:
        return
    gone = earlier_count - row_count
    if 100 * gone > source.max_drop * earlier_count:
        share = 100 * gone / earlier_count
        yield _finding(as_of, "max_drop", "refused", share, float(source.max_drop), source=source.name, customers=gone)


def _finding(
    as_of: datetime,
    guard: str,
    action: Action,
    observed: float | None,
    allowed: float,
    series_id: str | None = None,
    source: str | None = None,
    block_id: str | None = None,
    customers: int | None = None,
    held_batches: int = 0,
    held_messages: int = 0,
) -> GuardFinding:
    return GuardFinding(
        guard=guard,
        action=action,
        severity="error" if action in ("refused", "reported") or held_batches else "warning",
        message=_describe(guard, as_of, observed, allowed, block_id, customers or 0),
        observed=observed,
        allowed=allowed,
        series_id=series_id,
        source=source,
        block_id=block_id,
        customers=customers,
        held_batches=held_batches,
        held_messages=held_messages,
    )


def _describe(
    guard: str, as_of: datetime, observed: float | None, allowed: float, block_id: str | None, customers: int
) -> str:
    """A finding in a sentence."""
    limit = f"{allowed:,.10g}"
    seen = 0 if observed is None else observed
    match guard:
        case "max_age" if observed is None:
            what, allows = "it has no row up to the run", format_duration(allowed * _HOUR)
        case "max_age":
            newest_at = as_of - timedelta(seconds=round(seen * 3600))
            what = f"its newest row is of {format_instant(newest_at)}, {_figure(seen)} hours before the run"
            allows = format_duration(allowed * _HOUR)
        case "max_drop":
            before = round(100 * customers / seen)
            what = f"{before - customers:,} rows, {_figure(seen)}% fewer than the {before:,} of the run before"
            allows = f"{limit}%"
        case "messages_per_run":
            what, allows = f"the run queued {seen:,.0f} messages", limit
        case "messages_per_customer":
            what = f"the run queued up to {seen:,.0f} messages for one customer, too many for {customers:,}"
            allows = limit
        case "volume":
            what, allows = f"{seen:,.0f} messages on this day", f"{limit} after the days before"
        case _:
            what = f"entry rule `{block_id}` matches {customers:,} customers anew, {_figure(seen)}% of all"
            allows = f"{limit}%"
    return f"{what}; `{guard}` allows {allows}"


def _figure(number: float) -> str:
    return f"{number:,.1f}".removesuffix(".0")
