"""The command line starts fast because heavy libraries are imported where they are used."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

HEAVY = {"duckdb", "jinja2", "polars", "pyarrow", "rapidfuzz", "rich", "sqlglot", "yaml"}

PRINT_MODULES = "import sys; print('\\n'.join(sys.modules), file=sys.stderr)"
RUN_SERIES = """
import sys
from pipelines.cli import main
sys.argv = ["series", *sys.argv[1:]]
try:
    main()
finally:
    print("\\n".join(sys.modules), file=sys.stderr)
"""


def imported(code: str, *arguments: str, folder: Path | None = None) -> set[str]:
    """Top-level modules that a fresh interpreter holds after running ``code``."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, cwd=folder
    )
    return {module.partition(".")[0] for module in done.stderr.split()}


@pytest.mark.parametrize("code", [f"import pipelines.cli.cli; {PRINT_MODULES}", f"import pipelines; {PRINT_MODULES}"])
def test_importing_is_light(code: str) -> None:
    assert "pipelines" in imported(code)
    assert not imported(code) & HEAVY


def test_the_engine_needs_no_orchestrator() -> None:
    code = f"""
import importlib, pkgutil, sys
sys.modules["dagster"] = None  # importing it is an error now, as where it is not installed
import pipelines, warehouse
for package in (pipelines, warehouse):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
{PRINT_MODULES}
"""
    assert {"duckdb", "sqlglot"} <= imported(code)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_is_light(arguments: list[str]) -> None:
    assert not imported(RUN_SERIES, *arguments) & HEAVY


def test_status_reads_definitions_and_tables_without_polars_and_sqlglot(tmp_path: Path) -> None:
    folder = shutil.copytree(Path(__file__).parent / "cli" / "project", tmp_path / "shop")
    (folder / "warehouse").mkdir()
    with duckdb.connect(str(folder / "warehouse/warehouse.duckdb")) as warehouse:
        warehouse.execute((folder / "tables.sql").read_text())
    imported(RUN_SERIES, "run", folder=folder)
    modules = imported(RUN_SERIES, "status", folder=folder)
    assert {"duckdb", "yaml"} <= modules
    assert not modules & {"polars", "sqlglot"}
