"""What the rest of the product asks of a warehouse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow as pa


class WarehouseError(Exception):
    """The warehouse refused or could not do something; the text is for the user."""


class StatementError(WarehouseError):
    """A statement failed.

    Attributes:
        sql: The statement, for whoever has to look into it.
    """

    def __init__(self, message: str, sql: str) -> None:
        super().__init__(message)
        self.sql = sql


class LockedError(WarehouseError):
    """Somebody else has the warehouse open, and went on having it for as long as we waited."""


class Warehouse(Protocol):
    """One open connection. Times go in and come out as naive UTC."""

    @property
    def packed(self) -> str:
        """What follows the type of a column whose texts are long and much alike; empty: nothing."""

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> int:
        """Run one statement and return how many rows it wrote; 0 where the engine does not say.

        Parameters the statement does not name are left out, so that one mapping serves a whole run.
        """

    def fetch(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Run one query and return all its rows."""

    def fetch_arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Run one query and return its rows as an Arrow table."""

    def stream_arrow(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pa.RecordBatchReader:
        """Run one query and hand on its rows as they come; the connection is busy until they are read or closed."""

    def transaction(self, *, keep: bool = True) -> AbstractContextManager[None]:
        """Commit on leaving, roll back on an exception; without ``keep``, roll back anyway."""

    def columns(self, relation: str) -> Sequence[tuple[str, str]] | None:
        """Names and types of a relation's columns in its order; None where there is no such relation.

        Not within a transaction: on some engines asking for what is not there ends it.

        Args:
            relation: A dotted name, quoted already, or a query in parentheses.

        Raises:
            StatementError: The relation exists and cannot be read (a view that fails).
        """

    def close(self) -> None:
        """Give the warehouse back."""
