"""The evaluator keeps the conformance cases. Only then does it mean anything that the engine agrees with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluator.tables import Evaluator, Row
from tests.scenario import TABLES, Step, changed_rows, read_scenario, sorted_rows

FOLDER = Path(__file__).parent
CASES = sorted([*FOLDER.glob("conformance/*.yaml"), *FOLDER.glob("scenarios/*.yaml")])


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case_holds_for_the_evaluator(path: Path) -> None:
    evaluator = Evaluator()
    scenario = read_scenario(path)
    for step in scenario.steps:
        before = evaluator.tables()
        evaluator.perform(step)
        assert_changed(before, evaluator.tables(), step)
    after = evaluator.tables()
    evaluator.run(scenario.steps[-1].as_of)
    assert evaluator.tables() == after


def assert_changed(before: dict[str, list[Row]], after: dict[str, list[Row]], step: Step) -> None:
    """The rows that are new or different are those the case names; a case may name more columns than is usual."""
    for table, usual in TABLES.items():
        expected = step.changed.get(table, [])
        columns = {*usual, *(expected[0] if expected else ())}
        assert changed_rows(before[table], after[table], columns) == sorted_rows(expected), f"{table} at {step.as_of}"
