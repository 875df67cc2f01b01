"""What a run did, as it is told: the series, what they ignored, the limits that they went beyond."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from pipelines.guards import GuardFinding, are_set, read_findings
from pipelines.model import Definitions
from pipelines.run import SeriesRun, count_ignored
from pipelines.source_rows import count_unfit
from pipelines.sources import find_sources
from pipelines.zones import count_unknown
from warehouse.adapter import Warehouse

if TYPE_CHECKING:
    from pipelines.hand_off.hand_off import HandOffResult


@dataclass(frozen=True, slots=True)
class RunResult:
    """What a run did.

    Attributes:
        target: The target that it was for; None: the project has no targets.
        as_of: The instant, naive UTC.
        series: Those that took part, or were asked to; in the order of their files.
        hand_off: What became of the batches; None when they were to stay.
        ignored_engagements: Rows of the engagements source since the run before that count for nothing, by reason.
        unknown_zones: Customers whose time zone does not exist and is taken as the project's; 0 where nothing asks.
        guards: The limits that this run, or an earlier one of these series at this instant, went beyond.
        unfit: Values that cannot be read as the type that `series.yml` gives their column, by `source.column`.
        unpublished: Why the copy for readers could not be brought up to date; empty: it was, or need not be.
    """

    target: str | None
    as_of: datetime
    series: tuple[SeriesRun, ...]
    hand_off: HandOffResult | None = None
    ignored_engagements: Mapping[str, int] = field(default_factory=dict)
    unknown_zones: int = 0
    unfit: Mapping[str, int] = field(default_factory=dict)
    guards: tuple[GuardFinding, ...] = ()
    unpublished: str = ""


def read_result(
    warehouse: Warehouse, definitions: Definitions, instant: datetime, ran: Sequence[SeriesRun]
) -> RunResult:
    """What there is to tell of the run at an instant, as long as its sources are open; nothing is handed off yet.

    Args:
        warehouse: As the run left it.
        definitions: What ran.
        instant: Naive UTC.
        ran: The series, as the run tells of them.
    """
    settings = definitions.settings
    has_run = any(one.state == "done" for one in ran)
    is_typed = has_run and any(source.types for source in settings.sources.values())
    is_guarded = are_set(definitions) and ran
    return RunResult(
        settings.target,
        instant,
        tuple(ran),
        ignored_engagements=count_ignored(warehouse, instant) if has_run else {},
        unknown_zones=count_unknown(warehouse, definitions) if has_run else 0,
        unfit=count_unfit(warehouse, find_sources(warehouse, settings)[0]) if is_typed else {},
        guards=read_findings(warehouse, instant, [one.series_id for one in ran]) if is_guarded else (),
    )
