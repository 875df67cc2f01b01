"""Files that are there whole or not at all, and never change once they are there."""

from __future__ import annotations

import filecmp
import os
import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


class TakenError(Exception):
    """A file of that name is there, with another content; the text is its path."""


Same = Callable[[Path, Path], bool]
"""Whether two files hold the same."""


def same_bytes(one: Path, other: Path) -> bool:
    """Whether two files are equal byte for byte."""
    return filecmp.cmp(one, other, shallow=False)


def write_whole(path: Path, write: Callable[[BinaryIO], None], same: Same = same_bytes) -> None:
    """Write a file that survives a crash from the moment its name appears; a repeat finds it and leaves it as it is.

    The file system must know hard links: giving a finished file its name by a link, unlike by renaming, cannot replace
    one that is there. It is written in a hidden folder beside; what a killed process left in there goes at the repeat.

    Args:
        path: Where the file will be; its folder exists.
        write: Writes the content.
        same: Compares what is there with what was to be written.

    Raises:
        TakenError: Another content has this name.
        OSError: The disk is full, or the folder cannot be written.
    """
    workshop = path.with_name(f".{path.name}.tmp")
    shutil.rmtree(workshop, ignore_errors=True)
    # Should two processes write the same file at once, neither can name what the other has half done.
    temporary = workshop / uuid.uuid4().hex
    try:
        workshop.mkdir()
        with temporary.open("xb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)
        except FileExistsError as error:
            if not same(temporary, path):
                raise TakenError(str(path)) from error
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a crash."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
