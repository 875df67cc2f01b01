"""The report: every table, and whether the tables of the state agree with each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import polars as pl

from pipelines.model import Definitions
from pipelines.report import blocks, conversion, daily, messages, waiting
from pipelines.report.frames import conform, fetch, schema_of, share
from pipelines.report.history import SeriesHistory, read_histories
from pipelines.report.measures import ENDED_AS
from pipelines.report.prepare import Offsets, prepare
from pipelines.report.reconcile import Difference, reconcile
from pipelines.report.tables import TABLES, VERSIONS
from pipelines.wall_clock import local_of_utc
from warehouse.tables import OUTCOMES

if TYPE_CHECKING:
    from warehouse.adapter import Warehouse


@dataclass(frozen=True, slots=True)
class Report:
    """What the series did, as of their newest runs.

    Attributes:
        as_of: The newest run of any series, naive UTC; None when nothing has run.
        timezone: The project's; days, weeks and months are told in it.
        series: Every series that is defined or has run, with its versions.
        tables: See `pipelines.report.tables`; all of them are there, empty where there is nothing to tell.
        differences: Where the tables of the state contradict each other; there should be none.
        publish: When the copy that was read is brought up to date, `every_run` or `nightly`; `off`: the warehouse was
            read.
    """

    as_of: datetime | None
    timezone: str
    series: Mapping[str, SeriesHistory]
    tables: Mapping[str, pl.DataFrame]
    differences: tuple[Difference, ...]
    publish: str = "off"

    @property
    def caveat(self) -> str:
        """What readers must know about the instant it is of; empty: nothing."""
        return "The copy it reads is renewed nightly, so later runs are missing." if self.publish == "nightly" else ""

    def of(self, series_id: str) -> Report:
        """The same for one series alone."""
        return Report(
            self.as_of,
            self.timezone,
            {series_id: self.series[series_id]},
            {name: frame.filter(series_id=series_id) for name, frame in self.tables.items()},
            tuple(difference for difference in self.differences if difference.series_id == series_id),
            self.publish,
        )


def build_report(warehouse: Warehouse, definitions: Definitions) -> Report:
    """Make every table of the report.

    It reads the tables that analysts may query, as the newest runs left them, and writes nothing but temporary tables
    of its connection.

    Args:
        warehouse: Open, if only for reading, with the tables of the state.
        definitions: What the project's files say now.
    """
    histories = read_histories(warehouse, definitions)
    offsets = prepare(warehouse, definitions, histories)
    frames = _frames(warehouse, definitions, histories, offsets)
    return Report(
        as_of=max((history.as_of for history in histories.values() if history.as_of), default=None),
        timezone=definitions.settings.timezone,
        series=histories,
        tables={name: conform(frames[name], table) for name, table in TABLES.items()},
        differences=reconcile(warehouse),
    )


def _frames(
    warehouse: Warehouse, definitions: Definitions, histories: Mapping[str, SeriesHistory], offsets: Offsets
) -> dict[str, pl.DataFrame]:
    versions, runs = _versions(histories), _newest_runs(histories, definitions.settings.timezone)
    with_goal = frozenset(name for name, history in histories.items() if history.series and history.series.goal)
    cells = fetch(warehouse, "goal_conversion")
    whole = cells.filter(pl.col("breakdown").is_null())
    funnel = blocks.block_funnel(
        fetch(warehouse, "block_funnel", outcomes=OUTCOMES, ended_as=ENDED_AS),
        fetch(warehouse, "block_previous"),
        waiting.waiting_days(fetch(warehouse, "waiting"), runs),
        whole.filter(arm="treatment").group_by("series_id", "version").agg(began=pl.col("entries").sum()),
        histories,
    )
    return {
        "goal_conversion": conversion.goal_conversion(cells, with_goal),
        "tag_conversion": conversion.tag_conversion(fetch(warehouse, "tag_conversion"), with_goal),
        "lift": conversion.lift(whole, versions, with_goal),
        "time_to_goal": waiting.time_to_goal(fetch(warehouse, "time_to_goal")),
        "block_funnel": funnel,
        "path_flow": blocks.path_flow(fetch(warehouse, "path_flow"), funnel, histories),
        "message_performance": messages.message_performance(
            fetch(warehouse, "message_performance"),
            fetch(warehouse, "message_engagements"),
            fetch(warehouse, "unsent"),
            histories,
            definitions.settings.channels,
        ),
        "daily_progress": daily.daily_progress(fetch(warehouse, "daily_progress", offsets=offsets), runs),
        "goal_by_exit": conversion.goal_by_exit(fetch(warehouse, "goal_by_exit"), with_goal),
        "series_overlap": fetch(warehouse, "series_overlap").with_columns(
            shared_share=share("shared_customers", "customers")
        ),
        "customer_tags_now": fetch(warehouse, "tags"),
        "versions": versions,
    }


def _versions(histories: Mapping[str, SeriesHistory]) -> pl.DataFrame:
    rows = [
        {
            "series_id": series_id,
            "version": version.number,
            "definition_hash": version.definition_hash,
            "first_as_of": version.first_as_of,
            "newest_as_of": version.newest_as_of,
            "runs": version.runs,
            "goal": version.series.goal.rule.value if version.series.goal else None,
            "goal_within_days": version.series.goal.within / timedelta(days=1) if version.series.goal else None,
            "holdout": float(version.series.holdout) / 100,
            "is_newest": version is history.newest,
        }
        for series_id, history in histories.items()
        for version in history.versions
    ]
    return pl.DataFrame(rows, schema=schema_of(VERSIONS))


def _newest_runs(histories: Mapping[str, SeriesHistory], timezone: str) -> pl.DataFrame:
    """The newest run of each series that ran: ``as_of`` (UTC) and ``last_day``, its day in the time zone."""
    zone = ZoneInfo(timezone)
    rows = [
        (name, history.as_of, local_of_utc(history.as_of, zone).date())
        for name, history in histories.items()
        if history.as_of
    ]
    schema = {"series_id": pl.String(), "as_of": pl.Datetime("us"), "last_day": pl.Date()}
    return pl.DataFrame(rows, schema=schema, orient="row")
