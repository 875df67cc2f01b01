"""Takes files of receipts into the warehouse: each receipt once, however often and by however many they are loaded.

Files are read by an engine that holds nothing; the warehouse is opened for as long as it takes to write what is new, in
one transaction for some files at a time. Whoever is killed loads again: what is in already is known by its id.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.hint import did_you_mean
from pipelines.problems import UsageError
from pipelines.receipts.maps import MAPS, OWN, ReceiptMap
from pipelines.sql_text import render
from warehouse import writes
from warehouse.adapter import Warehouse
from warehouse.receipt_files import BadRow, Format, Reading, ReceiptReader, UnreadableError
from warehouse.receipts import RECEIPTS, Incoming

if TYPE_CHECKING:
    from warehouse.inputs import Input

Opened = Callable[[Sequence["Input"]], AbstractContextManager[Warehouse]]
Track = Callable[[Sequence[Sequence["ReceiptFile"]]], Iterable[Sequence["ReceiptFile"]]]

FORMATS: Mapping[str, Format] = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
"""How a file is read, by how its name ends."""

MOST_NAMED = 20
"""How many bad rows are named; all are counted."""

_MOST_FILES = 2_000
_MOST_BYTES = 256 * 1024 * 1024
_RECOGNISED = "run_recognised_receipts"


@dataclass(frozen=True, slots=True)
class ReceiptFile:
    """One file, and how it is read."""

    path: Path
    format: Format
    map: ReceiptMap


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a load did.

    Attributes:
        files: How many files were read.
        loaded: Receipts that are new.
        known: Receipts that were there already.
        ignored: Events that are no receipts, by the provider's word for them.
        bad_rows: How many rows cannot be used.
        bad: The first of them.
        removed: Files that were removed.
        passed_over: Files in the folders that are of no format that is known.
    """

    files: int = 0
    loaded: int = 0
    known: int = 0
    ignored: Mapping[str, int] = field(default_factory=dict)
    bad_rows: int = 0
    bad: tuple[BadRow, ...] = ()
    removed: int = 0
    passed_over: int = 0


def find_files(paths: Sequence[Path], said: str | None) -> list[ReceiptFile]:
    """The files that are named, and those of formats that are known in folders that are; by name.

    Args:
        paths: Files and folders. Hidden files are passed over: somebody may be writing them.
        said: The map of files whose names do not say it themselves, as ``….sendgrid.jsonl`` does; None: our own words.

    Raises:
        UsageError: A path does not exist, a file is of no format that is known, or there is no such map.
    """
    if said is not None and said not in MAPS:
        known = ", ".join(MAPS)
        raise UsageError(f"There is no map `{said}`{did_you_mean(said, MAPS) or f'; there are: {known}.'}")
    default = MAPS[said] if said else OWN
    found: dict[Path, ReceiptFile] = {}
    for path in paths:
        if not path.exists():
            raise UsageError(f"There is no file or folder {path}.")
        if path.is_file() and path.suffix.lower() not in FORMATS:
            raise UsageError(f"{path} is of no format that is known; its name must end in {', '.join(FORMATS)}.")
        for file in (path,) if path.is_file() else sorted(path.rglob("*")):
            if file.suffix.lower() in FORMATS and not _is_hidden(file, path) and file.is_file():
                found[file] = ReceiptFile(file, FORMATS[file.suffix.lower()], _map_of(file, default))
    return list(found.values())


def count_passed_over(paths: Sequence[Path]) -> int:
    """How many files of the folders are of no format that is known, but for hidden ones."""
    return sum(
        file.suffix.lower() not in FORMATS and not _is_hidden(file, folder) and file.is_file()
        for folder in paths
        for file in folder.rglob("*")
    )


def load(
    files: Sequence[ReceiptFile], opened: Opened, clock: Callable[[], datetime], *, remove: bool, track: Track
) -> LoadResult:
    """Load files.

    Args:
        files: The files.
        opened: Opens the warehouse with inputs, for writing.
        clock: The wall clock, naive UTC.
        remove: Whether files are removed once what they hold is committed; those with bad rows stay, and those that
            somebody has written to meanwhile.
        track: Is given the groups of files, for a progress bar.

    Raises:
        WarehouseError: The warehouse cannot be opened; what was loaded so far stays.
    """
    total = _Total()
    with contextlib.closing(ReceiptReader()) as reader:
        for group in track(list(_groups(files))):
            states = {file.path: _state(file.path) for file in group}
            for some, reading in _read(reader, group, total):
                if reading.rows.num_rows:
                    with opened([Incoming(reading.rows)]) as warehouse:
                        loaded = _write(warehouse, clock())
                    total.loaded += loaded
                    total.known += reading.rows.num_rows - loaded
                total.note(some, reading)
                if remove:
                    good = [each.path for each in some if str(each.path) not in reading.bad_files]
                    # Whoever still writes to a file has written what nobody has read.
                    total.removed += _remove(path for path in good if states[path] == _state(path))
    return total.result()


@dataclass
class _Total:
    """What a load has done so far."""

    files: int = 0
    loaded: int = 0
    known: int = 0
    ignored: Counter[str] = field(default_factory=Counter)
    bad_rows: int = 0
    bad: list[BadRow] = field(default_factory=list)
    removed: int = 0

    def note(self, files: Sequence[ReceiptFile], reading: Reading) -> None:
        self.files += len(files)
        self.ignored.update(reading.ignored)
        self.bad_rows += reading.bad_count
        self.bad += reading.bad[: MOST_NAMED - len(self.bad)]

    def refuse(self, file: ReceiptFile) -> None:
        self.files += 1
        self.bad_rows += 1
        if len(self.bad) < MOST_NAMED:
            self.bad.append(BadRow(str(file.path), None, f"it cannot be read as {_NAMES[file.format]}"))

    def result(self) -> LoadResult:
        ignored = dict(sorted(self.ignored.items()))
        return LoadResult(self.files, self.loaded, self.known, ignored, self.bad_rows, tuple(self.bad), self.removed)


_NAMES: Mapping[Format, str] = {"jsonl": "lines of JSON", "csv": "CSV with a header, in UTF-8", "parquet": "Parquet"}


def _is_hidden(file: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _map_of(file: Path, default: ReceiptMap) -> ReceiptMap:
    return MAPS.get(Path(file.stem).suffix.removeprefix(".").lower(), default)


def _groups(files: Sequence[ReceiptFile]) -> Iterator[list[ReceiptFile]]:
    """Files that are read and committed together: of one kind, and not too much at once."""
    ordered = sorted(files, key=lambda file: (file.format, file.map.name, file.path))
    for (format_, _), same in groupby(ordered, key=lambda file: (file.format, file.map.name)):
        group: list[ReceiptFile] = []
        size = 0
        for file in same:
            its = _size(file.path)
            if group and (format_ == "csv" or len(group) >= _MOST_FILES or size + its > _MOST_BYTES):
                yield group
                group, size = [], 0
            group.append(file)
            size += its
        if group:
            yield group


def _state(file: Path) -> tuple[int, ...]:
    """What is different once somebody has written to a file; empty where it is gone."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _read(
    reader: ReceiptReader, group: Sequence[ReceiptFile], total: _Total
) -> Iterator[tuple[Sequence[ReceiptFile], Reading]]:
    """Read files together, or one by one where that fails: one that cannot be read keeps no other out."""
    # Somebody else may have loaded and removed one meanwhile.
    there = [file for file in group if file.path.exists()]
    if not there:
        return
    first = there[0]
    try:
        reading = reader.read([file.path for file in there], first.format, first.map.mapped, first.map.rows, MOST_NAMED)
    except UnreadableError:
        if len(there) > 1:
            for file in there:
                yield from _read(reader, [file], total)
        elif first.path.exists():
            total.refuse(first)
        return
    yield there, reading


def _write(warehouse: Warehouse, now: datetime) -> int:
    """Add what is new of the temporary table; how many that is."""
    knows_messages = "provider_message_id" in dict(warehouse.columns("series.messages") or ())
    values = {"loaded_at": now}
    name = RECEIPTS.qualified_name
    with warehouse.transaction():
        warehouse.execute(f"create schema if not exists {RECEIPTS.schema}")
        warehouse.execute(RECEIPTS.create("varchar"))
        loaded = warehouse.execute(
            writes.append(name, RECEIPTS.column_names, render("receipts/write_receipts")), values
        )
        if knows_messages:
            warehouse.execute(writes.filled_table(_RECOGNISED, render("receipts/recognised")))
            warehouse.execute(writes.update(name, "receipt_id", {"message_id": "message_id"}, _RECOGNISED))
        warehouse.execute(writes.delete(name, ["receipt_id"], render("receipts/forgotten")), values)
    return loaded


def _remove(files: Iterable[Path]) -> int:
    removed = 0
    for file in files:
        with contextlib.suppress(FileNotFoundError):
            file.unlink()
            removed += 1
    return removed
