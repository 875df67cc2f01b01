"""Keeps secrets out of texts: other people's software may quote, in its errors, what it was given."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "***"
"""What stands in the place of a secret."""

_SHORTEST_WORD = 6
_PASSWORD = re.compile(r"password\s*=\s*(?:'((?:[^'\\]|\\.)*)'|([^\s&']+))", re.IGNORECASE)
_secrets: set[str] = set()
"""Every form of every secret that this process has read."""


def hide(value: str) -> None:
    """From now on `redact` knows this secret, its words and the passwords in it, also percent-encoded or escaped."""
    parts = {value, value.strip(), *(word for word in value.split() if len(word) >= _SHORTEST_WORD)}
    for password in _passwords(value):
        parts |= {password, unquote(password)}
    forms = {form for part in parts for form in (part, quote(part, safe=""), json.dumps(part)[1:-1], repr(part)[1:-1])}
    _secrets.update(forms - {""})


def redact(text: str) -> str:
    """The text with ``***`` in the place of every secret. For error texts: a short secret takes much with it."""
    # The longest first: a secret may contain another.
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _passwords(value: str) -> set[str]:
    """The passwords in a URL, its query, or the words of a connection (`host=db password='a b'`)."""
    found = {quoted or plain for quoted, plain in _PASSWORD.findall(value)}
    with suppress(ValueError):
        found.add(urlsplit(value).password or "")
    return found - {""}
