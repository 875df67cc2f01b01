"""What a YAML parser's complaint means, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipelines.problems import Position, Problem

# The parser's words, in which of its two places the mistake is (`problem` or `context`), and ours.
_PLAIN_WORDS: tuple[tuple[str, str, str], ...] = (
    (
        "mapping values are not allowed",
        "problem",
        "this `:` is one too many; check the indentation, and put a text that contains `: ` in quotes",
    ),
    (
        "could not find expected ':'",
        "context",
        "there is no `:` after this word; write `key: value`, and check the indentation",
    ),
    (
        "found unexpected end of stream",
        "context",
        "the quote that opens here is never closed",
    ),
    (
        "found unexpected document indicator",
        "context",
        "the quote that opens here is never closed",
    ),
    (
        "did not find expected key",
        "problem",
        "a `key: value` was expected here; check the indentation, and quote a text with quotes in it as a whole",
    ),
    (
        "did not find expected <document start>",
        "problem",
        "this line does not belong to what stands above; align it with the file's first key",
    ),
    (
        "did not find expected '-' indicator",
        "problem",
        "an item that begins with `- ` was expected here; check the indentation",
    ),
    (
        "did not find expected ',' or '}'",
        "problem",
        "`,` or `}` was expected here; close the `{`, and put a text that contains `,` or quotes in double quotes",
    ),
    (
        "did not find expected ',' or ']'",
        "problem",
        "`,` or `]` was expected here; close the `[`, and put a text that contains `,` or quotes in double quotes",
    ),
    (
        "did not find expected node content",
        "problem",
        "a value was expected here; check that every `{` and `[` is closed",
    ),
    (
        "found unknown escape character",
        "problem",
        "this is no escape that double quotes know; use single quotes, or write `\\\\` for a backslash",
    ),
)


def explain_syntax_error(error: Any, file: str, lines: Sequence[str]) -> Problem:
    """One problem for a ``yaml.YAMLError``, at the place where the mistake most likely is."""
    complaint = str(getattr(error, "problem", None) or error)
    mark = error.problem_mark
    if "cannot start any token" in complaint:
        return Problem(_position(mark, file), _bad_start(lines[mark.line][mark.column : mark.column + 1]))
    for words, place, meaning in _PLAIN_WORDS:
        if words in complaint:
            context = error.context_mark if place == "context" else None
            return Problem(_position(context or mark, file), meaning)
    return Problem(_position(mark, file), f"this is not valid YAML: {complaint}")


def unquoted_comma(key: str) -> str:
    """The message for a text in ``{…}`` that a comma of its own cuts off."""
    return f'in `{{…}}` a comma ends the value of `{key}`; put the whole value in quotes: `{key}: "…"`'


def _bad_start(character: str) -> str:
    if character == "\t":
        return "a tab stands here; indent with spaces"
    return f"a text that begins with `{character}` needs quotes around it"


def _position(mark: Any, file: str) -> Position:
    return Position(file, mark.line + 1, mark.column + 1)
