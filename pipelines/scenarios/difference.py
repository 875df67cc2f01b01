"""What a run should have changed, held against what it did change."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from pipelines.problems import Position
from pipelines.scenarios.scenario import PlacedRow, Row, Value, parse_time

_ENTRY = ("series_id", "customer_id", "entry_number")
MAIN_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "entries": (*_ENTRY, "arm", "entered_at", "status", "ended_at", "goal_at", "goal_met_at_entry"),
        "visits": (*_ENTRY, "block_id", "arrived_at", "left_at", "outcome"),
        "advances": (*_ENTRY, "from_block", "to_block", "advanced_at", "as_of", "merged"),
        "messages": (*_ENTRY, "block_id", "queued_at"),
        "tag_writes": (*_ENTRY, "block_id", "tag", "action", "as_of"),
    }
)
"""A row has changed when it is new or differs in one of these, or in a column that the run's rows name."""

FURTHER_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "entries": ("attributes", "goal_value", "goal_event_at"),
        "visits": ("deadline_at", "blocked_by"),
        "messages": ("message_id", "channel", "address", "expires_at", "payload", "received_at", "goal_at"),
    }
)
"""What else a test may say of a row."""

JSON_COLUMNS = ("attributes", "payload")
"""Columns whose text is JSON; a test writes them as mappings."""

TABLES = MappingProxyType({table: (*main, *FURTHER_COLUMNS.get(table, ())) for table, main in MAIN_COLUMNS.items()})
"""The tables that a test may name, with their columns in the order of ``sql/scenario/<table>.sql``."""

WHO = (*_ENTRY, "block_id", "from_block", "to_block", "tag")
"""The columns that say which row is meant."""

TableRows = Mapping[str, Sequence[Row]]
"""Rows by table, times in naive UTC; grain as in the warehouse."""


@dataclass(frozen=True, slots=True)
class RowDifference:
    """One row that is not as expected.

    Attributes:
        expected: What the file says; None: no such row was expected.
        position: Where the file says so; None likewise.
        found: The row that changed instead; None: there is none like it.
        unchanged: The expected row is there, and was before.
    """

    expected: Row | None
    position: Position | None
    found: Row | None
    unchanged: bool = False


def compare(
    expected: Mapping[str, Sequence[PlacedRow]], before: TableRows, after: TableRows
) -> dict[str, tuple[RowDifference, ...]]:
    """The differences in each of the tables that ``expected`` names; tables without any are left out."""
    found = {table: _compare_table(table, rows, before[table], after[table]) for table, rows in expected.items()}
    return {table: differences for table, differences in found.items() if differences}


def _compare_table(
    table: str, expected: Sequence[PlacedRow], before: Sequence[Row], after: Sequence[Row]
) -> tuple[RowDifference, ...]:
    columns = dict.fromkeys([*MAIN_COLUMNS[table], *(name for row in expected for name in row.values)])
    changed = _changed(before, after, columns)
    partner = _pair([[_holds(row.values, found) for found in changed] for row in expected])
    missing = [row for index, row in enumerate(expected) if index not in partner]
    surplus = [row for index, row in enumerate(changed) if index not in partner.values()]
    differences = []
    for row in missing:
        near = max(surplus, key=lambda found: _likeness(row.values, found), default=None)
        if near is not None and all(equal(row.values[name], near[name]) for name in WHO if name in row.values):
            surplus.remove(near)
        else:
            near = None
        unchanged = near is None and any(_holds(row.values, found) for found in after)
        differences.append(RowDifference(row.values, row.position, near, unchanged))
    return (*differences, *(RowDifference(None, None, row) for row in surplus))


def _changed(before: Sequence[Row], after: Sequence[Row], columns: Collection[str]) -> list[Row]:
    """The rows that are new or different in these columns, cut down to them, in a steady order."""
    old = {_frozen(row, columns) for row in before}
    rows = [{name: row[name] for name in columns} for row in after if _frozen(row, columns) not in old]
    return sorted(rows, key=lambda row: _frozen(row, columns))


def _frozen(row: Row, columns: Collection[str]) -> tuple[str, ...]:
    return tuple(repr(row[name]) for name in columns)


def _pair(fits: Sequence[Sequence[bool]]) -> dict[int, int]:
    """As many pairs as there can be of a left and a right that fit, each used once; right by left.

    Partial rows may fit several; Kuhn's algorithm moves earlier pairs aside where that makes room.

    >>> _pair([[True, True], [True, False]])
    {1: 0, 0: 1}
    """
    left_of: dict[int, int] = {}

    def place(left: int, tried: set[int]) -> bool:
        for right, fit in enumerate(fits[left]):
            if fit and right not in tried:
                tried.add(right)
                if right not in left_of or place(left_of[right], tried):
                    left_of[right] = left
                    return True
        return False

    for left in range(len(fits)):
        place(left, set())
    return {left: right for right, left in left_of.items()}


def _holds(expected: Row, found: Row) -> bool:
    return all(equal(value, found[name]) for name, value in expected.items())


def _likeness(expected: Row, found: Row) -> int:
    return sum((10 if name in WHO else 1) * equal(value, found[name]) for name, value in expected.items())


def equal(expected: Value, found: Value) -> bool:
    """Whether a value of the file is this value of the warehouse; of a mapping the named keys must be equal.

    >>> equal("2026-03-01T10:00+01:00", datetime(2026, 3, 1, 9)), equal(7, "7"), equal("true", True)
    (True, True, False)
    """
    if expected is None or found is None:
        return expected is found
    match found:
        case datetime():
            return isinstance(expected, str) and parse_time(expected) == found
        case bool() | dict() | list():
            return type(expected) is type(found) and _equal_inside(expected, found)
    return str(expected) == str(found)


def _equal_inside(expected: Value, found: Value) -> bool:
    if isinstance(found, dict):
        return all(key in found and equal(value, found[key]) for key, value in expected.items())
    return bool(expected == found)


def parse_json(row: Row) -> Row:
    """The row with its JSON read."""
    return {**row, **{name: json.loads(row[name]) for name in JSON_COLUMNS if row.get(name)}}
