"""Filters for the templates of JSON, beside Jinja's own: what providers want of a message in another shape."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from email.utils import parseaddr
from typing import Any

from pipelines.senders.mail import html_of, one_address


def address(mailbox: str) -> str:
    """The address in a mailbox.

    >>> address("Shop <hello@example.com>"), address("hello@example.com")
    ('hello@example.com', 'hello@example.com')
    """
    return parseaddr(mailbox)[1]


def mailbox_name(mailbox: str) -> str | None:
    """The name in a mailbox; None: it has none.

    >>> mailbox_name("Shop <hello@example.com>"), mailbox_name("hello@example.com")
    ('Shop', None)
    """
    return parseaddr(mailbox)[0] or None


def base64(text: str) -> str:
    """Text in Base64, as HTTP's basic authentication has it.

    >>> base64("api:key")
    'YXBpOmtleQ=='
    """
    return b64encode(text.encode()).decode()


def pairs(members: Mapping[str, Any], key: str = "name", value: str = "value") -> list[dict[str, Any]]:
    """The members of an object as a list of objects.

    >>> pairs({"List-Unsubscribe": "<https://example.com>"}, "Name", "Value")
    [{'Name': 'List-Unsubscribe', 'Value': '<https://example.com>'}]
    """
    return [{key: name, value: member} for name, member in members.items()]


FILTERS: Mapping[str, Callable[..., Any]] = {
    "address": address,
    "one_address": one_address,
    "mailbox_name": mailbox_name,
    "base64": base64,
    "pairs": pairs,
    "html": html_of,
}
"""By the names that templates know them by."""
