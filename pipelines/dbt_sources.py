"""The tables of SPEC 6 as a dbt ``sources.yml``, so that dbt models build on them with names, docs and tests."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipelines.problems import UsageError
from warehouse.table import CUSTOMER_ID, Column, Table
from warehouse.views import PUBLIC

HEADER = "# Written by `series dbt-sources`, which replaces this file; keep your own sources in another."
"""The first line; a file that begins otherwise is somebody's own."""

SOURCE = "series"
"""What models call the source: ``{{ source('series', 'entries') }}``. It is the schema as well."""


def dbt_sources(database: str | None = None) -> str:
    """The text of the file, in the syntax of dbt 1.10.5 and later.

    Args:
        database: The database (DuckDB: catalog) that dbt knows the warehouse by; None: that of dbt's own target.
    """
    import yaml

    source: dict[str, Any] = {
        "name": SOURCE,
        "description": "Customer journeys: who entered which series, how far they came, what they were sent.",
        **({"database": database} if database is not None else {}),
        "schema": SOURCE,
        "tables": [_table(table) for table in PUBLIC],
    }
    text = yaml.dump(
        {"version": 2, "sources": [source]}, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=110
    )
    return f"{HEADER}\n{text}"


def write_dbt_sources(path: Path, text: str) -> None:
    """Write the file, in place of an older one of this software; a reader never finds half of it.

    Raises:
        UsageError: Somebody else's file is in the way.
    """
    from pipelines.text_file import write_text

    if path.exists() and not path.read_text(encoding="utf-8", errors="replace").startswith(HEADER):
        raise UsageError(f"{path} was not written by `series dbt-sources` and stays as it is; choose another file.")
    write_text(path, text, replace=True)


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "description": table.description,
        "columns": [_column(column) for column in table.columns],
    }


def _column(column: Column) -> dict[str, Any]:
    tests = list(_tests(column))
    return {
        "name": column.name,
        "description": column.description,
        **({"data_type": column.type.lower()} if column.type != CUSTOMER_ID else {}),
        **({"data_tests": tests} if tests else {}),
    }


def _tests(column: Column) -> Iterable[str | dict[str, Any]]:
    if column.unique:
        yield "unique"
    if not column.nullable:
        yield "not_null"
    if column.values:
        yield {"accepted_values": {"arguments": {"values": list(column.values)}}}
    if column.references:
        table, _, field = column.references.partition(".")
        yield {"relationships": {"arguments": {"to": f"source('{SOURCE}', '{table}')", "field": field}}}


def _dumper() -> Any:
    """Lists stand indented under their key, as dbt's own examples have them."""
    import yaml

    class Indented(yaml.SafeDumper):
        def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:  # noqa: ARG002 (PyYAML's own)
            return super().increase_indent(flow, False)

    return Indented
