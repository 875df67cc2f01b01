"""The `files` sender: each batch a file in a folder, and a manifest that says it is whole."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from pipelines.model import Sender as Settings
from pipelines.senders.file_format import FORMATS
from pipelines.senders.protocol import Batch, Outcome, Promise, SenderError
from pipelines.senders.sender_type import SenderType
from pipelines.senders.whole_file import TakenError, write_whole

_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")


@dataclass(frozen=True, slots=True)
class FilesSender:
    """Writes ``<batch_id>.<format>``, then ``<batch_id>.manifest.json``.

    Who picks batches up looks for manifests: one is written last, and names its file with message count and SHA-256.
    A repeated offer finds the file and leaves it, so a batch arrives exactly once; for that, files must stay where they
    are until their batch is ``handed_off``.

    Attributes:
        folder: Made where it is absent.
        format: ``jsonl``, ``csv`` or ``parquet``. A batch found in another format stays in that one.
    """

    folder: Path
    format: str = "jsonl"

    @property
    def promise(self) -> Promise:
        """Exactly once: a batch is known by its file's name."""
        return "exactly_once"

    def has(self, batch_id: str) -> bool:
        """Whether the batch's file is there, or cannot be looked for."""
        try:
            return self._found(batch_id) is not None
        except OSError:
            return True

    def send(self, batch: Batch) -> Outcome:
        """Write the batch's file and manifest, unless they are there.

        Raises:
            SenderError: Another content has that name, the disk is full, or the folder cannot be written.
        """
        _check_name(batch.batch_id)
        path = self.folder / f"{batch.batch_id}.{self.format}"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            path = self._found(batch.batch_id) or path
            write, same = FORMATS[path.suffix[1:]]
            write_whole(path, partial(write, batch.messages), same)
            manifest = _manifest(batch, path)
            write_whole(path.with_name(f"{batch.batch_id}.manifest.json"), partial(_put, manifest))
        except TakenError as error:
            raise SenderError(
                f"{error} is there with another content, and is not overwritten. "
                "Find out who wrote it, move it away and hand off again."
            ) from error
        except OSError as error:
            raise SenderError(f"{path} cannot be written: {error.strerror or error}.") from error
        return Outcome()

    def close(self) -> None:
        """Nothing stays open."""

    def _found(self, batch_id: str) -> Path | None:
        candidates = (self.folder / f"{batch_id}.{ending}" for ending in FORMATS)
        return next((path for path in candidates if path.exists()), None)


def _open(settings: Settings, folder: Path) -> FilesSender:
    return FilesSender(folder / settings.options["path"], settings.options["format"])


FILES = SenderType(
    summary="writes each batch to a folder",
    open=_open,
    options={"path": "The folder, relative to the project.", "format": "`jsonl`, `csv` or `parquet`."},
    choices={"format": tuple(FORMATS)},
    defaults={"format": "jsonl"},
    reaches_outside=False,
)
"""The type `files`."""


def _check_name(batch_id: str) -> None:
    if not _SAFE_NAME.fullmatch(batch_id):
        raise SenderError(
            f"The batch id {batch_id!r} cannot be a file name: it may have letters, digits, `_`, `-` and `.`, "
            "begins with none of the last two and has at most 200 characters."
        )


def _put(content: bytes, file: BinaryIO) -> None:
    file.write(content)


def _manifest(batch: Batch, path: Path) -> bytes:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    content = {
        **batch.head,
        "file": path.name,
        "format": path.suffix[1:],
        "sha256": digest.hexdigest(),
        "columns": batch.messages.column_names,
    }
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
