"""A folder in a bucket of S3, or of another store that speaks its protocol and knows conditional writes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING, cast

from pipelines.secret import Secret
from pipelines.senders.folder import taken
from pipelines.senders.http_call import named
from pipelines.senders.protocol import SenderError
from pipelines.whole_file import Same, Write, same_bytes

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config, S3Store

SCHEME = "s3://"

_URL = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])((?:/(?!\.\.?(?:/|$))[\w.=+@-]+)*)/?", re.ASCII)
_STATUS = re.compile(r"status code: (\d{3})")
_CONNECT_SECONDS, _PUT_SECONDS, _RETRY_SECONDS = 10, 300, 60
_RETRIES = 3


@dataclass(slots=True)
class Bucket:
    """Adds objects and never replaces one: each is put with `If-None-Match: *`, which the store itself holds to.

    Attributes:
        url: ``s3://bucket/prefix``.
        config: What the store is told, by obstore's names. What is not here comes from the environment's ``AWS_*``
            variables, and the key, when there is none either, from the role of the machine.
    """

    url: str
    config: Mapping[str, str | Secret] = field(default_factory=dict)
    _store: S3Store | None = field(default=None, repr=False, compare=False)

    def has(self, name: str) -> bool:
        from obstore.exceptions import BaseError

        try:
            self._open().head(name)
        except FileNotFoundError:
            return False
        except BaseError as error:
            raise self._said(error) from error
        return True

    def put(self, name: str, write: Write, same: Same = same_bytes) -> str:
        from obstore.exceptions import AlreadyExistsError, BaseError

        content = BytesIO()
        write(content)
        there = content.getvalue()
        try:
            # In one piece: of an upload in parts, a killed process leaves parts that nobody sees and everybody pays.
            self._open().put(name, there, mode="create", use_multipart=False)
        except AlreadyExistsError as error:
            there = self._read(name)
            content.seek(0)
            if not same(content, BytesIO(there)):
                raise taken(f"{self.url}/{name}") from error
        except (FileNotFoundError, BaseError) as error:
            raise self._said(error) from error
        return hashlib.sha256(there).hexdigest()

    def close(self) -> None:
        """Let go of connections, and of the key."""
        self._store = None

    def _read(self, name: str) -> bytes:
        from obstore.exceptions import BaseError

        try:
            return bytes(self._open().get(name).bytes())
        except (FileNotFoundError, BaseError) as error:
            raise self._said(error) from error

    def _open(self) -> S3Store:
        from obstore.exceptions import BaseError
        from obstore.store import S3Store

        if self._store is None:
            config = {key: each.read() if isinstance(each, Secret) else each for key, each in self.config.items()}
            client: ClientConfig = {
                "connect_timeout": timedelta(seconds=_CONNECT_SECONDS),
                "timeout": timedelta(seconds=_PUT_SECONDS),
            }
            if config.get("endpoint", "").startswith("http://"):
                client["allow_http"] = True
            try:
                self._store = S3Store.from_url(
                    self.url,
                    config=cast("S3Config", config),
                    client_options=client,
                    retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)},
                )
            except (BaseError, ValueError) as error:
                raise SenderError(f"{self.url} cannot be opened: {type(error).__name__}.") from error
        return self._store

    def _said(self, error: Exception) -> SenderError:
        """The status of an answer without its words, which quote what was asked."""
        from obstore.exceptions import GenericError

        status = _STATUS.search(str(error))
        if status:
            return SenderError(f"{self.url} cannot be used: its server answered {named(int(status[1]))}.")
        what = "cannot be reached" if isinstance(error, GenericError) else "cannot be used"
        return SenderError(f"{self.url} {what}: {type(error).__name__}.")


def check_url(url: str) -> None:
    """Make sure that text names a folder in a bucket.

    Raises:
        SenderError: It does not.
    """
    if not _URL.fullmatch(url):
        raise SenderError(
            f"`{url}` names no folder in a bucket: write `s3://bucket/prefix`, the bucket in small letters, digits, "
            "`.` and `-`, the prefix in letters, digits and `_.=+@-` between single slashes."
        )
