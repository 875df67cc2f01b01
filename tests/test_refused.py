"""Definitions that are refused or warned about, with the exact words.

A case in ``refused/`` is a definition, ``<case>.yml``, or a whole project, ``<case>/``; ``<case>.txt`` holds all that
is said of it. A case whose name begins with ``warned_`` has no error. A project may say in ``columns.yml`` how its
sources differ from those below: families of columns by source.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.check import SourceColumns, check
from pipelines.definitions.load import load_definitions
from pipelines.problems import in_order
from tests.golden import assert_golden

FOLDER = Path(__file__).parent / "refused"
CASES = sorted(path for path in FOLDER.iterdir() if path.is_dir() or path.suffix == ".yml")
COLUMNS: dict[str, Any] = yaml.safe_load("""
customers:
  {customer_id: text, type: text, plan: text, email: text, first_name: text, unsubscribed: boolean, seats: number,
  trial_ends_at: time}
companies: {company_id: text, tier: text, renews_at: time}
customer_companies: {customer_id: text, company_id: text}
engagements: {message_id: text, kind: text, occurred_at: time}
""")


@pytest.mark.golden
@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_says_exactly_what_is_wrong(case: Path, tmp_path: Path) -> None:
    columns = _make_project(case, tmp_path)
    definitions, problems = load_definitions(tmp_path)
    checked, found = check(definitions, SourceColumns(columns))
    problems = in_order([*problems, *found])
    assert_golden(FOLDER / f"{case.stem}.txt", "".join(f"{problem}\n" for problem in problems))
    with_errors = {problem.position.file for problem in problems if problem.severity == "error" and problem.position}
    assert bool(with_errors) != case.name.startswith("warned_")
    assert with_errors.isdisjoint(series.series.file for series in checked.series.values())


def _make_project(case: Path, folder: Path) -> dict[str, Any]:
    """Puts the case's files into the folder; gives the columns of its sources."""
    if case.is_dir():
        shutil.copytree(case, folder, dirs_exist_ok=True)
    else:
        (folder / "series_definitions").mkdir()
        shutil.copy(case, folder / "series_definitions")
    changed = folder / "columns.yml"
    return COLUMNS | (yaml.safe_load(changed.read_text()) if changed.exists() else {})
