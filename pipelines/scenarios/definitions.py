"""The definitions that a test runs with: the project's own, those that its file holds, or a part of either.

A definition within a test file is read like a file of its own; its problems are told at their place in the test file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from pipelines.definitions.definition import draft_series
from pipelines.definitions.settings import PROJECT_FILE, read_segments
from pipelines.definitions.targets import read_targets
from pipelines.model import Definitions, Expression, Settings, Source, Text
from pipelines.problems import Position, Problem
from pipelines.scenarios.scenario import Scenario

_SEGMENTS = "segments"
# In YAML's single quotes a quote of SQL is doubled.
_IN_SEGMENT = re.compile(r"in_segment\s*\(\s*'+([^']+)'", re.IGNORECASE)


@dataclass(frozen=True)
class TestedDefinitions:
    """The definitions as they stand before a run of a test.

    Attributes:
        definitions: What can be read.
        problems: Everything that is wrong with the files themselves.
        origins: Where in the test file the texts stand, by the name of the file they are read as.
    """

    definitions: Definitions
    problems: tuple[Problem, ...]
    origins: Mapping[str, Text]

    def with_texts(self, file: str, project: Text | None, texts: Mapping[str, Text]) -> TestedDefinitions:
        """These, with files added or replaced by texts of the test ``file``."""
        definitions, problems, origins = self.definitions, list(self.problems), dict(self.origins)
        if project:
            name = f"{file}/{PROJECT_FILE}"
            targets, found = read_targets(project.value, file=name)
            settings = targets.get(definitions.settings.target) or next(iter(targets.values()))
            definitions = replace(definitions, settings=_of_test(settings))
            problems = [*_without(problems, PROJECT_FILE), *found]
            origins[name] = project
        for stem, text in texts.items():
            name = f"{file}/{stem}.yml"
            definitions, found = _with_text(definitions, stem, name, text)
            problems = [*_without(problems, f"{stem}.yml"), *found]
            origins[name] = text
        return TestedDefinitions(definitions, tuple(problems), origins)

    def only(self, names: Sequence[str]) -> TestedDefinitions:
        """These, without the series that are not named (none named: all stay) and the segments that are not used."""
        kept = {name: one for name, one in self.definitions.series.items() if not names or name in names}
        refused = {name: one for name, one in self.definitions.refused.items() if not names or name in names}
        left_out = {f"{name}.yml" for name in (*self.definitions.series, *self.definitions.refused)} - {
            f"{name}.yml" for name in (*kept, *refused)
        }
        used = _used_segments((one.text for one in (*kept.values(), *refused.values())), self.definitions.segments)
        problems = tuple(problem for problem in self.problems if _file_name(problem) not in left_out)
        definitions = replace(self.definitions, series=kept, refused=refused, segments=used)
        return replace(self, definitions=definitions, problems=problems)

    def placed(self, problem: Problem) -> Problem:
        """The problem with its place in the test file, where it is about one of the test's texts."""
        if problem.position is None or (text := self.origins.get(problem.position.file)) is None:
            return problem
        lines = text.value.splitlines(keepends=True)
        offset = sum(map(len, lines[: problem.position.line - 1])) + problem.position.column - 1
        return replace(problem, position=text.at(offset))


def definitions_of(scenario: Scenario, own: Definitions, problems: Iterable[Problem]) -> TestedDefinitions:
    """The definitions before the first run.

    Args:
        scenario: The test.
        own: What the project's files say.
        problems: What is wrong with the project's files.
    """
    found = tuple(problem for problem in problems if problem.severity == "error")
    base = replace(own, settings=_of_test(own.settings))
    if scenario.definitions is not None:
        base = Definitions(base.settings, {}, {})
        found = tuple(problem for problem in found if _file_name(problem) == PROJECT_FILE)
    return TestedDefinitions(base, found, {}).with_texts(scenario.file, scenario.project, scenario.definitions or {})


def _of_test(settings: Settings) -> Settings:
    """The settings with every source where the test writes it: under its own name, with its own column names."""
    sources = {name: Source(name, name, lag=source.lag) for name, source in settings.sources.items()}
    return replace(settings, sources=sources)


def _with_text(definitions: Definitions, stem: str, name: str, text: Text) -> tuple[Definitions, list[Problem]]:
    if stem == _SEGMENTS:
        segments, problems = read_segments(text.value, name)
        return replace(definitions, segments=segments), problems
    draft, problems = draft_series(text.value, name)
    series = {key: one for key, one in definitions.series.items() if key != stem}
    refused = {key: one for key, one in definitions.refused.items() if key != stem}
    (refused if problems else series)[stem] = draft
    return replace(definitions, series=series, refused=refused), problems


def _without(problems: Iterable[Problem], file_name: str) -> list[Problem]:
    return [problem for problem in problems if _file_name(problem) != file_name]


def _file_name(problem: Problem) -> str:
    return PurePosixPath((problem.position or Position("", 0, 0)).file).name


def _used_segments(texts: Iterable[str], segments: Mapping[str, Expression]) -> dict[str, Expression]:
    """The segments that the texts name, and those that these name in turn."""
    used: set[str] = set()
    waiting = list(texts)
    while waiting:
        named = {name for name in _IN_SEGMENT.findall(waiting.pop()) if name in segments} - used
        used |= named
        waiting += [segments[name].value for name in named]
    return {name: rule for name, rule in segments.items() if name in used}
