"""The folder in which requests wait for a load: one file each, whole or not there."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

from pipelines.whole_file import sync_folder

_ASIDE = ".receipt-"


def keep(folder: Path, provider: str | None, body: bytes) -> None:
    """Put a request on the disk; when this returns, it is there whatever happens to the machine.

    Its name says whose events it holds, and is made of the body: what is sent twice is one file. Nobody but the owner
    may read it.

    Args:
        folder: The spool.
        provider: A name of `pipelines.receipts.maps.MAPS`; None: rows in our own words.
        body: JSON.

    Raises:
        OSError: It could not be written.
    """
    # A line of JSON: line breaks in it stand between values, never within a text.
    line = body.replace(b"\r", b" ").replace(b"\n", b" ") + b"\n"
    map_of = f".{provider}" if provider else ""
    file = folder / f"{hashlib.sha256(body).hexdigest()}{map_of}.jsonl"
    aside = folder / f"{_ASIDE}{secrets.token_hex(8)}"
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(descriptor, "wb") as written:  # noqa: PTH123 (it is open already)
            written.write(line)
            written.flush()
            os.fsync(descriptor)
        aside.replace(file)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    sync_folder(folder)


def prepare(folder: Path) -> None:
    """Make the folder where it is absent, for its owner alone, and clear what a killed server left half written.

    Raises:
        OSError: It cannot be made or written to.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for aside in folder.glob(f"{_ASIDE}{'[0-9a-f]' * 16}"):
        aside.unlink(missing_ok=True)
