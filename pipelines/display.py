"""What runs, hand-offs and the project's standing look like for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from pipelines.hint import target_option
from pipelines.output import count, table
from pipelines.schedule import format_instant
from warehouse.tables import ENTRY_STATUSES

if TYPE_CHECKING:
    from pipelines.guards import GuardFinding
    from pipelines.hand_off.batches import BatchRow, DecisionResult
    from pipelines.hand_off.hand_off import HandOffResult
    from pipelines.hand_off.offer import HandedBatch
    from pipelines.run import SeriesRun
    from pipelines.run_result import RunResult
    from pipelines.status import SeriesStatus, Status, WaitingBatches


def run(result: RunResult) -> str:
    """A table of what each series did, a line for each that had nothing to do, and what was handed off."""
    title = f"Run at {format_instant(result.as_of)}{_for(result.target)}"
    done = [series for series in result.series if series.state == "done"]
    idle = [
        f"{series.series_id}: nothing done. {series.message}" for series in result.series if series.state == "no_op"
    ]
    if not result.series:
        return f"{title}: no series to run."
    parts = [title, *([_counts(done)] if done else []), *idle]
    parts += [
        f"Accepted: source `{each.source}`: {each.message}." for each in result.guards if each.action == "accepted"
    ]
    if result.ignored_engagements:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in result.ignored_engagements.items())
        parts.append(f"Ignored rows of the engagements source: {reasons}.")
    if result.unknown_zones:
        customers = count(result.unknown_zones, "customer")
        parts.append(f"Unknown time zones, taken as the project's: {customers}.")
    if result.unfit:
        values = ", ".join(f"{name} ({number:,})" for name, number in result.unfit.items())
        parts.append(f"Unknown, because they do not fit the type that `types` gives their column: {values}.")
    if result.hand_off:
        parts.append(hand_off(result.hand_off))
    return "\n".join(parts)


def failures(result: RunResult) -> list[str]:
    """A line for each series that failed, each limit that was passed and each batch that its sender did not take."""
    failed = [f"{series.series_id}: failed. {series.message}" for series in result.series if series.state == "failed"]
    failed += _beyond([finding for finding in result.guards if finding.severity == "error"], result.target)
    failed += hand_off_failures(result.hand_off) if result.hand_off else []
    if result.unpublished:
        failed.append(f"The run is committed, but readers do not see it yet. {result.unpublished}")
    return failed


def _beyond(findings: Sequence[GuardFinding], target: str | None) -> Iterator[str]:
    """By series: the limits that its run went beyond, what is held, and what to do."""
    by_series: dict[str | None, list[GuardFinding]] = {}
    for finding in findings:
        by_series.setdefault(finding.series_id, []).append(finding)
    for series_id, found in by_series.items():
        batches, messages = found[0].held_batches, found[0].held_messages
        yield f"{series_id}: {'. '.join(finding.message for finding in found)}."
        if batches:
            held = f"{count(batches, 'batch')} with {count(messages, 'message')}"
            yield f"{series_id}: {held} held. See `series batches`, then release or drop, with your reason:"
            yield f"  series batches release{target_option(target)} --all-held --series {series_id} --why '...'"
        else:
            yield f"{series_id}: no message is queued yet, so nothing is held. `status: paused` stops it here."


_ALWAYS_SHOWN = ("entered", "advanced", "messages_queued", "ended", "goals")


def _counts(done: Sequence[SeriesRun]) -> str:
    counts = {series.series_id: series.counts or {} for series in done}
    names = dict.fromkeys(name for numbers in counts.values() for name in numbers)
    shown = [name for name in names if name in _ALWAYS_SHOWN or any(numbers.get(name) for numbers in counts.values())]
    rows = [[series_id, *(numbers.get(name, 0) for name in shown)] for series_id, numbers in counts.items()]
    return table(["series", *(name.replace("_", " ") for name in shown)], rows)


def hand_off(result: HandOffResult) -> str:
    """How many batches and messages went where they should, and how many did not, by status."""
    batches: Counter[str] = Counter()
    messages: Counter[str] = Counter()
    for batch in result.batches:
        batches[batch.status] += 1
        messages[batch.status] += batch.message_count
    lines = ["Sending is stopped: nothing is handed off."] if result.stopped else []
    for status, number in batches.items():
        what = status.replace("_", " ").capitalize()
        lines.append(f"{what}: {count(number, 'batch')}, {count(messages[status], 'message')}.")
    if refused := sum(batch.refused for batch in result.batches):
        lines.append(f"Refused for good: {count(refused, 'message')}.")
    return "\n".join(lines) or "No batches to hand off."


def hand_off_failures(result: HandOffResult) -> list[str]:
    """A line for each batch that its sender did not take."""
    failed = [f"Batch {batch.batch_id}: {batch.status}. {batch.error}" for batch in result.batches if batch.error]
    return [*failed, *([f"The hand-off is not done. {result.broken_off}"] if result.broken_off else [])]


def batches(found: Sequence[BatchRow]) -> str:
    """A line for each batch, with what held it, and what a person decided."""
    if not found:
        return "No such batches."
    columns: dict[str, list[object]] = {
        "batch": [batch.batch_id for batch in found],
        "series": [batch.series_id for batch in found],
        "sender": [batch.sender for batch in found],
        "messages": [batch.messages for batch in found],
        "status": [batch.status.replace("_", " ") for batch in found],
        "held by": [batch.guards for batch in found],
        "decision": [_decided(batch) for batch in found],
        "attempts": [batch.attempts or None for batch in found],
        "next attempt": [batch.next_attempt_at for batch in found],
        "last error": [batch.last_error for batch in found],
    }
    shown = {heading: cells for heading, cells in columns.items() if any(cells)}
    return table(list(shown), list(zip(*shown.values(), strict=True)))


def _decided(batch: BatchRow) -> str | None:
    return f"{batch.decision} by {batch.decided_by}: {batch.why}" if batch.decision else None


def decision(result: DecisionResult) -> str:
    """What a decision changed, and what comes of it."""
    lines = []
    if result.batches:
        changed = f"{count(len(result.batches), 'batch')}, {count(result.messages, 'message')}"
        lines.append(f"{result.decision.capitalize()}: {changed}.")
    if result.batches and result.decision != "dropped":
        lines.append("They leave with the next run, or now with `series hand-off`.")
    lines += [f"{batch_id}: {result.decision} before; nothing done." for batch_id in result.unchanged]
    return "\n".join(lines) or ("No batch failed." if result.decision == "retried" else "No batch is held.")


_NOT_SENT = "NOT SENT, because series.yml has no `sends: true` for this target"


def unsent(result: HandOffResult | None) -> list[str]:
    """A line for each folder that got batches in place of a sender that may not send."""
    folders: dict[str, list[HandedBatch]] = {}
    for batch in result.batches if result else ():
        if batch.unsent_to is not None:
            folders.setdefault(batch.unsent_to, []).append(batch)
    return [
        f"{_NOT_SENT}: {count(len(batches), 'batch')}, {count(messages, 'message')}. They are in {folder} instead."
        for folder, batches in folders.items()
        for messages in [sum(batch.message_count for batch in batches)]
    ]


def status(result: Status) -> str:
    """Series with their entries, customers by the block they wait at, and batches that have not left."""
    if not result.series:
        return "No series here. A series is a file in series_definitions/."
    parts = [_last_run(result), _series(result.series)]
    if any(series.waiting for series in result.series):
        parts.append(_waiting(result.series))
    if result.batches:
        parts.append(_batches(result.batches))
    parts.extend(
        f"{_NOT_SENT}: what is for sender {sender}. It goes to {folder} instead."
        for sender, folder in result.unsent.items()
    )
    return "\n\n".join(parts)


def _last_run(result: Status) -> str:
    target = _for(result.target)
    return (
        f"Last run{target}: {format_instant(result.last_run)}" if result.last_run else f"Nothing has run{target} yet."
    )


def _for(target: str | None) -> str:
    return f" for target {target}" if target else ""


def _series(all_series: Sequence[SeriesStatus]) -> str:
    statuses = [status for status in ENTRY_STATUSES if any(series.entries.get(status) for series in all_series)]
    return table(
        [
            "series",
            "status",
            "schedule",
            "last run",
            "entries",
            *(name.replace("_", " ") for name in statuses),
            "goals",
        ],
        [
            [
                series.series_id,
                series.status or "no definition",
                series.schedule,
                series.last_run,
                sum(series.entries.values()),
                *(series.entries.get(name, 0) for name in statuses),
                series.goals,
            ]
            for series in all_series
        ],
    )


def _waiting(all_series: Sequence[SeriesStatus]) -> str:
    return table(
        ["series", "waiting at", "customers", "since", "held back by"],
        [
            [
                series.series_id,
                block.block_id,
                block.customers,
                block.since,
                ", ".join(f"{reason} ({customers:,})" for reason, customers in block.blocked_by.items()),
            ]
            for series in all_series
            for block in series.waiting
        ],
    )


def _batches(batches: Sequence[WaitingBatches]) -> str:
    waits = any(group.next_attempt_at for group in batches)
    headings = ["series", "sender", "batches", "messages", "status", "since", "attempts", "last error"]
    return table(
        [*headings, *(["next attempt"] if waits else [])],
        [
            [
                group.series_id,
                group.sender,
                group.batches,
                group.messages,
                group.status,
                group.oldest,
                group.attempts,
                group.last_error,
                *([group.next_attempt_at] if waits else []),
            ]
            for group in batches
        ],
    )
