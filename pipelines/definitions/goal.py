"""Reads the goal of a series or a message."""

from __future__ import annotations

from datetime import timedelta

from pipelines.definitions.vocabulary import GOAL, MESSAGE_GOAL
from pipelines.model import Goal
from pipelines.reader import Reader


def read_goal(reader: Reader, *, of_message: bool = False) -> Goal | None:
    """The ``goal`` key of a series or of a content block; None when there is none or its rule cannot be read."""
    inner = reader.inner("goal", MESSAGE_GOAL if of_message else GOAL)
    if inner is None:
        return None
    inner.require("rule", "within")
    rule = inner.text("rule")
    within = inner.duration("within")
    exits = False if of_message else inner.boolean("exits")
    value = None if of_message else inner.text("value")
    return Goal(rule, within or timedelta(0), exits is not False, value) if rule else None
