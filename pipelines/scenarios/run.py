"""Plays a test on a throw-away warehouse, with the engine that runs the project."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Literal

from pipelines.memo import Memo
from pipelines.model import Definitions
from pipelines.problems import Position, Problem, RefusedError, RunError
from pipelines.run import refuse, run
from pipelines.scenarios.definitions import TestedDefinitions, definitions_of
from pipelines.scenarios.difference import TABLES, RowDifference, compare, parse_json
from pipelines.scenarios.file import unknown_series
from pipelines.scenarios.scenario import (
    MESSAGE_NAME,
    PlacedRow,
    Row,
    Scenario,
    ScenarioRun,
    Value,
    column_types,
    parse_time,
)
from pipelines.sql_text import read_query
from warehouse import fixture, state
from warehouse.adapter import StatementError
from warehouse.duckdb import DuckDB

if TYPE_CHECKING:
    from warehouse.adapter import Warehouse


_KEYS = {"customers": "customer_id", "companies": "company_id"}
"""A row of these replaces the one with the same id; elsewhere rows are added."""


@dataclass(frozen=True, slots=True)
class RunDifference:
    """A run that did not do what the test expects.

    Attributes:
        as_of: The instant, naive UTC.
        position: Where the file names it.
        tables: What is not as expected, by table.
        said: What the run said of series that it could not run.
    """

    as_of: datetime
    position: Position
    tables: Mapping[str, tuple[RowDifference, ...]]
    said: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """What became of one test.

    Attributes:
        state: ``refused``: the test file or a definition cannot be used.
        differences: The runs that did not do what the test expects.
        problems: Why it was refused, or could not be played to its end.
    """

    file: str
    title: str
    state: Literal["passed", "failed", "refused"]
    differences: tuple[RunDifference, ...] = ()
    problems: tuple[Problem, ...] = ()


def play(
    scenario: Scenario, own: Definitions, problems: Sequence[Problem] = (), *, exact: bool = False
) -> ScenarioResult:
    """Play one test.

    Nothing is handed off: a test sends nothing, whatever senders the project has.

    Args:
        scenario: The test.
        own: What the project's files say, used as far as the test does not bring its own.
        problems: What is wrong with the project's files.
        exact: Whether a table that a run does not name has no changed rows, instead of not being looked at. The last
            run is then repeated as well, and must change nothing.

    """
    differences: list[RunDifference] = []
    try:
        tested = definitions_of(scenario, own, problems)
        _refuse_unknown_series(scenario, tested)
        with closing(DuckDB.in_memory()) as warehouse:
            stage = _Stage(scenario, warehouse, tested)
            for step in scenario.runs:
                differences += stage.perform(step, exact=exact)
            if exact:
                last = scenario.runs[-1]
                differences += stage.perform(ScenarioRun(last.as_of, last.position, last.due, changed={}), exact=True)
    except RefusedError as error:
        return ScenarioResult(scenario.file, scenario.title, "refused", tuple(differences), error.problems)
    except StatementError as error:
        problem = Problem(Position(scenario.file, 1, 1), f"the rows of `sources` cannot be written: {error}")
        return ScenarioResult(scenario.file, scenario.title, "refused", tuple(differences), (problem,))
    except _BrokenOffError as error:
        return ScenarioResult(scenario.file, scenario.title, "failed", tuple(differences), (error.problem,))
    return ScenarioResult(scenario.file, scenario.title, "failed" if differences else "passed", tuple(differences))


class _BrokenOffError(Exception):
    """The test cannot be played to its end."""

    def __init__(self, position: Position, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(position, message)


@dataclass
class _Stage:
    """A test under way: the warehouse, its rows so far, and the definitions as they stand."""

    scenario: Scenario
    warehouse: Warehouse
    tested: TestedDefinitions
    rows: dict[str, list[Row]] = field(default_factory=dict)
    tables: dict[str, list[Row]] = field(default_factory=lambda: {name: [] for name in TABLES})
    memo: Memo = field(default_factory=Memo)

    def __post_init__(self) -> None:
        self.types = column_types(self.scenario)
        for source in self.types:
            self.rows[source] = []
            self._write(source)

    def perform(self, step: ScenarioRun, *, exact: bool) -> list[RunDifference]:
        """What happens before the run, the run, and how it differs from what is expected."""
        self.tested = self.tested.with_texts(self.scenario.file, step.project, step.definitions)
        self._arrive(step)
        said = self._run(step)
        before, self.tables = self.tables, self._read_tables()
        expected = {**dict.fromkeys(TABLES, ()), **(step.changed or {})} if exact else _looked_at(step)
        found = compare(expected, before, self.tables)
        return [RunDifference(step.as_of, step.position, found, said)] if found else []

    def _run(self, step: ScenarioRun) -> tuple[str, ...]:
        tested = self.tested.only([text.value for text in self.scenario.series])
        try:
            refuse(tested.problems)
            results = run(self.warehouse, tested.definitions, step.as_of, due=step.due, memo=self.memo)
        except RefusedError as error:
            raise RefusedError(tested.placed(problem) for problem in error.problems) from error
        except RunError as error:
            raise _BrokenOffError(step.position, str(error)) from error
        return tuple(f"{one.series_id}: {one.message}" for one in results if one.state == "failed")

    def _arrive(self, step: ScenarioRun) -> None:
        gone = set(step.customers_gone)
        tags_gone = [row.values for row in step.customer_tags_gone]
        self.rows["customers"] = [row for row in self.rows["customers"] if str(row["customer_id"]) not in gone]
        self.rows["customer_tags"] = [row for row in self.rows["customer_tags"] if row not in tags_gone]
        for source, placed in step.sources.items():
            rows = [self._named(row) for row in placed] if source == "engagements" else [row.values for row in placed]
            if key := _KEYS.get(source):
                new = {str(row[key]) for row in rows}
                self.rows[source] = [row for row in self.rows[source] if str(row[key]) not in new]
            self.rows[source] += rows
        changed = {*step.sources, *(["customers"] if gone else []), *(["customer_tags"] if tags_gone else [])}
        for source in changed:
            self._write(source)

    def _named(self, placed: PlacedRow) -> Row:
        """The engagement with the id of its message."""
        row = placed.values
        if "message_id" in row:
            return row
        wanted = {"entry_number": 1} | {name: row[name] for name in MESSAGE_NAME if name in row}
        ids = [
            message["message_id"]
            for message in self.tables["messages"]
            if all(str(message[name]) == str(value) for name, value in wanted.items())
        ]
        if len(ids) == 1:
            return {**row, "message_id": ids[0]}
        what = f"the message of block `{row['block_id']}` to customer `{row['customer_id']}`"
        if ids:
            raise _BrokenOffError(placed.position, f"several series have queued {what}; name it by `series_id` as well")
        raise _BrokenOffError(
            placed.position, f"no run before this one has queued {what}, so nothing can come back for it"
        )

    def _write(self, source: str) -> None:
        types = self.types[source]
        rows = [[_cell(row.get(column), type_) for column, type_ in types.items()] for row in self.rows[source]]
        fixture.write_table(self.warehouse, source, types, rows)

    def _read_tables(self) -> dict[str, list[Row]]:
        if state.read_version(self.warehouse) is None:
            return {name: [] for name in TABLES}
        found = {}
        for name in TABLES:
            rows = self.warehouse.fetch(_query(name))
            found[name] = [parse_json(dict(zip(TABLES[name], row, strict=True))) for row in rows]
        return found


def _looked_at(step: ScenarioRun) -> Mapping[str, tuple[PlacedRow, ...]]:
    """The tables that are compared: those named, or all of them where the file says that nothing changes."""
    if step.changed is None:
        return {}
    return step.changed or dict.fromkeys(TABLES, ())


def _refuse_unknown_series(scenario: Scenario, tested: TestedDefinitions) -> None:
    known: dict[str, object] = {**tested.definitions.series, **tested.definitions.refused}
    known |= {name: text for run in scenario.runs for name, text in run.definitions.items()}
    if unknown := unknown_series(scenario, known):
        raise RefusedError(unknown)


def _cell(value: Value, type_: str) -> str | None:
    """The value as text that the warehouse casts to the type."""
    match value:
        case None:
            return None
        case bool():
            return str(value).lower()
        case dict() | list():
            return json.dumps(value)
        case str() if type_ == "TIMESTAMP":
            time = parse_time(value)
            return str(time) if time else value
    return str(value)


@cache
def _query(table: str) -> str:
    return read_query(f"scenario/{table}")
