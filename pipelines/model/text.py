"""What stands in a file: a text with its place, and what is made of texts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.problems import Position


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar of a definition with the place where it stands.

    Attributes:
        value: The text as YAML reads it.
        position: Where the scalar's first character stands (after an opening quote).
        lines: The source lines the scalar covers, as they stand in the file; for caret lines.
        exact: Whether ``value`` stands in ``lines`` character for character, white space aside (lines may be indented
            and folded), so that the place of every character is known.
    """

    value: str
    position: Position
    lines: tuple[str, ...] = ()
    exact: bool = False

    def at(self, offset: int) -> Position:
        """The place of the first character at or after ``offset`` of ``value`` that is no white space.

        Behind the last one it is the place after that; where places are not known, the scalar's start.
        """
        if not self.exact:
            return self.position
        line, column = 0, self.position.column - 1
        for number, letter in enumerate(self.value):
            if letter.isspace():
                continue
            while (at_end := column >= len(self.lines[line])) or self.lines[line][column].isspace():
                line, column = (line + 1, 0) if at_end else (line, column + 1)
            if number >= offset:
                break
            column += 1
        return Position(self.position.file, self.position.line + line, column + 1)

    def __str__(self) -> str:
        return self.value


Expression = Text
"""A rule or value expression, not yet parsed."""


Content = Text | tuple["Content", ...] | Mapping[str, "Content"]
"""What a field of a message holds: a template, or lists and mappings of them (the steps of a tour)."""
