"""The `files` sender: each batch a file in a folder, and a manifest that says it is whole."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from pipelines.model import Sender as Settings
from pipelines.problems import UserError
from pipelines.secret import Secret
from pipelines.senders.bucket import SCHEME, Bucket, check_url
from pipelines.senders.extra import need
from pipelines.senders.file_format import FORMATS
from pipelines.senders.folder import Folder, LocalFolder
from pipelines.senders.protocol import Batch, Outcome, Promise, SenderError
from pipelines.senders.sender_type import SenderType

_SAFE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


@dataclass(frozen=True, slots=True)
class FilesSender:
    """Writes ``<batch_id>.<format>``, then ``<batch_id>.manifest.json``.

    Who picks batches up looks for manifests: one is written last, and names its file with message count and SHA-256.
    A repeated offer finds the file and leaves it, so a batch arrives exactly once; for that, files must stay where they
    are until their batch is ``handed_off``.

    Attributes:
        format: ``jsonl``, ``csv`` or ``parquet``. A batch found in another format stays in that one.
    """

    folder: Folder
    format: str = "jsonl"

    @property
    def promise(self) -> Promise:
        """Exactly once: a batch is known by its file's name."""
        return "exactly_once"

    @property
    def at_once(self) -> int:
        """Two: one file is written while the other waits for its disk or bucket."""
        return 2

    def has(self, batch_id: str) -> bool:
        """Whether the batch's file is there, or cannot be looked for."""
        try:
            return self._format_of(batch_id) is not None
        except UserError:
            return True

    def send(self, batch: Batch) -> Outcome:
        """Write the batch's file and manifest, unless they are there.

        Raises:
            SenderError: Another content has that name, the disk is full, or the folder cannot be written.
        """
        _check_name(batch.batch_id)
        ending = self._format_of(batch.batch_id) or self.format
        write, same = FORMATS[ending]
        name = f"{batch.batch_id}.{ending}"
        digest = self.folder.put(name, partial(write, batch.messages), same)
        manifest = _manifest(batch, name, ending, digest)
        self.folder.put(f"{batch.batch_id}.manifest.json", partial(_put, manifest))
        return Outcome()

    def close(self) -> None:
        """Give back connections."""
        self.folder.close()

    def _format_of(self, batch_id: str) -> str | None:
        """The format of the batch's file; None: it is not there."""
        return next((ending for ending in FORMATS if self.folder.has(f"{batch_id}.{ending}")), None)


def in_bucket(settings: Settings) -> bool:
    """Whether the files of an entry of ``senders`` leave this machine."""
    return settings.options["path"].startswith(SCHEME)


def _open(settings: Settings, folder: Path) -> FilesSender:
    path, what = settings.options["path"], f"Sender `{settings.name}`"
    said: dict[str, str | Secret] = {**settings.options, **settings.secrets}
    config = {key: value for key, value in said.items() if key in _STORE}
    if not in_bucket(settings):
        if config:
            raise SenderError(f"{what} writes to a folder of this machine; `{min(config)}` is for `s3://` only.")
        if _OTHER_SCHEME.match(path):
            raise SenderError(
                f"{what} cannot write to `{path}`: write a folder of this machine, or `s3://bucket/prefix`."
            )
        return FilesSender(LocalFolder(folder / path), settings.options["format"])
    check_url(path)
    if ("access_key_id" in config) != ("secret_access_key" in config):
        raise SenderError(f"{what} needs both `access_key_id` and `secret_access_key`, or neither.")
    if not str(config.get("endpoint", "https://")).startswith(("https://", "http://", "{env:")):
        raise SenderError(f"`endpoint` of sender `{settings.name}` must begin with https:// or http://.")
    need("obstore", "s3", f"{what} writes to S3, which")
    return FilesSender(Bucket(path.rstrip("/"), config), settings.options["format"])


_STORE = {
    "endpoint": "Where the store is, if not at AWS, such as `https://minio.example`; `s3://` only.",
    "region": "The bucket's region; `s3://` only.",
    "access_key_id": "The key, `{env: NAME}`; the environment's `AWS_*` variables or the machine's role when absent.",
    "secret_access_key": "Its secret, `{env: NAME}`.",
    "session_token": "The token of a key that is lent, `{env: NAME}`.",
}
"""What a bucket may need, each with its description."""

FILES = SenderType(
    summary="writes each batch to a folder, here or in a bucket",
    open=_open,
    options={
        "path": "The folder, relative to the project, or `s3://bucket/prefix`.",
        "format": "`jsonl`, `csv` or `parquet`.",
        **_STORE,
    },
    choices={"format": tuple(FORMATS)},
    defaults={"format": "jsonl"},
    secrets=frozenset({"secret_access_key", "session_token"}),
    maybe_secrets=frozenset({"endpoint", "region", "access_key_id"}),
    carries_tags=True,
    reaches_outside=in_bucket,
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


def _manifest(batch: Batch, name: str, ending: str, digest: str) -> bytes:
    content = {
        **batch.head,
        "file": name,
        "format": ending,
        "sha256": digest,
        "columns": batch.messages.column_names,
    }
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
