"""Tables out of rows that a test names."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from warehouse.adapter import Warehouse


def write_table(
    warehouse: Warehouse, name: str, columns: Mapping[str, str], rows: Iterable[Sequence[str | None]]
) -> None:
    """Make a table, in place of one of that name, with these rows.

    Args:
        warehouse: Where.
        name: The table's name, safe as it is.
        columns: Column to type, in the rows' order; any text may be a column's name.
        rows: The values as text that the engine casts, None for null.

    Raises:
        StatementError: A text is no value of its column's type.
    """
    names = ['"' + column.replace('"', '""') + '"' for column in columns]
    declared = ", ".join(f"{column} {type_}" for column, type_ in zip(names, columns.values(), strict=True))
    warehouse.execute(f"create or replace table {name} ({declared})")
    # One bound text holds every row, so that a table is two statements, whatever is in it.
    values = ", ".join(f"cast(cells ->> {index} as {type_})" for index, type_ in enumerate(columns.values()))
    warehouse.execute(
        f"""insert into {name} select {values} from (select unnest(from_json($rows, '["json"]')) as cells)""",
        {"rows": json.dumps([list(row) for row in rows])},
    )
