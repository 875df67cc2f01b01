"""Message text to Jinja's syntax tree, every node carrying the place where it stands. Nothing is ever executed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser

from pipelines.problems import Problem

if TYPE_CHECKING:
    from pipelines.model import Text

MOST_NESTED = 40
"""How deep conditions, brackets and filters may nest; what SQL engines take without trouble."""

_LONGEST_EXCERPT = 200

_ENVIRONMENT = Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701 - it only reads, nothing renders


class TemplateError(Exception):
    """A text that is not a template; ``offset`` counts characters from the start of the text."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def read_template(source: str) -> nodes.Template:
    """The syntax tree of a text; ``lineno`` of each node is the offset of the character where it begins.

    >>> tree = read_template("Hi {{ name }}")
    >>> [(type(node).__name__, node.lineno) for node in tree.body[0].iter_child_nodes()]
    [('TemplateData', 0), ('Name', 6)]

    Raises:
        TemplateError: It is not Jinja's syntax, or nests deeper than ``MOST_NESTED``.
    """
    try:
        parser = Parser(_ENVIRONMENT, "")
        # Jinja knows lines only. Its parser hands on whatever number a token carries, so we let it be the offset.
        parser.stream = TokenStream(_ENVIRONMENT.lexer.wrap(tokens(source)), None, None)
        tree = parser.parse()
    except TemplateSyntaxError as error:
        raise TemplateError(_plain(error.message or "it cannot be read"), error.lineno) from error
    except RecursionError as error:
        raise TemplateError(_TOO_DEEP, 0) from error
    _refuse_deep(tree)
    return tree


def offset_of(node: nodes.Node) -> int:
    """Where a node begins; a filter at its name, because that is what there is to say something about."""
    if isinstance(node, nodes.Filter):
        return node.lineno
    # Jinja places an operator's node after its left side, and some nodes nowhere.
    places: list[int | None] = [node.lineno, *(child.lineno for child in node.find_all(nodes.Node))]
    return min((place for place in places if place is not None), default=0)


def problem_at(text: Text, offset: int, message: str) -> Problem:
    """A finding in a text, with the line it is in; where the file's own line is not known, the line of the text."""
    if text.exact and text.lines:
        place = text.at(offset)
        line, column = text.lines[place.line - text.position.line], place.column
    else:
        before, line = text.value[:offset], text.value[offset:].partition("\n")[0]
        start = before.rpartition("\n")[2]
        line, column = start + line, len(start) + 1
    excerpt = f"{line}\n{' ' * (column - 1)}^" if len(line) <= _LONGEST_EXCERPT else ""
    return Problem(text.at(offset), message, excerpt=excerpt)


def tokens(source: str) -> Iterator[tuple[int, str, str]]:
    """Jinja's tokens of a text: offset, kind and value.

    Raises:
        TemplateSyntaxError: It is not Jinja's syntax; its line number is an offset.
    """
    source = re.sub(r"\r\n?", "\n", source)
    offset = 0
    try:
        for _, kind, value in _ENVIRONMENT.lexer.tokeniter(source, None):
            # Not always where the token before it ended: `{%-` makes the lexer leave out white space.
            offset = source.index(value, offset)
            yield offset, kind, value
            offset += len(value)
    except TemplateSyntaxError as error:
        raise TemplateSyntaxError(error.message or "", offset) from error


_TOO_DEEP = f"this text nests conditions, brackets or filters more than {MOST_NESTED} deep; make it simpler"


def _refuse_deep(tree: nodes.Template) -> None:
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if depth > MOST_NESTED:
            raise TemplateError(_TOO_DEEP, node.lineno)
        waiting.extend((child, depth + 1) for child in node.iter_child_nodes())


def _plain(message: str) -> str:
    """Jinja's complaint as the end of a sentence of ours, without the place that it counts in its own way."""
    message = re.sub(r" at \d+$", "", message).rstrip(".")
    return f"this is not a template that can be read: {message[0].lower()}{message[1:]}"
