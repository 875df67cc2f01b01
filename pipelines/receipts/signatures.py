"""How each provider proves that a request is its own. What says nothing, or something wrong, is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.problems import UsageError
from pipelines.redact import hide
from pipelines.secret import Secret
from pipelines.senders.webhook import signature

Headers = Mapping[str, str]
Check = Callable[[Headers, bytes], bool]
"""Whether a request is the provider's own: headers by their names in lower case, and the body."""

TOLERANCE = 5 * 60
"""Seconds that the clock of whoever signs in our own way may differ (Standard Webhooks)."""

_MAILGUN_TOLERANCE = 24 * 60 * 60
"""Mailgun signs its time and a token, not the body, and tries for hours: a signature is good for a day."""


@dataclass(frozen=True, slots=True)
class Door:
    """One path of the server.

    Attributes:
        path: Where requests come in.
        provider: The map of what comes in here; None: our own words.
        secret: The environment variable that requests are checked with; where it is not set, the path is closed.
        prepare: Makes the check of the secret's value.
    """

    path: str
    provider: str | None
    secret: Secret
    prepare: Callable[[str], Check]


def _own(secret: str) -> Check:
    """Standard Webhooks, as the sender `webhook` signs."""
    signature(secret, "", b"")

    def check(headers: Headers, body: bytes) -> bool:
        sent_at = _number(headers.get("webhook-timestamp"))
        if sent_at is None or abs(time.time() - sent_at) > TOLERANCE:
            return False
        wanted = signature(secret, headers.get("webhook-id", ""), body, sent_at)["webhook-signature"]
        return any(_same(each, wanted) for each in headers.get("webhook-signature", "").split())

    return check


def _sendgrid(key: str) -> Check:
    """ECDSA over time and body, with the public key that SendGrid shows beside the webhook.

    Source: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features
    """
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.hazmat.primitives.serialization import load_der_public_key
    except ImportError as error:
        raise UsageError("SendGrid's signatures need: pip install 'warehouse-series[receipts]'.") from error
    try:
        public = load_der_public_key(base64.b64decode(key, validate=True))
    except ValueError as error:
        raise UsageError("SENDGRID_WEBHOOK_KEY is not the verification key that SendGrid shows.") from error
    if not isinstance(public, EllipticCurvePublicKey):
        raise UsageError("SENDGRID_WEBHOOK_KEY is no key of an elliptic curve, as SendGrid's is.")

    def check(headers: Headers, body: bytes) -> bool:
        sent_at = headers.get("x-twilio-email-event-webhook-timestamp", "")
        try:
            proof = base64.b64decode(headers.get("x-twilio-email-event-webhook-signature", ""), validate=True)
            public.verify(proof, sent_at.encode() + body, ECDSA(SHA256()))
        except (InvalidSignature, ValueError):
            return False
        return True

    return check


def _mailgun(key: str) -> Check:
    """HMAC over a time and a token, in the body.

    Source: https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks
    """

    def check(_: Headers, body: bytes) -> bool:
        said = _json(body)
        proof = said.get("signature") if isinstance(said, dict) else None
        if not isinstance(proof, dict):
            return False
        sent_at, token, wanted = (str(proof.get(name, "")) for name in ("timestamp", "token", "signature"))
        number = _number(sent_at)
        if number is None or abs(time.time() - number) > _MAILGUN_TOLERANCE:
            return False
        return _same(hmac.new(key.encode(), f"{sent_at}{token}".encode(), hashlib.sha256).hexdigest(), wanted)

    return check


def _postmark(login: str) -> Check:
    """Name and password in the URL, which is all that Postmark has.

    Source: https://postmarkapp.com/developer/webhooks/webhooks-overview
    """
    name, _, password = login.partition(":")
    if not (name and password):
        raise UsageError("POSTMARK_WEBHOOK_LOGIN must be `name:password`, as they stand in the webhook's URL.")
    hide(password)
    wanted = f"Basic {base64.b64encode(login.encode()).decode()}"
    return lambda headers, _: _same(headers.get("authorization", ""), wanted)


DOORS = (
    Door("/receipts", None, Secret("SERIES_RECEIPTS_SECRET"), _own),
    Door("/sendgrid", "sendgrid", Secret("SENDGRID_WEBHOOK_KEY"), _sendgrid),
    Door("/mailgun", "mailgun", Secret("MAILGUN_WEBHOOK_KEY"), _mailgun),
    Door("/postmark", "postmark", Secret("POSTMARK_WEBHOOK_LOGIN"), _postmark),
)
"""Every path. Amazon SES has none: its signatures need a certificate from the network; load its files."""


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _same(one: str, other: str) -> bool:
    """Compared without telling by the time it takes how much of it is right."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _number(text: str | None) -> int | None:
    return int(text) if text and len(text) < 16 and text.isascii() and text.isdigit() else None
