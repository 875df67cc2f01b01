"""The recipes that come with this package, one file for each provider."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent

NAMES = tuple(sorted(path.stem for path in _FOLDER.glob("*.yml")))
"""Every recipe that there is."""


def recipe_text(name: str) -> str:
    """The file of a recipe."""
    return (_FOLDER / f"{name}.yml").read_text(encoding="utf-8")
