"""``series report --format html``: which words are right together, and what is answered."""

from __future__ import annotations

from pathlib import Path

from pipelines.pages.folder import write_pages
from pipelines.problems import UsageError
from pipelines.report import Report


def write(report: Report, series_id: str | None, name: str | None, folder: Path | None) -> str:
    """Write the pages for the browser.

    Args:
        report: Of one series or of all.
        series_id: The one series that was asked for.
        name: Of a table, which is no page.
        folder: Where.

    Returns:
        The page to begin with.

    Raises:
        UsageError: A table is named, or no folder.
    """
    if name is not None:
        raise UsageError("--format html writes pages of whole series; leave --table out.")
    if folder is None:
        raise UsageError("--format html writes files; say where with --output FOLDER.")
    return f"{write_pages(report, folder, alone=series_id is not None)}\n"
