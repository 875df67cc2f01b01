"""What a run costs through Dagster, over the bare engine: warm in one process, and each in a process of its own.

    python benchmarks/orchestrator.py

Both run the same small project an hour later each time, and hand off; Dagster's job makes the report as well, and its
log is SQLite in a folder.
"""

from __future__ import annotations

import logging
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import dagster as dg
from engine import CUSTOMERS, EVENTS, OTHER_SOURCES, RULES, SERIES, START, hour, machine, timed, world

from assets import build_definitions
from pipelines import Project
from pipelines.schedule import format_instant

ROOT = Path(__file__).parent.parent
RUNS = 3
NEW_PROCESS = """
import sys
from orchestrator import through_dagster
through_dagster(*sys.argv[1:])
"""


def main() -> None:
    """Measure and print."""
    logging.disable(logging.CRITICAL)
    os.environ["DAGSTER_DISABLE_TELEMETRY"] = "1"
    print(machine())
    print("5,000 customers, 50,000 events, 5 series of 10 blocks\n")
    with tempfile.TemporaryDirectory() as name:
        folder, home = Path(name) / "project", Path(name) / "home"
        make_project(folder)
        home.mkdir()
        shutil.copy(ROOT / "assets" / "dagster.yaml", home)
        project = Project.open(folder)
        project.run(START)
        number = iter(range(1, 1_000))
        bare = figure("bare engine, warm", lambda: project.run(hour(next(number))))
        figure("the report alone, warm", project.report)
        with dg.DagsterInstance.from_config(str(home)) as instance:
            job = build_definitions(folder).resolve_job_def("series_run")
            warm = figure("through Dagster, warm", lambda: execute(job, instance, hour(next(number))))
        series = Path(sys.executable).with_name("series")
        words = ["--project-dir", str(folder), "--as-of"]
        alone = figure(
            "bare engine, a new process",
            lambda: command(str(series), "run", *words, format_instant(hour(next(number)))),
        )
        orchestrated = figure(
            "through Dagster, a new process",
            lambda: command(
                sys.executable, "-c", NEW_PROCESS, str(folder), str(home), format_instant(hour(next(number)))
            ),
        )
    print(f"{'Dagster costs over it with the report, warm':<48}{warm - bare:>8.2f} s")
    print(f"{'Dagster costs over it with the report, new':<48}{orchestrated - alone:>8.2f} s")


def make_project(folder: Path) -> None:
    """The small project of the engine's benchmark."""
    (folder / "series_definitions").mkdir(parents=True)
    (folder / "warehouse").mkdir()
    for number, rule in enumerate(RULES[:5]):
        text = SERIES.format(name=f"small_{number}", rule=rule)
        (folder / "series_definitions" / f"small_{number}.yml").write_text(text)
    with world(folder) as connection:
        connection.execute(CUSTOMERS, {"customers": 5_000})
        connection.execute(EVENTS, {"customers": 5_000, "events": 50_000})
        for statement in OTHER_SOURCES:
            connection.execute(statement)


def through_dagster(folder: str, home: str, as_of: str) -> None:
    """One run by Dagster from nothing: what a schedule's run costs in its own process."""
    with dg.DagsterInstance.from_config(home) as instance:
        execute(build_definitions(folder).resolve_job_def("series_run"), instance, as_of)


def execute(job: dg.JobDefinition, instance: dg.DagsterInstance, as_of: datetime | str) -> None:
    """One run of the job."""
    instant = as_of if isinstance(as_of, str) else format_instant(as_of)
    job.execute_in_process(instance=instance, run_config={"ops": {"run": {"config": {"as_of": instant}}}})


def figure(name: str, action: Callable[[], object]) -> float:
    """Print and return the median of some runs, in seconds; the first is not counted."""
    action()
    seconds = statistics.median(timed(action) for _ in range(RUNS))
    print(f"{name:<48}{seconds:>8.2f} s", flush=True)
    return seconds


def command(*words: str) -> None:
    """A process of its own, from the project's root."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])}
    subprocess.run(words, check=True, cwd=ROOT, env=environment, capture_output=True)  # noqa: S603 (words of this file)


if __name__ == "__main__":
    main()
