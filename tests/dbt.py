"""Real dbt for tests, in an environment of its own: its pins need not be ours, and ours not its."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENVIRONMENT = ROOT / ".dbt"
REQUIREMENTS = Path(__file__).with_name("dbt_requirements.txt")


def program() -> Path:
    """The command `dbt`; the first test that asks for it makes its environment."""
    ENVIRONMENT.mkdir(exist_ok=True)
    with (ENVIRONMENT / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = ENVIRONMENT / "made"
        if not made.exists() or made.read_text() != REQUIREMENTS.read_text():
            _make()
            shutil.copy(REQUIREMENTS, made)
    return ENVIRONMENT / "bin" / "dbt"


def _make() -> None:
    python = ENVIRONMENT / "bin" / "python"
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, ENVIRONMENT], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, "-r", REQUIREMENTS], check=True)
        return
    subprocess.run([sys.executable, "-m", "venv", ENVIRONMENT], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-compile", "-r", REQUIREMENTS], check=True)


def command(folder: Path, *words: str) -> list[str | Path]:
    """A call of dbt on the project in a folder, which holds its profile too."""
    return [program(), "--quiet", *words, "--project-dir", folder, "--profiles-dir", folder]


def run(folder: Path, *words: str) -> None:
    """Run dbt; it must succeed."""
    environment = os.environ | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    done = subprocess.run(command(folder, *words), env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
