"""Definitions without errors: each series with its graph and its rules parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.graph import Graph
from pipelines.model import Channel, Series, Settings
from pipelines.rules.model import Rule


@dataclass(frozen=True, slots=True)
class CheckedChannel:
    """A channel with its expressions parsed; None where it asks for nothing."""

    channel: Channel
    address: Rule | None
    consent: Rule | None


@dataclass(frozen=True, slots=True)
class CheckedSeries:
    """A series without errors, its graph, and its rules parsed.

    Attributes:
        rules: By id of the rule block.
        waits: Timestamp expressions, by id of the wait block; only of those that wait for one.
        message_goals: By id of the content block; only of those that have a goal.
        goal_value: What reaching the goal is worth; None where nobody says.
    """

    series: Series
    graph: Graph
    rules: Mapping[str, Rule]
    exit: Rule | None
    goal: Rule | None
    waits: Mapping[str, Rule]
    message_goals: Mapping[str, Rule]
    goal_value: Rule | None = None


@dataclass(frozen=True, slots=True)
class CheckedDefinitions:
    """Everything that a run may use; ``channels`` are those that some series uses.

    Attributes:
        test_customers: The rule of the sending policy; None: it has none.
    """

    settings: Settings
    series: Mapping[str, CheckedSeries]
    channels: Mapping[str, CheckedChannel]
    test_customers: Rule | None = None
