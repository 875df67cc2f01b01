"""The bodies of messages: Markdown or HTML with template tags in it, to an HTML template and its plain text.

Tags of templates are hidden behind marks, words that Markdown and HTML leave alone, until it is known where each of
them stands. HTML is read strictly, so that every browser reads it in the same way: what is not plainly text, a tag or a
comment is refused, and so is a value where escaping would not make it safe.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NoReturn

from pipelines.markup_text import PlainText
from pipelines.templates.places import LinkError, Piece, in_address, pieces

_ATTRIBUTE = r"""[^\s"'<>/=]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'=<>`]+))?"""
_TOKEN = re.compile(
    rf"""(?P<comment><!--(?:(?!--).)*-->|<![Dd][Oo][Cc][Tt][Yy][Pp][Ee][^<>]*>)
    |</(?P<closed>[A-Za-z][A-Za-z0-9-]*)\s*>
    |<(?P<opened>[A-Za-z][A-Za-z0-9-]*)(?P<attributes>(?:\s+{_ATTRIBUTE})*)\s*/?>
    |(?P<text>[^<]+)""",
    re.VERBOSE | re.DOTALL,
)
_ATTRIBUTES = re.compile(
    r"""(?P<before>\s+)(?P<name>[^\s"'<>/=]+)(?:\s*=\s*(?P<value>"[^"]*"|'[^']*'|[^\s"'=<>`]+))?"""
)
_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_MAY_STAY_OPEN = frozenset("html body p li dt dd tr td th thead tbody tfoot option".split())
_ADDRESSES = frozenset("href src action formaction background poster cite longdesc xlink:href".split())
_NO_VALUES = frozenset(("style", "srcdoc", "srcset"))


_BRACES_IN_TAG = 'within a tag, braces can only stand between the quotes of an attribute: `<a href="{{ … }}">`'


class MarkupError(ValueError):
    """A body that cannot be sent; ``offset`` counts characters from its start."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Markup:
    """A body, ready to be compiled.

    Attributes:
        html: A template of HTML whose values are escaped where they stand.
        text: A template of the same as plain text.
        links: The addresses it leads to, as templates: as they were written, and with their values encoded.
    """

    html: str
    text: str
    links: Sequence[tuple[str, str]]


def read_html(source: str) -> Markup:
    """The body that HTML is.

    >>> read_html("<p>Hi <b>{{ name }}</b></p>").html
    '<p>Hi <b>{{ (name) | _html }}</b></p>'

    Raises:
        MarkupError: It is not HTML that is safe to send.
    """
    marked = _Marked(source)
    return _Writer(marked, marked.text, keep_lines=False).write()


def read_markdown(source: str) -> Markup:
    """The body that Markdown is: CommonMark with tables; HTML in it is text.

    >>> read_markdown("Hi **{{ name }}**, [look](https://example.com)").text
    'Hi {{ (name) }}, look (https://example.com)'

    Raises:
        MarkupError: A link or a condition in it cannot be sent.
    """
    from markdown_it import MarkdownIt

    marked = _Marked(source)
    markdown = MarkdownIt("commonmark", {"html": False, "linkify": True}).enable(["table", "strikethrough", "linkify"])
    assert markdown.linkify is not None
    markdown.linkify.set({"fuzzy_link": False, "fuzzy_email": False})
    # What a link must not be is told below, with its place, instead of being left as text.
    markdown.validateLink = _any_link  # type: ignore[method-assign]
    alone = rf"(?m)^([ \t]*)((?:{marked.statement}[ \t]*)+)$"
    shown = markdown.render(re.sub(alone, r"\n\1\2\n", marked.text))
    shown = re.sub(rf"<p>((?:{marked.statement}\s*)+)</p>\n?", r"\1", shown)
    return _Writer(marked, shown, keep_lines=True).write()


def _any_link(url: str) -> bool:  # noqa: ARG001 (the parser passes it)
    return True


class _Marked:
    """A template with its tags behind marks."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._prefix = next(word for number in count() if (word := f"q{number}z") not in source)
        self._pieces = list(pieces(source))
        self._starts: list[tuple[int, int]] = []
        self.mark = re.compile(rf"{self._prefix}(\d+)[vs]x")
        self.statement = rf"{self._prefix}\d+sx"
        parts: list[str] = []
        size = 0
        for number, piece in enumerate(self._pieces):
            part = piece.text if piece.kind == "data" else f"{self._prefix}{number}{piece.kind[0]}x"
            self._starts.append((size, piece.offset))
            parts.append(part)
            size += len(part)
        self.text = "".join(parts)

    def split(self, text: str) -> Iterator[Piece]:
        """A marked text as pieces; what is text in it has no place of its own."""
        end = 0
        for found in self.mark.finditer(text):
            if found.start() > end:
                yield Piece("data", text[end : found.start()], 0)
            yield self._pieces[int(found[1])]
            end = found.end()
        if end < len(text):
            yield Piece("data", text[end:], 0)

    def place(self, shown: str, at: int) -> int:
        """Where in the source it stands what is at a place of the text shown; its start where that is not known."""
        if shown is not self.text:
            return 0
        start, offset = max((start for start in self._starts if start[0] <= at), default=(0, 0))
        return offset + at - start


@dataclass
class _Writer:
    """Writes both templates of one body."""

    marked: _Marked
    shown: str
    keep_lines: bool
    html: list[str] = field(default_factory=list)
    links: list[tuple[str, str]] = field(default_factory=list)
    open: list[str] = field(default_factory=list)
    opened_at: list[int] = field(default_factory=list)
    branches: list[list[str]] = field(default_factory=list)

    def write(self) -> Markup:
        text = PlainText(self.keep_lines)
        at = 0
        while at < len(self.shown):
            token = _TOKEN.match(self.shown, at)
            if token is None:
                self._refuse("this `<` begins no tag that can be read; write `&lt;` for the sign itself", at)
            at = token.end()
            if token["closed"]:
                self._close(token, text)
            elif token["opened"]:
                self._open(token, text)
            elif token["text"]:
                self._text(token["text"], text)
            else:
                self._refuse_mark(token[0], "a comment of HTML is sent as it is; take the braces out of it")
                self.html.append(_static(token[0]))
        for name, at in zip(self.open, self.opened_at, strict=True):
            if name not in _MAY_STAY_OPEN:
                self._refuse(f"`<{name}>` is never closed; write `</{name}>` where it ends", at)
        return Markup("".join(self.html).strip(), text.written(), self.links)

    def _open(self, token: re.Match[str], text: PlainText) -> None:
        name = token["opened"].lower()
        if name in ("script", "iframe", "object", "embed"):
            self._refuse(f"`<{name}>` does not work in messages; take it out", token.start())
        self._refuse_mark(token["opened"])
        self.html.append(f"<{token['opened']}")
        said: dict[str, str] = {}
        for attribute in _ATTRIBUTES.finditer(token["attributes"]):
            said |= self._attribute(attribute)
        self.html.append(">")
        if name not in _VOID:
            self.open.append(name)
            self.opened_at.append(token.start())
        text.open(name, said)

    def _close(self, token: re.Match[str], text: PlainText) -> None:
        name = token["closed"].lower()
        if name not in self.open:
            self._refuse(f"`</{name}>` closes nothing; take it out, or write `<{name}>` before it", token.start())
        while self.open.pop() != name:
            self.opened_at.pop()
        self.opened_at.pop()
        self.html.append(token[0])
        text.close(name)

    def _text(self, said: str, text: PlainText) -> None:
        for piece in self.marked.split(said):
            if piece.kind == "statement":
                self._branch(piece)
                self.html.append(piece.wrapped())
                text.statement(piece.wrapped())
            elif piece.kind == "value" and "style" in self.open:
                raise MarkupError("a value cannot be part of a style, because there it could do anything", piece.offset)
            elif piece.kind == "value":
                self.html.append(piece.wrapped("_html"))
                text.value(piece.wrapped())
            else:
                self.html.append(_static(piece.text))
                text.text(html.unescape(piece.text))

    def _branch(self, piece: Piece) -> None:
        """What a condition decides begins and ends within the same elements, so that either way they are closed."""
        word = piece.text.split(maxsplit=1)[0]
        if word == "if":
            self.branches.append(list(self.open))
        elif self.branches and self.open != self.branches[-1]:
            raise MarkupError(
                f"`{{% {word} %}}` stands in another paragraph, list or element than its `{{% if %}}`; put both into"
                " the same one, or each on a line of its own",
                piece.offset,
            )
        if word == "endif" and self.branches:
            self.branches.pop()

    def _attribute(self, found: re.Match[str]) -> dict[str, str]:
        """The attribute by its name, as a template of plain text."""
        name, value = found["name"].lower(), found["value"]
        self._refuse_mark(found["name"])
        if value is None:
            self.html.append(found[0])
            return {}
        quoted = value[0] in "\"'"
        if not quoted:
            self._refuse_mark(value)
        said = list(self.marked.split(value[1:-1] if quoted else value))
        values = [piece for piece in said if piece.kind == "value"]
        if values and (name.startswith("on") or name in _NO_VALUES):
            message = f"a value cannot be part of the attribute `{name}`, because there it could do anything"
            raise MarkupError(message, values[0].offset)
        self.html.append(f'{found["before"]}{found["name"]}="')
        plain = [_plain(piece) for piece in said]
        filters = self._address(name, plain) if name in _ADDRESSES else [()] * len(plain)
        for piece, needed in zip(said, filters, strict=True):
            if piece.kind == "data":
                self.html.append(_static(piece.text).replace('"', "&#34;"))
            elif piece.kind == "statement":
                self._branch(piece)
                self.html.append(piece.wrapped())
            else:
                self.html.append(piece.wrapped(*needed, "_html"))
        self.html.append('"')
        return {name: "".join(piece.wrapped(*needed) for piece, needed in zip(plain, filters, strict=True))}

    def _address(self, name: str, plain: Sequence[Piece]) -> Sequence[Sequence[str]]:
        """The filters that the pieces of an address need; it is noted as a link where it is one."""
        if name == "src" and plain and plain[0].text.startswith("data:image/"):
            return [("_link_part",)] * len(plain)
        try:
            filters = [needed for _, needed in in_address(plain)]
        except LinkError as error:
            found = re.search("(?:java|vb)script:|data:", self.marked.source, re.IGNORECASE)
            raise MarkupError(str(error), error.offset or (found.start() if found else 0)) from error
        begins = plain[0] if plain else Piece("data", "", 0)
        if name == "href" and (begins.kind != "data" or re.match(r"\s*https?:", begins.text, re.IGNORECASE)):
            written = "".join(piece.written for piece in plain)
            address = "".join(piece.wrapped(*needed) for piece, needed in zip(plain, filters, strict=True))
            self.links.append((written, address))
        return filters

    def _refuse_mark(self, words: str, message: str = _BRACES_IN_TAG) -> None:
        if found := self.marked.mark.search(words):
            raise MarkupError(message, next(self.marked.split(found[0])).offset)

    def _refuse(self, message: str, at: int) -> NoReturn:
        raise MarkupError(message, self.marked.place(self.shown, at))


def _plain(piece: Piece) -> Piece:
    """A piece of an attribute without HTML's ways of writing signs; those of a template are its own business."""
    return Piece("data", html.unescape(piece.text), piece.offset) if piece.kind == "data" else piece


def _static(text: str) -> str:
    return Piece("data", text, 0).wrapped()
