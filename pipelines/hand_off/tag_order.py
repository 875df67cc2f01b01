"""The order in which tag writes leave: whoever gets them must end up with what the series said last.

What is said of one customer and tag leaves in its order, whatever fails and is offered again meanwhile: a write waits
while an earlier one that says the opposite has not left, and is dropped when a later one has (`IS_OVERTAKEN`). The
order is that of the runs; in one run, removing comes last (SPEC 4, ``has_tag``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from warehouse.adapter import Warehouse

_CONTRADICTED = """exists (
    select 1
    from series.tag_writes as other
    join series.batches as batch on batch.batch_id = other.batch_id
    where other.customer_id = carried.customer_id
        and other.tag = carried.tag
        and other.action <> carried.action
        and ({order})
        and ({state})
)"""
IS_OVERTAKEN = _CONTRADICTED.format(
    order="other.as_of > carried.as_of or other.as_of = carried.as_of and other.action = 'remove'",
    state="other.status in ('handed_off', 'unknown') or other.status = 'queued' and batch.status = 'unknown'",
)
"""A condition on a row of ``series.tag_writes`` called ``carried``: a later one that says the opposite has left."""
_MUST_WAIT = _CONTRADICTED.format(
    order="other.as_of < carried.as_of or other.as_of = carried.as_of and carried.action = 'remove'",
    state="other.status in ('queued', 'unknown') and batch.status in ('pending', 'held', 'unknown', 'failed')",
)
_WAITING = """
select carried.batch_id, carried.tag_write_id
from series.tag_writes as carried
where carried.status = 'queued' and carried.batch_id in (select unnest($batch_ids)) and {must_wait}
order by carried.batch_id, carried.tag_write_id
"""


def find_waiting(warehouse: Warehouse, batch_ids: Sequence[str]) -> dict[str, list[str]]:
    """The tag writes of these batches that must wait for earlier ones, by batch."""
    waiting: dict[str, list[str]] = {}
    statement = _WAITING.format(must_wait=_MUST_WAIT)
    for batch_id, tag_write_id in warehouse.fetch(statement, {"batch_ids": list(batch_ids)}):
        waiting.setdefault(batch_id, []).append(tag_write_id)
    return waiting
