"""Files that are there whole or not at all, and never change once they are there."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import BinaryIO

UNFINISHED = ".unfinished"
"""The folder, beside the files, for what is being written."""


class TakenError(Exception):
    """A file of that name is there, with another content; the text is its path."""


Write = Callable[[BinaryIO], None]
"""Writes what a file holds."""

Same = Callable[[BinaryIO, BinaryIO], bool]
"""Whether two files, both read from their beginning, hold the same."""

_CHUNK = 1 << 20


def same_bytes(one: BinaryIO, other: BinaryIO) -> bool:
    """Whether two files are equal byte for byte."""
    chunks = (iter(partial(file.read, _CHUNK), b"") for file in (one, other))
    return all(here == there for here, there in zip_longest(*chunks))


def write_whole(path: Path, write: Write, same: Same = same_bytes) -> None:
    """Write a file that survives a crash from the moment its name appears; a repeat finds it and leaves it as it is.

    The file system must know hard links: giving a finished file its name by a link, unlike by renaming, cannot replace
    one that is there. It is written in a hidden folder beside, so that what a killed process left is found without
    going through all the finished files; the repeat removes it.

    Args:
        path: Where the file will be; its folder exists.
        write: Writes the content.
        same: Compares what is there with what was to be written.

    Raises:
        TakenError: Another content has this name.
        OSError: The disk is full, or the folder cannot be written.
    """
    unfinished = path.parent / UNFINISHED
    unfinished.mkdir(exist_ok=True)
    for leftover in unfinished.iterdir():
        if leftover.stem == path.name:
            leftover.unlink(missing_ok=True)
    # Should two processes write the same file at once, neither can name what the other has half done.
    temporary = unfinished / f"{path.name}.{uuid.uuid4().hex}"
    try:
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError as error:
            with temporary.open("rb") as one, path.open("rb") as other:
                if not same(one, other):
                    raise TakenError(str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
