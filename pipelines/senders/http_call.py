"""One HTTP request, and what can be known when it fails: whether the other side may have got it."""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipelines.senders.protocol import SenderError, UnansweredError

if TYPE_CHECKING:
    import urllib3

CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 30.0
"""How long to wait for a connection, and for the answer."""

_LONGEST_ANSWER = 4_000_000
_NOT_NOW = (408, 425, 429)
_UNFIT = re.compile(r"[^\x20-\x7e\xa0-\xff]")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said.

    Attributes:
        retry_after: Seconds that it asks to wait; None: it does not.
        headers: By name, in small letters.
    """

    status: int
    body: bytes
    retry_after: float | None
    headers: Mapping[str, str]

    @property
    def is_taken(self) -> bool:
        """Whether it took what it was sent."""
        return 200 <= self.status < 300


def is_for_now(status: int) -> bool:
    """Whether a status refuses for now, and the same may be taken later."""
    return status in _NOT_NOW or status >= 500


def is_unclear(status: int) -> bool:
    """Whether a status leaves open what became of the request: another one is still at it, or something broke."""
    return status == 409 or (status >= 500 and status != 503)


def named(status: int) -> str:
    """A status with its standard phrase; a server's own words may quote what it was sent.

    >>> named(429), named(599)
    ('429 Too Many Requests', '599')
    """
    return f"{status} {HTTPStatus(status).phrase}" if status in HTTPStatus._value2member_map_ else str(status)


def host_of(url: str) -> str:
    """What may be said of a URL, whose path and query may be secret.

    Raises:
        SenderError: It is no URL of the web.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname:
            return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        pass
    raise SenderError("The URL is none of the web: it must begin with https:// or http:// and a host.")


def call(
    url: str, headers: Mapping[str, str], body: bytes, *, method: str = "POST", answer_seconds: float | None = None
) -> Answer:
    """Send one request and wait for its answer, whatever that is; connections are kept for the next.

    Args:
        url: Where to.
        headers: By name.
        body: What is sent.
        method: The verb of HTTP.
        answer_seconds: How long to wait for the whole of the answer; None: as long as is usual.

    Raises:
        SenderError: It did not get there.
        UnansweredError: It may have got there; the answer never came.
    """
    import urllib3

    from pipelines.senders.http_connection import whole_answer

    host = host_of(url)
    for name, value in headers.items():
        if _UNFIT.search(value):
            raise SenderError(f"The header `{name}` cannot be sent: it would have a character that none may have.")
    try:
        seconds = answer_seconds or ANSWER_SECONDS
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=seconds)
        with whole_answer():
            response = _pool().request(
                method, url, headers=dict(headers), body=body, preload_content=False, timeout=timeout
            )
            text = response.read(_LONGEST_ANSWER)
        response.release_conn()
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise _told(host, error, seconds) from error
    named_small = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, text, _seconds(named_small.get("retry-after")), named_small)


def _told(host: str, error: Exception, seconds: float) -> SenderError:
    """What a failure says of a request: that it did not get there, or that nobody knows."""
    from urllib3 import exceptions as failures

    from pipelines.senders.http_connection import HandshakeError

    name = type(error).__name__
    match error:
        case HandshakeError():
            return SenderError(f"{host} cannot be reached: the TLS handshake failed ({error.code}).")
        case failures.SSLError() if any(
            isinstance(each, ssl.SSLCertVerificationError) for each in (*error.args, error.__cause__)
        ):
            return SenderError(f"{host} shows a certificate that is not trusted.")
        case (
            failures.NewConnectionError()
            | failures.ConnectTimeoutError()
            | failures.ProxyError()
            | failures.LocationValueError()
        ):
            return SenderError(f"{host} cannot be reached: {name}.")
        case failures.ReadTimeoutError() | TimeoutError():
            return UnansweredError(f"{host} did not answer within {seconds:g} seconds.")
        case failures.SSLError():
            return UnansweredError(f"The connection to {host} broke: {name}.")
    return UnansweredError(f"{host} did not answer: {name}.")


@cache
def _pool() -> urllib3.PoolManager:
    from pipelines.senders.http_connection import make_pool

    return make_pool()


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in either of its forms (RFC 9110, 10.2.3); None where it is neither."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except (TypeError, ValueError):
        return None
