"""The facts that rules rest on, gathered for a whole step: each distinct call once, each source read once.

A step's rules name their calls (see `pipelines.rules.model`). Here they become the aggregate columns of at most
four relations, ``event_facts``, ``engagement_facts``, ``tag_facts`` and ``series_facts``, which
``sql/macros.sql.jinja`` writes out and joins.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlglot import exp

from pipelines.model import RECEIPT_KINDS
from pipelines.rules import property_sql, render
from pipelines.rules.model import EngagementCall, EventCall, Rule, SeriesCall, TagCall
from pipelines.rules.names import fact_name
from pipelines.sql_text import identifier, interval, literal

_RELATIONS: Mapping[type, str] = {
    EventCall: "event_facts",
    EngagementCall: "engagement_facts",
    TagCall: "tag_facts",
    SeriesCall: "series_facts",
}

_TYPES = {"event_count": "bigint", "event_sum": "double", "first_event": "timestamp", "last_event": "timestamp"}
"""What a call's value is, where it is no boolean."""

_SERIES_CONDITIONS: Mapping[str, str] = {
    "in_series": "other.status = 'active' and not other.superseded",
    "entered_series": "true",
    "finished_series": "other.status = 'finished'",
    "exited_series": "other.status = 'exited'",
    "reached_goal": "other.goal_at is not null",
}


@dataclass(frozen=True, slots=True)
class EventFacts:
    """``seen``: the conditions that tell the events some call looks at. ``asked_by``: see `gather`."""

    columns: Sequence[str]
    seen: Sequence[str]
    asked_by: Sequence[str]


@dataclass(frozen=True, slots=True)
class EngagementFacts:
    """Messages of ``blocks`` in ``series``, and what came back of ``kinds``. ``asked_by``: see `gather`.

    Attributes:
        queueing_counts: Whether a message alone, without any engagement, may prove something.
    """

    columns: Sequence[str]
    blocks: Sequence[str]
    series: Sequence[str]
    kinds: Sequence[str]
    queueing_counts: bool
    asked_by: Sequence[str]


@dataclass(frozen=True, slots=True)
class NamedFacts:
    """Facts over rows chosen by name: tags, or entries of other series."""

    columns: Sequence[str]
    names: Sequence[str]


@dataclass(frozen=True, slots=True)
class Facts:
    """All facts of one step; None where no rule asks for that kind."""

    events: EventFacts | None = None
    engagements: EngagementFacts | None = None
    tags: NamedFacts | None = None
    series: NamedFacts | None = None


@dataclass(frozen=True, slots=True)
class Asking:
    """A rule of a step: its series, and the condition that tells its subjects from those of the step's other rules."""

    series_id: str
    whose: str
    rule: Rule


def gather(rules: Sequence[Asking], *, instant: str, queued_is_received: Mapping[str, frozenset[str]]) -> Facts:
    """The facts of these rules.

    Events and engagements are looked up only for subjects of rules that ask for them: ``asked_by`` holds the conditions
    that tell these; it is empty where all rules ask.

    Args:
        rules: The rules of one step.
        instant: SQL for the moment that events are judged at: ``moment.instant``, or ``$as_of`` for everybody.
        queued_is_received: By series, the content blocks whose channel has no receipts.
    """
    calls = dict(sorted({name: call for asking in rules for name, call in asking.rule.calls.items()}.items()))
    events = {name: call for name, call in calls.items() if isinstance(call, EventCall)}
    engagements = {name: call for name, call in calls.items() if isinstance(call, EngagementCall)}
    tags = {name: call for name, call in calls.items() if isinstance(call, TagCall)}
    others = {name: call for name, call in calls.items() if isinstance(call, SeriesCall)}
    for_events = [asking for asking in rules if asking.rule.reads_events]
    for_engagements = [asking for asking in rules if asking.rule.reads_engagements]
    return Facts(
        events=_events(events, instant, _asked_by(for_events, rules)) if events else None,
        engagements=(
            _engagements(
                engagements,
                sorted({asking.series_id for asking in for_engagements}),
                queued_is_received,
                _asked_by(for_engagements, rules),
            )
            if engagements
            else None
        ),
        tags=_tags(tags) if tags else None,
        series=_series(others) if others else None,
    )


def _asked_by(asking: Sequence[Asking], rules: Sequence[Asking]) -> list[str]:
    return [] if len(asking) == len(rules) else list(dict.fromkeys(f"({one.whose})" for one in asking))


def predicate(rule: Rule, *, instant: str | None = None) -> str:
    """The rule's SQL with each fact taken from the relation that holds it, in parentheses.

    ``customer``, ``company`` and ``subject`` stay as they are; the step joins them under these names.

    Args:
        rule: A checked rule.
        instant: Name of the parameter that is the instant, where no subject has one of its own.
    """

    def place(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column) and node.table == "fact":
            return exp.column(node.this.copy(), table=_RELATIONS[type(rule.calls[node.name])])
        if instant and isinstance(node, exp.Column) and node.table == "subject":
            return exp.Placeholder(this=instant)
        return node

    return f"({render(rule.sql.transform(place))})"


def at_entry(rule: Rule) -> Rule:
    """The rule as it is judged the moment an entry begins: nothing has happened in the entry yet.

    So there are no engagements with its messages, and no events after its beginning.
    """

    def place(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column) and node.table == "fact":
            call = rule.calls[node.name]
            if isinstance(call, EventCall | EngagementCall):
                return exp.cast(exp.null(), _TYPES.get(call.function, "boolean"))
        return node

    calls = {name: call for name, call in rule.calls.items() if not isinstance(call, EventCall | EngagementCall)}
    return replace(rule, sql=rule.sql.copy().transform(place), calls=calls)


def first_event_of(rule: Rule) -> Rule | None:
    """The time of the first event that the rule rests on, up to the instant; None where it is not one event alone."""
    calls = [call for call in rule.calls.values() if isinstance(call, EventCall)]
    if len(calls) != 1 or calls[0].function != "did" or calls[0].at_least != 1:
        return None
    first = replace(calls[0], function="first_event")
    name = fact_name(first)
    return Rule(exp.column(name, table="fact"), {name: first}, rule.text)


def _events(calls: Mapping[str, EventCall], instant: str, asked_by: Sequence[str]) -> EventFacts:
    windows: dict[str, list[timedelta | None]] = {}
    for call in calls.values():
        windows.setdefault(call.name, []).append(call.within)
    return EventFacts(
        columns=[f"{_event_column(call, instant)} as {identifier(name)}" for name, call in calls.items()],
        seen=[_seen(name, found, instant) for name, found in sorted(windows.items())],
        asked_by=asked_by,
    )


def _seen(name: str, windows: Sequence[timedelta | None], instant: str) -> str:
    """The events of one name that some call looks at."""
    bounds = [window for window in windows if window is not None]
    if len(bounds) < len(windows):
        return f"event.name = {literal(name)}"
    return f"(event.name = {literal(name)} and event.occurred_at > {instant} - {interval(max(bounds))})"


def _event_column(call: EventCall, instant: str) -> str:
    chosen = f"event.name = {literal(call.name)}"
    if call.function == "did" and call.at_least == 1 and call.where is None:
        # The newest event answers for every window, so that calls with different ones share an aggregate.
        newest = f"max(event.occurred_at) filter (where {chosen})"
        return f"{newest} is not null" if call.within is None else f"{newest} > {instant} - {interval(call.within)}"
    if call.within is not None:
        chosen += f" and event.occurred_at > {instant} - {interval(call.within)}"
    if call.where is not None:
        # An engine may read the properties of every event before it looks at the name; within `case` it does not.
        chosen = f"case when {chosen} then {_where(call.where, instant)} else false end"
    if call.function == "event_sum":
        assert call.property is not None
        return f"sum(case when {chosen} then {render(property_sql(call.property, 'number'))} end)"
    if call.function == "first_event":
        return f"min(event.occurred_at) filter (where {chosen})"
    if call.function == "last_event":
        return f"max(event.occurred_at) filter (where {chosen})"
    count = f"count(*) filter (where {chosen})"
    return f"{count} >= {call.at_least}" if call.function == "did" else count


def _where(condition: exp.Expression, instant: str) -> str:
    def place(node: exp.Expression) -> exp.Expression:
        if not (isinstance(node, exp.Column) and node.table == "subject"):
            return node
        return exp.Placeholder(this="as_of") if instant == "$as_of" else exp.column("instant", table="moment")

    return render(condition.transform(place))


def _engagements(
    calls: Mapping[str, EngagementCall],
    series: Sequence[str],
    queued_is_received: Mapping[str, frozenset[str]],
    asked_by: Sequence[str],
) -> EngagementFacts:
    return EngagementFacts(
        columns=[
            f"{_engagement_column(call, series, queued_is_received)} as {identifier(name)}"
            for name, call in calls.items()
        ],
        blocks=_literals(call.block_id for call in calls.values()),
        series=[literal(series_id) for series_id in series],
        kinds=_literals(kind for call in calls.values() for kind in _kinds(call)),
        queueing_counts=any(
            call.function == "received" and call.link is None and call.block_id in queued_is_received.get(name, ())
            for call in calls.values()
            for name in series
        ),
        asked_by=asked_by,
    )


def _engagement_column(
    call: EngagementCall, series: Sequence[str], queued_is_received: Mapping[str, frozenset[str]]
) -> str:
    proof = f"engagement.kind in ({', '.join(_literals(_kinds(call)))})"
    if call.link is not None:
        proof += f" and engagement.link = {literal(call.link)}"
    elif call.function == "received":
        without = [literal(name) for name in series if call.block_id in queued_is_received.get(name, ())]
        if without:
            queued = f"message.series_id in ({', '.join(without)}) and message.queued_at <= moment.instant"
            proof = f"({proof} or ({queued}))"
    return f"coalesce(bool_or(message.block_id = {literal(call.block_id)} and {proof}), false)"


def _kinds(call: EngagementCall) -> Sequence[str]:
    return RECEIPT_KINDS if call.function == "received" else (call.function,)


def _tags(calls: Mapping[str, TagCall]) -> NamedFacts:
    return NamedFacts(
        columns=[f"bool_or(tagged.tag = {literal(call.tag)}) as {identifier(name)}" for name, call in calls.items()],
        names=_literals(call.tag for call in calls.values()),
    )


def _series(calls: Mapping[str, SeriesCall]) -> NamedFacts:
    return NamedFacts(
        columns=[
            f"bool_or(other.series_id = {literal(call.series_id)} and {_SERIES_CONDITIONS[call.function]})"
            f" as {identifier(name)}"
            for name, call in calls.items()
        ],
        names=_literals(call.series_id for call in calls.values()),
    )


def _literals(values: Iterable[str]) -> list[str]:
    return [literal(value) for value in sorted(set(values))]
