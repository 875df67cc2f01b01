"""What a load did, as text for people."""

from __future__ import annotations

from pipelines.output import count, printable
from pipelines.receipts.load import FORMATS, LoadResult


def loaded(result: LoadResult) -> str:
    """One line for what came in, one for what counts for nothing."""
    over = []
    if result.passed_over:
        names = "its name" if result.passed_over == 1 else "their names"
        *most, last = FORMATS
        over = [f"Passed over {count(result.passed_over, 'file')} by {names}: not {', '.join(most)} or {last}."]
    if not result.files:
        return "\n".join(["There is nothing to load.", *over])
    new = f"Loaded {count(result.loaded, 'receipt')} from {count(result.files, 'file')}"
    lines = [f"{new}; {result.known:,} were known already." if result.known else f"{new}."]
    if result.ignored:
        words = ", ".join(f"{printable(word)[:40]} ({number:,})" for word, number in result.ignored.items())
        lines.append(f"No receipts of messages: {words}.")
    lines += over
    if result.removed:
        lines.append(f"Removed {count(result.removed, 'file')}.")
    return "\n".join(lines)


def failures(result: LoadResult) -> list[str]:
    """The bad rows, the first of them by name."""
    if not result.bad_rows:
        return []
    named = [f"{row.file}{f':{row.line}' if row.line else ''}: {row.problem}" for row in result.bad]
    more = result.bad_rows - len(named)
    return [
        *named,
        *([f"… and {more:,} more."] if more else []),
        f"{count(result.bad_rows, 'row')} cannot be used; the others are loaded. Mend or remove them, and load again.",
    ]
