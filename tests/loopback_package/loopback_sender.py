"""A package as others write them: a type of sender that posts each batch to a URL, found by its entry point.

Its error quotes the token, as drivers are known to do.
"""

from __future__ import annotations

import json
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from pipelines.model import Sender as Settings
from pipelines.secret import Secret
from pipelines.senders import Batch, Outcome, Promise, SenderType


@dataclass(frozen=True)
class LoopbackSender:
    """Posts the addresses of a batch."""

    url: str
    token: Secret

    @property
    def promise(self) -> Promise:
        return "at_least_once"

    def has(self, batch_id: str) -> bool:  # noqa: ARG002 (it never knows)
        return False

    def send(self, batch: Batch) -> Outcome:
        token = self.token.read()
        request = urllib.request.Request(  # noqa: S310 (the test's own server)
            self.url,
            data=json.dumps(batch.messages["address"].to_pylist()).encode(),
            headers={"Authorization": f"Bearer {token}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=10):  # noqa: S310
                return Outcome()
        except OSError as error:
            raise RuntimeError(f"{self.url}?token={token} failed: {error}") from error

    def close(self) -> None:
        pass


def open_loopback(settings: Settings, folder: Path) -> LoopbackSender:  # noqa: ARG001 (it writes no files)
    return LoopbackSender(settings.options["url"], settings.secrets["token"])


LOOPBACK = SenderType(
    summary="posts each batch to a URL",
    open=open_loopback,
    options={"url": "Where.", "token": "Who asks."},
    required=frozenset({"url", "token"}),
    secrets=frozenset({"token"}),
)
