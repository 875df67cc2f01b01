"""From checked definitions to the statements of a run.

Pure: definitions and what the sources look like in, an ordered tuple of statements out. Statements grow with the
longest path of the series that are due, not with their number: all blocks of one kind at one level are one step.
The run's instant is the parameter ``$as_of``, its name ``$tick_id``. Everything is read as the last commit left it,
found into temporary ``run_...`` tables, and written at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipelines import steps
from pipelines.sources import SourceTable, view_statements
from pipelines.sql_text import literal, render, timestamp
from pipelines.steps import Job
from warehouse import tables, writes

_KINDS = ("rule", "wait", "content", "tag")
_TIME = "cast(null as timestamp)"
_TEXT = "cast(null as varchar)"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a run.

    Attributes:
        name: What it is for, in a few words; shown when it fails.
        sql: The statement, without a semicolon.
        is_check: Whether it must return no row; its rows then show what is wrong.
    """

    name: str
    sql: str
    is_check: bool = False


@dataclass(frozen=True, slots=True)
class Version:
    """The text of a series as it runs now, under its hash (SHA-256, hexadecimal)."""

    definition_hash: str
    text: str


def compile_run(
    job: Job, sources: Mapping[str, SourceTable], id_type: str, versions: Mapping[str, Version]
) -> tuple[Statement, ...]:
    """The statements of one run of the job's series, in order; all of them belong into one transaction.

    Args:
        job: The series that are due.
        sources: The sources as the warehouse has them.
        id_type: The type of customer ids in the state.
        versions: The version of each series.
    """
    return (
        *(Statement(f"view {name}", writes.view(name, select)) for name, select in view_statements(sources, id_type).items()),
        *_prepare(job, id_type, versions),
        *_find(job),
        *_write(),
        *_check(),
    )


def _prepare(job: Job, id_type: str, versions: Mapping[str, Version]) -> Iterator[Statement]:
    """The tables that hold what the steps find, and what they need to know of the definitions."""
    series = [
        f"({literal(checked.series.series_id)}, {literal(checked.series.status)}, "
        f"{literal(versions[checked.series.series_id].definition_hash)}, "
        f"{literal(versions[checked.series.series_id].text)})"
        for checked in job.series
    ]
    yield _values("run_series", ("series_id", "status", "definition_hash", "text"), series, (_TEXT,) * 4)
    yield _values(
        "run_blocks",
        ("series_id", "block_id", "kind", "level", "batch", "duration", "lag", "channel", "receipts", "tag", "action"),
        list(steps.block_rows(job)),
        (_TEXT, _TEXT, _TEXT, "0", "0", "interval '0' day", "interval '0' day", _TEXT, "true", _TEXT, _TEXT),
    )
    yield _values(
        "run_connections",
        ("series_id", "from_block", "from_position", "is_good", "to_block", "to_level", "acts_now"),
        list(steps.connection_rows(job)),
        (_TEXT, _TEXT, "0", "true", _TEXT, "0", "true"),
    )
    channels = [
        f"({literal(name)}, {literal(checked.channel.sender)})" for name, checked in job.definitions.channels.items()
    ]
    yield _values("run_channels", ("channel", "sender"), channels, (_TEXT, _TEXT))
    if job.moments:
        yield _values(
            "run_moments",
            ("series_id", "block_id", "previous_at", "moment_at"),
            [
                f"({literal(series_id)}, {literal(block_id)}, {timestamp(before)}, {timestamp(moment)})"
                for (series_id, block_id), moments in job.moments.items()
                for before, moment in moments
            ],
            (_TEXT, _TEXT, _TIME, _TIME),
        )
    customer = f"cast(null as {id_type.lower()})"
    yield _empty("run_goals", {"entry_id": "0", "goal_at": _TIME})
    yield _empty("run_message_goals", {"message_id": _TEXT, "goal_at": _TIME, "is_closed": "true"})
    yield _empty("run_kept_out", {"series_id": _TEXT, "customer_id": customer})
    yield _empty("run_matches", dict.fromkeys(_MATCHES, _TEXT) | {"customer_id": customer} | dict.fromkeys(_MATCH_NUMBERS, "cast(0 as bigint)"))  # fmt: skip
    yield _empty(
        "run_visits",
        {
            "entry_id": "cast(0 as bigint)", "series_id": _TEXT, "customer_id": customer,
            "entry_number": "cast(0 as bigint)", "block_id": _TEXT, "kind": _TEXT, "arrived_at": _TIME,
            "arrived_as_of": _TIME, "deadline_at": _TIME, "blocked_by": _TEXT, "message_id": _TEXT, "queued_at": _TIME,
            "left_at": _TIME, "outcome": _TEXT, "is_new": "true",
        },
    )  # fmt: skip
    yield _empty(
        "run_advances",
        {
            "entry_id": "cast(0 as bigint)", "series_id": _TEXT, "customer_id": customer,
            "entry_number": "cast(0 as bigint)", "from_block": _TEXT, "to_block": _TEXT, "advanced_at": _TIME,
            "merged": "true",
        },
    )  # fmt: skip
    yield _empty(
        "run_messages",
        {
            "message_id": _TEXT, "entry_id": "cast(0 as bigint)", "series_id": _TEXT, "block_id": _TEXT,
            "customer_id": customer, "channel": _TEXT, "address": _TEXT, "queued_at": _TIME, "expires_at": _TIME,
            "payload": _TEXT, "batch_id": _TEXT, "status": _TEXT, "received_at": _TIME, "goal_at": _TIME,
            "goal_closed": "true",
        },
    )  # fmt: skip


_MATCH_NUMBERS = ("entry_id", "newest_entry_id", "newest_entry_number")
_MATCHES = ("series_id", "block_id", "customer_id", *_MATCH_NUMBERS, "newest_status")
_VISITS = (
    "entry_id", "series_id", "customer_id", "entry_number", "block_id", "kind", "arrived_at", "arrived_as_of",
    "deadline_at", "blocked_by", "message_id", "queued_at", "left_at", "outcome", "is_new",
)  # fmt: skip
_ADVANCES = ("entry_id", "series_id", "customer_id", "entry_number", "from_block", "to_block", "advanced_at", "merged")


def _find(job: Job) -> Iterator[Statement]:
    """What happens now, in the order of SPEC 5."""
    yield Statement("receipts", writes.table("run_receipts", steps.receipts(job)))
    if select := steps.goals(job):
        yield Statement("goals", writes.append("run_goals", ("entry_id", "goal_at"), select))
    if select := steps.message_goals(job):
        yield Statement("message goals", writes.append("run_message_goals", ("message_id", "goal_at", "is_closed"), select))
    yield Statement("exits", writes.table("run_ends", steps.ends(job)))
    for select in steps.matches(job):
        yield Statement("entry rules", writes.append("run_matches", _MATCHES, select))
    if select := steps.kept_out(job):
        yield Statement("exit rules before entry", writes.append("run_kept_out", ("series_id", "customer_id"), select))
    yield Statement("new entries", writes.table("run_new_entries", steps.new_entries(job)))
    yield Statement("visits of entry rules", writes.append("run_visits", _VISITS, steps.entry_visits()))
    depth = max((max(checked.graph.levels.values()) for checked in job.having("live", "emptying")), default=0)
    for level in range(1, depth + 1):
        yield Statement(f"advances to level {level}", writes.append("run_advances", _ADVANCES, steps.advances(level)))
        for kind in _KINDS:
            for select in steps.visits(job, level, kind):
                yield Statement(f"{kind} blocks at level {level}", writes.append("run_visits", _VISITS, select))
    for select in steps.messages(job):
        yield Statement("messages", writes.append("run_messages", tables.MESSAGES.column_names, select))
    yield Statement("progress of entries", writes.table("run_progress", steps.progress()))
    yield Statement("entries", writes.table("run_entries", steps.entries()))


def _write() -> Iterator[Statement]:
    """What was found, into the state and the journal."""

    def append(table: tables.Table, template: str) -> Statement:
        return Statement(
            f"write {table.qualified_name}", writes.append(table.qualified_name, table.column_names, render(template))
        )

    entries, open_visits = tables.ENTRIES.qualified_name, tables.OPEN_VISITS.qualified_name
    # What was open and ended with its entry is journaled before it is taken away.
    yield append(tables.CLOSED_VISITS, "write_closed_visits")
    yield Statement(
        f"clear {open_visits}", writes.delete(open_visits, ("entry_id", "block_id"), render("changed_visits"))
    )
    yield append(tables.OPEN_VISITS, "write_open_visits")
    yield Statement(f"clear {entries}", writes.delete(entries, ("entry_id",), "select entry_id from run_entries"))
    columns = ", ".join(tables.ENTRIES.column_names)
    yield Statement(
        f"write {entries}", writes.append(entries, tables.ENTRIES.column_names, f"select {columns}\nfrom run_entries")
    )
    yield append(tables.ADVANCES, "write_advances")
    yield append(tables.TAG_WRITES, "write_tag_writes")
    pending = tables.PENDING_TAGS.qualified_name
    yield Statement("tags the source agrees with", writes.delete(pending, ("customer_id", "tag"), render("agreed_tags")))
    yield Statement("tags to be decided", writes.table("run_pending_tags", render("pending_tags")))
    yield Statement(
        f"clear {pending}", writes.delete(pending, ("customer_id", "tag"), "select customer_id, tag from run_pending_tags")
    )
    yield Statement(
        f"write {pending}",
        writes.append(
            pending, tables.PENDING_TAGS.column_names, "select customer_id, tag, action, as_of\nfrom run_pending_tags"
        ),
    )
    messages = tables.MESSAGES.qualified_name
    yield Statement(
        "receipts of messages", writes.update(messages, "message_id", {"received_at": "received_at"}, "run_receipts")
    )
    yield Statement(
        "goals of messages",
        writes.update(messages, "message_id", {"goal_at": "goal_at", "goal_closed": "is_closed"}, "run_message_goals"),
    )
    columns = ", ".join(tables.MESSAGES.column_names)
    yield Statement(
        f"write {messages}", writes.append(messages, tables.MESSAGES.column_names, f"select {columns}\nfrom run_messages")
    )
    yield append(tables.BATCHES, "write_batches")
    yield append(tables.DEFINITIONS, "write_definitions")
    yield append(tables.TICKS, "write_ticks")


def _check() -> Iterator[Statement]:
    """The invariants of SPEC 6, for the entries that this run touched."""
    yield Statement("every run keeps the invariants of entries and visits", render("check_visits"), is_check=True)
    yield Statement("every visit has at most one message", render("check_messages"), is_check=True)


def _values(name: str, columns: Sequence[str], rows: Sequence[str], types: Sequence[str]) -> Statement:
    if not rows:
        return _empty(name, dict(zip(columns, types, strict=True)))
    named = f"{name} ({', '.join(columns)})"
    listed = ",\n        ".join(rows)
    select = f"select {', '.join(columns)}\nfrom (\n    values\n        {listed}\n) as {named}"
    return Statement(f"table {name}", writes.table(name, select))


def _empty(name: str, columns: Mapping[str, str]) -> Statement:
    select = ", ".join(f"{value} as {column}" for column, value in columns.items())
    return Statement(f"table {name}", writes.table(name, f"select {select}\nwhere false"))
