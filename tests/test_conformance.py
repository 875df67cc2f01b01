"""The conformance cases and what random plays have found, by `series test --exact`: every table, last run repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import Project
from pipelines.scenarios.report import scenarios as report

HERE = Path(__file__).parent
CASES = sorted([*HERE.glob("conformance/*.yaml"), *HERE.glob("scenarios/*.yaml")])


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_case_holds(case: Path, tmp_path: Path) -> None:
    results = Project.open(tmp_path).test([case], exact=True)
    assert [result.state for result in results] == ["passed"], report(results)


def test_there_are_cases() -> None:
    assert len(CASES) > 20
