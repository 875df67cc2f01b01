"""When a run of Dagster began, whatever was tried again since."""

from datetime import UTC, datetime

from dagster import DagsterInstance, DagsterRun

_AUTOMATIC_RETRY = "dagster/retry_number"


def launched_at(instance: DagsterInstance, run: DagsterRun) -> datetime:
    """The moment (naive UTC, whole seconds) at which a run was launched.

    A step that is tried again, and a run that Dagster repeats by itself after a crash, keep the first one's moment, so
    that they report what that one did. What a person launches again is launched now.
    """
    run_id = (run.root_run_id or run.run_id) if _AUTOMATIC_RETRY in run.tags else run.run_id
    record = instance.get_run_record_by_id(run_id) or instance.get_run_record_by_id(run.run_id)
    moment = record.create_timestamp if record else datetime.now(UTC)
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0)
