"""A message as an email: what its headers are, and its two bodies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from html import escape
from typing import Any

_HIDDEN = '<div style="display:none;max-height:0;overflow:hidden">{}</div>'
_MAY_ADD = ("list-unsubscribe", "list-unsubscribe-post")


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
    mail = EmailMessage(policy=SMTP)
    mail["From"] = payload.get("from") or sent_from
    mail["To"] = message["address"]
    mail["Subject"] = payload.get("subject") or ""
    if payload.get("reply_to"):
        mail["Reply-To"] = payload["reply_to"]
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{message['message_id']}@{domain}>"
    mail["X-Series-Message-ID"] = message["message_id"]
    for name, value in (payload.get("headers") or {}).items():
        if name.lower() in _MAY_ADD:
            mail[name] = value
    mail.set_content(payload.get("body") or "")
    if html := html_of(payload):
        mail.add_alternative(html, subtype="html")
    return mail.as_bytes()


def html_of(payload: Mapping[str, Any]) -> str | None:
    """The HTML of a message, its preheader within; None: it has none."""
    html, preheader = payload.get("html"), payload.get("preheader")
    if not html:
        return None
    # What a mail program shows after the subject is the first text that it finds.
    return (_HIDDEN.format(escape(preheader)) if preheader else "") + str(html)
