"""A project as Dagster sees it: everything of this package put together."""

from collections.abc import Sequence
from pathlib import Path

from dagster import AssetSelection, Definitions, define_asset_job, in_process_executor

from pipelines import Project

from .alarms import build_alarms, dead_man_ping
from .checks import blocking_checks, hand_off_checks
from .hand_off import build_hand_off
from .keys import HAND_OFF, RUN, Keys
from .report import build_report_step
from .resources import Warehouse
from .run import build_run
from .schedules import build_schedules
from .sensors import hand_off_retry, source_watermark
from .series import series_specs
from .sources import source_checks, source_specs

RUN_JOB = "series_run"
HAND_OFF_JOB = "series_hand_off"


def build_definitions(folder: Path | str, *, key_prefix: Sequence[str] = (), with_sources: bool = True) -> Definitions:
    """A project's assets, checks, jobs, schedules and sensors. The warehouse is not opened for it.

    Args:
        folder: The project's folder.
        key_prefix: Stands before the keys of what series make, where others in the deployment have the same.
        with_sources: Whether the sources are among the assets; not where the code location has them already.

    Raises:
        UsageError: There is no such folder.
    """
    project = Project.open(folder)
    definitions, keys = project.definitions, Keys(tuple(key_prefix))
    catalog = project.warehouse_path.stem
    run, hand_off = (
        build_run(definitions, keys, catalog),
        build_hand_off(definitions, keys, catalog, dead_man_ping(RUN_JOB)),
    )
    report, sources = build_report_step(definitions, keys), source_checks(definitions, keys)
    blocking, others = blocking_checks(keys), hand_off_checks(keys)
    handed_off = AssetSelection.assets(keys.of(HAND_OFF))
    run_job = define_asset_job(
        RUN_JOB,
        selection=AssetSelection.assets(*(keys.of(name) for name in RUN), keys.of(HAND_OFF))
        | AssetSelection.assets(report)
        | AssetSelection.checks(sources, *blocking, *others),
        description="Runs series, hands off their batches, then makes the report.",
    )
    hand_off_job = define_asset_job(
        HAND_OFF_JOB,
        selection=handed_off | AssetSelection.checks(*blocking),
        description="Offers pending batches again.",
    )
    return Definitions(
        assets=[
            *(source_specs(definitions, keys) if with_sources else ()),
            *series_specs(definitions, project.sources_read(), project.folder, keys),
            run,
            hand_off,
            report,
        ],
        asset_checks=[sources, *blocking, *others],
        jobs=[run_job, hand_off_job],
        schedules=build_schedules(definitions.series.values(), RUN_JOB),
        sensors=[
            hand_off_retry(RUN_JOB, HAND_OFF_JOB),
            source_watermark(definitions, keys, RUN_JOB),
            *build_alarms([run_job, hand_off_job]),
        ],
        resources={"warehouse": Warehouse(project_dir=str(project.folder))},
        executor=in_process_executor,
    )
