"""What can be wrong with a user's project, and where.

A ``Problem`` is one finding at one place. Everything that reads definitions collects problems and reports
all of them at once; ``RefusedError`` carries them to the edge. ``UserError`` is the root of every mistake a user
can mend; anything else that is raised is a defect of this software.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from pipelines.redact import redact

LONGEST_MESSAGE = 600

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file of the project; ``line`` and ``column`` count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding.

    Attributes:
        position: Where it is; None when it belongs to no file (a missing table, say).
        message: What is wrong and what to do, one sentence or two, without a full stop. It is kept to one line of
            bearable length, whatever it quotes.
        severity: An ``error`` refuses the definition, a ``warning`` does not.
        excerpt: Source line and caret line, two lines of text; empty when the place says enough.
    """

    position: Position | None
    message: str
    severity: Severity = "error"
    excerpt: str = ""

    def __post_init__(self) -> None:
        line = " ".join(redact(self.message).split())
        object.__setattr__(self, "message", line if len(line) <= LONGEST_MESSAGE else f"{line[:LONGEST_MESSAGE]}…")

    def __str__(self) -> str:
        place = f"{self.position}: " if self.position else ""
        head = f"{place}{self.severity}: {self.message}"
        return f"{head}\n{self.excerpt}" if self.excerpt else head


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once, by file and place; what belongs to no file comes first."""
    return sorted(dict.fromkeys(problems), key=lambda problem: problem.position or Position("", 0, 0))


class UserError(Exception):
    """A mistake that the user can mend; its text is shown as it is, without secrets.

    Attributes:
        exit_code: What the command line exits with: 1 when the work failed, 2 for wrong usage or a refused definition.
    """

    exit_code = 1

    def __init__(self, message: str) -> None:
        super().__init__(redact(message))


class RefusedError(UserError):
    """Definitions or project settings that cannot be used; carries every problem found."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(in_order(problems))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class UsageError(UserError):
    """A call that cannot be meant: an unknown series, a malformed instant."""

    exit_code = 2


class RunError(UserError):
    """A run that failed; nothing of it is committed."""
