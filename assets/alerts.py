"""Tells people that something failed, and a monitor that something ran. Addresses come from the environment."""

import json
import smtplib
import urllib.request
from collections.abc import Callable
from email.message import EmailMessage
from http.client import HTTPException
from urllib.parse import unquote, urlsplit

from . import environment

_SECONDS = 10
_LOCAL_MAIL = "smtp://localhost:25"


class AlertError(Exception):
    """Nobody could be told; the text names the way, not the address."""


def is_anybody_told() -> bool:
    """Whether there is a way to tell people."""
    return any(environment.read(name) for name in (environment.ALERT_WEBHOOK, environment.ALERT_EMAIL))


def tell(subject: str, text: str) -> list[str]:
    """Send an alert every way that there is.

    Returns:
        What went wrong with some of the ways, as sentences.

    Raises:
        AlertError: No way worked, so that it has to be tried again.
    """
    ways: dict[str, Callable[[str, str], None]] = {environment.ALERT_WEBHOOK: _post, environment.ALERT_EMAIL: _mail}
    used = {name: send for name, send in ways.items() if environment.read(name)}
    failures = []
    for name, send in used.items():
        try:
            send(subject, text)
        except (OSError, HTTPException, smtplib.SMTPException, ValueError) as error:
            # The error's own text may hold the address, which may hold a secret.
            failures.append(f"The alert did not get out by {name} ({type(error).__name__}).")
    if used and len(failures) == len(used):
        raise AlertError(" ".join(failures))
    return failures


def ping() -> bool:
    """Ask the monitor's address, where there is one; whether that was so.

    Raises:
        AlertError: The monitor did not answer.
    """
    url = environment.read(environment.PING_URL)
    if url is None:
        return False
    try:
        _open(urllib.request.Request(_http(url)))  # noqa: S310 (http or https only)
    except (OSError, HTTPException, ValueError) as error:
        raise AlertError(f"The monitor at {environment.PING_URL} did not answer ({type(error).__name__}).") from None
    return True


def _post(subject: str, text: str) -> None:
    body = json.dumps({"text": f"{subject}\n{text}"}).encode()
    url = _http(environment.read(environment.ALERT_WEBHOOK) or "")
    _open(urllib.request.Request(url, body, {"Content-Type": "application/json"}))  # noqa: S310 (http or https only)


def _mail(subject: str, text: str) -> None:
    message = EmailMessage()
    recipients = environment.read(environment.ALERT_EMAIL) or ""
    message["To"] = recipients
    message["From"] = environment.read(environment.ALERT_FROM) or recipients.split(",")[0].strip()
    message["Subject"] = " ".join(subject.split())
    message.set_content(text)
    server = urlsplit(environment.read(environment.SMTP_URL) or _LOCAL_MAIL)
    is_encrypted = server.scheme == "smtps"
    connect = smtplib.SMTP_SSL if is_encrypted else smtplib.SMTP
    with connect(server.hostname or "localhost", server.port or 0, timeout=_SECONDS) as mail:
        if not is_encrypted and mail.ehlo()[0] < 400 and mail.has_extn("starttls"):
            mail.starttls()
        if server.username:
            mail.login(unquote(server.username), unquote(server.password or ""))
        mail.send_message(message)


def _open(request: urllib.request.Request) -> None:
    with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310 (http or https only)
        pass


def _http(url: str) -> str:
    if urlsplit(url).scheme not in ("http", "https"):
        raise ValueError("an address begins with http:// or https://")
    return url
