"""The tables and views that a warehouse has, for whoever is to choose among them."""

from __future__ import annotations

from itertools import groupby

from warehouse.adapter import Warehouse

_OWN_SCHEMAS = ("series", "series_state", "information_schema", "pg_catalog")
_COLUMNS = f"""
select table_schema, table_name, column_name, data_type
from information_schema.columns
where table_catalog = current_database() and table_schema not in {_OWN_SCHEMAS}
order by table_schema, table_name, ordinal_position
"""


def relations(warehouse: Warehouse) -> list[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Schema, name and columns (names and types, in their order) of every table and view but those of series."""
    rows = warehouse.fetch(_COLUMNS)
    return [
        (schema, name, tuple((column, type_) for _, _, column, type_ in columns))
        for (schema, name), columns in groupby(rows, key=lambda row: (row[0], row[1]))
    ]
