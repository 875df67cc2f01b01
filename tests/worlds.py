"""Random plays: a project of several random series, and what happens in the sources before each of its runs.

Few customers, few names and a coarse grid of times, so that values collide and ties happen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import yaml
from hypothesis import strategies as st

from tests.evaluator.state import State
from tests.evaluator.world import NEITHER, NON_RECEIPT, RECEIPT
from tests.random_changes import Removal, removals, take_out
from tests.random_rules import LINKS, SEGMENTS, TAGS
from tests.random_series import Raw, series, sometimes, without_none
from tests.scenario import Step

HOUR = timedelta(hours=1)
STARTS = (datetime(2026, 3, 28, 20), datetime(2026, 10, 24, 20), datetime(2026, 3, 2, 9))  # two around a clock change
CUSTOMERS = tuple(f"c{n}" for n in range(5))
COMPANIES = ("k1", "k2", "k3")
KINDS = RECEIPT * 2 + NON_RECEIPT * 3 + NEITHER + ("forwarded",)
ZONES = (UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-8 * HOUR))
QUIET_HOURS = (
    {"from": "21:00", "to": "02:30", "timezone": "customer"},
    {"from": "01:30", "to": "03:00", "channels": ["email", "sms"]},
    {"days": ["sun"], "timezone": "America/New_York"},
)
CAPS = (
    {"email": "1 per 3 hours", "all": "2 per 2 hours"},
    {"all": ["2 per 90 minutes", "3 per 1 day"]},
    {"push": "1 per 1 day", "email": "2 per 6 hours"},
)
GAPS = ("90 minutes", {"email": "3 hours", "all": "1 hour"}, {"post": "2 hours"})
SUPPRESS = (["bounced", "complained", "unsubscribed"], ["bounced"])
TIME_TYPES = ("TIMESTAMP", "TIMESTAMPTZ", "DATE")


@dataclass(frozen=True)
class Pick:
    """An engagement with one of the messages queued so far, whichever there is at that place."""

    place: int
    kind: str
    hours_ago: int | None
    link: str | None


@dataclass(frozen=True)
class Act:
    """What happens before one run: a scenario's step, except that its engagements and changes are still picks."""

    as_of: datetime
    due: bool
    statuses: dict[str, str]
    sources: dict[str, list[Raw]]
    customers_gone: list[str]
    customer_tags_gone: list[Raw]
    picks: list[Pick]
    removals: list[Removal]


@dataclass(frozen=True)
class Play:
    """A whole example. `time_types`: of `events.occurred_at`, `engagements.occurred_at` and `trial_ends_at`."""

    project: Raw
    series: dict[str, Raw]
    time_types: dict[str, str]
    acts: list[Act]

    def steps(self, state: State) -> Any:
        """The acts as scenario steps; each pick becomes a row when its step is due, from the messages in `state`."""
        current = {name: dict(raw) for name, raw in self.series.items()}
        for number, act in enumerate(self.acts):
            changed = act.statuses if number else {name: act.statuses.get(name, "live") for name in current}
            for name, status in changed.items():
                current[name]["status"] = status
            files = set(changed)
            for removal in act.removals:
                if found := take_out(removal, current, state):
                    current |= dict([found])
                    files.add(found[0])
            definitions = {name: dump(current[name]) for name in current if name in files}
            if not number:
                definitions["segments"] = dump({"segments": SEGMENTS})
            engagements = [row for pick in act.picks for row in rows_of(pick, act.as_of, state, self.time_types)]
            yield Step(
                as_of=act.as_of,
                due=act.due,
                project=None if number else dump(self.project),
                definitions=definitions,
                sources=act.sources | {"engagements": engagements},
                customers_gone=act.customers_gone,
                customer_tags_gone=act.customer_tags_gone,
                changed={},
            )


class Dumper(yaml.CSafeDumper):
    """Writes each value out: definitions have no anchors."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def dump(raw: Raw) -> str:
    return str(yaml.dump(raw, Dumper=Dumper, sort_keys=False, width=1000))


def rows_of(pick: Pick, as_of: datetime, state: State, time_types: dict[str, str]) -> list[Raw]:
    """The engagement row of a pick; none while no message is queued."""
    keys = [entry.message_key(block_id) for entry in state.entries for block_id in entry.messages]
    if not keys:
        return []
    series_id, customer_id, number, block_id = keys[-1 - pick.place % len(keys)]
    row = {"series_id": series_id, "customer_id": customer_id, "entry_number": number, "block_id": block_id}
    occurred_at = None if pick.hours_ago is None else as_type(as_of - pick.hours_ago * HOUR, time_types["engagements"])
    return [row | {"kind": pick.kind, "occurred_at": occurred_at, "link": pick.link}]


def as_type(instant: datetime, kind: str) -> datetime | date:
    """The instant as a column of that type holds it; a zoned one in any zone."""
    if kind == "DATE":
        return instant.date()
    return instant.replace(tzinfo=UTC).astimezone(ZONES[instant.hour % 3]) if kind == "TIMESTAMPTZ" else instant


@st.composite
def plays(draw: st.DrawFn, most_series: int = 4, most_acts: int = 9) -> Play:
    names = [f"s{n}" for n in range(draw(st.integers(2, most_series)))]
    time_types = {name: draw(st.sampled_from(TIME_TYPES)) for name in ("events", "engagements")}
    time_types["trial_ends_at"] = draw(st.sampled_from(TIME_TYPES[:2]))
    as_of, acts = draw(st.sampled_from(STARTS)), []
    for number in range(draw(st.integers(5, most_acts))):
        as_of += draw(st.sampled_from([0.5, 1, 1, 1.5, 2, 3, 5, 12, 30])) * HOUR
        acts.append(draw(act(as_of, names, time_types, first=number == 0)))
    return Play(
        project=draw(projects()),
        series={name: draw(series(name, tuple(other for other in names if other != name))) for name in names},
        time_types=time_types,
        acts=acts,
    )


@st.composite
def projects(draw: st.DrawFn) -> Raw:
    lags = {source: sometimes(draw, st.sampled_from(["1 hour", "3 hours"]), 2) for source in ("events", "engagements")}
    sending = {
        "quiet_hours": sometimes(draw, st.sampled_from(QUIET_HOURS)),
        "caps": sometimes(draw, st.sampled_from(CAPS), 2),
        "gap": sometimes(draw, st.sampled_from(GAPS), 2),
        "suppress": sometimes(draw, st.sampled_from(SUPPRESS), 2),
        "test_customers": sometimes(draw, st.just("plan = 'Pro' and sessions > 1")),
        "stopped": sometimes(draw, st.booleans(), 10),
    }
    return {
        "timezone": draw(st.sampled_from(["UTC", "Europe/Berlin"])),
        "sending": without_none(sending),
        "sources": {source: {"lag": lag} for source, lag in lags.items() if lag},
        "channels": {"sms": {"address": "phone", "receipts": False}},
        "tags": {"sender": "outbox"},
    }


@st.composite
def act(draw: st.DrawFn, as_of: datetime, names: list[str], time_types: dict[str, str], first: bool) -> Act:
    """What happens before the run at `as_of`; before the first one everybody signs up."""
    came = CUSTOMERS if first else draw(st.lists(st.sampled_from(CUSTOMERS), max_size=2, unique=True))
    status = st.sampled_from(["live", "live", "live", "emptying", "paused", "draft", "stopped"])
    some_names = st.lists(st.sampled_from(names), max_size=0 if first else 1)
    pairs = st.lists(st.tuples(st.sampled_from(CUSTOMERS), st.sampled_from(TAGS)), max_size=2)
    sources = {
        "customers": [draw(customers(name, as_of, time_types["trial_ends_at"])) for name in came],
        "companies": draw(companies(COMPANIES if first else sometimes(draw, st.just(COMPANIES[:1]), 3) or ())),
        "customer_companies": draw(st.lists(links, max_size=4 if first else 1)),
        "events": draw(st.lists(events(as_of, time_types["events"]), min_size=1, max_size=6)),
        "customer_tags": [{"customer_id": who, "tag": tag} for who, tag in draw(pairs)],
    }
    gone = draw(st.lists(st.sampled_from(CUSTOMERS), max_size=1)) if draw(st.integers(0, 3)) == 3 else []
    untagged = draw(pairs) if draw(st.booleans()) else []
    is_changed = not first and draw(st.booleans())
    return Act(
        as_of=as_of,
        due=draw(st.integers(0, 3)) == 3,
        statuses={name: draw(status) for name in draw(some_names)} if draw(st.booleans()) else {},
        sources=sources,
        customers_gone=[name for name in gone if name not in came],
        customer_tags_gone=[{"customer_id": who, "tag": tag} for who, tag in untagged],
        picks=draw(st.lists(picks, max_size=0 if first else 5)),
        removals=draw(st.lists(removals, min_size=1, max_size=2)) if is_changed else [],
    )


@st.composite
def customers(draw: st.DrawFn, customer_id: str, as_of: datetime, trial_type: str) -> Raw:
    trial = sometimes(draw, st.integers(-12, 30), 2)
    signed_up = sometimes(draw, st.integers(-2, 1), 2)
    return {
        "customer_id": customer_id,
        "type": draw(st.sampled_from(["user", "user", "user", "lead", None])),
        "plan": draw(st.sampled_from(["Free", "Pro", "Pro", " Free", None])),
        "email": draw(
            st.sampled_from([f"{customer_id}@example.com"] * 3 + ["Us@example.com", "us@example.com ", None, " "])
        ),
        "phone": draw(st.sampled_from(["+4930", None])),
        "unsubscribed": draw(st.sampled_from([False, False, True, None])),
        "sessions": draw(st.sampled_from([None, 0, 1, 2, 3])),
        "score": draw(st.sampled_from([None, 0.0, 0.5, 1.5, 2.5])),
        "trial_ends_at": None if trial is None else as_type(as_of + trial * HOUR, trial_type),
        "signed_up_on": None if signed_up is None else (as_of + timedelta(days=signed_up)).date(),
        "timezone": draw(st.sampled_from([None, "Europe/Berlin", "America/New_York", "Nowhere/City"])),
    }


@st.composite
def companies(draw: st.DrawFn, company_ids: tuple[str, ...]) -> list[Raw]:
    tier, seats = st.sampled_from(["gold", "silver", None]), st.sampled_from([None, 2, 20])
    return [{"company_id": company_id, "tier": draw(tier), "seats": draw(seats)} for company_id in company_ids]


@st.composite
def link(draw: st.DrawFn) -> Raw:
    company_id = draw(st.sampled_from([*COMPANIES, "unknown"]))
    return {"customer_id": draw(st.sampled_from(CUSTOMERS)), "company_id": company_id}


@st.composite
def events(draw: st.DrawFn, as_of: datetime, time_type: str) -> Raw:
    """Late, on time, from the future, or without a time."""
    hours = draw(st.sampled_from([0, 0, -1, -1, -2, -3, -6, -24, 1, 2]))
    properties = without_none(
        {
            "amount": draw(st.sampled_from([None, 5, 10, 20.5, "12", "many"])),
            "item": draw(st.sampled_from([None, "book", "pen"])),
            "gift": draw(st.sampled_from([None, True, False])),
            "due_at": draw(
                st.sampled_from([None, "soon", str(as_of), f"{as_of.isoformat()}+02:00", str(as_of.date())])
            ),
        }
    )
    return {
        "customer_id": draw(st.sampled_from([*CUSTOMERS, "stranger"])),
        "name": draw(st.sampled_from(["login", "purchase"])),
        "occurred_at": as_type(as_of + hours * HOUR, time_type),
        "properties": properties or None,
    }


links = link()
picks = st.builds(
    Pick,
    place=st.integers(0, 9),
    kind=st.sampled_from(KINDS),
    hours_ago=st.sampled_from([0, 0, 1, 1, 2, 3, 6, 24, -1, None]),
    link=st.sampled_from([None, *LINKS]),
)
