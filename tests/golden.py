"""Files that hold what the product writes; ``make golden`` rewrites them and a reviewer reads the difference."""

from __future__ import annotations

import os
from pathlib import Path


def assert_golden(file: Path, text: str) -> None:
    """Assert that ``file`` holds ``text``; under ``make golden`` make it so. Mark such tests ``golden``."""
    if os.environ.get("GOLDEN") == "rewrite":
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert text == file.read_text(encoding="utf-8"), f"`make golden` rewrites {file.name}"
