"""From checked definitions to the statements of a run.

Pure: definitions and what the sources look like in, an ordered tuple of statements out. Statements grow with the
longest path of the series that are due, not with their number: all blocks of one kind at one level are one step.
The run's instant is the parameter ``$as_of``, its name ``$tick_id``. Everything is read as the last commit left it,
found into temporary ``run_...`` tables, and written at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.compile import guard_steps, steps, visit_steps
from pipelines.compile.block_rows import (
    BLOCK_COLUMNS,
    CONNECTION_COLUMNS,
    GONE_COLUMNS,
    block_rows,
    connection_rows,
    gone_rows,
)
from pipelines.compile.job import Job
from pipelines.model import Kind
from pipelines.sources import SourceTable, view_statements
from pipelines.sql_text import literal, render, timestamp
from warehouse import tables, writes
from warehouse.table import CUSTOMER_ID, Table

_TIME, _TEXT, _FLAG, _NUMBER, _CUSTOMER = "timestamp", "varchar", "boolean", "bigint", CUSTOMER_ID
_VISIT = {"entry_id": _NUMBER, "series_id": _TEXT, "customer_id": _CUSTOMER, "entry_number": _NUMBER}
RUN_TABLES: Mapping[str, Mapping[str, str]] = {
    "run_engagements": {
        "message_id": _TEXT, "series_id": _TEXT, "kind": _TEXT, "occurred_at": _TIME, "queued_at": _TIME,
        "known_received_at": _TIME,
    },
    "run_receipts": {"message_id": _TEXT, "received_at": _TIME},
    "run_goals": {
        "entry_id": _NUMBER, "series_id": _TEXT, "goal_at": _TIME, "goal_value": "double", "goal_event_at": _TIME,
    },
    "run_message_goals": {"message_id": _TEXT, "goal_at": _TIME, "is_closed": _FLAG},
    "run_ends": {"entry_id": _NUMBER, "series_id": _TEXT, "customer_id": _CUSTOMER, "status": _TEXT},
    "run_matches": {
        "series_id": _TEXT, "block_id": _TEXT, "customer_id": _CUSTOMER, "entry_id": _NUMBER,
        "newest_entry_id": _NUMBER, "newest_entry_number": _NUMBER, "newest_status": _TEXT,
    },
    "run_kept_out": {"series_id": _TEXT, "customer_id": _CUSTOMER},
    "run_new_entries": {
        **_VISIT, "arm": _TEXT, "status": _TEXT, "goal_met_at_entry": _FLAG, "entry_rules": "varchar[]",
        "previous_entry_id": _NUMBER,
    },
    "run_visits": {
        **_VISIT, "block_id": _TEXT, "kind": _TEXT, "arrived_at": _TIME, "arrived_as_of": _TIME, "deadline_at": _TIME,
        "blocked_by": _TEXT, "message_id": _TEXT, "queued_at": _TIME, "left_at": _TIME, "outcome": _TEXT,
        "is_new": _FLAG,
    },
    "run_advances": {**_VISIT, "from_block": _TEXT, "to_block": _TEXT, "advanced_at": _TIME, "merged": _FLAG},
    "run_messages": {
        "message_id": _TEXT, "entry_id": _NUMBER, "series_id": _TEXT, "block_id": _TEXT, "customer_id": _CUSTOMER,
        "channel": _TEXT, "expires_at": _TIME, "received_at": _TIME, "batch_id": _TEXT,
    },
    "run_tag_writes": {column.name: column.type for column in tables.TAG_WRITES.columns},
    "run_progress": {"entry_id": _NUMBER, "open_visits": _NUMBER, "path_finished": _FLAG},
    "run_entries": {
        **{column.name: column.type for column in tables.ENTRIES.columns},
        "has_reached_goal": _FLAG, "is_reopened": _FLAG,
    },
    "run_pending_tags": {column.name: column.type for column in tables.PENDING_TAGS.columns},
}  # fmt: skip
"""The tables that hold what a run finds, with their columns and types; gone with the connection."""

GUARD_TABLES: Mapping[str, Mapping[str, str]] = {
    "run_findings": {
        "series_id": _TEXT, "block_id": _TEXT, "guard": _TEXT, "observed": "double", "allowed": "double",
        "customers": _NUMBER,
    },
}  # fmt: skip
"""Likewise, where the job has guards."""

_KINDS: tuple[Kind, ...] = ("rule", "wait", "content", "tag")


@dataclass(frozen=True, slots=True)
class Calendar:
    """What wall clocks say at a run; computed, because engines do not agree on time zones.

    Attributes:
        moments: For each wait until a weekday or time (series and block): moments, each with the one before it.
        open_zones: For each message with a send window: the zones where it is open (see `pipelines.wall_clock`).
        quiet_zones: The zones where the project's quiet hours are now, likewise; None: it has none.
    """

    moments: Mapping[tuple[str, str], Sequence[tuple[datetime, datetime]]]
    open_zones: Mapping[tuple[str, str], Sequence[str]]
    quiet_zones: Sequence[str] | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a run.

    Attributes:
        name: What it is for, in a few words; shown when it fails.
        sql: The statement, without a semicolon.
        fills: The run's own table that it adds rows to; None: it writes to the state, or checks it.
        needs: Tables of the run of which at least one must hold rows; otherwise the statement would do nothing and a
            run leaves it out; `series.batches` are those that have not left before. Empty: it is always executed.
        level: The level whose blocks it is about; left out where this run reaches nobody there. None: no level.
        kind: The kind of block it is about, likewise. None: all kinds.
        stands: The kind of block that it is about, where it is about who stood there before the run; left out where
            nobody does. None: it is about more.
        is_check: Whether it must return no row; its rows then show what is wrong.
        of_queued: The same for those blocks (series and block) only that queued messages, which spares the engine the
            words of all others; None where none of its blocks did. None: it does not depend on that.
    """

    name: str
    sql: str
    fills: str | None = None
    needs: tuple[str, ...] = ()
    level: int | None = None
    kind: Kind | None = None
    stands: Kind | None = None
    is_check: bool = False
    of_queued: Callable[[Collection[tuple[str, str]]], str | None] | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """The text of a series as it runs now, under its hash (SHA-256, hexadecimal)."""

    definition_hash: str
    text: str


def compile_views(sources: Mapping[str, SourceTable], id_type: str) -> tuple[Statement, ...]:
    """The statements that bring the sources into one shape; they come first.

    Args:
        sources: The sources as the warehouse has them.
        id_type: The type of customer ids in the state.
    """
    return tuple(
        Statement(f"view {name}", writes.view(name, select))
        for name, select in view_statements(sources, id_type).items()
    )


def compile_setup(job: Job, versions: Mapping[str, Version]) -> tuple[Statement, ...]:
    """The statements that tell a connection about the job's series, once for all runs in which they stay the same.

    What the state keeps of the series themselves is written with them, because it is the same at all these runs.
    """
    series = [
        f"({literal(checked.series.series_id)}, {literal(checked.series.status)}, "
        f"{literal(versions[checked.series.series_id].definition_hash)}, "
        f"{literal(versions[checked.series.series_id].text)})"
        for checked in job.series
    ]
    senders = {name: checked.channel.sender for name, checked in job.definitions.channels.items()}
    if tag_sender := job.definitions.settings.tag_sender:
        senders[tables.TAG_CHANNEL] = tag_sender
    channels = [f"({literal(name)}, {literal(sender)})" for name, sender in senders.items()]
    # What is pending does not tell a source that lacks a tag from one that is not there.
    present = "true" if job.has_customer_tags else "false"
    return (
        *_values("run_series", dict.fromkeys(("series_id", "status", "definition_hash", "text"), _TEXT), series),
        *_values("run_blocks", BLOCK_COLUMNS, list(block_rows(job))),
        *_values("run_connections", CONNECTION_COLUMNS, list(connection_rows(job))),
        *(_values("run_gone", GONE_COLUMNS, gone) if (gone := list(gone_rows(job))) else ()),
        *_values("run_channels", {"channel": _TEXT, "sender": _TEXT}, channels),
        _append(tables.DEFINITIONS, render("write_definitions")),
        Statement("source of tags", writes.note(tables.META.qualified_name, "has_customer_tags", present)),
    )


def compile_run(job: Job, id_type: str) -> tuple[Statement, ...]:
    """The statements of one run of the job's series, in order; all of them belong into one transaction.

    Args:
        job: The series that are due.
        id_type: The type of customer ids in the state.
    """
    run_tables = {**RUN_TABLES, **GUARD_TABLES} if guard_steps.are_set(job) else RUN_TABLES
    return (
        *(
            Statement(f"table {name}", writes.empty_table(name, columns, id_type))
            for name, columns in run_tables.items()
        ),
        *_find(job),
        *_guard(job),
        *_keep_back(),
        *_write(job),
        *_check(),
    )


def compile_calendar(calendar: Calendar) -> Iterator[Statement]:
    """The statements that tell the run what wall clocks say; they belong before the run's own."""
    if calendar.moments:
        moments = [
            f"({literal(series_id)}, {literal(block_id)}, {timestamp(before)}, {timestamp(moment)})"
            for (series_id, block_id), found in calendar.moments.items()
            for before, moment in found
        ]
        columns = {"series_id": _TEXT, "block_id": _TEXT, "previous_at": _TIME, "moment_at": _TIME}
        yield from _values("run_moments", columns, moments)
    if calendar.open_zones:
        zones = [
            f"({literal(series_id)}, {literal(block_id)}, {literal(zone)})"
            for (series_id, block_id), found in calendar.open_zones.items()
            for zone in found
        ]
        yield from _values("run_open_windows", {"series_id": _TEXT, "block_id": _TEXT, "timezone": _TEXT}, zones)
    if calendar.quiet_zones is not None:
        yield from _values("run_quiet_zones", {"timezone": _TEXT}, [f"({literal(z)})" for z in calendar.quiet_zones])


def _find(job: Job) -> Iterator[Statement]:
    """What happens now, in the order of SPEC 5."""
    yield _into("run_engagements", "engagements", steps.first_engagements(job))
    yield _into("run_receipts", "receipts", steps.receipts(), "run_engagements")
    if select := steps.goals(job):
        yield _into("run_goals", "goals", select)
    if select := steps.message_goals(job):
        yield _into("run_message_goals", "message goals", select)
    yield _into("run_ends", "exits", steps.ends(job))
    # What ends is out of the way before anybody is looked at, so that no later step has to ask.
    yield _append(tables.CLOSED_VISITS, render("write_ended_visits"), "run_ends")
    yield _clear(tables.OPEN_VISITS, ("entry_id",), "select entry_id\nfrom run_ends", "run_ends")
    for select in steps.matches(job):
        yield _into("run_matches", "entry rules", select)
    if select := steps.kept_out(job):
        yield _into("run_kept_out", "exit rules before entry", select, "run_matches")
    if select := steps.new_entries(job):
        yield _into("run_new_entries", "new entries", select, "run_matches")
    yield _into("run_visits", "visits of entry rules", visit_steps.entry_visits(), "run_matches")
    yield from _move(job)
    yield _into("run_messages", "messages queued", steps.messages(job), "run_visits")
    yield _into("run_tag_writes", "tag writes", steps.tag_writes(job), "run_visits")
    yield _into("run_progress", "progress of entries", steps.progress(), "run_visits")
    yield _into("run_entries", "entries", steps.entries(job), "run_goals", "run_ends", "run_visits", "run_new_entries")


def _move(job: Job) -> Iterator[Statement]:
    """Who leaves where they stood, then level by level who arrives and how far they get."""
    if any(gone_rows(job)):
        yield _into("run_visits", "customers standing at blocks that are gone", render("gone_visits"))
    for kind in _KINDS:
        for select in visit_steps.standing_visits(job, kind):
            yield _into("run_visits", f"customers standing at {kind} blocks", select, stands=kind)
    late = visit_steps.late_levels(job)
    depth = max(job.levels.values(), default=0)
    for level in range(1, depth + 1):
        yield _into("run_advances", f"advances to level {level}", visit_steps.advances(job, level), level=level)
        for kind in _KINDS:
            # Where somebody may stand who is judged only now, it does not matter whether anybody arrives.
            only_if_reached = None if kind == "rule" and level in late else level
            for select in visit_steps.visits(job, level, kind):
                name = f"{kind} blocks at level {level}"
                yield _into("run_visits", name, select, level=only_if_reached, kind=kind)


def _guard(job: Job) -> Iterator[Statement]:
    """The limits that the run went beyond, and what the guards of the next run need to know."""
    if select := guard_steps.messages_per_run(job):
        yield _into("run_findings", "guard messages_per_run", select, "run_messages")
    if select := guard_steps.messages_per_customer(job):
        yield _into("run_findings", "guard messages_per_customer", select, "run_messages")
    if select := guard_steps.volume(job):
        yield _into("run_findings", "guard volume", select, "run_messages")
    if select := guard_steps.entry_share(job):
        yield _into("run_findings", "guard entry_share", select, "run_matches")
    if guard_steps.are_set(job):
        yield _append(tables.GUARD_FINDINGS, render("guards/write_findings"), "run_findings")
    if select := guard_steps.source_counts(job):
        yield _clear(tables.SOURCE_COUNTS, ("source",), select)
        yield _append(tables.SOURCE_COUNTS, select)


def _keep_back() -> Iterator[Statement]:
    """Which messages of earlier runs must not leave, because their customers have vanished."""
    absent, batches = tables.ABSENT_MESSAGES, tables.BATCHES.qualified_name
    yield Statement(f"clear {absent.qualified_name}", writes.clear(absent.qualified_name), needs=(batches,))
    yield _append(absent, render("absent_messages"), batches)


def _write(job: Job) -> Iterator[Statement]:
    """What was found, into the state and the journal."""

    def all_of(table: Table, run_table: str) -> str:
        return f"select {', '.join(table.column_names)}\nfrom {run_table}"

    yield _append(tables.CLOSED_VISITS, render("write_closed_visits"), "run_visits")
    changed = "select entry_id, block_id\nfrom run_visits\nwhere not is_new"
    yield _clear(tables.OPEN_VISITS, ("entry_id", "block_id"), changed, "run_visits")
    yield _append(tables.OPEN_VISITS, render("write_open_visits"), "run_visits")
    yield _clear(tables.ENTRIES, ("entry_id",), "select entry_id\nfrom run_entries", "run_entries")
    yield _append(tables.ENTRIES, all_of(tables.ENTRIES, "run_entries"), "run_entries")
    yield _append(tables.ADVANCES, render("write_advances"), "run_advances")
    yield _append(tables.TAG_WRITES, all_of(tables.TAG_WRITES, "run_tag_writes"), "run_tag_writes")
    yield _clear(tables.PENDING_TAGS, ("customer_id", "tag"), render("agreed_tags"))
    yield _into("run_pending_tags", "tags to be decided", render("pending_tags"), "run_tag_writes")
    yield _clear(
        tables.PENDING_TAGS,
        ("customer_id", "tag"),
        "select customer_id, tag\nfrom run_pending_tags",
        "run_pending_tags",
    )
    yield _append(tables.PENDING_TAGS, all_of(tables.PENDING_TAGS, "run_pending_tags"), "run_pending_tags")
    messages = tables.MESSAGES.qualified_name
    yield Statement(
        "receipts of messages",
        writes.update(messages, "message_id", {"received_at": "received_at"}, "run_receipts"),
        needs=("run_receipts",),
    )
    yield _append(tables.FIRST_ENGAGEMENTS, render("write_first_engagements"), "run_engagements")
    yield Statement(
        "goals of messages",
        writes.update(messages, "message_id", {"goal_at": "goal_at", "goal_closed": "is_closed"}, "run_message_goals"),
        needs=("run_message_goals",),
    )
    yield from map(_write_rendered, steps.rendered_messages(job))
    yield _append(tables.BATCHES, steps.batches(job, "run_messages"), "run_messages")
    if job.definitions.settings.tag_sender:
        yield _append(tables.BATCHES, steps.batches(job, "run_tag_writes"), "run_tag_writes")
    yield _append(tables.TICKS, render("write_ticks"))


def _write_rendered(rendered: steps.RenderedMessages) -> Statement:
    def write(queued: Collection[tuple[str, str]] | None = None) -> str | None:
        select = rendered.select(queued)
        return select and writes.append(tables.MESSAGES.qualified_name, tables.MESSAGES.column_names, select)

    return Statement("messages", write() or "", needs=("run_messages",), of_queued=write)


def _check() -> Iterator[Statement]:
    """The invariants of SPEC 6, for the entries that this run touched."""
    yield Statement(
        "every run keeps the invariants of entries and visits",
        steps.check_visits(),
        needs=("run_visits", "run_entries"),
        is_check=True,
    )
    yield Statement(
        "every visit has at most one message", render("check_messages"), needs=("run_messages",), is_check=True
    )


def _append(table: Table, select: str, *needs: str) -> Statement:
    sql = writes.append(table.qualified_name, table.column_names, select)
    return Statement(f"write {table.qualified_name}", sql, needs=needs)


def _clear(table: Table, keys: Sequence[str], select: str, *needs: str) -> Statement:
    return Statement(f"clear {table.qualified_name}", writes.delete(table.qualified_name, keys, select), needs=needs)


def _into(
    table: str,
    name: str,
    select: str,
    *needs: str,
    level: int | None = None,
    kind: Kind | None = None,
    stands: Kind | None = None,
) -> Statement:
    sql = writes.append(table, {**RUN_TABLES, **GUARD_TABLES}[table], select)
    return Statement(name, sql, fills=table, needs=needs, level=level, kind=kind, stands=stands)


def _values(name: str, columns: Mapping[str, str], rows: Sequence[str]) -> Iterator[Statement]:
    yield Statement(f"table {name}", writes.empty_table(name, columns, ""))
    if rows:
        yield Statement(f"rows of {name}", writes.append(name, columns, f"values\n    {_LINES.join(rows)}"))


_LINES = ",\n    "
