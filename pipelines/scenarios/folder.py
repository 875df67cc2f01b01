"""The tests of a project: found in its folder, read and played one after the other."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pipelines.definitions.load import FOLDER
from pipelines.files import read_text
from pipelines.model import Definitions
from pipelines.problems import Problem, UsageError
from pipelines.scenarios.file import read_scenario
from pipelines.scenarios.run import ScenarioResult, play

TESTS = f"{FOLDER}/tests"
_ENDINGS = (".yml", ".yaml")


def play_tests(
    folder: Path, own: Definitions, problems: Sequence[Problem], paths: Sequence[Path], *, exact: bool
) -> Iterator[ScenarioResult]:
    """Play the tests of a project.

    Args:
        folder: The project's folder.
        own: What the project's files say.
        problems: What is wrong with them.
        paths: Only these files, and those in these folders; none is the project's folder of tests.
        exact: See `pipelines.scenarios.run.play`.

    Raises:
        UsageError: There is no such file, or no test at all.
    """
    for path in paths:
        if not path.exists():
            raise UsageError(f"There is no file or folder {path}.")
    found = list(_files(paths or [folder / TESTS]))
    if not found:
        where = ", ".join(map(str, paths)) or f"{TESTS}/"
        raise UsageError(f"There is no test in {where}. A test is a file that ends in .yml.")

    def play_file(path: Path) -> ScenarioResult:
        name = (path.relative_to(folder) if path.is_relative_to(folder) else path).as_posix()
        return _play_file(path, name, own, problems, exact=exact)

    # Most of the time goes into the warehouse, which lets other threads work meanwhile.
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield from pool.map(play_file, found)


def _play_file(path: Path, name: str, own: Definitions, problems: Sequence[Problem], *, exact: bool) -> ScenarioResult:
    text, unreadable = read_text(path, name)
    scenario, wrong = read_scenario(text or "", name)
    if unreadable or scenario is None:
        return ScenarioResult(name, "", "refused", problems=tuple(unreadable or wrong))
    return play(scenario, own, problems, exact=exact)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_file():
            yield path
        elif path.is_dir():
            yield from sorted(file for file in path.iterdir() if file.suffix in _ENDINGS and file.name[0] != ".")
