"""The command line, as transcripts: ``tests/cli/*.txt`` hold commands and everything they answer.

Each runs in a fresh copy of ``tests/cli/project``. A line ``$ series …`` is a call; other ``$`` lines are shell, to
change the project. Below a call stand its standard output, its standard error behind ``! ``, and its exit code
unless that is 0.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from shlex import split

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines import Project
from pipelines.cli import main
from tests.golden import assert_golden

HERE = Path(__file__).parent / "cli"
TRANSCRIPTS = sorted(HERE.glob("*.txt"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh copy of the small shop; the current folder."""
    folder = tmp_path / "shop"
    shutil.copytree(HERE / "project", folder)
    (folder / "warehouse").mkdir()
    with duckdb.connect(str(folder / "warehouse/warehouse.duckdb")) as warehouse:
        warehouse.execute((folder / "tables.sql").read_text())
    monkeypatch.chdir(folder)
    return folder


def series(*arguments: str) -> Result:
    """Call the command line in this process."""
    return CliRunner(env={"COLUMNS": "80"}).invoke(main, arguments, prog_name="series")


def answer(command: str) -> str:
    """What a transcript shows below the command."""
    program, *arguments = split(command)
    if program != "series":
        return subprocess.run(["bash", "-c", command], check=True, capture_output=True, text=True).stdout
    result = series(*arguments)
    errors = "".join(f"! {line}\n" for line in result.stderr.splitlines())
    code = f"[exit {result.exit_code}]\n" if result.exit_code else ""
    return (result.stdout + errors + code).replace(str(Path.cwd()), ".")


@pytest.mark.golden
@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("transcript", TRANSCRIPTS, ids=lambda file: file.stem)
def test_transcript(transcript: Path) -> None:
    lines = transcript.read_text().splitlines()
    parts = [f"{line}\n{answer(line.removeprefix('$ '))}" if line.startswith("$ ") else "" for line in lines]
    comments = [f"{line}\n" for line in lines if line.startswith("# ")]
    assert_golden(transcript, "".join([*comments, *parts]))


def test_there_are_transcripts() -> None:
    assert TRANSCRIPTS


@pytest.mark.parametrize("verb", sorted(main.commands))
@pytest.mark.parametrize("before", [True, False])
def test_common_options_stand_before_or_after_the_verb(project: Path, verb: str, before: bool) -> None:
    words = {
        "compile": ["compile", "upgrade"],
        "explain": ["explain", "1"],
        "preview": ["preview", "upgrade", "offer", "--customer", "1"],
        "demo": ["demo", "--customers", "20", "--hours", "2"],
        "receipts": ["receipts", "load", "series_definitions"],
    }.get(verb, [verb])
    options = ["--project-dir", str(project), "--format", "json"]
    result = series(*options, *words) if before else series(*words, *options)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout) is not None
    assert result.stderr == ""


@pytest.mark.usefixtures("project")
def test_an_unexpected_error_is_short_unless_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Project) -> None:
        raise KeyError("surprise\nand more")

    monkeypatch.setattr(Project, "status", fail)
    short = series("status")
    assert (short.exit_code, short.stdout) == (1, "")
    assert short.stderr == (
        "Unexpected KeyError: 'surprise\\nand more'\n"
        "This is a defect of series, not of your project. --debug shows where it happened.\n"
    )
    long = series("status", "--debug")
    assert (long.exit_code, long.stdout) == (1, "")
    assert long.stderr.startswith("Traceback (most recent call last):\n")
    assert "in fail\n" in long.stderr
