"""Definitions and project settings (SPEC 2 and 3) as the evaluator reads them. It refuses nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from typing import Any

import yaml

from tests.evaluator.rules import Node, parse

UNITS = {"minute": 1, "hour": 60, "day": 24 * 60, "week": 7 * 24 * 60}
CONSENT = "not unsubscribed"
DEFAULT_TRY = "3 days"


class Yaml12(yaml.CSafeLoader):
    """PyYAML with the scalars of YAML 1.2: `NO`, `12:30` and dates are text."""


Yaml12.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
):
    Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), _first)


def read_yaml(text: str) -> Any:
    """What the YAML 1.2 text holds."""
    return yaml.load(text, Loader=Yaml12)  # noqa: S506 - a SafeLoader


@dataclass(frozen=True)
class Goal:
    rule: Node
    within: timedelta
    exits: bool


@dataclass(frozen=True)
class Block:
    """One block; only the fields of its kind are set. `order` is its place in the file.

    Kind `gone`: a block that `moved` or `removed` names; `then` is where it leads, `order` is after all blocks of the
    file.
    """

    id: str
    kind: str
    order: int
    then: tuple[str, ...] = ()
    otherwise: tuple[str, ...] = ()
    rule: Node | None = None
    within: timedelta = timedelta(0)
    channel: str = ""
    try_for: timedelta = timedelta(0)
    send: dict[str, Any] | None = None
    once_per_address: bool = False
    goal: Goal | None = None
    zone: str | None = None
    wait: timedelta | None = None
    wait_until: str = ""
    tag: str = ""
    action: str = ""


@dataclass(frozen=True)
class Series:
    """One file. None means the key is absent."""

    id: str
    status: str
    schedule: str
    blocks: dict[str, Block]
    exit: Node | None
    goal: Goal | None
    reentry_after: timedelta | None
    reentry_limit: int | None
    idle_exit: timedelta | None
    holdout: float
    priority: int
    gone: tuple[Block, ...] = ()

    @property
    def entry_rules(self) -> list[Block]:
        """Rule blocks with no incoming connection."""
        reached = {to for block in self.blocks.values() for to in block.then + block.otherwise}
        return [block for block in self.blocks.values() if block.id not in reached]

    def before(self, block: Block) -> list[Block]:
        """The blocks that lead to it."""
        return [other for other in self.blocks.values() if block.id in other.then + other.otherwise]

    def ancestors(self, block: Block) -> list[Block]:
        """The blocks that can have come before it."""
        return [other for other in self.blocks.values() if any(way == block for way in self.behind(other))]

    def behind(self, block: Block) -> list[Block]:
        """The blocks that can come after it, each as often as there are ways."""
        nexts = [self.blocks[to] for to in block.then + block.otherwise]
        return nexts + [far for near in nexts for far in self.behind(near)]

    def level(self, block: Block) -> int:
        """The longest way from an entry rule."""
        return max((self.level(other) + 1 for other in self.before(block)), default=0)

    def topological(self) -> list[Block]:
        """Every block after all blocks that lead to it."""
        done: list[Block] = []
        waiting = list(self.blocks.values())
        while waiting:
            ready = [b for b in waiting if not any(b.id in w.then + w.otherwise for w in waiting)]
            done += ready
            waiting = [b for b in waiting if b not in ready]
        return done


@dataclass(frozen=True)
class Channel:
    """`address` is an expression, `consent` a rule; None asks for neither."""

    address: Node | None = None
    consent: Node | None = None
    receipts: bool = True


@dataclass(frozen=True)
class Project:
    """The project file, the segments and the series, as they are now."""

    timezone: str = "UTC"
    channels: dict[str, Channel] = field(default_factory=dict)
    lags: dict[str, timedelta] = field(default_factory=dict)
    segments: dict[str, Node] = field(default_factory=dict)
    sending: dict[str, Any] = field(default_factory=dict)
    series: dict[str, Series] = field(default_factory=dict)

    def channel(self, name: str) -> Channel:
        return self.channels.get(name, Channel())

    def is_held(self, block: Block) -> bool:
        """Whether who comes to the block stays there at least until the next run: its message is to be received."""
        return block.kind == "content" and self.channel(block.channel).receipts

    def round(self, series: Series, block: Block) -> int:
        """In which round of a run customers come to the block: after all blocks that they can pass on the way.

        A message that counts as received when queued comes before everything behind it, for rules that ask for it.
        """
        before = [other for other in series.before(block) if not self.is_held(other)]
        before += [other for other in series.ancestors(block) if other.kind == "content" and not self.is_held(other)]
        return max((self.round(series, other) + 1 for other in before), default=int(block not in series.entry_rules))


def read_project(definitions: dict[str, str], project: str | None = None) -> Project:
    """A project from file texts: `definitions` by file name without ending, `project` the text of series.yml."""
    settings = read_yaml(project or "") or {}
    email = {"address": "email", "consent": CONSENT}
    channels = {"email": email} | (settings.get("channels") or {})
    segments = read_yaml(definitions.get("segments", "")) or {}
    return Project(
        timezone=settings.get("timezone", "UTC"),
        channels={name: read_channel(email | raw if name == "email" else raw) for name, raw in channels.items()},
        lags={
            name: duration(source["lag"]) for name, source in (settings.get("sources") or {}).items() if "lag" in source
        },
        sending=settings.get("sending") or {},
        segments={name: parse(rule) for name, rule in segments.get("segments", {}).items()},
        series={name: read_series(text) for name, text in definitions.items() if name != "segments"},
    )


def read_channel(raw: dict[str, Any]) -> Channel:
    return Channel(
        address=parse(raw["address"]) if raw.get("address") else None,
        consent=parse(raw["consent"]) if raw.get("consent") else None,
        receipts=raw.get("receipts", True),
    )


@cache
def read_series(text: str) -> Series:
    raw = read_yaml(text)
    reentry = raw.get("reentry")
    return Series(
        id=raw["series"],
        status=raw["status"],
        schedule=raw.get("schedule", "hourly"),
        blocks={
            key: read_block(key, order, body, raw.get("timezone"))
            for order, (key, body) in enumerate(raw["blocks"].items())
        },
        exit=parse(raw["exit"]) if "exit" in raw else None,
        goal=read_goal(raw["goal"]) if "goal" in raw else None,
        reentry_after=duration(reentry["after"]) if reentry else None,
        reentry_limit=reentry.get("limit") if reentry else None,
        idle_exit=duration(raw["idle_exit"]) if "idle_exit" in raw else None,
        holdout=raw.get("holdout", 0),
        priority=raw.get("priority", 0),
        gone=read_gone(raw),
    )


def read_gone(raw: dict[str, Any]) -> tuple[Block, ...]:
    """The blocks that are gone, in the order in which the file says where who stands there goes on, or that they leave.

    What `removed` names leads nowhere, so its place among them says nothing.
    """
    ways = {key: listed(to) for key, to in (raw.get("moved") or {}).items()}
    ways |= dict.fromkeys(listed(raw.get("removed")), ())
    return tuple(
        Block(id=key, kind="gone", order=len(raw["blocks"]) + number, then=to)
        for number, (key, to) in enumerate(ways.items())
    )


def read_goal(raw: dict[str, Any]) -> Goal:
    return Goal(rule=parse(raw["rule"]), within=duration(raw["within"]), exits=raw.get("exits", True))


def read_block(key: str, order: int, raw: dict[str, Any], zone: str | None) -> Block:
    """A block of the kind that its first key of the four names; `zone` is the series' own."""
    shared: dict[str, Any] = {
        "id": key,
        "order": order,
        "zone": zone,
        "then": listed(raw.get("then")),
        "otherwise": listed(raw.get("else")),
    }
    if "rule" in raw:
        return Block(kind="rule", rule=parse(raw["rule"]), within=duration(raw.get("within", "0 days")), **shared)
    if "content" in raw:
        return Block(
            kind="content",
            channel=raw["content"],
            try_for=duration(raw.get("try_for", DEFAULT_TRY)),
            send=raw.get("send"),
            once_per_address=raw.get("once_per_address", False),
            goal=read_goal(raw["goal"]) if "goal" in raw else None,
            **shared,
        )
    if "wait" in raw:
        return Block(kind="wait", wait=duration(raw["wait"]), **shared)
    if "wait_until" in raw:
        return Block(kind="wait", wait_until=str(raw["wait_until"]), **shared)
    if "tag" in raw:
        return Block(kind="tag", tag=raw["tag"], action="add", **shared)
    return Block(kind="tag", tag=raw["untag"], action="remove", **shared)


def listed(blocks: str | list[str] | None) -> tuple[str, ...]:
    return () if blocks is None else (blocks,) if isinstance(blocks, str) else tuple(blocks)


def duration(text: str) -> timedelta:
    """`3 days` as elapsed time; a day is 24 hours."""
    number, unit = text.split()
    return timedelta(minutes=int(number) * UNITS[unit.removesuffix("s")])
