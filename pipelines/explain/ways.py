"""Why an entry has not come to a block: which of the blocks before it led elsewhere, or have not been left."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from pipelines.explain.explanation import NotReached, Reason
from pipelines.explain.journal import VisitRow
from pipelines.graph import Connection, Graph, ways_from_gone
from pipelines.model import GOOD_OUTCOMES, ContentBlock, Series
from warehouse.tables import OUTCOMES


def not_reached(series: Series, graph: Graph, visits: Mapping[str, VisitRow]) -> tuple[NotReached, ...]:
    """The content blocks without a visit, in the definition's order."""
    from_gone = [way for way in ways_from_gone(series) if _stands_at(visits.get(way.from_block))]
    ways = [*graph.connections, *from_gone]
    return tuple(
        NotReached(block_id, block.label, tuple(dict.fromkeys(_reasons(block_id, graph.entry_rules, ways, visits))))
        for block_id, block in series.blocks.items()
        if isinstance(block, ContentBlock) and block_id not in visits
    )


def _reasons(
    block_id: str, entry_rules: Collection[str], ways: Sequence[Connection], visits: Mapping[str, VisitRow]
) -> Iterator[Reason]:
    """By the nearest blocks before it that were visited; of entry rules that were not, that they were not."""
    seen: set[str] = set()
    pending = [block_id]
    while pending:
        target = pending.pop(0)
        for connection in ways:
            if connection.to_block != target:
                continue
            visit = visits.get(connection.from_block)
            if visit is not None:
                yield _reason(connection, visit)
            elif connection.from_block not in seen:
                seen.add(connection.from_block)
                pending.append(connection.from_block)
        if target in entry_rules:
            yield Reason("not_entered_there", f"entry rule `{target}` was not passed")


def _stands_at(visit: VisitRow | None) -> bool:
    return visit is not None and visit.left_at is None


def _reason(connection: Connection, visit: VisitRow) -> Reason:
    name = f"`{connection.from_block}`"
    if visit.left_at is None:
        return Reason("still_there", f"the customer is still at {name}")
    if visit.outcome not in OUTCOMES:
        return Reason("ended_there", f"the entry ended at {name} ({visit.outcome})")
    if (visit.outcome in GOOD_OUTCOMES) != connection.outcome_is_good:
        return Reason(
            "led_elsewhere", f"{name} was left {_words(visit.outcome)}, and leads on here {_when(connection)}"
        )
    return Reason("connected_later", f"{name} did not lead here yet when it was left")


def _when(connection: Connection) -> str:
    return "along `then` only" if connection.outcome_is_good else "along `else` only"


def _words(outcome: str | None) -> str:
    return str(outcome).replace("_", " ")
