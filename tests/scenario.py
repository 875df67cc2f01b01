"""Scenario files: definitions, then runs with sources and the rows that change (tests/conformance/README.md).

Beside what the README names, the file may hold `project` (the text of series.yml), a definition named `segments` is
segments.yml, and a run may hold `customer_tags_gone` (rows deleted from that source) and `due: true` (only the series
whose schedule says so).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from tests.evaluator.clock import as_utc
from tests.evaluator.definition import read_yaml

ENTRY = ("series_id", "customer_id", "entry_number")
TABLES: dict[str, tuple[str, ...]] = {
    "entries": (*ENTRY, "arm", "entered_at", "status", "ended_at", "goal_at", "goal_met_at_entry"),
    "visits": (*ENTRY, "block_id", "arrived_at", "left_at", "outcome"),
    "advances": (*ENTRY, "from_block", "to_block", "advanced_at", "as_of", "merged"),
    "messages": (*ENTRY, "block_id", "queued_at"),
    "tag_writes": (*ENTRY, "block_id", "tag", "action", "as_of"),
}
INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?")
DAY = re.compile(r"\d{4}-\d\d-\d\d")
Row = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One run: what arrives before it, its time, and the rows expected to be new or different after it."""

    as_of: datetime
    due: bool
    project: str | None
    definitions: dict[str, str]
    sources: dict[str, list[Row]]
    customers_gone: list[str]
    customer_tags_gone: list[Row]
    changed: dict[str, list[Row]]


@dataclass(frozen=True)
class Scenario:
    name: str
    steps: list[Step]


def read_scenario(path: Path) -> Scenario:
    """The file at `path`; times in it are instants, naive UTC."""
    raw = read_yaml(path.read_text(encoding="utf-8"))
    steps = [read_step(step) for step in raw["runs"]]
    first = read_step({**raw["runs"][0], "definitions": raw["definitions"], "project": raw.get("project")})
    return Scenario(path.stem, [first, *steps[1:]])


def read_step(raw: Row) -> Step:
    return Step(
        as_of=as_utc(raw["as_of"]),
        due=raw.get("due", False),
        project=raw.get("project"),
        definitions=raw.get("definitions", {}),
        sources={name: [typed(row) for row in rows] for name, rows in raw.get("sources", {}).items()},
        customers_gone=raw.get("customers_gone", []),
        customer_tags_gone=raw.get("customer_tags_gone", []),
        changed={name: [typed(row) for row in rows] for name, rows in (raw.get("changed") or {}).items()},
    )


def typed(row: Row) -> Row:
    """The row with texts that are ISO times read as times: a zoned one converted to UTC, a naive one UTC already."""
    return {key: as_time(value) if isinstance(value, str) else value for key, value in row.items()}


def as_time(text: str) -> str | datetime | date:
    if INSTANT.fullmatch(text):
        return as_utc(text)
    return date.fromisoformat(text) if DAY.fullmatch(text) else text


def assert_changed(before: dict[str, list[Row]], after: dict[str, list[Row]], step: Step) -> None:
    """The rows that are new or different are those the case names; a case may name more columns than is usual."""
    for table, usual in TABLES.items():
        expected = step.changed.get(table, [])
        columns = {*usual, *(expected[0] if expected else ())}
        assert changed_rows(before[table], after[table], columns) == sorted_rows(expected), f"{table} at {step.as_of}"


def changed_rows(before: list[Row], after: list[Row], columns: Iterable[str]) -> list[Row]:
    """The rows that are new or different in these columns."""
    old, new = ([{name: row[name] for name in columns} for row in rows] for rows in (before, after))
    return sorted_rows([row for row in new if row not in old])


def sorted_rows(rows: list[Row]) -> list[Row]:
    """The rows in an order that depends on their content alone."""
    return sorted(rows, key=lambda row: [f"{key}={row[key]}" for key in sorted(row)])
