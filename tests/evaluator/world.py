"""The sources as rows (SPEC 2), as they are at a run. Times are naive UTC inside."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.evaluator.clock import as_utc
from tests.evaluator.rules import Node
from tests.evaluator.values import Property

RECEIPT = ("delivered", "opened", "clicked", "replied", "completed", "dismissed", "reacted")
NON_RECEIPT = ("bounced", "failed")
NEITHER = ("unsubscribed", "complained")
MessageKey = tuple[str, str, int, str]  # series, customer, entry_number, block


@dataclass(frozen=True)
class Event:
    name: str
    occurred_at: datetime
    properties: dict[str, Any]

    def look_up(self, node: Node) -> Property:
        """The property that a column of a `where` names."""
        return Property(self.properties.get(node.value))


@dataclass(frozen=True)
class Engagement:
    kind: str
    occurred_at: datetime
    link: str | None


@dataclass
class World:
    """`customers` and `companies` by id; everything of a customer by customer id; engagements by message."""

    customers: dict[str, dict[str, Any]] = field(default_factory=dict)
    companies: dict[str, dict[str, Any]] = field(default_factory=dict)
    customer_companies: list[tuple[str, str]] = field(default_factory=list)
    events: dict[str, list[Event]] = field(default_factory=dict)
    engagements: dict[MessageKey, list[Engagement]] = field(default_factory=dict)
    tags: set[tuple[str, str]] = field(default_factory=set)

    def companies_of(self, customer_id: str) -> list[dict[str, Any]]:
        """The customer's companies; links to unknown companies count for nothing."""
        linked = {company for customer, company in self.customer_companies if customer == customer_id}
        return [row for company_id, row in self.companies.items() if company_id in linked]

    def take(self, sources: dict[str, list[dict[str, Any]]]) -> None:
        """Rows that arrive: a customer or company replaces the one with the same id, the rest is added."""
        for row in sources.get("customers", []):
            self.customers[row["customer_id"]] = row
        for row in sources.get("companies", []):
            self.companies[row["company_id"]] = row
        for row in sources.get("customer_companies", []):
            self.customer_companies.append((row["customer_id"], row["company_id"]))
        for row in sources.get("events", []):
            self.take_event(row)
        for row in sources.get("engagements", []):
            self.take_engagement(row)
        for row in sources.get("customer_tags", []):
            self.tags.add((row["customer_id"], row["tag"]))

    def take_event(self, row: dict[str, Any]) -> None:
        """An event without a time is never visible."""
        if row["occurred_at"] is not None:
            properties = row.get("properties") or {}
            properties = json.loads(properties) if isinstance(properties, str) else properties
            event = Event(row["name"], as_utc(row["occurred_at"]), properties)
            self.events.setdefault(row["customer_id"], []).append(event)

    def take_engagement(self, row: dict[str, Any]) -> None:
        """Rows of another kind or without a time are ignored."""
        if row["kind"] in RECEIPT + NON_RECEIPT + NEITHER and row["occurred_at"] is not None:
            key = (row["series_id"], row["customer_id"], row.get("entry_number", 1), row["block_id"])
            engagement = Engagement(row["kind"], as_utc(row["occurred_at"]), row.get("link"))
            self.engagements.setdefault(key, []).append(engagement)

    def lose(self, customer_ids: list[str]) -> None:
        """Customers that vanish from `customers`; their other rows stay."""
        for customer_id in customer_ids:
            self.customers.pop(customer_id, None)

    def untag(self, rows: list[dict[str, Any]]) -> None:
        """Tags that vanish from `customer_tags`."""
        self.tags -= {(row["customer_id"], row["tag"]) for row in rows}
