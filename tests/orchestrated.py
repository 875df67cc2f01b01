"""A small shop run by Dagster: a real project on a real file, and its job in this process."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb

from assets import build_definitions

SHOP = Path(__file__).parent / "cli" / "project"
WAREHOUSE = "warehouse/warehouse.duckdb"
FOLDER = "SERIES_TEST_FOLDER"
NO_TELEMETRY = {"telemetry": {"enabled": False}}


def make_shop(folder: Path) -> Path:
    """The shop of the command line's tests with its tables, in a folder that is not there yet."""
    shutil.copytree(SHOP, folder)
    (folder / "warehouse").mkdir()
    sql(folder, (SHOP / "tables.sql").read_text())
    return folder


def sql(folder: Path, statement: str) -> list[tuple[Any, ...]]:
    """What a statement returns, on a plain connection."""
    with duckdb.connect(str(folder / WAREHOUSE)) as connection:
        return connection.execute(statement).fetchall()


def run_job(
    folder: Path, instance: dg.DagsterInstance, run_id: str | None = None, **options: object
) -> dg.ExecuteInProcessResult:
    """One run of the series; `options` as in `assets.run.RunOptions`."""
    job = build_definitions(folder).resolve_job_def("series_run")
    return job.execute_in_process(
        instance=instance,
        run_id=run_id,
        run_config={"ops": {"run": {"config": options}}},
        raise_on_error=False,
    )


def metadata(result: dg.ExecuteInProcessResult, *path: str) -> dict[str, Any]:
    """What a run says of an asset."""
    key = dg.AssetKey(list(path))
    (found,) = (
        event.step_materialization_data.materialization
        for event in result.all_events
        if event.is_step_materialization and event.asset_key == key
    )
    return {name: value.value for name, value in found.metadata.items()}


def checks(result: dg.ExecuteInProcessResult | dg.ExecuteJobResult) -> dict[str, bool]:
    """Whether each check passed, by `asset.name`."""
    evaluations = [
        event.asset_check_evaluation_data
        for event in _events(result)
        if event.event_type_value == "ASSET_CHECK_EVALUATION"
    ]
    return {f"{one.asset_key.to_user_string()}.{one.check_name}": one.passed for one in evaluations}


def steps(result: dg.ExecuteInProcessResult | dg.ExecuteJobResult, event_type: str) -> list[str]:
    """The steps with an event of a type, in order."""
    return [event.step_key or "" for event in _events(result) if event.event_type_value == event_type]


def _events(result: dg.ExecuteInProcessResult | dg.ExecuteJobResult) -> Sequence[dg.DagsterEvent]:
    return result.all_events


def shop_job() -> dg.JobDefinition:
    """The job of the shop that the environment names; Dagster loads it by this function's name."""
    return build_definitions(os.environ[FOLDER]).resolve_job_def("series_run")
