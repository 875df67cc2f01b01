"""A test of series, as its file says: what arrives, when runs happen, and the rows that each run changes.

A scenario is frozen values; ``pipelines.scenarios.file`` reads it, ``pipelines.scenarios.run`` plays it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from pipelines.model import Text
from pipelines.problems import Position, UserError
from pipelines.schedule import parse_as_of

Value = Any
"""Text, integer, number, boolean or None as the file has it; lists and mappings where a column holds JSON."""

Row = Mapping[str, Value]

_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)


@dataclass(frozen=True, slots=True)
class PlacedRow:
    """A row of the file and where it stands."""

    values: Row
    position: Position


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """One run and what comes before it.

    Attributes:
        as_of: The instant, naive UTC.
        position: Where the file says so.
        due: Whether only the series take part whose schedule has an instant since their last run.
        project: Text of ``series.yml`` from this run on; None: as before.
        definitions: Text of the files that are new or replaced from this run on, by name without ending.
        sources: Rows that arrive, by source.
        customers_gone: Ids of customers who are deleted from ``customers``.
        customer_tags_gone: Rows that are deleted from ``customer_tags``.
        changed: Rows that the run makes or changes, by table; of a row any of its columns may be named. A table that
            is not named is not looked at, except that an empty mapping says that nothing changes at all. None:
            nothing is looked at.
    """

    as_of: datetime
    position: Position
    due: bool = False
    project: Text | None = None
    definitions: Mapping[str, Text] = field(default_factory=dict)
    sources: Mapping[str, tuple[PlacedRow, ...]] = field(default_factory=dict)
    customers_gone: tuple[str, ...] = ()
    customer_tags_gone: tuple[PlacedRow, ...] = ()
    changed: Mapping[str, tuple[PlacedRow, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Scenario:
    """One test file.

    Attributes:
        file: The file, as messages name it.
        title: What the test shows, in a sentence.
        series: Ids of the only series that are there; empty: all of them.
        project: Text of ``series.yml``; None: the project's own.
        definitions: Text of every file of ``series_definitions/``, by name without ending; None: the project's own.
        runs: At least one.
    """

    file: str
    title: str
    series: tuple[Text, ...]
    project: Text | None
    definitions: Mapping[str, Text] | None
    runs: tuple[ScenarioRun, ...]


STANDARD_COLUMNS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "customers": {"customer_id": "VARCHAR"},
        "companies": {"company_id": "VARCHAR"},
        "customer_companies": {"customer_id": "VARCHAR", "company_id": "VARCHAR"},
        "events": {"customer_id": "VARCHAR", "name": "VARCHAR", "occurred_at": "TIMESTAMP", "properties": "VARCHAR"},
        "engagements": {"message_id": "VARCHAR", "kind": "VARCHAR", "occurred_at": "TIMESTAMP", "link": "VARCHAR"},
        "customer_tags": {"customer_id": "VARCHAR", "tag": "VARCHAR"},
    }
)
"""The columns that every source has in a test, whatever its rows name. Ids take the type that their rows show."""

_IDS = ("customer_id", "company_id")

MESSAGE_NAME = ("series_id", "block_id", "customer_id", "entry_number")
"""What an engagement may name its message by, instead of ``message_id``."""


def parse_time(text: str) -> datetime | None:
    """An ISO date or time as naive UTC; None for any other text.

    >>> parse_time("2026-03-01T10:00+01:00"), parse_time("tomorrow")
    (datetime.datetime(2026, 3, 1, 9, 0), None)
    """
    if not _TIME.fullmatch(text):
        return None
    try:
        return parse_as_of(text)
    except UserError:
        return None


def column_types(scenario: Scenario) -> dict[str, dict[str, str]]:
    """The type of every column of every source, as the rows of all runs together show it.

    Whole numbers are BIGINT, with other numbers among them DOUBLE; true and false BOOLEAN; ISO times TIMESTAMP. All
    else is VARCHAR: text, a mixture, and a column that holds nothing but nulls.
    """
    types: dict[str, dict[str, str]] = {}
    for source, standard in STANDARD_COLUMNS.items():
        seen: dict[str, set[str]] = {}
        for row in (row for run in scenario.runs for row in run.sources.get(source, ())):
            for column, value in row.values.items():
                if column not in standard or column in _IDS:
                    seen.setdefault(column, set()).add(_type_of(value))
        types[source] = {**standard, **{column: _common(found) for column, found in seen.items()}}
    types["engagements"] = dict(STANDARD_COLUMNS["engagements"])
    return types


def _type_of(value: Value) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "BOOLEAN"
        case int() if -(2**63) <= value < 2**63:
            return "BIGINT"
        case int() | float():
            return "DOUBLE"
        case str() if parse_time(value):
            return "TIMESTAMP"
    return "VARCHAR"


def _common(types: Iterable[str]) -> str:
    """One type for all of them.

    >>> _common({"", "BIGINT", "DOUBLE"}), _common({"TIMESTAMP", "BIGINT"}), _common({""})
    ('DOUBLE', 'VARCHAR', 'VARCHAR')
    """
    known = set(types) - {""}
    if known == {"BIGINT", "DOUBLE"}:
        return "DOUBLE"
    return known.pop() if len(known) == 1 else "VARCHAR"
