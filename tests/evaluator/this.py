"""The run that is going on: what every paragraph of SPEC 5 looks at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.evaluator.customer import View, sources_read
from tests.evaluator.definition import Project
from tests.evaluator.rules import Node
from tests.evaluator.state import Entry, State
from tests.evaluator.world import World


@dataclass(frozen=True)
class Run:
    """One run. `before` is the state that earlier runs left, `state` the one being made."""

    project: Project
    world: World
    before: State
    state: State
    as_of: datetime

    def view(self, customer_id: str, entry: Entry | None = None) -> View:
        """The customer at T, with this entry's messages."""
        return View(self.project, self.world, self.before, customer_id, self.as_of, entry)

    def present(self, entries: Iterable[Entry]) -> list[Entry]:
        """*Vanished customers*: nothing is done for those who are not in `customers` now."""
        return [entry for entry in entries if entry.customer_id in self.world.customers]

    def lag(self, rule: Node) -> timedelta:
        """*Late data*: the largest lag among the sources that the rule reads."""
        lags = (self.project.lags.get(source, timedelta(0)) for source in sources_read(rule, self.project))
        return max(lags, default=timedelta(0))
