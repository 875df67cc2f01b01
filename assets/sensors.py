"""What happens between schedules: batches are offered again, and new rows in the sources are noticed."""

import json

from dagster import (
    AssetObservation,
    DagsterRunStatus,
    RunConfig,
    RunRequest,
    RunsFilter,
    SensorDefinition,
    SensorEvaluationContext,
    SensorResult,
    SkipReason,
    sensor,
)

from pipelines.model import Definitions
from pipelines.schedule import format_instant
from warehouse.adapter import LockedError, WarehouseError

from . import environment
from .keys import Keys
from .resources import Warehouse
from .run import RunOptions
from .sources import observed

_UNDER_WAY = [
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
]
_EVERY = 300
_PATIENCE = 2.0
"""Seconds that a sensor waits for the warehouse; while a run has it there is nothing to see."""


def hand_off_retry(run_job: str, hand_off_job: str) -> SensorDefinition:
    """Offers batches again that their senders did not take, or that were never offered because a run broke off."""

    @sensor(
        name="hand_off_retry",
        job_name=hand_off_job,
        description="Offers batches again that have not left; not while a guard holds some.",
        minimum_interval_seconds=_EVERY,
        default_status=environment.sensor_status(on=environment.is_on()),
    )
    def look(context: SensorEvaluationContext, warehouse: Warehouse) -> RunRequest | SkipReason:
        for job_name in (run_job, hand_off_job):
            if context.instance.get_runs(RunsFilter(job_name=job_name, statuses=_UNDER_WAY), limit=1):
                return SkipReason(f"{job_name} is under way.")
        try:
            found = warehouse.open(wait=_PATIENCE).health("held_batches", "pending_batches")
        except LockedError as error:
            return SkipReason(str(error))
        if found["held_batches"]:
            return SkipReason(" ".join(one.message for one in found["held_batches"]))
        if not found["pending_batches"]:
            return SkipReason("Every batch has left.")
        return RunRequest()

    return look


def source_watermark(definitions: Definitions, keys: Keys, run_job: str) -> SensorDefinition:
    """Notes when sources have new rows, and runs what is due then: for tables that are loaded when they are loaded."""
    sources = definitions.settings.sources

    @sensor(
        name="source_watermark",
        job_name=run_job,
        description="When a source has other rows than before: notes it, and runs the series that are due.",
        minimum_interval_seconds=_EVERY,
        default_status=environment.sensor_status(on=False),
    )
    def look(context: SensorEvaluationContext, warehouse: Warehouse) -> SensorResult | SkipReason:
        try:
            overview = warehouse.open(wait=_PATIENCE).sources()
        except WarehouseError as error:
            return SkipReason(str(error))
        marks = {
            source.name: [source.rows, source.newest_at and format_instant(source.newest_at)]
            for source in overview.sources
            if source.rows is not None
        }
        seen = json.loads(context.cursor) if context.cursor else None
        if marks == seen:
            return SkipReason("No source has changed.")
        cursor = json.dumps(marks)
        return SensorResult(
            # The first look has nothing to compare with.
            run_requests=[] if seen is None else [_due_run(cursor)],
            cursor=cursor,
            asset_events=[
                AssetObservation(keys.source(sources[source.name]), metadata=observed(source))
                for source in overview.sources
                if source.name in marks and (seen or {}).get(source.name) != marks[source.name]
            ],
        )

    return look


def _due_run(run_key: str) -> RunRequest:
    """A run of what is due when it is launched."""
    return RunRequest(
        run_key=run_key, run_config=RunConfig(ops={"run": RunOptions(as_of=None, due=True, series=None, accept=[])})
    )
