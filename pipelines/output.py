"""How results look: as JSON for machines, as aligned text for people, as annotations for pull requests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pipelines.problems import Problem, Severity
from pipelines.schedule import format_instant

Step = TypeVar("Step")


def to_json(value: object) -> str:
    """Write a result as JSON: dataclasses become objects, naive UTC instants ISO text that ends in ``Z``."""
    return json.dumps(value, default=_encode, ensure_ascii=False, indent=2)


def _encode(value: object) -> object:
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value):
        return {item.name: getattr(value, item.name) for item in fields(value)}
    return str(value)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Align rows under headings: numbers to the right, None blank, instants as ``series run --as-of`` reads them.

    On a terminal long text folds at its width; anywhere else a row is a line.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    body = [list(row) for row in rows]
    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for index, heading in enumerate(headings):
        numeric = any(isinstance(row[index], int) for row in body)
        grid.add_column(Text(heading), justify="right" if numeric else "left", overflow="fold")
    for row in body:
        grid.add_row(*(Text(_cell(value)) for value in row))
    console = Console()
    if not console.is_terminal:
        console.width = 100_000
    with console.capture() as capture:
        console.print(grid)
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def table_or_records(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; on a terminal that is too narrow for it, each row as lines of its own, one for each column."""
    from rich.cells import cell_len
    from rich.console import Console

    rows = list(rows)
    body = [[_cell(value) for value in row] for row in rows]
    width = sum(max(map(cell_len, column)) + 2 for column in zip(headings, *body, strict=True)) - 2
    console = Console()
    if not console.is_terminal or width <= console.width:
        return table(headings, rows)
    name_width = max(map(cell_len, headings))
    lines = []
    for number, row in enumerate(body, start=1):
        lines.append(f"{number} of {len(body)}")
        lines += [f"  {name:<{name_width}}  {cell}".rstrip() for name, cell in zip(headings, row, strict=True)]
    return "\n".join(lines)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case int():
            return f"{value:,}"
        case datetime():
            return format_instant(value)
        case _:
            return printable(str(value))


def lines(problems: Iterable[Problem]) -> list[str]:
    """Problems with their excerpts, as lines that command nothing."""
    return [printable(line) for problem in problems for line in str(problem).split("\n")]


def printable(text: str) -> str:
    """One line that commands nothing: data may hold line breaks and codes that would command a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


def cards(items: Sequence[tuple[str, str, str]]) -> str:
    """Headline numbers side by side in boxes on a terminal, a line each anywhere else.

    Args:
        items: Title, number and what it rests on.
    """
    from rich.columns import Columns
    from rich.console import Console
    from rich.panel import Panel
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        widths = [max(len(item[column]) for item in items) for column in (0, 1)]
        return "\n".join(
            f"{title:<{widths[0]}}  {number:>{widths[1]}}  {detail}".rstrip() for title, number, detail in items
        )
    boxes = [Panel(Text.assemble((number, "bold"), "\n", detail), title=title) for title, number, detail in items]
    with console.capture() as capture:
        console.print(Columns(boxes, equal=True, expand=True))
    return capture.get().rstrip()


def bar(share: float | None, width: int) -> str:
    """A bar for a share of 0 to 1, to an eighth of a character; what is more than nothing can be seen.

    >>> bar(0.5, 4), bar(0.001, 4), bar(None, 4)
    ('██', '▏', '')
    """
    if not share:
        return ""
    eighths = max(1, round(min(share, 1) * width * 8))
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def percent(share: float | None) -> str:
    """A share of 0 to 1 for people; nothing where there is none.

    >>> percent(0.1234), percent(None)
    ('12.3%', '')
    """
    return "" if share is None else f"{100 * share:.1f}%"


def track(steps: Sequence[Step], doing: str = "Running") -> Iterable[Step]:
    """Hand on the steps of long work, with a progress bar on standard error where that is a terminal."""
    from rich.console import Console
    from rich.progress import track as bar

    console = Console(stderr=True)
    return bar(steps, doing, console=console, transient=True) if console.is_terminal else steps


def count(number: int, noun: str) -> str:
    """A number with its noun.

    >>> count(1, "batch"), count(1200, "message"), count(2, "series")
    ('1 batch', '1,200 messages', '2 series')
    """
    plural = noun if noun.endswith("s") else f"{noun}es" if noun.endswith("ch") else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def summary(problems: Sequence[Problem]) -> str:
    """One line that says whether the definitions can be used."""
    if not problems:
        return "No problems found."
    numbers = [(severity, sum(problem.severity == severity for problem in problems)) for severity in _SEVERITIES]
    found = ", ".join(count(number, severity) for severity, number in numbers if number)
    files = {problem.position.file for problem in problems if problem.position}
    return f"Found {found} in {count(len(files), 'file')}." if files else f"Found {found}."


_SEVERITIES: tuple[Severity, ...] = ("error", "warning")


def problem_facts(problem: Problem) -> dict[str, Any]:
    """A problem as flat fields; file, line and column are null where it belongs to no file."""
    position = problem.position
    return {
        "severity": problem.severity,
        "file": position.file if position else None,
        "line": position.line if position else None,
        "column": position.column if position else None,
        "message": problem.message,
        "excerpt": problem.excerpt,
    }


def github_annotation(problem: Problem, project_dir: Path) -> str:
    """A problem as the workflow command that GitHub shows at the line in a pull request.

    >>> from pipelines.problems import Position
    >>> place = Position("series_definitions/a.yml", 3, 7)
    >>> github_annotation(Problem(place, "half: 50%"), Path("crm"))
    '::error file=crm/series_definitions/a.yml,line=3,col=7::half: 50%25'
    """
    place = ""
    if problem.position:
        file = _escape_property(_from_here(project_dir / problem.position.file))
        place = f" file={file},line={problem.position.line},col={problem.position.column}"
    return f"::{problem.severity}{place}::{_escape_data(problem.message)}"


def _from_here(path: Path) -> str:
    """GitHub knows files by their path from the checkout, where the command is run."""
    return (path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path).as_posix()


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")
