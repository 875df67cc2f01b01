"""All that a project's files say, together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.model.series import Series
from pipelines.model.settings import Settings
from pipelines.model.text import Expression


@dataclass(frozen=True, slots=True)
class Definitions:
    """All that a project's files say: settings, series by id, and segments by name.

    ``refused`` holds what could be read of files with errors, to find further ones; it is never run. ``settings`` are
    those of the chosen target, ``other_targets`` those of the others by name.
    """

    settings: Settings
    series: Mapping[str, Series]
    segments: Mapping[str, Expression]
    refused: Mapping[str, Series] = field(default_factory=dict)
    other_targets: Mapping[str, Settings] = field(default_factory=dict)
