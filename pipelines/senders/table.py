"""The `table` sender: messages as rows of a table of the warehouse, for tools that read warehouses (reverse ETL)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.model import Sender as Settings
from pipelines.senders.protocol import Promise, SenderError
from pipelines.senders.sender_type import SenderType

if TYPE_CHECKING:
    from warehouse.adapter import Warehouse

_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]{0,62})\.([A-Za-z_][A-Za-z0-9_]{0,62})", re.ASCII)
_TAKEN = ("series", "series_state", "information_schema", "pg_catalog", "temp")
_ROWS = """
select batch_id, message_id, cast(customer_id as varchar) as customer_id, address, channel, series_id, block_id,
    entry_id, queued_at, expires_at, payload
from series_state.outgoing
"""
_COLUMNS = """
batch_id, message_id, customer_id, address, channel, series_id, block_id, entry_id, queued_at, expires_at, payload
"""


@dataclass(frozen=True, slots=True)
class TableSender:
    """Adds a row per message to a table, made where it is absent, in the transaction that marks the batch.

    So a message is there exactly once, whatever is killed and repeated. Rows are only ever added; whoever reads the
    table may delete them.

    Attributes:
        schema: Made where it is absent.
        name: The table within it. Its columns are ``batch_id`` and those of a batch's messages; ``customer_id`` is
            text.
    """

    schema: str
    name: str

    @property
    def promise(self) -> Promise:
        """Exactly once: sending and marking are one transaction."""
        return "exactly_once"

    def has(self, batch_id: str) -> bool:  # noqa: ARG002 (see the protocol)
        """Whether an earlier offer left rows: none did, or its batch would be marked."""
        return False

    def write(self, warehouse: Warehouse, batch_ids: Sequence[str]) -> None:
        """Add the queued messages of these batches, inside the caller's transaction.

        Raises:
            StatementError: The table is there with other columns.
        """
        table = f'"{self.schema}"."{self.name}"'
        warehouse.execute(f'create schema if not exists "{self.schema}"')
        warehouse.execute(f"create table if not exists {table} as {_ROWS} where false")
        queued = f"{_ROWS} where status = 'queued' and batch_id in (select unnest($batch_ids))"
        warehouse.execute(
            f"insert into {table} ({_COLUMNS}) {queued} order by batch_id, message_id",
            {"batch_ids": list(batch_ids)},
        )


def _open(settings: Settings, folder: Path) -> TableSender:  # noqa: ARG001 (it writes no files)
    written = settings.options.get("table", f"outbox.{settings.name.replace('-', '_')}")
    found = _NAME.fullmatch(written)
    if found is None or found[1].lower() in _TAKEN:
        raise SenderError(
            f"Sender `{settings.name}` cannot write to table `{written}`: write schema and table, such as "
            "`outbox.messages`, of letters, digits and `_`; schemas of series and of the engine are taken."
        )
    return TableSender(found[1], found[2])


TABLE = SenderType(
    summary="adds each message to a table of the warehouse",
    open=_open,
    options={"table": "Schema and table; `outbox` and the sender's name when absent."},
    carries_tags=True,
    reaches_outside=False,
)
"""The type `table`."""
