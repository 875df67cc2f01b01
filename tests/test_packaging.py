"""The lock file belongs to the project file, and names nothing but the public index."""

from __future__ import annotations

import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = tomllib.loads((ROOT / "uv.lock").read_text())
LOCKED = {package["name"]: package for package in LOCK["package"]}


def requirement(locked: dict[str, Any]) -> str:
    """A requirement of the lock file as ``pyproject.toml`` writes it."""
    extras = f"[{','.join(locked['extras'])}]" if "extras" in locked else ""
    return f"{locked['name']}{extras}{locked.get('specifier', '')}"


def test_the_lock_holds_the_requirements_of_the_project_file() -> None:
    metadata = LOCKED["warehouse-series"]["metadata"]
    project = PROJECT["project"]
    required = chain(project["dependencies"], *project["optional-dependencies"].values())
    assert sorted(map(requirement, metadata["requires-dist"])) == sorted(required)
    assert sorted(map(requirement, metadata["requires-dev"]["dev"])) == sorted(PROJECT["dependency-groups"]["dev"])


def test_everything_locked_comes_from_the_public_index() -> None:
    sources = [package["source"] for name, package in LOCKED.items() if name != "warehouse-series"]
    assert {source.get("registry") for source in sources} == {"https://pypi.org/simple"}
    files = [file for package in LOCK["package"] for file in [package.get("sdist"), *package.get("wheels", [])] if file]
    assert files
    assert all(file["url"].startswith("https://files.pythonhosted.org/") for file in files)


def test_sqlglot_is_pinned_exactly() -> None:
    assert any(name.startswith("sqlglot==") for name in PROJECT["project"]["dependencies"])
