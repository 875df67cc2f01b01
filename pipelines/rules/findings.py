"""Problems of one rule, each with its place in the file and a caret under the words it is about."""

from __future__ import annotations

from pipelines.model import Text
from pipelines.problems import Problem

Span = tuple[int, int]
"""First offset and the offset after the last, into the rule's text."""


class Findings:
    """Collects the problems of one text; the first one at a place is kept, what follows from it is not."""

    def __init__(self, text: Text) -> None:
        self._text = text
        self._by_start: dict[int, Problem] = {}

    def __bool__(self) -> bool:
        return bool(self._by_start)

    def report(self, span: Span, message: str) -> None:
        """Add a problem about the words at ``span``."""
        start, stop = span
        if start not in self._by_start:
            problem = Problem(self._text.at(start), message, excerpt=excerpt(self._text, (start, stop)))
            self._by_start[start] = problem

    @property
    def problems(self) -> list[Problem]:
        """In the order of the text."""
        return [problem for _, problem in sorted(self._by_start.items())]


def excerpt(text: Text, span: Span) -> str:
    """The source line and a line with carets under ``span``; empty where the offsets do not lead back to the file."""
    if not text.exact or not text.lines:
        return ""
    start, stop = text.at(span[0]), text.at(max(span[0], span[1] - 1))
    line = text.lines[start.line - text.position.line]
    first = start.column - 1
    width = max(1, (stop.column if stop.line == start.line else len(line.rstrip())) - first)
    margin = "".join("\t" if letter == "\t" else " " for letter in line[:first].ljust(first))
    return f"{line}\n{margin}{'^' * width}"
