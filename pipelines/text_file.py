"""A text file that is there as a whole or not at all."""

from __future__ import annotations

import os
import uuid
from pathlib import Path


def write_text(path: Path, text: str, *, replace: bool = False) -> None:
    """Write a file aside and give it its name at once; killed anywhere, no half file has that name.

    Args:
        path: The file; its folder is made where it is absent.
        text: What it holds, written as UTF-8.
        replace: Whether it may take the place of a file of that name.

    Raises:
        FileExistsError: There is one, and it may not be replaced; it is as it was.
        OSError: The disk is full, or the folder cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        with aside.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        if replace:
            aside.replace(path)
        else:
            # Unlike renaming, a link cannot take the place of a file that came meanwhile.
            os.link(aside, path)
    finally:
        aside.unlink(missing_ok=True)
