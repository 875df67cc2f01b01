"""The `smtp` sender: each message an email, through a mail server that is never asked the same twice."""

from __future__ import annotations

import re
import smtplib
import ssl
from collections.abc import Container
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parseaddr
from pathlib import Path
from typing import Any

from pipelines.model import Sender as Settings
from pipelines.secret import Secret
from pipelines.senders.mail import one_address, write_mail
from pipelines.senders.protocol import Batch, Outcome, Promise, SenderError
from pipelines.senders.sender_type import SenderType

SECONDS = 30.0
"""How long to wait for the server at each step."""

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_ENHANCED = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_SENT_FROM = re.compile(r"[!-;=?A-~]+@[!-;=?A-~]+")
_READY = 354
_TOO_LARGE = 552
_CLOSING = 421
_MOST_UNANSWERED = 2
_ENOUGH_REFUSED = 10
_BROKEN = "the connection broke"
_FIRST_POINT = re.compile(rb"^\.", re.MULTILINE)


@dataclass(slots=True)
class SmtpSender:
    """Sends the messages of a batch one after the other over one connection, which the next batch goes on with.

    A mail server cannot tell a repeat. So a message whose answer never came is not sent again by itself; the others are
    told apart from it, whatever became of them.

    Attributes:
        tls: ``starttls``, ``tls`` (from the first byte) or ``none``.
        username: None: no login.
        sent_from: The sender where a message names none.
    """

    host: str
    port: int
    tls: str
    username: str | None
    password: Secret | None
    sent_from: str
    _connection: smtplib.SMTP | None = field(default=None, repr=False)

    @property
    def promise(self) -> Promise:
        """At most once."""
        return "at_most_once"

    def has(self, batch_id: str) -> bool:  # noqa: ARG002 (see the protocol)
        """Whether an earlier offer left a trace: the server knows of none."""
        return False

    def send(self, batch: Batch) -> Outcome:
        """Send each message of the batch.

        Raises:
            SenderError: The server cannot be reached, or refuses the login, or everybody.
        """
        self._connect()
        refused: dict[str, str] = {}
        deferred: dict[str, str] = {}
        unanswered: dict[str, str] = {}
        is_gone = False
        by_server = 0
        for number, message in enumerate(batch.messages.to_pylist(), start=1):
            message_id = message["message_id"]
            try:
                if is_gone or len(unanswered) >= _MOST_UNANSWERED:
                    raise _DeferredError(_BROKEN)
                self._send(message)
            except _RefusedError as error:
                refused[message_id] = str(error)
                by_server += not isinstance(error, _UnfitError)
                if by_server == _ENOUGH_REFUSED and len(refused) == number:
                    raise self._refuses_all(str(error)) from error
            except _DeferredError as error:
                deferred[message_id] = str(error)
            except _UnansweredError as error:
                unanswered[message_id] = str(error)
            except SenderError:
                # Whoever could not be reached once is not tried for each of the others.
                is_gone = True
                deferred[message_id] = _BROKEN
        return Outcome(refused, deferred, unanswered)

    def _refuses_all(self, reason: str) -> SenderError:
        """A server that lets nobody in from here says so of each recipient; that must not lose the messages."""
        return SenderError(
            f"{self.host}:{self.port} refused each of the first {_ENOUGH_REFUSED} messages: {reason}. All of them are "
            "kept: is there a slip in the sender's settings?"
        )

    def close(self) -> None:
        """Take leave of the server."""
        connection, self._connection = self._connection, None
        if connection:
            try:
                connection.quit()
            except (smtplib.SMTPException, OSError):
                connection.close()

    def _connect(self) -> smtplib.SMTP:
        """The connection, alive; a new one where there is none."""
        if self._connection:
            try:
                if self._connection.noop()[0] == 250:
                    return self._connection
            except (smtplib.SMTPException, OSError):
                pass
            self._drop()
        where = f"{self.host}:{self.port}"
        try:
            self._connection = self._open()
        except smtplib.SMTPAuthenticationError as error:
            raise SenderError(
                f"{where} refuses the login: {_said(error.smtp_code, _bytes(error.smtp_error))}."
            ) from error
        except ssl.SSLCertVerificationError as error:
            raise SenderError(f"{where} shows a certificate that is not trusted.") from error
        except (smtplib.SMTPException, OSError) as error:
            raise SenderError(f"{where} cannot be reached: {type(error).__name__}.") from error
        return self._connection

    def _open(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self.tls == "tls":
            connection: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=SECONDS, context=context)
        else:
            connection = smtplib.SMTP(self.host, self.port, timeout=SECONDS)
        try:
            if self.tls == "starttls":
                connection.starttls(context=context)
            connection.ehlo_or_helo_if_needed()
            if self.username and self.password:
                connection.login(self.username, self.password.read())
        except BaseException:
            connection.close()
            raise
        return connection

    def _drop(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _send(self, message: dict[str, Any]) -> None:
        """Send one message; it was taken where nothing is raised."""
        try:
            address = one_address(message["address"] or "")
        except ValueError as error:
            raise _UnfitError("it has no address, or more than one") from error
        text = self._written({**message, "address": address})
        connection = self._connection or self._connect()
        try:
            self._announce(connection, address, text)
        except UnicodeError as error:
            self._drop()
            raise _UnfitError("the address is not ASCII") from error
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise _DeferredError(_BROKEN) from error
        try:
            # What is sent from here on may have been taken, whatever is heard.
            connection.send(_FIRST_POINT.sub(b"..", text) + b".\r\n")
            answer = connection.getreply()
        except (smtplib.SMTPException, OSError) as error:
            self._drop()
            raise _UnansweredError(_BROKEN) from error
        self._expect(answer)

    def _written(self, message: dict[str, Any]) -> bytes:
        domain = self.sent_from.rpartition("@")[2].rstrip(">")
        try:
            return write_mail(message, self.sent_from, domain, datetime.now(UTC))
        except Exception as error:
            raise _UnfitError("it cannot be written as an email") from error

    def _announce(self, connection: smtplib.SMTP, address: str, text: bytes) -> None:
        """All that comes before the message itself: if this fails, it was not sent."""
        size = [f"size={len(text)}"] if connection.has_extn("size") else []
        # A sender that is refused is a mistake in the settings; only a size is the message's own.
        self._expect(connection.mail(parseaddr(self.sent_from)[1], size), for_good=(_TOO_LARGE,))
        self._expect(connection.rcpt(address))
        self._expect(connection.docmd("DATA"), wanted=_READY)

    def _expect(self, answer: tuple[int, bytes], *, wanted: int = 250, for_good: Container[int] | None = None) -> None:
        """Go on where the server says yes; else say why not, and make the connection ready for the next message."""
        code = answer[0]
        if code == wanted or (wanted == 250 and code == 251):
            return
        self._reset(code)
        is_for_good = code >= 500 if for_good is None else code in for_good
        raise (_RefusedError if is_for_good else _DeferredError)(_said(*answer))

    def _reset(self, code: int) -> None:
        if code in (_CLOSING, -1):
            self._drop()
        elif self._connection:
            try:
                self._connection.rset()
            except (smtplib.SMTPException, OSError):
                self._drop()


class _RefusedError(Exception):
    """A message that will never be taken."""


class _UnfitError(_RefusedError):
    """A message that the server was never asked about."""


class _DeferredError(Exception):
    """A message that was not taken this time."""


class _UnansweredError(Exception):
    """A message of which nobody knows."""


def _said(code: int, text: bytes) -> str:
    """The codes of an answer, without its words, which like to quote the address.

    >>> _said(550, b"5.1.1 <bob@example.com>: no such user"), _said(421, b"Bye")
    ('550 5.1.1', '421')
    """
    enhanced = _ENHANCED.search(text.decode("ascii", "replace"))
    return f"{code} {enhanced[0]}" if enhanced else str(code)


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def _open(settings: Settings, folder: Path) -> SmtpSender:  # noqa: ARG001 (it writes no files)
    options, password = settings.options, settings.secrets.get("password")
    tls, username, port = options["tls"], options.get("username"), options.get("port")
    what = f"Sender `{settings.name}`"
    if bool(username) != bool(password):
        raise SenderError(f"{what} needs both `username` and `password` to log in, or neither.")
    if password and tls == "none":
        raise SenderError(f"{what} would say its password for everybody to hear; leave out `tls: none`.")
    if port is not None and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise SenderError(f"`port` of sender `{settings.name}` must be a number from 1 to 65535.")
    if not (_SENT_FROM.fullmatch(parseaddr(options["from"])[1]) and options["from"].isprintable()):
        # Else every message would be refused for good.
        raise SenderError(
            f"`from` of sender `{settings.name}` must be an address of ASCII in one line, such as "
            "`Shop <hello@example.com>`."
        )
    return SmtpSender(options["host"], int(port or _PORTS[tls]), tls, username, password, options["from"])


SMTP = SenderType(
    summary="sends each message as an email",
    open=_open,
    options={
        "host": "The mail server.",
        "port": "Its port; 587 for `starttls`, 465 for `tls`, 25 for `none` when absent.",
        "tls": "`starttls`, `tls` (from the first byte) or `none`.",
        "username": "Who logs in; nobody when absent.",
        "password": "The password, `{env: NAME}`.",
        "from": "The envelope's sender, and the sender of messages that name none.",
    },
    choices={"tls": tuple(_PORTS)},
    defaults={"tls": "starttls"},
    required=frozenset({"host", "from"}),
    secrets=frozenset({"password"}),
)
"""The type `smtp`."""
