"""Reads a project's files from its folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipelines.definitions.body_file import with_body_files
from pipelines.definitions.dbt_manifest import find_models
from pipelines.definitions.definition import draft_series
from pipelines.definitions.settings import PROJECT_FILE, read_segments
from pipelines.definitions.targets import choose, read_targets
from pipelines.files import read_text
from pipelines.model import Definitions, Expression, Series
from pipelines.problems import Position, Problem

FOLDER = "series_definitions"
SEGMENTS_FILE = "segments.yml"


def load_definitions(folder: Path, target: str | None = None) -> tuple[Definitions, list[Problem]]:
    """Reads ``series.yml``, every series of ``series_definitions/`` and ``segments.yml``.

    Sub folders are not looked into. A file with an error is not in ``series``; what could be read of it is in
    ``refused``, so that further problems can be found.

    Args:
        folder: The project's folder.
        target: The target to take the settings of; None is the default one.

    Returns:
        The definitions, and every problem found in any file, in the order of files and places.

    Raises:
        UsageError: There is no such target, or none is chosen and there is no default.
    """
    text, problems = read_text(folder / PROJECT_FILE, PROJECT_FILE)
    targets, found = read_targets(text, folder)
    problems += found
    settings = choose(targets, target, problems)
    others = {name: other for name, other in targets.items() if name is not None and other is not settings}
    # A model that is not found matters to who opens the sources (`pipelines.inputs`), not to tests of the series.
    settings, _ = find_models(settings, folder)
    series: dict[str, Series] = {}
    refused: dict[str, Series] = {}
    segments: dict[str, Expression] = {}
    for path in _definition_files(folder / FOLDER, problems):
        file = f"{FOLDER}/{path.name}"
        text, found = read_text(path, file)
        if path.name == SEGMENTS_FILE:
            segments, more = read_segments(text or "", file)
        else:
            draft, more = draft_series(text or "", file)
            draft, absent = with_body_files(draft, folder / FOLDER)
            more += absent
            (refused if found or more else series)[path.stem] = draft
        # What is empty only because it could not be opened is not to blame for that.
        problems += found or more
    return Definitions(settings, series, segments, refused, others), problems


def _definition_files(folder: Path, problems: list[Problem]) -> Iterator[Path]:
    if not folder.is_dir():
        message = f"there is no folder `{FOLDER}` in this project; make it, and write one series per file into it"
        problems.append(Problem(None, message, "warning"))
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or not path.is_file():
            continue
        if path.suffix == ".yml":
            yield path
        elif path.suffix.lower() in (".yml", ".yaml"):
            message = f"this file is not read; rename it to `{path.stem}.yml`"
            problems.append(Problem(Position(f"{FOLDER}/{path.name}", 1, 1), message, "warning"))
