"""Exported files as candidates: each file and each folder of a folder, or all that one glob matches."""

from __future__ import annotations

import glob
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.definitions.source_settings import file_pattern
from pipelines.hint import did_you_mean
from pipelines.init.candidate import Candidate, Columns
from pipelines.init.opened import opened
from pipelines.init.places import Found, Places, from_project
from pipelines.inputs import find_files
from pipelines.origin import TYPES, FileFormat, Files
from pipelines.problems import UsageError
from pipelines.sql_text import identifier, render
from warehouse.adapter import WarehouseError
from warehouse.inputs import Files as Input

_DELIMITERS = {",": ",", ";": ";", "\t": "tab", "|": "|"}
"""What may stand between the values of a CSV file, the likeliest first, and how ``series.yml`` writes it."""

_NOWHERE = Path("(no database)")
"""Files need no database."""

_VALUE = re.compile(r"[-+]?\d[\d.,:/ TZ+-]*|.*@.*|\s*")
"""What is no name of a column: a number, a time, an address, nothing."""


@dataclass(frozen=True, slots=True)
class _Export:
    """Files that are one table.

    Attributes:
        title: As people would say it, from where they are.
        name: What the table is called.
        pattern: Which files they are, from the current folder.
    """

    title: str
    name: str
    pattern: str


def find_exports(folder: Path, places: Places) -> Found:
    """The tables that exported files are.

    Args:
        folder: The project's folder, which need not be there.
        places: Say which folders, files and globs.

    Raises:
        UsageError: There are no such files.
    """
    said: list[tuple[FileFormat, str]] = [
        *(("parquet", one) for one in places.parquet),
        *(("csv", one) for one in places.csv),
    ]
    exports = {export.title: (format_, export) for format_, one in said for export in _exports(format_, one)}
    candidates: list[Candidate] = []
    unusable: dict[str, str] = {}
    warnings = []
    for number, (title, (format_, export)) in enumerate(exports.items()):
        try:
            candidates.append(_candidate(folder, format_, export, f"export_{number}"))
        except (ValueError, WarehouseError) as error:
            unusable |= {title: str(error), export.name: str(error)}
            warnings.append(str(error))
    return Found(tuple(candidates), unusable, warnings=tuple(warnings))


def _exports(format_: str, said: str) -> list[_Export]:
    option, path = f"--{format_} {said}", Path(said)
    try:
        file_pattern(said)
    except ValueError as error:
        raise UsageError(f"{option}: {error}.") from None
    if path.is_dir():
        found = [export for entry in sorted(path.iterdir()) if (export := _entry(entry, format_))]
        if not found:
            raise UsageError(f"{option}: there is no *.{format_} file in this folder, or in a folder of it.")
        return found
    if path.is_file():
        return [_Export(path.as_posix(), path.stem, _escaped(path))]
    if not glob.has_magic(said):
        beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UsageError(f"{option}: there is no such file or folder{did_you_mean(path.name, beside) or '.'}")
    if not glob.glob(said, recursive=True):  # noqa: PTH207 (as runs look for them)
        raise UsageError(f"{option}: no file matches.")
    return [_Export(said, _name_of(path), said)]


def _entry(path: Path, format_: str) -> _Export | None:
    """What an entry of a folder is; None: nothing of this format. Files may be in folders by day, and so on."""
    if path.name.startswith((".", "_")):
        return None
    if path.is_file():
        is_one = path.suffix.lower() == f".{format_}"
        return _Export(path.as_posix(), path.stem, _escaped(path)) if is_one else None
    files = list(path.rglob(f"*.{format_}"))
    if not files:
        return None
    rest = f"*.{format_}" if all(file.parent == path for file in files) else f"**/*.{format_}"
    return _Export(f"{path.as_posix()}/{rest}", path.name, f"{_escaped(path)}/{rest}")


def _escaped(path: Path) -> str:
    return glob.escape(path.as_posix())


def _name_of(pattern: Path) -> str:
    """What the files of a glob are called, or the nearest folder that all of them are in.

    >>> [_name_of(Path(text)) for text in ("exports/users/*.csv", "exports/users_*.csv", "exports/*/users.csv")]
    ['users', 'users', 'users']
    >>> _name_of(Path("events/day=*/**/*.parquet")), _name_of(Path("*.csv"))
    ('events', 'files')
    """
    file = re.split(r"[*?\[]", pattern.name)[0]
    name = (pattern.stem if file == pattern.name else file).strip("_-=. ")
    return name or next((part for part in reversed(pattern.parts[:-1]) if not glob.has_magic(part)), "files")


def _candidate(folder: Path, format_: FileFormat, export: _Export, table: str) -> Candidate:
    """Look at some files by the reader that runs have.

    Raises:
        ValueError: There are none, or they have no header, or a name that ``series.yml`` cannot have.
        WarehouseError: They cannot be read.
    """
    if not export.title.isprintable():
        raise ValueError(f"{export.title}: a name with control characters cannot be a source; rename it")
    files, columns = _columns(Files(format_, export.pattern), export.title, table)
    place: dict[str, str] = {format_: from_project(folder, Path(export.pattern))}
    types: Mapping[str, str] = {}
    if format_ == "csv":
        if any(_VALUE.fullmatch(name) for name, _ in columns):
            # Its values are personal data, so they are not shown.
            raise ValueError(f"{export.title}: the first line looks like a row; it must name the columns")
        if files.delimiter != ",":
            place["delimiter"] = _DELIMITERS[files.delimiter]
        types = _types(files, columns)
        columns = tuple((name, TYPES[types[name]] if name in types else type_) for name, type_ in columns)
    area = Path(export.title).parent.name
    return Candidate(export.title, area, export.name, columns, place, f"temp.main.{table}", types, (files,))


def _columns(files: Files, title: str, table: str) -> tuple[Input, Columns]:
    """The files, and their columns; those of CSV files by the first delimiter that makes several of a line."""
    found: list[tuple[Input, Columns] | WarehouseError] = []
    for delimiter in _DELIMITERS if files.format == "csv" else (",",):
        one = find_files(replace(files, delimiter=delimiter), Path(), title, table)
        try:
            with opened(_NOWHERE, [one], rows=False) as engine:
                columns = tuple(engine.columns(f"temp.main.{table}") or ())
        except WarehouseError as error:
            found.append(error)
            continue
        if len(columns) > 1:
            return one, columns
        found.append((one, columns))
    if isinstance(found[0], WarehouseError):
        raise found[0]
    return found[0]


def _types(files: Input, columns: Columns) -> dict[str, str]:
    """What the values of a CSV file are, where every one of a column is more than text."""
    with opened(_NOWHERE, [files]) as engine:
        listed = [identifier(name) for name, _ in columns]
        [row] = engine.fetch(render("init/column_types", relation=f"temp.main.{files.table}", columns=listed))
    return {name: word for (name, _), word in zip(columns, row, strict=True) if word is not None}
