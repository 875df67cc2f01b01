"""Tells the story: a run every hour, and what people make of it until the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipelines import display
from pipelines.demo import folder as demo_folder
from pipelines.demo.story import Story
from pipelines.demo.summary import SeriesSummary, summarise
from pipelines.demo.world import World
from pipelines.project import Project

Track = Callable[[Sequence[datetime]], Iterable[datetime]]
"""Hands on the instants of the runs, and shows how far they are."""


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that was told to its end.

    Attributes:
        folder: The project to go on with.
        customers: How many there are at the end.
        runs: How many there were.
        seconds: How long telling it took by the wall clock.
        next_as_of: The run that comes next, naive UTC.
        failures: What failed in the runs, a sentence each; nothing does unless the series were changed.
    """

    folder: Path
    customers: int
    runs: int
    seconds: float
    next_as_of: datetime
    series: tuple[SeriesSummary, ...]
    failures: tuple[str, ...]


def make_demo(folder: Path, story: Story, *, force: bool = False, track: Track = iter) -> Demo:
    """Make a demo project and run its series hour by hour.

    Args:
        folder: Where; made when it is absent.
        story: What is told.
        force: Tell it again where there is a demo already, with its series as they are now.
        track: Is given the instants of the runs, for a progress bar.

    Raises:
        RefusedError: Its series were changed and cannot be used.
        RunError: A run failed; the demo stands as it stood before that run.
        UsageError: The folder holds something else, or a demo and ``force`` is not given.
        WarehouseError: The warehouse cannot be opened or written.
    """
    began = time.monotonic()
    demo_folder.prepare(folder, story, force=force)
    project = Project.open(folder)
    failures: dict[str, None] = {}
    with project.session() as warehouse:
        world = World(warehouse, story)
        for instant in track(story.instants):
            result = project.run(instant, due=True)
            failures |= dict.fromkeys(display.failures(result))
            world.pass_hour(result)
        customers = warehouse.fetch("select count(*) from customers")[0][0]
        series = summarise(warehouse)
    seconds = time.monotonic() - began
    return Demo(folder, customers, story.hours, seconds, story.ends_at, series, tuple(failures))
