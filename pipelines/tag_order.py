"""The order in which tag writes leave: whoever gets them must end up with what the series said last.

What is said of one customer and tag leaves in its order, whatever fails and is offered again meanwhile: a write waits
while an earlier one that says the opposite has not left, and is dropped when a later one has (`pipelines.carried`). The
order is that of the runs; in one run, removing comes last (SPEC 4, ``has_tag``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from warehouse.adapter import Warehouse

_WAITING = """
select carried.batch_id, carried.tag_write_id
from series.tag_writes as carried
where carried.status = 'queued'
    and carried.batch_id in (select unnest($batch_ids))
    and exists (
        select 1
        from series.tag_writes as earlier
        join series.batches as batch on batch.batch_id = earlier.batch_id
        where earlier.customer_id = carried.customer_id
            and earlier.tag = carried.tag
            and earlier.action <> carried.action
            and (earlier.as_of < carried.as_of or earlier.as_of = carried.as_of and carried.action = 'remove')
            and earlier.status in ('queued', 'unknown')
            and batch.status in ('pending', 'held', 'unknown', 'failed')
    )
order by carried.batch_id, carried.tag_write_id
"""


def find_waiting(warehouse: Warehouse, batch_ids: Sequence[str]) -> dict[str, list[str]]:
    """The tag writes of these batches that must wait for earlier ones, by batch."""
    waiting: dict[str, list[str]] = {}
    for batch_id, tag_write_id in warehouse.fetch(_WAITING, {"batch_ids": list(batch_ids)}):
        waiting.setdefault(batch_id, []).append(tag_write_id)
    return waiting
