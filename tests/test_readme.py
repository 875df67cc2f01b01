"""The README does what it says, and docs that go on from it: their files are written, their commands run, in order."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FENCED = re.compile(r"^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
TEXTS = [(ROOT / name).read_text() for name in ("README.md", "docs/senders.md")]
BLOCKS = [(found["language"], found["text"]) for text in TEXTS for found in FENCED.finditer(text)]


def commands_in(text: str) -> list[str]:
    return [command for line in text.splitlines() if (command := line.partition("  #")[0].strip())]


MAKE = [
    command
    for language, text in BLOCKS
    if language == "sh"
    for command in commands_in(text)
    if command.startswith("make ")
]


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_files_and_commands_work_in_the_readmes_order(tmp_path: Path) -> None:
    answers: dict[str, list[str]] = defaultdict(list)
    for language, text in BLOCKS:
        if language in ("yaml", "python"):
            name = text.partition("\n")[0].removeprefix("# ")
            file = tmp_path / name.removeprefix("at the end of ")
            file.parent.mkdir(exist_ok=True)
            file.write_text((file.read_text() if name.startswith("at the end of ") else "") + text)
        for command in commands_in(text) if language == "sh" else ():
            if command not in MAKE:
                done = run(command, tmp_path)
                assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
                answers[command].append(done.stdout)
    first, again = answers["series run --as-of 2026-03-01T09:00Z"]
    assert "try_premium: nothing done" not in first
    assert "try_premium: nothing done" in again
    explained = [command for command in answers if command.startswith("series explain")]
    assert explained
    assert all(answers[command][0] in TEXTS[0] for command in explained), "README shows what is answered"
    assert list((tmp_path / "outbox").iterdir())


@pytest.mark.parametrize("command", MAKE)
def test_make_targets_exist(command: str) -> None:
    done = run(f"{command} --dry-run", ROOT)
    assert done.returncode == 0, done.stderr
