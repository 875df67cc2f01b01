"""The made-up company: who its customers are, what they do each hour, and how they answer messages.

The world lives in the warehouse beside the series, in the tables that a real company would have. What only a novelist
knows, such as who is curious and who is about to leave, is in schema ``demo``. An hour passes in a handful of
statements. Everything that looks random is a function of seed, person and matter, so a story can be told again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse import writes
from warehouse.adapter import Warehouse

if TYPE_CHECKING:
    from pipelines.project import RunResult

HISTORY = timedelta(days=60)
"""How long before the first run people are known to have come by."""

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_DAWN = datetime(1970, 1, 1)
_SQL = Path(__file__).parent.parent.parent / "sql" / "demo"
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
    "demo.reactions": ("channel", "inbox", "after_kind", "kind", "at_least", "below", "mean_minutes"),
    "demo.persuasion": ("series_id", "kind", "name", "probability", "mean_minutes"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Story:
    """What is told.

    Attributes:
        customers: How many there are when it begins; more sign up while it goes on.
        hours: How long it goes on, which is how many runs there are.
        seed: Another seed is another company.
        starts_at: The first run, naive UTC, on the hour.
    """

    customers: int = 5_000
    hours: int = 336
    seed: int = 1
    starts_at: datetime = datetime(2026, 3, 2)

    @property
    def ends_at(self) -> datetime:
        """When the hour after the last run is over (naive UTC)."""
        return self.starts_at + self.hours * _HOUR

    @property
    def instants(self) -> Sequence[datetime]:
        """The instants of the runs (naive UTC)."""
        return [self.starts_at + hour * _HOUR for hour in range(self.hours)]


def begin(warehouse: Warehouse, story: Story) -> None:
    """Make the company, and tell what its customers did before the first run."""
    known = {
        "seed": story.seed,
        "customers": story.customers,
        "sign_ups": round(story.customers * _SIGN_UPS_PER_HOUR * story.hours),
        "companies": max(1, story.customers // _CUSTOMERS_PER_COMPANY),
        "starts_at": story.starts_at,
        "hours": story.hours,
    }
    with warehouse.transaction():
        for statement in _read("schema").split(";\n"):
            if statement.strip():
                warehouse.execute(statement)
        for name in ("habits", "reactions", "persuasion"):
            _add(warehouse, f"demo.{name}", name, known)
        _add(warehouse, "companies", "companies", known)
        _add(warehouse, "demo.people", "people", known)
        _add(warehouse, "customer_tags", "first_tags", known)
        _appear(warehouse, {"since": _DAWN, "until": story.starts_at})
        past = {"since": story.starts_at - HISTORY, "until": story.starts_at}
        _live(warehouse, past)
        _change(warehouse, past)


def pass_hour(warehouse: Warehouse, story: Story, result: RunResult) -> None:
    """Tell the hour after a run.

    What the run handed off by email and push is answered from now on, what it handed off in the product by whoever
    comes by; answers lie ahead by minutes to days. What people do by themselves is told once a day for the whole day.
    """
    since = result.as_of
    now = {"since": since, "until": since + _HOUR, "batch_ids": _handed_off(result)}
    passed = since - story.starts_at
    with warehouse.transaction():
        if any(series.counts and series.counts["tags_written"] for series in result.series):
            _add(warehouse, "customer_tags", "added_tags", now)
            warehouse.execute(writes.delete("customer_tags", ("customer_id", "tag"), _read("removed_tags")), now)
        if not passed % _DAY:
            _live(warehouse, {"since": since, "until": min(since + _DAY, story.ends_at)})
        _appear(warehouse, now)
        _add(warehouse, "engagements", "answers", now)
        _add(warehouse, "events", "persuaded", now)
        _change(warehouse, now)
        _update(warehouse, "unsubscribed", "unsubscribed", now)


def _handed_off(result: RunResult) -> list[str]:
    """The batches that a run handed off."""
    batches = result.hand_off.batches if result.hand_off else ()
    return [batch.batch_id for batch in batches if batch.status == "handed_off"]


def _appear(warehouse: Warehouse, between: Mapping[str, Any]) -> None:
    """Who signs up."""
    _add(warehouse, "customers", "customers", between)
    _add(warehouse, "customer_companies", "customer_companies", between)


def _live(warehouse: Warehouse, between: Mapping[str, Any]) -> None:
    """What people do by themselves."""
    _add(warehouse, "demo.visits", "visits", between)
    _add(warehouse, "events", "actions", between)


def _change(warehouse: Warehouse, between: Mapping[str, Any]) -> None:
    """What becomes of people by what they did."""
    _update(warehouse, "plan", "upgrades", between)
    _add(warehouse, "customer_tags", "left_tags", between)


def _add(warehouse: Warehouse, target: str, query: str, parameters: Mapping[str, Any]) -> None:
    warehouse.execute(writes.append(target, _COLUMNS[target], _read(query)), parameters)


def _update(warehouse: Warehouse, column: str, query: str, parameters: Mapping[str, Any]) -> None:
    """Set one attribute of the customers whom the query returns."""
    source = f"(\n{_read(query)}\n)"
    warehouse.execute(writes.update("customers", "customer_id", {column: column}, source), parameters)


def _read(query: str) -> str:
    return (_SQL / f"{query}.sql").read_text(encoding="utf-8")
