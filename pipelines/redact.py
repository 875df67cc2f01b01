"""Keeps secrets out of texts: other people's software may quote, in its errors, what it was given."""

from __future__ import annotations

import json
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "***"
"""What stands in the place of a secret."""

_SHORTEST_WORD = 6
_secrets: set[str] = set()
"""Every form of every secret that this process has read."""


def hide(value: str) -> None:
    """From now on `redact` knows this secret, its words and the password of a URL, also percent-encoded or escaped."""
    parts = {value, value.strip(), *(word for word in value.split() if len(word) >= _SHORTEST_WORD)}
    if password := _password(value):
        parts |= {password, unquote(password)}
    forms = {form for part in parts for form in (part, quote(part, safe=""), json.dumps(part)[1:-1], repr(part)[1:-1])}
    _secrets.update(forms - {""})


def redact(text: str) -> str:
    """The text with ``***`` in the place of every secret. For error texts: a short secret takes much with it."""
    # The longest first: a secret may contain another.
    for secret in sorted(_secrets, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _password(value: str) -> str | None:
    try:
        return urlsplit(value).password
    except ValueError:
        return None
