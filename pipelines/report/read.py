"""Where a report is read from: the published copy, or the warehouse; and what it says where nothing has run."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from pipelines.model import Definitions
from pipelines.project_warehouse import ProjectWarehouse
from pipelines.report.build import Report, build_report
from warehouse import state
from warehouse.adapter import WarehouseError
from warehouse.duckdb import DuckDB
from warehouse.tables import SCHEMA_VERSION


def read_report(project_warehouse: ProjectWarehouse, definitions: Definitions) -> Report:
    """The report of all series; of empty tables where nothing has run.

    Raises:
        WarehouseError: The warehouse cannot be opened, or its tables are of an earlier version.
    """
    with contextlib.ExitStack() as stack:
        warehouse = None
        if project_warehouse.path.exists():
            warehouse = stack.enter_context(project_warehouse.open_published())
        version = state.read_version(warehouse) if warehouse else None
        if version is not None and version < SCHEMA_VERSION:
            raise WarehouseError(
                f"The tables of this warehouse have version {version}; a report reads version {SCHEMA_VERSION}. "
                "The next `series run` brings them up to date."
            )
        if warehouse is None or version is None:
            # Where nothing has run, the tables are there all the same, and empty.
            warehouse = stack.enter_context(contextlib.closing(DuckDB.in_memory()))
            for statement in state.create_statements("varchar"):
                warehouse.execute(statement)
        report = build_report(warehouse, definitions)
    return replace(report, publish=definitions.settings.publish) if project_warehouse.reads_copy else report
