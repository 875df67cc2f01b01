"""How an explanation looks as text: series after series, each entry with its visits, each rule in parts."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from datetime import datetime

from pipelines.explain.explanation import (
    Entry,
    Explanation,
    JudgedPart,
    Judgement,
    Message,
    SeenValue,
    SeriesExplanation,
    Value,
    Visit,
)
from pipelines.hand_off.absent import REASON
from pipelines.hand_off.claim import BROKEN_OFF
from pipelines.output import printable
from pipelines.schedule import format_instant

_WIDEST = 100
_NOTES = (
    "Rules are judged with events and engagements up to the instant at which they are decided, and",
    "with attributes, companies, tags and other series as they are now: a run in the past may have",
    "seen other ones.",
)
_LONGEST_VALUE = 80
_JOINED = {"and": "all of", "or": "one of", "not": "not"}
_NOTED = (REASON, BROKEN_OFF, "There is no sender `")
"""How errors of batches begin that no sender has said."""

_COMPANIES = 5
"""Companies that are shown for one rule."""

Line = tuple[int, str]
"""How far it is indented, and its words."""


def text(explanation: Explanation, width: int | None) -> str:
    """All of it.

    Args:
        explanation: What to show.
        width: Columns after which lines are broken; None: they are not.
    """
    lines = [*_heading(explanation)]
    for series in explanation.series:
        lines += [(0, ""), *_series(series)]
    if any(visit.rule for series in explanation.series for entry in series.entries for visit in entry.visits):
        lines += [(0, ""), *((0, note) for note in _NOTES)]
    return "\n".join(_laid_out(lines, width))


def width() -> int | None:
    """Columns to fill on this terminal; None: it is none, and a line is as long as it needs to be."""
    from rich.console import Console

    console = Console()
    return min(console.width, _WIDEST) if console.is_terminal else None


def _heading(explanation: Explanation) -> Iterator[Line]:
    target = f", target {explanation.target}" if explanation.target else ""
    yield 0, f"Customer {explanation.customer_id}{target}"
    if explanation.is_missing:
        yield 0, "They are not in `customers` now, so no rule can be judged; this is what runs have left."
    if not explanation.series:
        yield 0, "No series here. A series is a file in series_definitions/."


def _series(series: SeriesExplanation) -> Iterator[Line]:
    title = f" {_quoted(series.title)}" if series.title else ""
    run = f"last run {format_instant(series.last_run)}" if series.last_run else "has not run yet"
    yield 0, f"{series.series_id}{title}: {series.status or 'no definition any more'}, {run}"
    if series.last_run != series.as_of:
        beside = "; visits and messages are as of the last run" if series.last_run else ""
        yield 1, f"rules are judged at {format_instant(series.as_of)}{beside}"
    if series.changed:
        yield 1, "the definition has changed since the last run"
    if series.fails:
        yield 1, f"the next run fails: {series.fails}"
    if not series.entries:
        yield 1, "never entered"
    for entry in series.entries:
        yield from _entry(entry)
    yield from _entering(series)


def _entering(series: SeriesExplanation) -> Iterator[Line]:
    """Why there is no (further) entry; of an entry that is under way there is nothing to say."""
    if series.entering is None or (codes := {reason.code for reason in series.entering.reasons}) == {"active"}:
        return
    would = series.entering.arrives_at
    yield 1, f"{'would enter' if would else 'would not enter'}, as things stand at {format_instant(series.as_of)}"
    shown = codes & {"no_entry_rule", "enters"} or not series.entries
    for reason in series.entering.reasons:
        # What the rules below say themselves needs no sentence.
        if not (reason.code == "no_entry_rule" and len(series.entry_rules) == 1):
            yield 2, reason.message
    if shown:
        for rule in series.entry_rules:
            yield from _rule(2, f"entry rule {_named(rule.block_id, rule.label)}", rule.judgement)
    if series.exit and (shown or "exit" in codes) and not any(entry.exit for entry in series.entries):
        yield from _rule(2, "exit rule", series.exit)


def _entry(entry: Entry) -> Iterator[Line]:
    arm = " (holdout)" if entry.arm == "holdout" else ""
    ended = f", ended {format_instant(entry.ended_at)}" if entry.ended_at else ""
    entered = format_instant(entry.entered_at)
    yield 1, f"entry {entry.entry_number}{arm}: entered {entered}, {_spaced(entry.status)}{ended}: {entry.explained}"
    yield from _goal(entry)
    if entry.exit:
        yield from _rule(2, "exit rule", entry.exit)
    for visit in entry.visits:
        yield from _visit(visit)
    yield from _not_reached(entry)


def _not_reached(entry: Entry) -> Iterator[Line]:
    """Content blocks for the same reasons in one line."""
    by_reason: dict[str, list[str]] = {}
    for block in entry.not_reached:
        why = "; ".join(reason.message for reason in block.reasons)
        by_reason.setdefault(why, []).append(_named(block.block_id, block.label))
    for why, blocks in by_reason.items():
        yield 2, f"not reached: {', '.join(blocks)}: {why}"


def _goal(entry: Entry) -> Iterator[Line]:
    if entry.goal is None or entry.goal_until is None:
        if entry.goal_at:
            yield 2, f"goal: reached {format_instant(entry.goal_at)}"
        return
    if entry.goal_at:
        state = f"reached {format_instant(entry.goal_at)}"
    elif entry.goal_met_at_entry:
        state = "held already on entering, so it never counts"
    elif entry.goal_closed:
        state = f"not reached by {format_instant(entry.goal_until)}, when its window ended"
    else:
        state = f"not reached, counts until {format_instant(entry.goal_until)}"
    yield from _rule(2, "goal", entry.goal, state)


def _visit(visit: Visit) -> Iterator[Line]:
    gone = "" if visit.is_defined else "not in the definition any more"
    version = "by an earlier version" if visit.changed else ""
    words = ", ".join(word for word in (visit.kind, gone, version) if word)
    yield 2, f"{format_instant(visit.arrived_at)}  {_named(visit.block_id, visit.label)} ({words})"
    if visit.does and visit.kind not in ("rule", "tag"):
        yield 4, visit.does
    yield 4, f"{_outcome(visit)}{_tags(visit) or visit.explained}"
    if visit.rule:
        yield from _parts(5, visit.rule)
    if visit.consent and visit.blocked_by == "no_consent":
        yield from _rule(4, "consent", visit.consent)
    if visit.kind == "wait" or visit.blocked_by == "no_address":
        yield from ((5, _said(value)) for value in visit.values)
    if visit.message:
        yield from _message(visit.message)
    for move in visit.led_to:
        merged = ", where the entry had been before: it goes no further" if move.merged else ""
        yield 4, f"-> {move.block_id}{merged}"


def _tags(visit: Visit) -> str:
    """What a visit did to the customer's tags, and how far that got where a sender takes tags."""
    done = {"add": "added", "remove": "removed"}
    return "; ".join(
        f"{done.get(write.action, write.action)} tag {_quoted(write.tag)}"
        + (f" ({_spaced(write.status)})" if write.status else "")
        for write in visit.tags
    )


def _outcome(visit: Visit) -> str:
    if visit.left_at is None:
        return "still there: "
    at = "" if visit.left_at == visit.arrived_at else f" {format_instant(visit.left_at)}"
    return f"{_spaced(visit.outcome)}{at}: "


def _message(message: Message) -> Iterator[Line]:
    to = f" to {message.address}" if message.address else ""
    yield 4, f"message {message.message_id}{to}: {_spaced(message.status)}: {message.explained}"
    times = [f"queued {format_instant(message.queued_at)}"]
    if message.received_at:
        times.append(f"received {format_instant(message.received_at)}")
    else:
        times.append(f"expires {format_instant(message.expires_at)}")
    yield 5, ", ".join(times)
    sender = f", sender {message.sender}" if message.sender else ""
    yield 5, f"batch {message.batch_id}: {_spaced(message.batch_status or 'not known')}{sender}"
    # What is kept of a batch that has left is about the messages that its sender refused.
    if message.last_error and (message.batch_status != "handed_off" or message.status == "refused"):
        says = "noted" if message.last_error.startswith(_NOTED) else "the sender said"
        yield 5, f"{says}: {message.last_error}"
    if message.engagements:
        seen = (f"{each.kind} {format_instant(each.occurred_at)}" for each in message.engagements)
        yield 5, f"seen: {', '.join(seen)}"
    if message.goal:
        reached = f"reached {format_instant(message.goal_at)}" if message.goal_at else "not reached"
        yield from _rule(5, "message goal", message.goal, reached)


def _rule(indent: int, name: str, judgement: Judgement, state: str | None = None) -> Iterator[Line]:
    """A rule with what came out, and below it what it saw."""
    yield indent, f"{name}: {state or _holds(judgement.holds)}"
    yield from _parts(indent + 1, judgement)


def _parts(indent: int, judgement: Judgement) -> Iterator[Line]:
    if not judgement.cases:
        yield indent, judgement.rule
    for case in judgement.cases[:_COMPANIES]:
        inner = indent
        if case.company_id is not None:
            yield indent, f"for company {case.company_id}"
            inner += 1
        yield from _part(inner, case.part)
    if len(judgement.cases) > _COMPANIES:
        yield indent, f"and {len(judgement.cases) - _COMPANIES:,} more companies; --format json has them all"


def _part(indent: int, part: JudgedPart) -> Iterator[Line]:
    """A condition with what it saw on one line; whatever joins several stands above them."""
    mark = "yes" if part.holds else "no "
    if part.kind in _JOINED:
        yield indent, f"{mark} {_JOINED[part.kind]}"
    elif part.kind == "segment":
        yield indent, f"{mark} {part.text}"
    else:
        seen = ", ".join(_seen(part))
        yield indent, f"{mark} {part.text}" + (f"   [{seen}]" if seen else "")
    for inner in part.parts:
        yield from _part(indent + 2, inner)


def _seen(part: JudgedPart) -> Iterator[str]:
    """What a condition looks at, without what it says itself."""
    for value in part.values:
        if value.name.startswith("event_count(") and part.text[:4].lower() == "did(" and len(part.values) == 2:
            yield f"{value.value} events" if value.value != 1 else "1 event"
        elif value.name != part.text:
            yield _said(value)


def _said(seen: SeenValue) -> str:
    return f"{seen.name} = {_value(seen.value)}"


def _value(value: Value) -> str:
    match value:
        case None:
            return "unknown"
        case bool():
            return str(value).lower()
        case datetime():
            return format_instant(value)
        case str():
            return _quoted(value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…", "'")
        case _:
            return str(value)


def _holds(holds: bool | None) -> str:
    return "cannot be judged" if holds is None else "holds" if holds else "does not hold"


def _named(block_id: str, label: str | None) -> str:
    return f"{block_id} {_quoted(label)}" if label else block_id


def _quoted(words: str, quote: str = '"') -> str:
    return f"{quote}{words}{quote}"


def _spaced(word: str | None) -> str:
    return str(word).replace("_", " ")


def _laid_out(lines: Iterable[Line], width: int | None) -> Iterator[str]:
    """Lines that command nothing; what does not fit goes on below, further in."""
    for indent, words in lines:
        line = f"{'  ' * indent}{printable(words)}".rstrip()
        if width is None or len(line) <= width:
            yield line
        else:
            yield from textwrap.wrap(
                line, width, subsequent_indent="  " * (indent + 2), break_on_hyphens=False, drop_whitespace=True
            )
