"""The made-up company: who its customers are, what they do, and what becomes of them, hour by hour.

The world lives in the warehouse beside the series, in the tables that a real company would have. What only a novelist
knows, such as who is curious and who is about to leave, is in schema ``demo``. Everything that looks random is a
function of seed, person and matter, so a story can be told again.

Rows whose time has not come are invisible to a run. So what people do by themselves is told for the whole story when
it begins, and what they make of a message when it is handed off; an hour then brings only what changes customers.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from pipelines.demo.audience import Message, Person, answers, effects
from pipelines.demo.story import HOUR, Story
from pipelines.sql_text import read_query
from warehouse import writes
from warehouse.adapter import Warehouse

if TYPE_CHECKING:
    from pipelines.run_result import RunResult

HISTORY = timedelta(days=60)
"""How long before the first run people are known to have come by."""

AFTERWARDS = timedelta(days=3)
"""How long after the story they still do, so that the last messages find somebody."""

_DAY = timedelta(days=1)
_DAWN = datetime(1970, 1, 1)
_CUSTOMERS_PER_COMPANY = 8
_SIGN_UPS_PER_HOUR = 0.0002

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "customers": (
        "customer_id", "type", "first_name", "email", "plan", "country", "timezone", "created_at", "trial_ends_at",
        "unsubscribed",
    ),
    "companies": ("company_id", "name", "industry", "seats", "country"),
    "customer_companies": ("customer_id", "company_id"),
    "events": ("customer_id", "name", "occurred_at", "properties"),
    "engagements": ("message_id", "kind", "occurred_at", "link"),
    "customer_tags": ("customer_id", "tag"),
    "demo.people": (
        "customer_id", "salt", "company_id", "type", "first_name", "email", "plan", "country", "zone", "says_zone",
        "unsubscribed", "appears_at", "activity", "curiosity", "rests_from", "leaves_at",
    ),
    "demo.visits": ("customer_id", "visited_at"),
    "demo.habits": ("type", "name", "probability", "newcomer_factor"),
}  # fmt: skip

_UPGRADE = "update customers set plan = 'Premium' where customer_id in (select unnest($customer_ids))"
_UNSUBSCRIBE = "update customers set unsubscribed = true where customer_id in (select unnest($customer_ids))"

_PROPERTIES = {"login": '{"device":"mobile"}', "purchase": '{"plan":"Premium","amount":49}'}
_OBJECTIONS = ("unsubscribed", "complained")


class World:
    """A company between two runs of its series; making one makes the company, as it is at the first run."""

    def __init__(self, warehouse: Warehouse, story: Story) -> None:
        self._warehouse = warehouse
        self._seed = story.seed
        with warehouse.transaction():
            self._make(story)
            self._people = {
                customer_id: Person(customer_id, ZoneInfo(zone), curiosity, visits)
                for customer_id, zone, curiosity, visits in self._fetch("audience", {"starts_at": story.starts_at})
            }
            self._changes: list[tuple[datetime, str, str]] = self._fetch("changes")
            heapq.heapify(self._changes)
            self._buyers = {customer_id for (customer_id,) in self._fetch("buyers")}
            self._change(_DAWN, story.starts_at)

    def pass_hour(self, result: RunResult) -> None:
        """Tell the hour after a run: what the run handed off is answered, answers lie ahead by minutes to days."""
        since, until = result.as_of, result.as_of + HOUR
        with self._warehouse.transaction():
            self._answer(result)
            self._change(since, until)
            if until.hour == 0:
                self._sync_tags({"since": until - _DAY, "until": until})

    def _make(self, story: Story) -> None:
        """The company's people, and what they do by themselves, from long ago until after the story."""
        known = {
            "seed": story.seed,
            "customers": story.customers,
            "sign_ups": round(story.customers * _SIGN_UPS_PER_HOUR * story.hours),
            "companies": max(1, story.customers // _CUSTOMERS_PER_COMPANY),
            "starts_at": story.starts_at,
            "hours": story.hours,
            "since": story.starts_at - HISTORY,
            "until": story.ends_at + AFTERWARDS,
        }
        for statement in read_query("demo/schema").split(";\n"):
            if statement.strip():
                self._warehouse.execute(statement)
        self._add("demo.habits", "habits")
        self._add("companies", "companies", known)
        self._add("demo.people", "people", known)
        self._add("customer_tags", "first_tags", known)
        self._add("demo.visits", "visits", known)
        self._add("events", "actions")

    def _answer(self, result: RunResult) -> None:
        """What people make of the messages that a run handed off."""
        batches = result.hand_off.batches if result.hand_off else ()
        batch_ids = [batch.batch_id for batch in batches if batch.status == "handed_off"]
        engagements: list[tuple[object, ...]] = []
        events: list[tuple[object, ...]] = []
        for message in self._messages(batch_ids):
            person = self._people[message.customer_id]
            chance = Random(f"{self._seed} {message.message_id}")  # noqa: S311 (a story, no secret)
            answered = answers(message, person, result.as_of, chance)
            for kind, occurred_at in answered:
                link = message.link if kind == "clicked" else None
                engagements.append((message.message_id, kind, occurred_at, link))
                if kind in _OBJECTIONS:
                    heapq.heappush(self._changes, (occurred_at, "unsubscribes", person.customer_id))
            for name, occurred_at in effects(message, person, answered, chance).items():
                if name != "purchase" or self._buys(person, occurred_at):
                    events.append((person.customer_id, name, occurred_at, _PROPERTIES.get(name)))
        self._add_rows("engagements", engagements)
        self._add_rows("events", events)

    def _messages(self, batch_ids: Sequence[str]) -> list[Message]:
        return [Message(*row) for row in self._fetch("messages", {"batch_ids": batch_ids})] if batch_ids else []

    def _buys(self, person: Person, occurred_at: datetime) -> bool:
        """Whether somebody who wants to buy has not done so, or is not about to."""
        if person.customer_id in self._buyers:
            return False
        self._buyers.add(person.customer_id)
        heapq.heappush(self._changes, (occurred_at, "upgrades", person.customer_id))
        return True

    def _change(self, since: datetime, until: datetime) -> None:
        """What becomes of customers between two instants: most hours bring little, many nothing."""
        found: dict[str, list[str]] = defaultdict(list)
        while self._changes and self._changes[0][0] <= until:
            _, change, customer_id = heapq.heappop(self._changes)
            found[change].append(customer_id)
        if found["appears"]:
            self._add("customers", "customers", {"since": since, "until": until})
            self._add("customer_companies", "customer_companies", {"since": since, "until": until})
        if gone := found["leaves"]:
            self._add_rows("customer_tags", [(customer_id, "left") for customer_id in gone])
        if upgraded := found["upgrades"]:
            self._warehouse.execute(_UPGRADE, {"customer_ids": upgraded})
        if unsubscribed := found["unsubscribes"]:
            self._warehouse.execute(_UNSUBSCRIBE, {"customer_ids": unsubscribed})

    def _sync_tags(self, day: Mapping[str, datetime]) -> None:
        """Bring the tags that runs wrote into the company's own table, as a nightly sync would do it."""
        written = {**day, "actions": ["add", "remove"]}
        self._warehouse.execute(
            writes.delete("customer_tags", _COLUMNS["customer_tags"], read_query("demo/tags")), written
        )
        self._add("customer_tags", "tags", {**day, "actions": ["add"]})

    def _fetch(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        return self._warehouse.fetch(read_query(f"demo/{query}"), parameters)

    def _add(self, target: str, query: str, parameters: Mapping[str, Any] | None = None) -> None:
        self._warehouse.execute(writes.append(target, _COLUMNS[target], read_query(f"demo/{query}")), parameters)

    def _add_rows(self, target: str, rows: Sequence[tuple[object, ...]]) -> None:
        if rows:
            columns = _COLUMNS[target]
            select = "select " + ", ".join(f"unnest(${column})" for column in columns)
            values = dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))
            self._warehouse.execute(writes.append(target, columns, select), values)
