"""A message as an email says what the message says, whatever is in it."""

from __future__ import annotations

import email
import email.policy
import json
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from pipelines.senders.mail import write_mail

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
TEXTS = [
    "",
    "Plain",
    "two\nlines\r\nand three\n",
    ".\n..\nFrom here\n",
    "Grüße, İß 😀",
    "漢字" * 300,
    "x" * 5000,
    "a = b; =3D =?utf-8?q?no?=",
    "tab\tand trailing space \nend ",
    "\x00\x01\x7f",
    "<p>" + "long " * 400 + "</p>",
]


def write(address: str = "a@b.example", **payload: object) -> EmailMessage:
    row = {"payload": json.dumps(payload), "address": address, "message_id": "f00d"}
    text = write_mail(row, "Shop <hello@shop.example>", "shop.example", NOW)
    assert max(map(len, text.split(b"\r\n"))) <= 998
    assert text.isascii()
    assert b"\n" not in text.replace(b"\r\n", b"")
    assert b"\r" not in text.replace(b"\r\n", b"")
    mail = email.message_from_bytes(text, policy=email.policy.SMTP)
    assert isinstance(mail, EmailMessage)
    assert [part.defects for part in mail.walk()] == [[] for _ in mail.walk()]
    return mail


def content(mail: EmailMessage, kind: str) -> list[str]:
    part = mail.get_body((kind,))
    assert part is not None
    text: str = part.get_content()
    return lines(text)


def lines(text: str) -> list[str]:
    """A text's lines; the last one's end does not matter."""
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


@pytest.mark.parametrize("text", TEXTS)
def test_bodies_arrive_as_they_are(text: str) -> None:
    assert content(write(body=text), "plain") == lines(text)
    both = write(body=text, html=f"<b>\n{text}")
    assert content(both, "plain") == lines(text)
    assert content(both, "html") == lines(f"<b>\n{text}")


SUBJECTS = [
    "",
    " ",
    "Hi",
    "Grüße 😀",
    "=?utf-8?q?no?=",
    "x" * 700,
    "word " * 60,
    " spaces ",
    "a" * 78,
    '"q" <x> (y), z',
]


@pytest.mark.parametrize("subject", SUBJECTS)
def test_subjects_arrive_as_the_library_writes_them(subject: str) -> None:
    by_library = EmailMessage(policy=email.policy.SMTP)
    by_library["Subject"] = subject
    theirs = email.message_from_bytes(by_library.as_bytes(), policy=email.policy.SMTP)
    assert write(subject=subject)["Subject"] == theirs["Subject"]


@pytest.mark.parametrize("address", ["a@b.example", "o'neil+tag@mail.b.example", '"a b"@c.example', "ü@x.example"])
def test_addresses_arrive_as_they_are(address: str) -> None:
    assert write(address=address)["To"] == address


def test_headers_are_those_of_the_message() -> None:
    unsubscribe = "<https://shop.example/u?c=1&t=" + "0123456789abcdef" * 20 + ">"
    mail = write(
        **{"from": "Jürgen <j@shop.example>"},
        reply_to="Help <help@shop.example>",
        headers={"List-Unsubscribe": unsubscribe},
    )
    assert (mail["From"], mail["Reply-To"]) == ("Jürgen <j@shop.example>", "Help <help@shop.example>")
    assert mail["List-Unsubscribe"].replace(" ", "") == unsubscribe
    assert (mail["Message-ID"], mail["X-Series-Message-ID"]) == ("<f00d@shop.example>", "f00d")
    assert mail["Date"].datetime == NOW
    assert len(set(mail.keys())) == len(mail.keys())


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\r\nBcc: x@y.example"])
@pytest.mark.parametrize("key", ["subject", "from", "reply_to"])
def test_no_value_becomes_another_header(key: str, end: str) -> None:
    with pytest.raises(ValueError, match="is over two lines"):
        write(**{key: f"a@b.example{end}"})
    with pytest.raises(ValueError, match="is over two lines"):
        write(address=f"a@b.example{end}")
