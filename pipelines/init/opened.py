"""The database and the files that a look needs, opened by what opens them for a run."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from warehouse.adapter import Warehouse
from warehouse.inputs import Input


@contextlib.contextmanager
def opened(database: Path, inputs: Sequence[Input] = (), *, rows: bool = True) -> Iterator[Warehouse]:
    """A database, which need not be there when there are inputs; only read.

    Args:
        database: The DuckDB file.
        inputs: What is opened beside it; what is there twice is opened once.
        rows: Whether the rows of files are wanted, or their columns only.

    Raises:
        WarehouseError: Something cannot be opened.
    """
    from warehouse.duckdb import DuckDB

    with contextlib.closing(
        DuckDB.open(database, read_only=True, inputs=list(dict.fromkeys(inputs)), rows=rows)
    ) as warehouse:
        yield warehouse
