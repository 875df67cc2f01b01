"""Random series: a graph of up to 15 blocks whose paths diverge and converge, with every key of SPEC 3."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.random_rules import HOURS, TAGS, Names, entry_rules, goal_rules, rules

CHANNELS = ("post", "email", "email", "push", "sms")
SEND = (
    {"from": "09:00", "to": "17:00"},
    {"days": ["sat", "mon"], "timezone": "customer"},
    {"days": ["sun"], "from": "22:00", "to": "06:00", "timezone": "customer"},
    {"from": "20:00", "to": "02:30"},
)
MOMENTS = (
    "2026-03-29 02:30",
    "2026-03-29T03:00Z",
    "2026-10-25 02:30",
    "sunday 02:30",
    "monday 09:00",
    "02:30",
    "21:00",
    "trial_ends_at - interval '3 hours'",
    "trial_ends_at",
    "signed_up_on + interval '1 day'",
)
hours = st.sampled_from(HOURS)
goal_windows = st.sampled_from(["6 hours", "1 day", "3 days"])
Raw = dict[str, Any]


def sometimes(draw: st.DrawFn, strategy: st.SearchStrategy[Any], one_in: int = 3) -> Any:
    """None, except one time in so many."""
    return draw(strategy) if draw(st.integers(1, one_in)) == one_in else None


def without_none(raw: Raw) -> Raw:
    return {key: value for key, value in raw.items() if value is not None}


@st.composite
def series(draw: st.DrawFn, series_id: str, others: Names) -> Raw:
    """One definition, as the YAML file would hold it."""
    doors = draw(st.integers(1, 3))
    kinds = draw(st.lists(st.sampled_from(["rule", "content", "content", "wait", "tag"]), min_size=3, max_size=12))
    ids = [f"b{n:02}" for n in draw(st.permutations(range(doors + len(kinds))))]
    blocks: dict[str, Raw] = {}
    for block_id in ids[:doors]:
        blocks[block_id] = {"rule": draw(entry_rules(others))}
    ancestors: dict[str, set[str]] = {block_id: set() for block_id in ids[:doors]}
    for block_id, kind in zip(ids[doors:], kinds, strict=True):
        parents = draw(st.lists(st.sampled_from(sorted(blocks)), min_size=1, max_size=3, unique=True))
        ancestors[block_id] = set(parents).union(*(ancestors[parent] for parent in parents))
        for parent in parents:
            connect(blocks[parent], block_id, otherwise=draw(st.booleans()) and parent not in ids[:doors])
        before = tuple(sorted(block for block in ancestors[block_id] if "content" in blocks[block]))
        blocks[block_id] = draw(block(kind, before, others))
    content = tuple(sorted(block_id for block_id, raw in blocks.items() if "content" in raw))
    goal = sometimes(draw, goals(content, others), 2)
    exits = draw(st.sampled_from([None, True, False]))
    raw = {
        "series": series_id,
        "status": "live",
        "timezone": sometimes(draw, st.sampled_from(["America/New_York", "Asia/Kolkata"]), 4),
        "schedule": draw(st.sampled_from(["hourly", "nightly", "30 */3 * * *"])),
        "exit": sometimes(draw, rules(content, others), 2),
        "goal": without_none({**goal, "exits": exits}) if goal else None,
        "reentry": sometimes(draw, reentries, 2),
        "idle_exit": sometimes(draw, st.sampled_from(["6 hours", "1 day", "2 days"]), 4),
        "priority": sometimes(draw, st.integers(0, 2), 2),
        "holdout": sometimes(draw, st.sampled_from([30, 50, 12.5])),
    }
    return without_none(raw) | {"blocks": {block_id: blocks[block_id] for block_id in sorted(blocks)}}


def connect(parent: Raw, child: str, otherwise: bool) -> None:
    """A connection from the parent; `else` where the parent can have one."""
    branch = "else" if otherwise and ("content" in parent or "within" in parent or "rule" in parent) else "then"
    parent[branch] = [*parent.get(branch, []), child]


@st.composite
def goals(draw: st.DrawFn, content: Names, others: Names) -> Raw:
    return {"rule": draw(goal_rules(content, others)), "within": draw(goal_windows)}


@st.composite
def reentry(draw: st.DrawFn) -> Raw:
    return without_none({"after": draw(hours), "limit": sometimes(draw, st.integers(2, 3), 2)})


reentries = reentry()


@st.composite
def block(draw: st.DrawFn, kind: str, before: Names, others: Names) -> Raw:
    """A block of that kind, not yet connected. `before` are the content blocks that come before it."""
    if kind == "rule":
        return without_none({"rule": draw(rules(before, others)), "within": sometimes(draw, hours, 2)})
    if kind == "wait":
        return {"wait": draw(hours)} if draw(st.booleans()) else {"wait_until": draw(moments)}
    if kind == "tag":
        return {draw(st.sampled_from(["tag", "tag", "untag"])): draw(st.sampled_from(TAGS))}
    channel = draw(st.sampled_from(CHANNELS))
    title = "subject" if channel == "email" else "title"
    goal = sometimes(draw, goals((), others), 4)
    send = sometimes(draw, st.sampled_from(SEND), 4)
    texts = {title: "Hello", "body": "Hello there"}
    raw = {"content": channel, **texts, "try_for": draw(hours), "send": send, "goal": goal}
    raw["once_per_address"] = sometimes(draw, st.just(True)) if channel in ("email", "sms") else None
    return without_none(raw)


moments = st.sampled_from(MOMENTS)
