"""Where files go: a folder of this machine, or one in a bucket (`pipelines.senders.bucket`)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pipelines.senders.protocol import SenderError
from pipelines.whole_file import Same, TakenError, Write, same_bytes, write_whole


class Folder(Protocol):
    """Files that are there whole or not at all, and never change once they are there."""

    def has(self, name: str) -> bool:
        """Whether a file is there.

        Raises:
            SenderError: Nobody knows.
        """

    def put(self, name: str, write: Write, same: Same = same_bytes) -> str:
        """Add a file, or leave the one of that name that holds the same, and give the SHA-256 of what is there.

        Raises:
            SenderError: Another content has that name, or nothing can be written.
        """

    def close(self) -> None:
        """Give back what stayed open."""


@dataclass(frozen=True, slots=True)
class LocalFolder:
    """A folder of this machine, made where it is absent."""

    path: Path

    def has(self, name: str) -> bool:
        with _said_of(self.path / name):
            return (self.path / name).exists()

    def put(self, name: str, write: Write, same: Same = same_bytes) -> str:
        path = self.path / name
        with _said_of(path):
            self.path.mkdir(parents=True, exist_ok=True)
            try:
                write_whole(path, write, same)
            except TakenError as error:
                raise taken(str(path)) from error
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()

    def close(self) -> None:
        """Nothing stays open."""


def taken(where: str) -> SenderError:
    """What is said where another content has a file's name."""
    return SenderError(
        f"{where} is there with another content, and is not overwritten. "
        "Find out who wrote it, move it away and hand off again."
    )


@contextmanager
def _said_of(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SenderError(f"{path} cannot be written: {error.strerror or error}.") from error
