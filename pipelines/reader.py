"""Reads the keys of one mapping, typed, and collects what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TypeVar

from pipelines.document import Fields, Items, Node, Scalar
from pipelines.duration import parse_duration
from pipelines.hint import did_you_mean
from pipelines.model import Content, Text
from pipelines.problems import Position, Problem
from pipelines.secret import VARIABLE, Secret

T = TypeVar("T")

IDENTIFIER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,62}", re.ASCII)
IDENTIFIER_FORM = "at most 63 letters, digits, `_` and `-`, not beginning with `-`"

_NODE_NAMES = {Fields: "a mapping", Items: "a list"}


class Reader:
    """The keys of ``node``; every method leaves a problem behind and gives None for what it cannot read.

    Args:
        node: The mapping.
        where: What it is, for messages: ``block `a```.
        keys: The keys that it may have; None when it may have any.
        problems: Where problems are added.
    """

    def __init__(self, node: Fields, where: str, keys: Iterable[str] | None, problems: list[Problem]) -> None:
        self.node = node
        self.where = where
        self.problems = problems
        if keys is not None:
            self.refuse_unknown(keys)

    def __contains__(self, key: str) -> bool:
        return key in self.node.entries

    @property
    def position(self) -> Position:
        """Where the mapping begins."""
        return self.node.position

    def key_position(self, key: str) -> Position:
        """Where a key stands; the mapping's beginning for one that is absent."""
        entry = self.node.entries.get(key)
        return entry.key.position if entry else self.position

    def without(self, keys: Iterable[str]) -> Reader:
        """The same mapping without some of its keys."""
        kept = {key: entry for key, entry in self.node.entries.items() if key not in keys}
        return Reader(Fields(kept, self.position), self.where, None, self.problems)

    def report(self, position: Position, message: str) -> None:
        """Adds an error."""
        self.problems.append(Problem(position, message))

    def require(self, *keys: str) -> None:
        """Each of these keys must be there."""
        for key in keys:
            if key not in self:
                self.report(self.position, f"{self.where} has no `{key}`; add it")

    def text(self, key: str) -> Text | None:
        """A text that is not blank."""
        entry = self.node.entries.get(key)
        return self._text_of(entry.value, f"`{key}` of {self.where}") if entry else None

    def string(self, key: str) -> str | None:
        """Like ``text``, where its position does not matter."""
        text = self.text(key)
        return text.value if text else None

    def strings(self) -> dict[str, str]:
        """The texts under all keys."""
        values = {key: self.string(key) for key in self.node.entries}
        return {key: value for key, value in values.items() if value is not None}

    def texts(self, key: str) -> tuple[Text, ...]:
        """One text or a list of them, without repetition."""
        entry = self.node.entries.get(key)
        if entry is None:
            return ()
        nodes = entry.value.items if isinstance(entry.value, Items) else (entry.value,)
        what = f"`{key}` of {self.where}"
        if not nodes:
            self.report(entry.value.position, f"{what} is an empty list; name a block or remove the key")
        found: dict[str, Text] = {}
        for text in (self._text_of(node, what) for node in nodes):
            if text is not None and text.value in found:
                self.report(text.position, f"{what} names `{text}` twice; once is enough")
            elif text is not None:
                found[text.value] = text
        return tuple(found.values())

    def is_null(self, key: str) -> bool:
        """Whether the key is there and its value is null."""
        entry = self.node.entries.get(key)
        return entry is not None and isinstance(entry.value, Scalar) and entry.value.kind == "null"

    def is_text(self, key: str) -> bool:
        """Whether the key is there and its value is text by YAML's rules: no number, no truth value."""
        entry = self.node.entries.get(key)
        return entry is not None and isinstance(entry.value, Scalar) and entry.value.kind == "text"

    def is_mapping(self, key: str) -> bool:
        """Whether the key is there and its value is a mapping."""
        entry = self.node.entries.get(key)
        return entry is not None and isinstance(entry.value, Fields)

    def parsed(self, key: str, parse: Callable[[str], T]) -> T | None:
        """A text as ``parse`` understands it; the ``ValueError`` that it raises is the problem."""
        text = self.text(key)
        if text is None:
            return None
        try:
            return parse(text.value)
        except ValueError as error:
            self.report(text.position, str(error))
            return None

    def choice(self, key: str, valid: Sequence[str]) -> str | None:
        """One of the ``valid`` words."""
        text = self.text(key)
        if text is None:
            return None
        if text.value in valid:
            return text.value
        hint = did_you_mean(text.value, valid) or f"; write one of {', '.join(f'`{word}`' for word in valid)}"
        self.report(text.position, f"`{key}` of {self.where} cannot be `{text}`{hint}")
        return None

    def duration(self, key: str, *, zero: bool = False) -> timedelta | None:
        """A length of time, longer than nothing unless ``zero``."""
        length = self.parsed(key, parse_duration)
        if length == timedelta(0) and not zero:
            self.report(self.node.entries[key].value.position, f"`{key}` of {self.where} must be longer than nothing")
            return None
        return length

    def integer(self, key: str, least: int, most: int) -> int | None:
        """A whole number from ``least`` to ``most``."""
        number = self._number(key, ("integer",), f"a whole number from {least:,} to {most:,}", least, most)
        return None if number is None else int(number)

    def percent(self, key: str) -> Decimal | None:
        """A number from 0 to 100 with at most two decimals."""
        form = "a percent from 0 to 100 with at most two decimals, such as 10 or 2.5"
        number = self._number(key, ("integer", "number"), form, 0, 100)
        if number is not None and number * 100 % 1:
            self.report(self.node.entries[key].value.position, f"`{key}` of {self.where} must be {form}")
            return None
        return number

    def boolean(self, key: str) -> bool | None:
        """``true`` or ``false``."""
        entry = self.node.entries.get(key)
        if entry is None or _is_broken(entry.value):
            return None
        if isinstance(entry.value, Scalar) and entry.value.kind == "boolean":
            return entry.value.text.value.lower() == "true"
        self.report(entry.value.position, f"`{key}` of {self.where} must be `true` or `false`")
        return None

    def secret(self, key: str) -> Secret | None:
        """``{env: NAME}``. What stands there instead may be the secret itself, so no message repeats it."""
        entry = self.node.entries.get(key)
        if entry is None or _is_broken(entry.value):
            return None
        what = f"`{key}` of {self.where}"
        if not isinstance(entry.value, Fields) or set(entry.value.entries) != {"env"}:
            wanted = "`{env: NAME}`, and set the environment variable NAME to it"
            self.report(entry.value.position, f"{what} is a secret, which stands in no file; write {wanted}")
            return None
        name = entry.value.entries["env"].value
        if isinstance(name, Scalar) and VARIABLE.fullmatch(name.text.value):
            return Secret(name.text.value)
        form = "letters, digits and `_`, not beginning with a digit"
        self.report(name.position, f"`env` of {what} must be the name of an environment variable: {form}")
        return None

    def inner(self, key: str, keys: Iterable[str] | None, where: str | None = None) -> Reader | None:
        """The mapping under a key; ``where`` says what it is, when that is more than the key."""
        entry = self.node.entries.get(key)
        return self._fields_of(entry.value, where or f"`{key}` of {self.where}", keys) if entry else None

    def items(self, key: str, keys: Iterable[str]) -> list[Reader]:
        """The mappings of the list under a key."""
        entry = self.node.entries.get(key)
        if entry is None or _is_broken(entry.value):
            return []
        what = f"`{key}` of {self.where}"
        if not isinstance(entry.value, Items) or not entry.value.items:
            self.report(entry.value.position, f"{what} must be a list, with one item at least")
            return []
        found = [
            self._fields_of(item, f"number {number} of {what}", keys)
            for number, item in enumerate(entry.value.items, 1)
        ]
        return [reader for reader in found if reader]

    def named(self, key: str, keys: Iterable[str]) -> list[tuple[str, Reader]]:
        """The mappings under a key by their ids."""
        inner = self.inner(key, None)
        if inner is None:
            return []
        for entry in inner.node.entries.values():
            inner.identifier(entry.key, "member")
        found = [(name, inner.inner(name, keys, f"`{name}` of {inner.where}")) for name in inner.node.entries]
        return [(name, reader) for name, reader in found if reader]

    def free(self, key: str) -> Content | None:
        """Whatever texts, lists and mappings are under a key."""
        entry = self.node.entries.get(key)
        return self._content_of(entry.value, f"`{key}` of {self.where}") if entry else None

    def refuse_unknown(self, keys: Iterable[str], elsewhere: Mapping[str, str] | None = None) -> None:
        """Only ``keys`` may be there; ``elsewhere`` says of a key that belongs to something else what that is."""
        valid = sorted(keys)
        for key, entry in self.node.entries.items():
            if key in valid:
                continue
            if elsewhere and key in elsewhere:
                hint = f"; it belongs to {elsewhere[key]}"
            else:
                hint = did_you_mean(key, valid) or f"; it may have {', '.join(f'`{word}`' for word in valid)}"
            self.report(entry.key.position, f"unknown key `{key}` in {self.where}{hint}")

    def identifier(self, text: Text, name: str) -> None:
        """A name that is safe wherever it appears."""
        if not IDENTIFIER.fullmatch(text.value):
            self.report(text.position, f"`{text}` cannot be the id of a {name}; ids are {IDENTIFIER_FORM}")

    def _fields_of(self, node: Node, where: str, keys: Iterable[str] | None) -> Reader | None:
        if isinstance(node, Fields):
            return Reader(node, where, keys, self.problems)
        if not _is_broken(node):
            self.report(node.position, f"{where} must be a mapping of keys to values{_not(node)}")
        return None

    def _text_of(self, node: Node, what: str) -> Text | None:
        if _is_broken(node):
            return None
        if not isinstance(node, Scalar):
            self.report(node.position, f"{what} must be text{_not(node)}")
            return None
        if node.kind == "null" or not node.text.value.strip():
            self.report(node.position, f"{what} has no value; write one or remove the key")
            return None
        return node.text

    def _content_of(self, node: Node, what: str) -> Content | None:
        match node:
            case Items():
                items = [self._content_of(item, what) for item in node.items]
                return tuple(item for item in items if item is not None)
            case Fields():
                members = {key: self._content_of(entry.value, what) for key, entry in node.entries.items()}
                return {key: member for key, member in members.items() if member is not None}
        return self._text_of(node, what)

    def _number(self, key: str, kinds: Sequence[str], form: str, least: int, most: int) -> Decimal | None:
        entry = self.node.entries.get(key)
        if entry is None or _is_broken(entry.value):
            return None
        number = _decimal(entry.value) if isinstance(entry.value, Scalar) and entry.value.kind in kinds else None
        if number is None or not least <= number <= most:
            self.report(entry.value.position, f"`{key}` of {self.where} must be {form}")
            return None
        return number


def _is_broken(node: Node) -> bool:
    return isinstance(node, Scalar) and node.kind == "broken"


def _not(node: Node) -> str:
    name = _NODE_NAMES.get(type(node))
    return f", not {name}" if name else ""


def _decimal(scalar: Scalar) -> Decimal | None:
    text = scalar.text.value
    if text.startswith(("0o", "0x")):
        return Decimal(int(text, 0))
    # A long exponent is a number that no key takes, and slow to calculate with.
    return Decimal(text) if len(text) <= 20 and "n" not in text.lower() and "e" not in text.lower() else None
