"""Run by tests in a process of its own: a run by Dagster that is killed when it has committed and not yet reported."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import dagster as dg

from pipelines import Project
from tests.orchestrated import NO_TELEMETRY, run_job


def die(*_: object) -> None:
    """End this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    folder, home, as_of = sys.argv[1:]
    Project.figures = die  # type: ignore[assignment, method-assign]
    with dg.DagsterInstance.local_temp(home, overrides=NO_TELEMETRY) as instance:
        run_job(Path(folder), instance, as_of=as_of)
