"""Templates with the filters that the places of their values need: within one line, within a link.

A template goes in as text and comes out as text, its values wrapped in filters of `template_filters.OF_PLACES`. What a
template says is checked before, as it was written, so that problems are told where they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pipelines.templates.syntax import tokens

Kind = Literal["data", "value", "statement"]

_BREAKS = re.compile("[\x00-\x1f\x7f\x85\u2028\u2029]+")
_BRACES = re.compile(r"\{(?=[{%#])")
_BEGINS = {"variable_begin": "value", "block_begin": "statement", "comment_begin": "comment", "raw_begin": "raw"}
_STARTS = re.compile(r"\s*([A-Za-z][A-Za-z0-9+.-]*:|[/?#])")
_EXECUTED = ("javascript:", "vbscript:", "data:")


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a template.

    Attributes:
        text: What stands there; of a value or a statement, what is between the braces.
        offset: Where it begins in the template, in characters.
    """

    kind: Kind
    text: str
    offset: int

    @property
    def written(self) -> str:
        """It as it was written, however its braces were spaced."""
        begin, end = {"data": ("", ""), "value": ("{{ ", " }}"), "statement": ("{% ", " %}")}[self.kind]
        return f"{begin}{self.text}{end}"

    def wrapped(self, *filters: str) -> str:
        """It as a template writes it; a value with filters around it."""
        match self.kind:
            case "statement":
                return f"{{% {self.text} %}}"
            case "value":
                return f"{{{{ {' | '.join((f'({self.text})', *filters))} }}}}"
        # A brace beside another would begin something that was only text.
        return _BRACES.sub("{{ '{' }}", self.text)


class LinkError(ValueError):
    """An address that a message must not lead to; ``offset`` counts characters from the start of the template."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def pieces(source: str) -> Iterator[Piece]:
    """The stretches of a template, without comments.

    >>> [(piece.kind, piece.text) for piece in pieces("Hi {{ name }}{% if vip %}!{% endif %}")]
    [('data', 'Hi '), ('value', 'name'), ('statement', 'if vip'), ('data', '!'), ('statement', 'endif')]
    """
    begun, offset, inner = "", 0, ""
    for place, kind, value in tokens(source):
        if kind in _BEGINS:
            begun, offset, inner = _BEGINS[kind], place, ""
        elif kind.endswith("_end") and begun in ("value", "statement"):
            yield Piece("value" if begun == "value" else "statement", inner.strip(), offset)
            begun = ""
        elif kind.endswith("_end"):
            begun = ""
        elif begun in ("value", "statement"):
            inner += value
        elif begun in ("", "raw"):
            yield Piece("data", value, place)


def on_one_line(source: str) -> str:
    r"""The template of a header: nothing in it ends the line, whatever its values are.

    >>> on_one_line("Hi {{ name }}\n")
    'Hi {{ (name) | _line }}'
    """
    parts = [
        _BREAKS.sub(" ", piece.wrapped()) if piece.kind == "data" else piece.wrapped("_line")
        for piece in pieces(source.strip())
    ]
    return "".join(parts)


def in_link(source: str) -> str:
    """The template of an address: a value in it is encoded, one at its beginning must be a web address itself.

    >>> in_link("https://example.com/?q={{ plan }}")
    'https://example.com/?q={{ (plan) | _link_part }}'

    Raises:
        LinkError: The address would execute something, or a value would decide where it leads.
    """
    return "".join(piece.wrapped(*filters) for piece, filters in in_address(list(pieces(source.strip()))))


def in_address(address: Sequence[Piece]) -> Iterator[tuple[Piece, Sequence[str]]]:
    """The pieces of an address, each with the filters that it needs there.

    Raises:
        LinkError: As `in_link`.
    """
    said = ""
    for piece in address:
        if piece.kind == "data":
            said += piece.text
            _refuse_executed(said, piece.offset)
            yield piece, ()
        elif piece.kind == "statement":
            yield piece, ()
        elif not said.strip():
            yield piece, ("_link_start",)
        elif _STARTS.match(said):
            yield piece, ("_link_part",)
        else:
            raise LinkError("a link with a value in it begins with `https://`, or with the whole address", piece.offset)


def _refuse_executed(said: str, offset: int) -> None:
    """Browsers pass over white space and control codes, so does this."""
    address = re.sub(r"[\x00-\x20\x7f]", "", said).lower()
    if found := next((scheme for scheme in _EXECUTED if address.startswith(scheme)), None):
        raise LinkError(f"a link must not begin with `{found}`; write an address such as https://example.com", offset)
