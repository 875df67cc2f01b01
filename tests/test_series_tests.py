"""What `series test` says: tests that pass, fail or are refused, with the exact words.

``series_tests/<state>/`` holds test files; ``<file>.txt`` what is said of those that do not pass. The project around
them is that of ``cli/project``.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pipelines import Project
from pipelines.problems import UsageError
from pipelines.scenarios.report import scenarios as report
from tests.golden import assert_golden

HERE = Path(__file__).parent
FILES = sorted(HERE.glob("series_tests/*/*.yml"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project.open(shutil.copytree(HERE / "cli" / "project", tmp_path / "shop"))


@pytest.mark.golden
@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_file(file: Path, project: Project) -> None:
    shutil.copy(file, project.folder)
    results = project.test([project.folder / file.name])
    assert [result.state for result in results] == [file.parent.name], report(results)
    if file.parent.name != "passed":
        assert_golden(file.with_suffix(".txt"), report(results) + "\n")


def test_there_are_files_of_each_state() -> None:
    assert {file.parent.name for file in FILES} == {"passed", "failed", "refused"}


def test_the_shipped_series_pass_their_tests() -> None:
    shipped = Project.open(HERE.parent)
    results = shipped.test()
    assert {result.state for result in results} == {"passed"}, report(results)
    for series_id in shipped.definitions.series:
        files = [result.file for result in results if f"/{series_id}_" in result.file]
        assert len(files) >= 2, f"{series_id} has too few tests"


def test_exact_looks_at_tables_that_are_not_named(project: Project) -> None:
    file = HERE / "series_tests" / "passed" / "partial.yml"
    (passed,) = project.test([file])
    (failed,) = project.test([file], exact=True)
    assert (passed.state, failed.state) == ("passed", "failed")
    assert "advances" in failed.differences[0].tables


def test_a_folder_without_tests_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no test in series_definitions/tests/"):
        Project.open(tmp_path).test()
    with pytest.raises(UsageError, match="There is no file or folder"):
        Project.open(tmp_path).test([tmp_path / "absent.yml"])


def test_the_projects_warehouse_and_outbox_are_left_alone(project: Project) -> None:
    before = sorted(project.folder.rglob("*"))
    assert project.test()
    assert sorted(project.folder.rglob("*")) == before
