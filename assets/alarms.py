"""When people are told: a run failed, or it went through and one of its checks says that somebody has to look.

The dead man's ping goes out from the run itself, because these sensors are silent when Dagster's daemon is dead.
"""

from collections.abc import Sequence
from typing import Any

from dagster import (
    AssetCheckSeverity,
    DagsterEventType,
    DagsterRun,
    DagsterRunStatus,
    HookContext,
    HookDefinition,
    RunFailureSensorContext,
    RunStatusSensorContext,
    SensorDefinition,
    SkipReason,
    run_failure_sensor,
    run_status_sensor,
    success_hook,
)

from . import alerts, environment

_LONGEST = 2_000
Job = Any
"""Dagster does not export the type of a job of assets."""


def build_alarms(jobs: Sequence[Job]) -> list[SensorDefinition]:
    """The sensors that tell people; switched on where the environment says whom."""
    status = environment.sensor_status(on=alerts.is_anybody_told())

    @run_failure_sensor(
        name="alert_run_failed",
        description="Tells people that a run failed, by webhook and e-mail.",
        monitored_jobs=jobs,
        default_status=status,
    )
    def run_failed(context: RunFailureSensorContext) -> SkipReason | None:
        steps = [
            f"{event.step_key}: {_reason(event.event_specific_data)}" for event in context.get_step_failure_events()
        ]
        return _tell(context, "failed", steps or [context.failure_event.message or ""])

    @run_status_sensor(
        run_status=DagsterRunStatus.SUCCESS,
        name="alert_check_failed",
        description="Tells people that a run went through and a check of severity ERROR did not pass.",
        monitored_jobs=jobs,
        default_status=status,
    )
    def check_failed(context: RunStatusSensorContext) -> SkipReason | None:
        records = context.instance.get_records_for_run(
            context.dagster_run.run_id, of_type=DagsterEventType.ASSET_CHECK_EVALUATION
        ).records
        events = [record.event_log_entry.dagster_event for record in records]
        evaluations = [event.asset_check_evaluation_data for event in events if event]
        failed = [
            f"{one.check_name}: {one.description or 'did not pass'}"
            for one in evaluations
            if not one.passed and one.severity == AssetCheckSeverity.ERROR
        ]
        return (
            _tell(context, "went through, but somebody has to look", failed) if failed else SkipReason("All is well.")
        )

    return [run_failed, check_failed]


def dead_man_ping(job_name: str) -> HookDefinition:
    """Asks the monitor's address when a run of this job has come to its end; the monitor expects to be asked.

    It belongs to the hand-off, the last step that series depend on. A monitor that does not answer fails nothing.
    """

    @success_hook(name="dead_man_ping")
    def ping(context: HookContext) -> None:
        if context.job_name == job_name and alerts.ping():
            context.log.info("The monitor has been told that this run came to its end.")

    return ping


def _tell(context: RunStatusSensorContext, what: str, lines: Sequence[str]) -> SkipReason | None:
    if not alerts.is_anybody_told():
        return SkipReason(f"Nobody is to be told: set {environment.ALERT_WEBHOOK} or {environment.ALERT_EMAIL}.")
    run = context.dagster_run
    for failure in alerts.tell(f"Series: {run.job_name} {what}", "\n".join([*lines, _where(run)])[:_LONGEST]):
        context.log.warning(failure)
    return None


def _where(run: DagsterRun) -> str:
    url = environment.read(environment.WEB_URL)
    return f"{url.rstrip('/')}/runs/{run.run_id}" if url else f"Run {run.run_id}"


def _reason(failure: Any) -> str:
    """What a step's failure says: the engine's own message, without a traceback."""
    user_failure = getattr(failure, "user_failure_data", None)
    if user_failure and user_failure.description:
        return str(user_failure.description)
    error = getattr(failure, "error", None)
    while error is not None and error.cause is not None:
        error = error.cause
    return error.message.strip() if error else "failed"
