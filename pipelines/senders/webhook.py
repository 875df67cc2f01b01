"""The `webhook` sender: each batch one signed POST, with the same body under the same key however often it is sent."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from pipelines.model import Sender as Settings
from pipelines.secret import Secret
from pipelines.senders.file_format import write_jsonl
from pipelines.senders.http_call import Answer, call, host_of, is_for_now, is_unclear, named
from pipelines.senders.protocol import Batch, Outcome, Promise, SenderError, UnansweredError
from pipelines.senders.sender_type import SenderType

_ENCODED = "whsec_"


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """Posts ``{"batch_id", …, "messages": […]}``, signed as Standard Webhooks are (standardwebhooks.com).

    ``Idempotency-Key`` and ``webhook-id`` are the ``batch_id``; ``webhook-signature`` is the HMAC-SHA256 of
    ``id.timestamp.body``. Any 2xx takes the batch; a 207 answers for each message.

    Attributes:
        url: Where to, or the secret that says it.
        secret: The key of the signature, as text; after ``whsec_`` in Base64, as the libraries of the standard want it.
        authorization: The header of that name; None: there is none.
    """

    url: str | Secret
    secret: Secret
    authorization: Secret | None = None

    @property
    def promise(self) -> Promise:
        """At least once, under one key."""
        return "at_least_once"

    def has(self, batch_id: str) -> bool:  # noqa: ARG002 (see the protocol)
        """Whether an earlier offer may be known by its key: always."""
        return True

    def send(self, batch: Batch) -> Outcome:
        """Post the batch.

        Raises:
            SenderError: The server cannot be reached or refuses.
            UnansweredError: The answer never came, or leaves open what became of the batch.
        """
        url = self.url.read().strip() if isinstance(self.url, Secret) else self.url
        body = body_of(batch)
        headers = {"Content-Type": "application/json", "User-Agent": "warehouse-series"}
        headers |= {"Idempotency-Key": batch.batch_id, **signature(self.secret.read(), batch.batch_id, body)}
        if self.authorization:
            headers["Authorization"] = self.authorization.read().strip()
        answer = call(url, headers, body)
        if answer.status == 207:
            return _outcome(answer, host_of(url))
        if not answer.is_taken:
            error = UnansweredError if is_unclear(answer.status) else SenderError
            raise error(f"{host_of(url)} answered {named(answer.status)}.", answer.retry_after)
        return Outcome()

    def close(self) -> None:
        """Connections are kept for whoever sends next."""


def body_of(batch: Batch) -> bytes:
    """The same batch gives the same bytes."""
    lines = BytesIO()
    write_jsonl(batch.messages, lines)
    opening = json.dumps(batch.head, ensure_ascii=False, separators=(",", ":"))[:-1].encode()
    return opening + b',"messages":[' + lines.getvalue().rstrip(b"\n").replace(b"\n", b",") + b"]}"


def signature(secret: str, batch_id: str, body: bytes, timestamp: int | None = None) -> dict[str, str]:
    """The headers that prove who sent a body, and when.

    Args:
        secret: The key.
        batch_id: What is signed with the body.
        body: The body.
        timestamp: Seconds since 1970; None is now.

    Raises:
        SenderError: The secret begins with ``whsec_`` and is not Base64.
    """
    timestamp = int(time.time()) if timestamp is None else timestamp
    try:
        encoded = secret.strip().removeprefix(_ENCODED)
        key = base64.b64decode(encoded, validate=True) if secret.strip().startswith(_ENCODED) else secret.encode()
    except binascii.Error as error:
        raise SenderError(f"The webhook's secret begins with `{_ENCODED}`, but what follows is not Base64.") from error
    signed = hmac.new(key, f"{batch_id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": batch_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(signed).decode()}",
    }


def _outcome(answer: Answer, host: str) -> Outcome:
    """A 207: ``{"messages": [{"message_id": …, "status": 202, "id": …}]}``; who is not named is accepted."""
    try:
        said: list[dict[str, Any]] = json.loads(answer.body)["messages"]
        statuses = {str(each["message_id"]): int(each["status"]) for each in said}
        ids = {str(each["message_id"]): str(each["id"]) for each in said if each.get("id") is not None}
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise UnansweredError(f"{host} answered 207 without a readable status of each message.") from error
    untaken = {message: status for message, status in statuses.items() if not 200 <= status < 300}
    return Outcome(
        refused={message: named(status) for message, status in untaken.items() if not is_for_now(status)},
        deferred={message: named(status) for message, status in untaken.items() if is_for_now(status)},
        provider_ids={message: name for message, name in ids.items() if message not in untaken},
        retry_after=answer.retry_after,
    )


def _open(settings: Settings, folder: Path) -> WebhookSender:  # noqa: ARG001 (it writes no files)
    url = settings.secrets.get("url") or settings.options["url"]
    if isinstance(url, str):
        host_of(url)
    return WebhookSender(url, settings.secrets["secret"], settings.secrets.get("authorization"))


WEBHOOK = SenderType(
    summary="posts each batch as signed JSON to a URL",
    open=_open,
    options={
        "url": "Where to; `{env: NAME}` where the URL itself is secret.",
        "secret": "The key of the signature, `{env: NAME}`.",
        "authorization": "The header of that name, `{env: NAME}`; none when absent.",
    },
    required=frozenset({"url", "secret"}),
    secrets=frozenset({"secret", "authorization"}),
    maybe_secrets=frozenset({"url"}),
    carries_tags=True,
)
"""The type `webhook`."""
