"""Who stands where: the open visits of earlier runs, and whether the definitions still have a place for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from pipelines.checked import CheckedDefinitions
from warehouse.adapter import Warehouse


@dataclass(frozen=True, slots=True)
class Standing:
    """Customers who stand at one block: its kind when they came, how many, and when the first of them arrived."""

    series_id: str
    block_id: str
    kind: str
    customers: int
    since: datetime


def read_standing(warehouse: Warehouse) -> list[Standing]:
    """Who stands where, in a state that exists."""
    rows = warehouse.fetch(
        "select series_id, block_id, kind, count(*), min(arrived_at) from series_state.open_visits "
        "group by series_id, block_id, kind order by series_id, block_id, kind"
    )
    return [Standing(*row) for row in rows]


def find_stranded(chosen: CheckedDefinitions, standing: Sequence[Standing]) -> dict[str, str]:
    """Series with customers at a block that is gone or of another kind now, with no way on, and what to say of it."""
    found: dict[str, list[str]] = {}
    by_id = {name: one.series for name, one in chosen.series.items() if one.series.status != "stopped"}
    for stood in standing:
        if stood.series_id not in by_id:
            continue
        series = by_id[stood.series_id]
        block = series.blocks.get(stood.block_id)
        if stood.block_id not in series.gone and (block is None or block.kind != stood.kind):
            now = f"is a {block.kind} block now" if block else "is gone"
            customers = "1 customer waits" if stood.customers == 1 else f"{stood.customers:,} customers wait"
            found.setdefault(stood.series_id, []).append(
                f"{customers} at {stood.kind} block `{stood.block_id}`, which {now}"
            )
    return {series_id: f"{'; '.join(lines)}. {_WAYS_OUT}" for series_id, lines in found.items()}


_WAYS_OUT = (
    "Put it back, or say in `moved` or `removed` where they go (a new block then needs another id), "
    "or set `status: stopped` to end their entries."
)
