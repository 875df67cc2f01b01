"""A rule about one customer: where its columns and customer functions (SPEC 4) get their answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from tests.evaluator.definition import Project, duration
from tests.evaluator.rules import Node
from tests.evaluator.state import Entry, State
from tests.evaluator.values import Property, met, truth, value
from tests.evaluator.world import RECEIPT, Event, World

EVENTS = ("did", "event_count", "event_sum", "first_event", "last_event")
ENGAGEMENTS = ("received", "opened", "clicked", "replied", "completed", "dismissed", "reacted")
SERIES = ("in_series", "entered_series", "finished_series", "exited_series", "reached_goal")
NOBODYS: dict[str, Any] = {}


@dataclass(frozen=True)
class View:
    """One customer seen at one instant.

    Attributes:
        before: the state as the last commit before this run left it.
        instant: what `now()` is; events and engagements later than it are not visible.
        entry: whose messages the engagement functions ask about; None has no messages.
        after: events at or before this are not seen (a goal); None sees all.
        company: the company a `company.x` is asked of.
    """

    project: Project
    world: World
    before: State
    customer_id: str
    instant: datetime
    entry: Entry | None = None
    after: datetime | None = None
    company: dict[str, Any] | None = None

    def holds(self, rule: Node | None) -> bool:
        """Whether the rule holds; with `company.x`, for at least one of the companies. None never holds."""
        if rule is None:
            return False
        if not any(node.kind == "company" for node in everything(rule, self.project)):
            return truth(rule, self.look_up)
        companies = self.world.companies_of(self.customer_id) or [NOBODYS]
        return any(truth(rule, replace(self, company=company).look_up) for company in companies)

    def value(self, expression: Node) -> Any:
        return value(expression, self.look_up)

    def look_up(self, node: Node) -> Any:
        if node.kind == "column":
            return self.world.customers[self.customer_id].get(node.value)
        if node.kind == "company":
            return (self.company or {}).get(node.value)
        if node.value == "now":
            return self.instant
        if node.value == "in_segment":
            return truth(self.project.segments[node.parts[0].value], self.look_up)
        if node.value == "has_tag":
            return self.has_tag(node.parts[0].value)
        if node.value in EVENTS:
            return self.of_events(node)
        if node.value in SERIES:
            return self.of_series(node.value, node.parts[0].value)
        return self.of_engagements(node)

    def has_tag(self, tag: str) -> bool:
        """The newest write decides until a run found that the source agrees with it; then the source does."""
        at, action = self.before.newest_writes().get((self.customer_id, tag), (None, ""))
        if at is None or (self.customer_id, tag, at) in self.before.agreed:
            return (self.customer_id, tag) in self.world.tags
        return action == "add"

    def of_events(self, node: Node) -> Any:
        found = self.events(node.parts[0].value, node.option("within"), node.option("where"))
        times = [event.occurred_at for event in found]
        match node.value:
            case "did":
                at_least = node.option("at_least")
                return len(found) >= (at_least.value if at_least else 1)
            case "event_count":
                return len(found)
            case "event_sum":
                name = node.parts[1].value
                numbers = [met(Property(event.properties.get(name)), 0.0)[0] for event in found]
                return sum(number for number in numbers if number is not None)
        return (min if node.value == "first_event" else max)(times, default=None)

    def events(self, name: str, within: Node | None, where: Node | None) -> list[Event]:
        """Visible events of that name; `within => d` means (instant - d, instant]."""
        since = self.instant - duration(within.value) if within else datetime.min
        since = max(since, self.after or datetime.min)
        return [
            event
            for event in self.world.events.get(self.customer_id, [])
            if event.name == name
            and since < event.occurred_at <= self.instant
            and (where is None or truth(where, partial(self.of_event, event)))
        ]

    def of_event(self, event: Event, node: Node) -> Any:
        """What a `where` names: `now()`, which is the instant here too, or a property."""
        return self.instant if node.kind == "call" else event.look_up(node)

    def of_series(self, function: str, series_id: str) -> bool:
        entries = self.before.entries_of(series_id, self.customer_id)
        match function:
            case "in_series":
                return bool(entries) and entries[-1].active
            case "entered_series":
                return bool(entries)
            case "reached_goal":
                return any(entry.goal_at for entry in entries)
        return any(entry.status == function.removesuffix("_series") for entry in entries)

    def of_engagements(self, node: Node) -> bool:
        """Such an engagement with this entry's message of the block; it counts only if the message has been queued.

        With `receipts: false` queueing is a receipt too. A `link` is asked of the engagement, so queueing has none.
        """
        block_id, link = node.parts[0].value, node.option("link")
        message = self.entry.messages.get(block_id) if self.entry else None
        if self.entry is None or message is None:
            return False
        if node.value == "received" and not link and not self.project.channel(message.channel).receipts:
            return message.queued_at <= self.instant
        kinds = RECEIPT if node.value == "received" else (node.value,)
        return any(
            e.kind in kinds and e.occurred_at <= self.instant and (link is None or e.link == link.value)
            for e in self.world.engagements.get(self.entry.message_key(block_id), [])
        )


def everything(rule: Node, project: Project) -> Iterator[Node]:
    """Each node of the rule, the rules of its segments in place; not what `where` asks of an event."""
    yield rule
    for part in rule.parts:
        yield from everything(part, project)
    if rule.kind == "call" and rule.value == "in_segment":
        yield from everything(project.segments[rule.parts[0].value], project)


def sources_read(rule: Node, project: Project) -> set[str]:
    """Which of the sources with a lag the rule reads."""
    calls = {node.value for node in everything(rule, project) if node.kind == "call"}
    return {name for name, functions in (("events", EVENTS), ("engagements", ENGAGEMENTS)) if calls & set(functions)}
