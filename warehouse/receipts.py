"""The receipts that were loaded: a table beside the state, and how rows get into it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from warehouse.table import Column, Table

if TYPE_CHECKING:
    import pyarrow as pa

RECEIPTS = Table(
    "series_state",
    "receipts",
    "one thing that came back for one message, as `series receipts load` took it in",
    (
        Column("receipt_id", "VARCHAR", "The receipt; what is loaded twice is one row.", unique=True),
        Column("message_id", "VARCHAR", "The message; null: known by its provider's id only, so far.", nullable=True),
        Column("provider_message_id", "VARCHAR", "What the provider calls the message; null: nothing.", nullable=True),
        Column("kind", "VARCHAR", "What happened."),
        Column("occurred_at", "TIMESTAMP", "When (UTC) it happened."),
        Column("link", "VARCHAR", "The link that was clicked; null: none.", nullable=True),
        Column("loaded_at", "TIMESTAMP", "Wall clock (UTC) when it was loaded."),
    ),
)
"""Made by the first load, not by a run: where nobody loads receipts there is no such table."""

INCOMING = "input_receipts"
"""The temporary table of what is to be loaded: every column of RECEIPTS but ``loaded_at``."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """Receipts on their way in, as an input of the warehouse (see `warehouse.inputs.Input`)."""

    rows: pa.Table

    def statement(self, *, rows: bool = True) -> str:  # noqa: ARG002 (they are all here)
        return f"create temp table {INCOMING} as\nselect *\nfrom incoming_receipts"

    def open(self, connection: duckdb.DuckDBPyConnection, *, rows: bool) -> None:
        connection.register("incoming_receipts", self.rows)
        connection.execute(self.statement(rows=rows))
        connection.unregister("incoming_receipts")
