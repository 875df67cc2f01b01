"""A random change of a series: a block is taken out while customers stand there, and the file says where they go.

What is drawn are choices; which block and which targets they mean is found when the change is due, as it depends on
where customers stand then. The file stays valid: every block is still reached, and no rule asks of a content block
that cannot have come before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.evaluator.state import State
from tests.random_rules import rules
from tests.random_series import Raw

ASKED = re.compile(r"(?:received|opened|clicked|replied|completed|dismissed|reacted)\('(b\d\d)'")
BRANCHES = ("then", "else")


@dataclass(frozen=True)
class Removal:
    """Which block, of those where customers stand or of all: whichever there is at that place.

    Attributes:
        targets: places among the blocks that may be named; none for `removed`.
        first: whether `moved` names the block before those it names already.
        heals: whether the blocks before it lead on to those behind it, also where these have other ways.
        rule: what a rule asks from now on that asked of the block.
    """

    place: int
    peopled: bool
    targets: tuple[int, ...]
    first: bool
    heals: bool
    rule: str


def take_out(removal: Removal, files: dict[str, Raw], state: State) -> tuple[str, Raw] | None:
    """The series that changes, and its file without the block; None where there is no block to take out."""
    standing = {
        (entry.series_id, visit.block_id)
        for entry in state.entries
        for visit in entry.visits.values()
        if visit.left_at is None
    }
    inner = [(name, block_id) for name, raw in files.items() for block_id in inside(raw["blocks"])]
    found = [place for place in inner if place in standing or not removal.peopled]
    if not found:
        return None
    name, gone = found[removal.place % len(found)]
    return name, without(files[name], gone, removal)


def inside(blocks: dict[str, Raw]) -> list[str]:
    """The blocks that are no entry rules."""
    reached = {to for raw in blocks.values() for branch in BRANCHES for to in raw.get(branch, [])}
    return [block_id for block_id in blocks if block_id in reached]


def without(file: Raw, gone: str, removal: Removal) -> Raw:
    """The file without the block."""
    blocks = {
        block_id: {key: list(value) if key in BRANCHES else value for key, value in raw.items()}
        for block_id, raw in file["blocks"].items()
        if block_id != gone
    }
    rewire(blocks, file["blocks"][gone], gone, removal.heals)
    for block_id, raw in blocks.items():
        if "rule" in raw and not set(ASKED.findall(str(raw["rule"]))) <= set(ancestors(blocks, block_id)):
            raw["rule"] = removal.rule
    changed = file | {"blocks": blocks}
    if gone in ASKED.findall(file.get("exit", "")):
        changed["exit"] = removal.rule
    if gone in ASKED.findall(file.get("goal", {}).get("rule", "")):
        changed["goal"] = file["goal"] | {"rule": removal.rule}
    changed |= where_they_go(changed, gone, removal)
    return {key: value for key, value in changed.items() if value or key not in ("moved", "removed")}


def rewire(blocks: dict[str, Raw], raw: Raw, gone: str, heals: bool) -> None:
    """Connections to the block are dropped, or lead on to those behind it: always to those without another way."""
    reached = {to for other in blocks.values() for branch in BRANCHES for to in other.get(branch, [])}
    behind = [to for branch in BRANCHES for to in raw.get(branch, []) if heals or to not in reached]
    for other in blocks.values():
        known = {to for branch in BRANCHES for to in other.get(branch, [])}
        for branch in BRANCHES:
            if gone in other.get(branch, []):
                at = other[branch].index(gone)
                other[branch][at : at + 1] = [to for to in behind if to not in known]
                if not other[branch]:
                    del other[branch]


def ancestors(blocks: dict[str, Raw], block_id: str) -> Iterator[str]:
    """The blocks that can have come before it, each as often as there are ways."""
    for other, raw in blocks.items():
        if any(block_id in raw.get(branch, []) for branch in BRANCHES):
            yield other
            yield from ancestors(blocks, other)


def where_they_go(file: Raw, gone: str, removal: Removal) -> Raw:
    """`moved` and `removed` with the block added; what led to it leads where it leads, or nowhere."""
    inner = inside(file["blocks"])
    targets = list(dict.fromkeys(inner[place % len(inner)] for place in removal.targets)) if inner else []
    moved: dict[str, list[str]] = {}
    left = list(file.get("removed", []))
    for key, to in file.get("moved", {}).items():
        there = [to] if isinstance(to, str) else to
        still = list(dict.fromkeys(one for name in there for one in (targets if name == gone else [name])))
        if still:
            moved[key] = still
        else:
            left.append(key)
    if targets:
        moved = {gone: targets} | moved if removal.first else moved | {gone: targets}
    else:
        left.append(gone)
    ways = {key: to[0] if len(to) == 1 else to for key, to in moved.items()}
    return {"moved": ways, "removed": left}


places = st.integers(0, 11)
removals = st.builds(
    Removal,
    place=places,
    peopled=st.sampled_from([True, True, True, False]),
    targets=st.one_of(st.just(()), st.lists(places, min_size=1, max_size=3).map(tuple)),
    first=st.booleans(),
    heals=st.booleans(),
    rule=rules((), ()),
)
