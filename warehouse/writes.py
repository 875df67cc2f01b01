"""How a run's SELECTs are written down: the statements around them, in the engine's words.

Only what is here writes. Each write is whole within the run's transaction and names its columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from warehouse.table import CUSTOMER_ID


def view(name: str, select: str) -> str:
    """A view for the length of the connection."""
    return f"create or replace temp view {name} as\n{select}"


def empty_table(name: str, columns: Mapping[str, str], id_type: str) -> str:
    """A table for the length of the connection, for one step of the run to fill."""
    listed = ",\n    ".join(
        f"{column} {(id_type if type_ == CUSTOMER_ID else type_).lower()}" for column, type_ in columns.items()
    )
    return f"create or replace temp table {name} (\n    {listed}\n)"


def filled_table(name: str, select: str) -> str:
    """A table for the length of the connection, with the rows of a SELECT."""
    return f"create or replace temp table {name} as\n{select}"


def append(target: str, columns: Iterable[str], select: str) -> str:
    """Add rows."""
    return f"insert into {target} ({', '.join(columns)})\n{select}"


def delete(target: str, keys: Sequence[str], select: str) -> str:
    """Remove the rows whose keys the SELECT returns."""
    match = " and ".join(f"gone.{key} = target.{key}" for key in keys)
    return f"delete from {target} as target\nwhere exists (\nselect 1\nfrom (\n{select}\n) as gone\nwhere {match}\n)"


def clear(target: str) -> str:
    """Remove every row."""
    return f"delete from {target}"


def note(target: str, column: str, value: str) -> str:
    """Give a column of a table of one row a value; where it has it already, nothing is written."""
    return f"update {target} set {column} = {value}\nwhere {column} is distinct from {value}"


def update(target: str, key: str, changes: dict[str, str], source: str) -> str:
    """Set columns of the rows that a step's table has, each from the column of its row in that table.

    Args:
        target: The table to change.
        key: The column that names a row in both.
        changes: Target column to source column.
        source: The step's table.
    """
    sets = ",\n    ".join(
        f"{column} = (select changed.{value} from {source} as changed where changed.{key} = target.{key})"
        for column, value in changes.items()
    )
    return (
        f"update {target} as target\nset\n    {sets}\n"
        f"where exists (select 1 from {source} as changed where changed.{key} = target.{key})"
    )
