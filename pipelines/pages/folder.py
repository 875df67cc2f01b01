"""A folder of pages: an index, and one page for each series."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from pipelines.pages.page import index_page, series_page
from pipelines.report import Report

INDEX = "index.html"

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,80}")


def write_pages(report: Report, folder: Path, *, alone: bool = False) -> Path:
    """Write every page of a report; a page that is there is replaced as a whole, other files stay.

    Args:
        report: Of all series, or of the one that was asked for.
        folder: Made where it is not there.
        alone: Whether one series was asked for: its page is written, and the index stays as it is.

    Returns:
        The page to begin with: the index, or the page of the series that was asked for.

    Raises:
        OSError: A page cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = page_names(report.series)
    has_index = not alone or (folder / INDEX).exists()
    for series_id, name in names.items():
        _replace(folder / name, series_page(report.of(series_id), index=has_index))
    if alone:
        return folder / next(iter(names.values()))
    _replace(folder / INDEX, index_page(report, names))
    return folder / INDEX


def page_names(series_ids: Iterable[str]) -> dict[str, str]:
    """A file for each series: its id, with a hash where that is no plain name or differs from another by case alone.

    >>> page_names(["upgrade", "../x", "index"])
    {'upgrade': 'upgrade.html', '../x': 'series-d6b96a97.html', 'index': 'series-1bc04b52.html'}
    """
    found: dict[str, str] = {}
    taken = {INDEX}
    for series_id in series_ids:
        name = f"{series_id}.html"
        if not _PLAIN_NAME.fullmatch(series_id) or name.lower() in taken:
            name = f"series-{hashlib.sha256(series_id.encode()).hexdigest()[:8]}.html"
        taken.add(name.lower())
        found[series_id] = name
    return found


def _replace(path: Path, text: str) -> None:
    """Whoever reads the page gets the old or the new one, whole."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
