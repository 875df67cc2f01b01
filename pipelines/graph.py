"""The graph of a series: which block leads where, how deep each lies, and what is wrong with that."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pipelines.hint import did_you_mean, nearest
from pipelines.model import Block, RuleBlock, Series, Text
from pipelines.problems import Problem

Branch = Literal["then", "else", "moved"]


@dataclass(frozen=True, slots=True)
class Connection:
    """One way from a block to the next.

    Attributes:
        from_block: The block that is left.
        branch: What it is taken along; ``moved``: from a block that is gone.
        to_block: The block that is reached.
        file_order: How many blocks stand before ``from_block`` in the file, which decides ties; those that are gone
            come after all others.
    """

    from_block: str
    branch: Branch
    to_block: str
    file_order: int

    @property
    def outcome_is_good(self) -> bool:
        """Whether a good outcome of the block leads along it."""
        return self.branch == "then"


@dataclass(frozen=True, slots=True)
class Graph:
    """The blocks of one series and how they hang together.

    Attributes:
        connections: In the order of the file.
        entry_rules: Rule blocks that nothing leads to, in the order of the file.
        levels: Longest path from an entry rule, by block; entry rules are 0. Blocks on or behind a cycle have none.
        order: The blocks with a level, topologically: by level, then as in the file.
    """

    connections: tuple[Connection, ...]
    entry_rules: tuple[str, ...]
    levels: Mapping[str, int]
    order: tuple[str, ...]

    def ancestors(self, block_id: str) -> frozenset[str]:
        """The blocks that can have come before a block; itself only when it is on a cycle."""
        before: dict[str, list[str]] = {}
        for connection in self.connections:
            before.setdefault(connection.to_block, []).append(connection.from_block)
        found: set[str] = set()
        pending = [block_id]
        while pending:
            new = set(before.get(pending.pop(), ())) - found
            found |= new
            pending.extend(new)
        return frozenset(found)


def build_graph(blocks: Mapping[str, Block]) -> Graph:
    """The graph of these blocks; connections to blocks that do not exist are left out."""
    connections = tuple(
        Connection(block_id, branch, target.value, number)
        for number, (block_id, block) in enumerate(blocks.items())
        for branch, target in _targets(block)
        if target.value in blocks
    )
    starts = _starts(blocks, connections)
    levels = longest_ways(blocks, [(connection.from_block, connection.to_block) for connection in connections])
    return Graph(
        connections=connections,
        entry_rules=tuple(block_id for block_id in starts if isinstance(blocks[block_id], RuleBlock)),
        levels=levels,
        order=tuple(sorted(levels, key=lambda block_id: levels[block_id])),
    )


def ways_from_gone(series: Series) -> tuple[Connection, ...]:
    """Where customers go on who stand at blocks that are gone."""
    return tuple(
        Connection(block_id, "moved", target.value, number)
        for number, (block_id, targets) in enumerate(series.gone.items(), start=len(series.blocks))
        for target in targets
    )


def longest_ways(blocks: Collection[str], ways: Collection[tuple[str, str]]) -> dict[str, int]:
    """How many ways lead to each block one after the other, at most; blocks on or behind a circle of them are left out.

    Args:
        blocks: All of them.
        ways: From which block to which.
    """
    after: dict[str, list[str]] = {block_id: [] for block_id in blocks}
    open_arrivals = dict.fromkeys(blocks, 0)
    for from_block, to_block in ways:
        after[from_block].append(to_block)
        open_arrivals[to_block] += 1
    levels = {block_id: 0 for block_id, count in open_arrivals.items() if not count}
    ready = list(levels)
    depth = dict(levels)
    while ready:
        block_id = ready.pop()
        levels[block_id] = depth[block_id]
        for target in after[block_id]:
            depth[target] = max(depth.get(target, 0), depth[block_id] + 1)
            open_arrivals[target] -= 1
            if not open_arrivals[target]:
                ready.append(target)
    return {block_id: levels[block_id] for block_id in blocks if block_id in levels}


def structure_problems(blocks: Mapping[str, Block]) -> list[Problem]:
    """What is wrong with how blocks hang together: unknown targets, false starts, cycles.

    A block that no entry rule reaches lies behind a false start or a cycle; only these causes are reported.
    A ``Block`` of no kind stands for one that could not be read; nothing more is said of it.
    """
    unknown = list(_unknown_targets(blocks))
    # A mistyped target most likely means its nearest block; that one shall not be called unreached as well.
    meant = {near for _, target in unknown if (near := nearest(target.value, blocks))}
    graph = build_graph(blocks)
    starts = [block_id for block_id in _starts(blocks, graph.connections) if block_id not in meant]
    return [
        *(_unknown_target(block, target, blocks) for block, target in unknown),
        *(problem for block_id in starts for problem in _start_problems(blocks[block_id], graph.entry_rules)),
        *(_cycle_problem(cycle, blocks) for cycle in _cycles(blocks, graph)),
    ]


def _targets(block: Block) -> Iterator[tuple[Branch, Text]]:
    yield from (("then", target) for target in block.then)
    yield from (("else", target) for target in block.els)


def _starts(blocks: Mapping[str, Block], connections: tuple[Connection, ...]) -> list[str]:
    reached = {connection.to_block for connection in connections}
    return [block_id for block_id in blocks if block_id not in reached]


def _unknown_targets(blocks: Mapping[str, Block]) -> Iterator[tuple[Block, Text]]:
    for block in blocks.values():
        for _, target in _targets(block):
            if target.value not in blocks:
                yield block, target


def _unknown_target(block: Block, target: Text, blocks: Mapping[str, Block]) -> Problem:
    hint = did_you_mean(target.value, blocks)
    return Problem(
        target.position, f"block `{block.block_id}` leads to `{target}`, which is no block of this series{hint}"
    )


def _start_problems(block: Block, entry_rules: tuple[str, ...]) -> Iterator[Problem]:
    block_id = block.block_id
    if isinstance(block, RuleBlock):
        entry = f"no block leads to rule `{block_id}`, so it is an entry rule"
        if block.within is not None:
            yield Problem(
                block.position, f"{entry}, which is decided at once; remove its `within`, or lead a block to it"
            )
        if block.els:
            yield Problem(
                block.els[0].position,
                f"{entry}, and who does not match it never enters; remove its `else`, or lead a block to it",
            )
    elif type(block) is not Block:
        missing = "no entry rule reaches it" if entry_rules else "a series starts with a rule"
        yield Problem(
            block.position,
            f"no block leads to {block.kind} block `{block_id}`, and {missing};"
            " name it in the `then` of another block, or put a rule before it",
        )


def _cycle_problem(cycle: list[str], blocks: Mapping[str, Block]) -> Problem:
    way = " → ".join(f"`{block_id}`" for block_id in (*cycle, cycle[0]))
    return Problem(blocks[cycle[0]].position, f"a series never goes in circles, but these blocks do: {way}")


def _cycles(blocks: Mapping[str, Block], graph: Graph) -> Iterator[list[str]]:
    """Cycles that share no block, until every block left out would leave none."""
    after: dict[str, list[str]] = {block_id: [] for block_id in blocks if block_id not in graph.levels}
    for connection in graph.connections:
        if connection.from_block in after and connection.to_block in after:
            after[connection.from_block].append(connection.to_block)
    while True:
        while ends := [block_id for block_id, targets in after.items() if not targets]:
            _remove(after, ends)
        if not after:
            return
        path = [next(iter(after))]
        while (target := after[path[-1]][0]) not in path:
            path.append(target)
        cycle = path[path.index(target) :]
        first = min(range(len(cycle)), key=lambda number: list(blocks).index(cycle[number]))
        yield cycle[first:] + cycle[:first]
        _remove(after, cycle)


def _remove(after: dict[str, list[str]], gone: list[str]) -> None:
    for block_id in gone:
        del after[block_id]
    for block_id, targets in after.items():
        after[block_id] = [target for target in targets if target not in gone]
