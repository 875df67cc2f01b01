"""From what ``series.yml`` says of the sources to what the warehouse opens for them."""

from __future__ import annotations

import glob
from pathlib import Path

from pipelines.definitions.dbt_manifest import absent_models
from pipelines.hint import did_you_mean
from pipelines.model import Settings, Source
from pipelines.origin import Attachment, Files, PostgresQuery, input_table
from pipelines.problems import Problem, UsageError
from warehouse import inputs
from warehouse.inputs import Input


def find_inputs(settings: Settings, folder: Path, *, keep: bool = True) -> tuple[list[Input], list[Problem]]:
    """What has to be opened for the sources of a project, and what of it is not there.

    Which files a glob matches is decided here, once.

    Args:
        settings: The project's settings.
        folder: Its folder, from which paths start.
        keep: Whether rows that are fetched from elsewhere may be kept in the warehouse.
    """
    found: list[Input] = []
    problems = absent_models(settings, folder)
    for attachment in settings.attachments.values():
        try:
            found.append(_database(attachment, settings, folder))
        except ValueError as error:
            problems.append(Problem(attachment.position, str(error)))
    for source in settings.sources.values():
        try:
            if one := _input(source, settings.target, folder, keep):
                found.append(one)
        except (ValueError, UsageError) as error:
            problems.append(Problem(source.position, f"source `{source.name}`: {error}"))
    return found, problems


def find_files(files: Files, folder: Path, title: str, table: str) -> inputs.Files:
    """The files that a glob matches now, to be read into a table.

    Args:
        files: The glob and how its files are read.
        folder: The folder from which the glob starts.
        title: What they are, in messages.
        table: The temporary table.

    Raises:
        ValueError: There are none, or there is nothing in them.
    """
    paths = _matching(folder, files.pattern)
    if not paths:
        raise ValueError(f"no file matches {files.pattern}")
    if files.format == "csv":
        # An empty file has no header; it would be read as one with a column of an invented name.
        paths = [path for path in paths if path.stat().st_size]
        if not paths:
            raise ValueError(f"{files.pattern} is empty; the first line of a CSV file names its columns")
    return inputs.Files(table, files.format, tuple(paths), title, files.delimiter)


def _database(attachment: Attachment, settings: Settings, folder: Path) -> Input:
    path, own = folder / attachment.path, folder / settings.warehouse_path
    if path.resolve() == own.resolve():
        raise ValueError(f"database `{attachment.name}` is the warehouse itself; name its tables without `attach`")
    if attachment.name.lower() == own.stem.lower():
        raise ValueError(
            f"`{attachment.name}` is the name of the warehouse's own file; attach this one by another name"
        )
    if not path.is_file():
        raise ValueError(_no_file(f"database `{attachment.name}`", folder, path))
    return inputs.Database(attachment.name, path, attachment.type)


def _input(source: Source, target: str | None, folder: Path, keep: bool) -> Input | None:
    """What a source needs from outside; None for tables and queries."""
    match source.origin:
        case Files() as files:
            return find_files(files, folder, f"source `{source.name}`", input_table(source.name))
        case PostgresQuery() as postgres:
            from warehouse import postgres as server
            from warehouse.dsn import digest_of_place

            dsn = postgres.dsn.read()
            # Whatever rows are kept by: those of one target or server never pass for another's.
            place = digest_of_place(dsn)
            written = f"{target or ''} {postgres.dsn} {place} {postgres.watermark}\n{postgres.written}"
            return server.PostgresQuery(
                table=input_table(source.name),
                source=source.name,
                dsn=dsn,
                query=postgres.query,
                watermark=postgres.watermark,
                overlap=postgres.overlap,
                written=written,
                keeps=keep,
            )
        case _:
            return None


def _matching(folder: Path, pattern: str) -> list[Path]:
    """The files that a glob matches, by name; hidden ones only where it says so."""
    found = glob.glob(pattern, root_dir=folder, recursive=True)  # noqa: PTH207 (`Path.glob` refuses `../`)
    return sorted(path for name in found if (path := folder / name).is_file())


def _no_file(what: str, folder: Path, path: Path) -> str:
    beside = [each.name for each in path.parent.iterdir() if each.is_file()] if path.parent.is_dir() else []
    shown = path.relative_to(folder) if path.is_relative_to(folder) else path
    return f"{what}: there is no file {shown}{did_you_mean(path.name, beside)}"
