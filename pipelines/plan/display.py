"""How a plan looks as text: a headline for each series, what changed, and the numbers of its run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from pipelines.output import count, printable
from pipelines.plan.plan import BlockChange, Changes, Plan, SeriesPlan
from pipelines.schedule import format_instant

_NOTHING = "Nothing is written or sent."


def text(plan: Plan, *, diff: bool = False) -> str:
    """All of it; ``diff``: with what changed in the texts of the definitions."""
    target = f" for target {plan.target}" if plan.target else ""
    title = f"Plan of the run at {format_instant(plan.as_of)}{target}"
    if not plan.series:
        return f"{title}: no series to run."
    told = [one for one in plan.series if one.state in ("runs", "fails") or one.changes]
    last = [_headline(one) for one in plan.series if one not in told]
    last += [f"Accepted: source `{found.source}`: {found.message}." for found in plan.guards if found.source]
    paragraphs = ["\n".join(_series(plan, one, diff=diff)) for one in told]
    return "\n\n".join([f"{title}. {_NOTHING}", *paragraphs, *(["\n".join(last)] if last else [])])


def failures(plan: Plan) -> list[str]:
    """A line for each reason why the run would not end well: series that fail, and batches that it would hold."""
    failing = [one.series_id for one in plan.series if one.state == "fails"]
    held = {str(found.series_id): None for found in plan.guards if found.severity == "error"}
    lines = [("The run would fail for", failing), ("The run would go beyond limits of", list(held))]
    return [f"{words} {', '.join(names)}." for words, names in lines if names]


def _series(plan: Plan, one: SeriesPlan, *, diff: bool) -> Iterator[str]:
    yield _headline(one)
    if one.changes:
        yield from _changes(one.changes)
    numbers = [*_numbers(one)]
    yield from _aligned(numbers)
    for found in plan.guards:
        if found.series_id == one.series_id:
            yield f"  {found.message}{_held(found.held_batches, found.held_messages)}"
    if one.changes and one.changes.diff and (diff or not one.changes.is_read):
        yield from map(printable, one.changes.diff.split("\n"))


def _headline(one: SeriesPlan) -> str:
    run = f"its run at {format_instant(one.last_run)}" if one.last_run else ""
    title = f' "{printable(one.title)}"' if one.title else ""
    status = f", {one.status}" if one.status not in (None, "live") else ""
    match one.definition:
        case "new":
            since = "new"
        case "changed":
            since = f"changed since {run}"
        case _:
            since = f"as at {run}"
    match one.state:
        case "idle" | "gone":
            return f"{one.series_id}: takes no part. {one.reason}"
        case "fails":
            return f"{one.series_id}{title}: {since}{status}; the run would fail.\n  {one.reason}"
        case _:
            nothing = "" if any(one.counts.values()) or one.departures else "; nothing to do"
            return f"{one.series_id}{title}: {since}{status}{nothing}"


def _changes(changes: Changes) -> Iterator[str]:
    if not changes.is_read:
        yield "  changed  what the former text said cannot be read by today's rules"
        return
    rows = [("changed", ", ".join(changes.keys), "")] if changes.keys else []
    rows += [_change(block) for block in changes.blocks]
    rows += [("changed", f"segment {name}", "") for name in changes.segments]
    rows += [("changed", name, "") for name in changes.files]
    if not rows:
        yield "  Only its text has changed: what it says is the same."
    yield from _columns(rows)


def _change(block: BlockChange) -> tuple[str, str, str]:
    stand = f"{count(block.customers, 'customer')} there" if block.customers else ""
    match block.change:
        case "new":
            return "new", f"{block.block_id}: {block.kind}", stand
        case "gone":
            return "gone", f"{block.block_id}: {block.was}", stand + (_onwards(block.leads_to) if stand else "")
        case "kind":
            return "changed", f"{block.block_id}: {block.was} to {block.kind}", stand
        case _:
            return "changed", f"{block.block_id}: {', '.join(block.keys)}", stand


def _onwards(leads_to: tuple[str, ...] | None) -> str:
    """Where those go on who stand at a block that is gone."""
    if leads_to is None:
        return ""
    return f"; `moved` leads to {', '.join(leads_to)}" if leads_to else "; `removed` ends their path"


def _numbers(one: SeriesPlan) -> Iterator[tuple[str, int, str]]:
    """Name, number and note; what a message or reason adds to the line before it is indented."""
    for name, number in one.counts.items():
        if number:
            yield name.replace("_", " "), number, ""
        if name == "messages_queued":
            for queued in one.messages:
                yield f"  {queued.block_id}", queued.messages, f"{queued.channel}{', held' if queued.held else ''}"
    if one.departures:
        yield "leave what is gone", sum(left.customers for left in one.departures), ""
    for left in one.departures:
        yield f"  {left.block_id}", left.customers, left.outcome
    if one.blocked:
        yield "not to be sent now", sum(blocked.customers for blocked in one.blocked), ""
    for blocked in one.blocked:
        yield f"  {blocked.block_id}", blocked.customers, blocked.blocked_by.replace("_", " ")


def _aligned(numbers: Sequence[tuple[str, int, str]]) -> Iterator[str]:
    names = max((len(name) for name, _, _ in numbers), default=0)
    digits = max((len(f"{number:,}") for _, number, _ in numbers), default=0)
    for name, number, note in numbers:
        yield f"  {printable(name):<{names}}  {number:>{digits},}  {printable(note)}".rstrip()


def _columns(rows: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max((len(row[column]) for row in shown), default=0) for column in (0, 1)]
    for first, second, third in shown:
        yield f"  {first:<{widths[0]}}  {second:<{widths[1]}}  {third}".rstrip()


def _held(batches: int, messages: int) -> str:
    return f": {count(batches, 'batch')} with {count(messages, 'message')} would be held" if batches else ""
