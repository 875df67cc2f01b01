"""Customers who have vanished: nothing is sent for them until a run has seen them again (SPEC 5).

A hand-off reads no source. So each run notes the messages that have not left and whose customers it does not find
(``series_state.absent_messages``), and they stay behind when their batch is claimed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pipelines.hand_off.carried import MESSAGES

if TYPE_CHECKING:
    from datetime import datetime

    from warehouse.adapter import Warehouse

REASON = "Its customers were not in `customers` when it was to leave; it waits for them."
"""What is said of a batch whose messages all wait so."""

_ABSENT = f"""
select carried.batch_id, carried.message_id
from series.messages as carried
where carried.status = 'queued'
    and carried.batch_id in (select unnest($batch_ids))
    and carried.message_id in (select absent.message_id from series_state.absent_messages as absent)
    and not coalesce({MESSAGES.is_over}, false)
order by carried.batch_id, carried.message_id
"""  # noqa: S608 (a condition of this software's own)


def find_absent(warehouse: Warehouse, batch_ids: Sequence[str], as_of: datetime) -> dict[str, list[str]]:
    """The messages of these batches that wait for their customers, by batch; what expires by `as_of` waits no more."""
    absent: dict[str, list[str]] = {}
    if batch_ids:
        for batch_id, message_id in warehouse.fetch(_ABSENT, {"batch_ids": list(batch_ids), "as_of": as_of}):
            absent.setdefault(batch_id, []).append(message_id)
    return absent
