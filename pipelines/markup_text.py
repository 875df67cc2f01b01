"""HTML to plain text by its structure: paragraphs, headings, lists, links with their addresses."""

from __future__ import annotations

import re
from collections.abc import Mapping

_PARAGRAPHS = frozenset(
    "p h1 h2 h3 h4 h5 h6 ul ol dl blockquote pre table section article header footer center figure".split()
)
_LINES = frozenset("div li tr dt dd caption figcaption".split())
_UNSEEN = frozenset(("head", "style", "title"))
_OF_ITEMS = frozenset("table thead tbody tfoot tr ul ol dl".split())


_OF_PLACES = re.compile(r" \| _link_(?:part|start)(?= \}\})")


class PlainText:
    """Takes tags and texts in their order and writes a template of plain text.

    Args:
        keep_lines: Whether a line break within a paragraph stays one, as in Markdown; in HTML it is a space.
    """

    def __init__(self, keep_lines: bool) -> None:
        self._keep_lines = keep_lines
        self._parts: list[str] = []
        self._open: list[str] = []
        self._breaks = 0
        self._begun = False
        self._lists: list[int | None] = []
        self._links: list[tuple[int, str]] = []

    def open(self, name: str, attributes: Mapping[str, str]) -> None:
        """A tag begins; its attributes are templates of plain text."""
        if name == "br":
            self._trim()
            self._parts.append("\n")
        elif name == "hr":
            self._break(2)
            self._write("---")
            self._break(2)
        elif name == "img":
            self._write(attributes.get("alt", ""))
        elif name in ("td", "th") and not self._at_line_start():
            self._write(" | ")
        if name in ("br", "hr", "img", "input", "meta", "link", "wbr", "col", "source", "area", "base", "track"):
            return
        self._block(name)
        self._open.append(name)
        if name == "a":
            self._links.append((len(self._parts), attributes.get("href", "")))
        elif name in ("ul", "ol"):
            self._lists.append(_number(attributes) if name == "ol" else None)
        elif name == "li":
            self._write(self._bullet())

    def close(self, name: str) -> None:
        """A tag ends, and with it what was still open in it."""
        while self._open and (closed := self._open.pop()):
            if closed == "a":
                self._end_link()
            elif closed in ("ul", "ol"):
                self._lists.pop()
            self._block(closed)
            if closed == name:
                break

    def text(self, text: str) -> None:
        """Text between tags."""
        between = self._open and self._open[-1] in _OF_ITEMS and not text.strip()
        if between or _UNSEEN & set(self._open):
            return
        if "pre" not in self._open:
            text = re.sub(r"[ \t]*\n\s*", "\n", text) if self._keep_lines else re.sub(r"\s+", " ", text)
            text = re.sub(r"[ \t]+", " ", text)
            if self._at_line_start():
                text = text.lstrip()
        if text:
            self._write(_as_template(text))

    def value(self, template: str) -> None:
        """A value between tags, as a template writes it."""
        if not _UNSEEN & set(self._open):
            self._write(template)

    def statement(self, template: str) -> None:
        """A condition; the lines before it end in any case, so that what it decides begins on a line of its own."""
        begins_line = self._at_line_start()
        self._flush()
        self._parts.append(template)
        self._begun = begins_line

    def written(self) -> str:
        """All of it."""
        self.close("")
        return "".join(self._parts).strip()

    def _write(self, template: str) -> None:
        if template:
            self._flush()
            self._parts.append(template)
            self._begun = False

    def _flush(self) -> None:
        if self._breaks and any(part.strip() for part in self._parts):
            self._trim()
            self._parts.append("\n" * self._breaks)
        self._breaks = 0

    def _trim(self) -> None:
        """No spaces at the end of a line."""
        if self._parts:
            self._parts[-1] = self._parts[-1].rstrip()

    def _block(self, name: str) -> None:
        if name in _PARAGRAPHS:
            self._break(1 if self._lists and name in ("ul", "ol") else 2)
        elif name in _LINES:
            self._break(1)

    def _break(self, lines: int) -> None:
        # Right behind its bullet an item goes on, as does what a condition on a line of its own decides.
        if not self._begun and not (self._parts and re.fullmatch(r" *(-|\d+\.) ", self._parts[-1])):
            self._breaks = max(self._breaks, lines)

    def _at_line_start(self) -> bool:
        return self._begun or bool(self._breaks) or not self._parts or self._parts[-1].endswith("\n")

    def _bullet(self) -> str:
        indent = "  " * (len(self._lists) - 1)
        number = self._lists[-1] if self._lists else None
        if number is None:
            return f"{indent}- "
        self._lists[-1] = number + 1
        return f"{indent}{number}. "

    def _end_link(self) -> None:
        start, address = self._links.pop()
        said = "".join(self._parts[start:]).strip()
        if said in (_OF_PLACES.sub("", address), _OF_PLACES.sub("", address).removeprefix("mailto:")):
            self._parts[start:] = [address.removeprefix("mailto:")]
        elif address:
            self._write(f" ({address})" if said else address)


def _number(attributes: Mapping[str, str]) -> int:
    start = attributes.get("start", "1")
    return int(start) if start.isdecimal() else 1


def _as_template(text: str) -> str:
    return re.sub(r"\{(?=[{%#])", "{{ '{' }}", text)
