"""The audience: how people answer a message, and what the answers move them to.

Everything here is a function of message, person and a source of chance; times are naive UTC.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pipelines.wall_clock import local_of_utc

INBOXES = ("email", "push")
"""Channels that are read where they arrive; the others are found in the product, on the next visit."""

_MORNING = 7
_NIGHT = (23, 0, 1, 2, 3, 4, 5, 6)


class Reaction(NamedTuple):
    """One of the kinds of engagement that may follow another; `mean_minutes` is how long people take to it."""

    kind: str
    probability: float
    mean_minutes: float


REACTIONS: Mapping[str, Mapping[str, Sequence[Reaction]]] = {
    "email": {
        "reached": (Reaction("delivered", 0.965, 0.5), Reaction("bounced", 0.015, 1)),
        "delivered": (Reaction("opened", 0.45, 420),),
        "opened": (
            Reaction("clicked", 0.28, 3),
            Reaction("replied", 0.05, 90),
            Reaction("unsubscribed", 0.012, 2),
            Reaction("complained", 0.002, 2),
        ),
    },
    "push": {
        "reached": (Reaction("delivered", 0.9, 0.5), Reaction("failed", 0.1, 0.5)),
        "delivered": (Reaction("clicked", 0.12, 60), Reaction("dismissed", 0.38, 120)),
    },
    "post": {
        "reached": (Reaction("opened", 0.85, 1), Reaction("dismissed", 0.15, 1)),
        "opened": (Reaction("clicked", 0.3, 2),),
    },
    "banner": {
        "reached": (Reaction("opened", 0.9, 1),),
        "opened": (Reaction("clicked", 0.25, 2), Reaction("dismissed", 0.35, 2)),
    },
    "tour": {
        "reached": (Reaction("opened", 0.9, 1),),
        "opened": (Reaction("completed", 0.55, 4), Reaction("dismissed", 0.45, 1)),
    },
    "carousel": {
        "reached": (Reaction("opened", 0.9, 1),),
        "opened": (Reaction("completed", 0.4, 3),),
    },
    "chat": {
        "reached": (Reaction("opened", 0.9, 1),),
        "opened": (Reaction("replied", 0.2, 5),),
    },
    "bot": {
        "reached": (Reaction("opened", 0.9, 1),),
        "opened": (Reaction("replied", 0.3, 3), Reaction("dismissed", 0.7, 1)),
    },
}
"""How messages are answered: by channel, what may follow each kind; `reached` is where every message begins.

Nobody answers on any other channel."""


class Effect(NamedTuple):
    """An event that an engagement leads to; `mean_minutes` is how long people take to it."""

    event: str
    probability: float
    mean_minutes: float


EFFECTS: Mapping[tuple[str, str], Sequence[Effect]] = {
    ("encourage_upgrades", "opened"): (Effect("purchase", 0.005, 1500),),
    ("encourage_upgrades", "clicked"): (Effect("purchase", 0.07, 900),),
    ("encourage_upgrades", "completed"): (Effect("purchase", 0.25, 1500),),
    ("onboarding", "opened"): (Effect("created_project", 0.1, 600), Effect("invited_teammate", 0.06, 600)),
    ("onboarding", "clicked"): (Effect("created_project", 0.5, 120), Effect("invited_teammate", 0.35, 240)),
    ("onboarding", "completed"): (Effect("created_project", 0.7, 30),),
    ("announcement", "opened"): (Effect("created_report", 0.06, 900),),
    ("announcement", "clicked"): (Effect("created_report", 0.4, 60),),
    ("announcement", "completed"): (Effect("created_report", 0.5, 60),),
    ("reengagement", "opened"): (Effect("login", 0.15, 600),),
    ("reengagement", "clicked"): (Effect("login", 0.8, 5),),
    ("reengagement", "replied"): (Effect("login", 0.4, 900),),
    ("lead_generation", "opened"): (Effect("requested_demo", 0.03, 1500),),
    ("lead_generation", "clicked"): (Effect("requested_demo", 0.2, 600),),
    ("lead_generation", "replied"): (Effect("requested_demo", 0.3, 300),),
}
"""What the shipped series bring about, by series and kind of engagement with one of their messages."""


@dataclass(frozen=True, slots=True)
class Person:
    """A customer as only a novelist knows them.

    Attributes:
        zone: Where they live.
        curiosity: How readily they answer, 1 in the middle.
        visits: When they come by, in order.
    """

    customer_id: str
    zone: ZoneInfo
    curiosity: float
    visits: Sequence[datetime]


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was handed off; ``link`` is None where it has none."""

    message_id: str
    customer_id: str
    series_id: str
    channel: str
    expires_at: datetime
    link: str | None


class Answer(NamedTuple):
    """An engagement."""

    kind: str
    occurred_at: datetime


def answers(message: Message, person: Person, handed_off_at: datetime, chance: Random) -> list[Answer]:
    """What somebody makes of a message, in order; nothing where it does not reach them."""
    reactions = REACTIONS.get(message.channel, {})
    occurred_at = _reached_at(message, person, handed_off_at)
    found: list[Answer] = []
    kind = "reached"
    while occurred_at and (reaction := _drawn(reactions.get(kind, ()), kind, person, chance)):
        kind = reaction.kind
        occurred_at += _delay(reaction.mean_minutes, chance)
        # Only what takes a while can be put off until the morning.
        if reaction.mean_minutes >= 60:
            occurred_at = _awake(occurred_at, person.zone)
        found.append(Answer(kind, occurred_at))
    return found


def effects(message: Message, person: Person, answered: Sequence[Answer], chance: Random) -> dict[str, datetime]:
    """The events that answers to a message lead to, with their times; each once."""
    found: dict[str, datetime] = {}
    for answer in answered:
        for effect in EFFECTS.get((message.series_id, answer.kind), ()):
            if chance.random() < effect.probability:
                occurred_at = answer.occurred_at + _delay(effect.mean_minutes, chance)
                found.setdefault(effect.event, _awake(occurred_at, person.zone))
    return found


def _reached_at(message: Message, person: Person, handed_off_at: datetime) -> datetime | None:
    if message.channel in INBOXES:
        return handed_off_at
    return next((visit for visit in person.visits if handed_off_at < visit < message.expires_at), None)


def _drawn(reactions: Sequence[Reaction], kind: str, person: Person, chance: Random) -> Reaction | None:
    # What comes back by itself has nothing to do with being curious.
    fraction = chance.random() / (1 if kind == "reached" else person.curiosity)
    for reaction in reactions:
        fraction -= reaction.probability
        if fraction < 0:
            return reaction
    return None


def _delay(mean_minutes: float, chance: Random) -> timedelta:
    """A waiting time that is mostly short and sometimes long."""
    return timedelta(seconds=1 + round(-60 * mean_minutes * math.log(1 - chance.random())))


def _awake(instant: datetime, zone: ZoneInfo) -> datetime:
    """Whoever would do it at night does it after getting up."""
    hour = local_of_utc(instant, zone).hour
    return instant + timedelta(hours=(_MORNING - hour) % 24) if hour in _NIGHT else instant
