"""A message as an email: what its headers are, and its two bodies."""

from __future__ import annotations

import json
import re
import uuid
from base64 import encodebytes
from binascii import b2a_qp
from collections.abc import Mapping
from datetime import datetime
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from html import escape
from typing import Any

_HIDDEN = '<div style="display:none;max-height:0;overflow:hidden">{}</div>'
_MAY_ADD = ("list-unsubscribe", "list-unsubscribe-post")
_PARSED = ("From", "Reply-To")
_ADDRESS = re.compile(r"[\w.+-]{1,64}@[A-Za-z0-9-]{1,60}(\.[A-Za-z0-9-]{1,60}){1,4}", re.ASCII)
_ONE_ADDRESS = re.compile(r"[^\s,;<>\"()\[\]\x00-\x1f\x7f]+@[^\s,;<>\"()\[\]@\x00-\x1f\x7f]+")
_PLAIN = re.compile(r"(?!.*=\?)[!-~]{1,300}|(?!.*=\?)[!-~][ -~]{0,60}[!-~]")
"""Values that are headers as they stand: ASCII, not to be folded, not taken for encoded words."""

_SEVEN_BIT = re.compile(rb"(?:[\t -~]{0,998}\r\n)*")


def write_mail(message: Mapping[str, Any], sent_from: str, domain: str, now: datetime) -> bytes:
    """The bytes of an email, with CRLF between lines.

    Args:
        message: A row of a batch.
        sent_from: The sender where the message names none.
        domain: What stands behind the ``@`` of ``Message-ID``.
        now: The wall clock, with its zone.

    Raises:
        ValueError: Some header cannot be one, such as an address over two lines.
    """
    payload = json.loads(message["payload"] or "{}")
    headers = {
        "From": payload.get("from") or sent_from,
        "To": message["address"],
        "Subject": payload.get("subject") or "",
        "Reply-To": payload.get("reply_to") or None,
        "Date": format_datetime(now),
        "Message-ID": f"<{message['message_id']}@{domain}>",
        "X-Series-Message-ID": message["message_id"],
    }
    headers |= {name: value for name, value in (payload.get("headers") or {}).items() if name.lower() in _MAY_ADD}
    top = b"".join(_header(name, value) for name, value in headers.items() if value is not None)
    return top + b"MIME-Version: 1.0\r\n" + _content(payload)


def _content(payload: Mapping[str, Any]) -> bytes:
    plain = _part(payload.get("body") or "", "plain")
    html = html_of(payload)
    if html is None:
        return plain
    boundary = uuid.uuid4().hex.encode()
    # The line's end before a boundary is not the part's.
    parts = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in (plain, _part(html, "html")))
    head = b'Content-Type: multipart/alternative; boundary="' + boundary + b'"\r\n\r\n'
    return head + parts + b"--" + boundary + b"--\r\n"


def one_address(text: str) -> str:
    """An address that is one and no more: what stands behind a comma would be taken for another.

    >>> one_address(" ada@example.com ")
    'ada@example.com'

    Raises:
        ValueError: It is something else.
    """
    if not _ONE_ADDRESS.fullmatch(text.strip()):
        raise ValueError
    return text.strip()


def html_of(payload: Mapping[str, Any]) -> str | None:
    """The HTML of a message, its preheader within; None: it has none."""
    html, preheader = payload.get("html"), payload.get("preheader")
    if not html:
        return None
    # What a mail program shows after the subject is the first text that it finds.
    return (_HIDDEN.format(escape(preheader)) if preheader else "") + str(html)


def _header(name: str, value: str) -> bytes:
    """A header with its end; only what cannot stand as it is takes the library's long way, once."""
    is_plain = _ADDRESS if name == "To" else _PLAIN
    if name not in _PARSED and is_plain.fullmatch(value):
        return f"{name}: {value}\r\n".encode()
    return _folded(name, value)


@lru_cache(maxsize=256)
def _folded(name: str, value: str) -> bytes:
    if "\n" in value or "\r" in value:
        # At a value's end, the library would let it pass.
        raise ValueError(f"{name} is over two lines")
    return SMTP.fold_binary(*SMTP.header_store_parse(name, value))


def _part(text: str, subtype: str) -> bytes:
    """A text with its headers, in the shortest encoding that any server takes."""
    content = b"".join(line + b"\r\n" for line in text.encode("utf-8", "surrogateescape").splitlines())
    encoding = b"7bit"
    if not _SEVEN_BIT.fullmatch(content):
        quoted, base64 = b2a_qp(content), encodebytes(content).replace(b"\n", b"\r\n")
        encoding, content = min((b"quoted-printable", quoted), (b"base64", base64), key=lambda each: len(each[1]))
    head = b'Content-Type: text/%s; charset="utf-8"\r\nContent-Transfer-Encoding: %s\r\n\r\n'
    return head % (subtype.encode(), encoding) + content
