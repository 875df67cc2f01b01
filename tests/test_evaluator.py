"""The evaluator keeps the conformance cases. Only then does it mean anything that the engine agrees with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluator.tables import Evaluator
from tests.scenario import assert_changed, read_scenario

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
