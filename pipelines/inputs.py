"""From what ``series.yml`` says of the sources to what the warehouse opens for them."""

from __future__ import annotations

import glob
from pathlib import Path

from pipelines.hint import did_you_mean
from pipelines.model import Settings
from pipelines.origin import Files, input_table
from pipelines.problems import Problem
from warehouse import inputs
from warehouse.inputs import Input


def find_inputs(settings: Settings, folder: Path) -> tuple[list[Input], list[Problem]]:
    """What has to be opened for the sources of a project, and what of it is not there.

    Which files a glob matches is decided here, once.

    Args:
        settings: The project's settings.
        folder: Its folder, from which paths start.
    """
    found: list[Input] = []
    problems: list[Problem] = []
    for attachment in settings.attachments.values():
        path = folder / attachment.path
        if path.resolve() == (folder / settings.warehouse_path).resolve():
            message = f"database `{attachment.name}` is the warehouse itself; name its tables without `attach`"
            problems.append(Problem(attachment.position, message))
        elif attachment.name.lower() == Path(settings.warehouse_path).stem.lower():
            message = f"`{attachment.name}` is the name of the warehouse's own file; attach this one by another name"
            problems.append(Problem(attachment.position, message))
        elif not path.is_file():
            problems.append(Problem(attachment.position, _no_file(f"database `{attachment.name}`", folder, path)))
        else:
            found.append(inputs.Database(attachment.name, path, attachment.type))
    for source in settings.sources.values():
        if isinstance(source.origin, Files):
            paths = _matching(folder, source.origin.pattern)
            if paths:
                table, kind = input_table(source.name), source.origin
                found.append(inputs.Files(table, kind.format, paths, source.name, kind.delimiter))
            else:
                message = f"source `{source.name}`: no file matches {source.origin.pattern}"
                problems.append(Problem(source.position, message))
    return found, problems


def _matching(folder: Path, pattern: str) -> list[Path]:
    """The files that a glob matches, by name; hidden ones only where it says so."""
    found = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 (`Path.glob` refuses `../`)
    return sorted(path for name in found if (path := folder / name).is_file())


def _no_file(what: str, folder: Path, path: Path) -> str:
    beside = [each.name for each in path.parent.iterdir() if each.is_file()] if path.parent.is_dir() else []
    shown = path.relative_to(folder) if path.is_relative_to(folder) else path
    return f"{what}: there is no file {shown}{did_you_mean(path.name, beside)}"
