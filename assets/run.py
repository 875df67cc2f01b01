"""The run as assets: one step, one transaction, and five tables that it adds to."""

from collections.abc import Iterator, Mapping

from dagster import (
    AssetCheckResult,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetExecutionContext,
    AssetMaterialization,
    AssetsDefinition,
    AssetSpec,
    Config,
    MaterializeResult,
    multi_asset,
)
from pydantic import Field

from pipelines import display
from pipelines.figures import RunFigures
from pipelines.model import Definitions
from pipelines.run_result import RunResult
from pipelines.schedule import parse_as_of
from warehouse.views import PUBLIC

from . import policies
from .checks import OF_A_RUN, run_check_results, run_check_specs
from .freshness import run_freshness
from .keys import RUN, Keys
from .metadata import Metadata, column_schema, guard_findings, instant, numbers
from .origin import launched_at
from .resources import Warehouse

RAN, WITHIN = "every_series_ran", "within_limits"
"""The checks that are made of what a run answers."""


class RunOptions(Config):
    """What may be said when a run is launched."""

    as_of: str | None = Field(
        None, description="The run's instant (UTC), such as 2026-03-01T09:00Z; absent: when the run was launched."
    )
    due: bool = Field(False, description="Only series whose schedule has an instant since their newest run.")
    series: list[str] | None = Field(None, description="Only these series; absent: every one.")
    accept: list[str] = Field([], description="Guards of sources that this run may go beyond: max_age, max_drop.")


def build_run(definitions: Definitions, keys: Keys, catalog: str) -> AssetsDefinition:
    """The step that runs the series; what it makes cannot be made one by one.

    Args:
        definitions: The series that the run depends on.
        keys: What assets are called.
        catalog: The database that the tables are in, for their full names.
    """
    all_series = {*definitions.series, *definitions.refused}

    @multi_asset(
        name="run",
        description="One run of the series, in one transaction; then what it did, as its tables say.",
        specs=_specs(definitions, keys, catalog),
        check_specs=[
            AssetCheckSpec(
                RAN, asset=keys.of("entries"), description="No series was left alone because somebody has to look."
            ),
            AssetCheckSpec(
                WITHIN, asset=keys.of("outbound_batches"), description="The run stayed within the limits of its guards."
            ),
            *run_check_specs(keys),
        ],
        can_subset=False,
        pool=policies.POOL,
        retry_policy=policies.RETRY,
    )
    def run(
        context: AssetExecutionContext, config: RunOptions, warehouse: Warehouse
    ) -> Iterator[MaterializeResult | AssetCheckResult]:  # type: ignore[type-arg]  # results without a value
        as_of = parse_as_of(config.as_of) if config.as_of else launched_at(context.instance, context.run)
        with policies.no_retry_of_mistakes(), warehouse.session() as project:
            result = project.run(as_of, series=config.series, due=config.due, hand_off=False, accept=config.accept)
            figures = project.figures(as_of)
            health = project.health(*OF_A_RUN)
        context.log.info(display.run(result))
        for series_id, counts in figures.counts.items():
            if series_id in all_series:
                metadata = numbers({**counts, **_batches(figures, series_id)})
                context.log_event(
                    AssetMaterialization(keys.series(series_id), metadata={"as_of": instant(as_of), **metadata})
                )
        yield from (MaterializeResult(keys.of(name), metadata=_metadata(name, figures)) for name in RUN)
        yield _every_series_ran(result, keys)
        yield _within_limits(result, keys)
        yield from run_check_results(keys, health)

    return run


_TABLES: Mapping[str, str] = {
    "entries": "entries",
    "path_advances": "advances",
    "wait_expiries": "wait_expiries",
    "tag_writes": "tag_writes",
    "outbound_batches": "batches",
}
"""The table of schema `series` behind each of the assets."""

_COUNTS: Mapping[str, tuple[str, ...]] = {
    "entries": ("entered", "held_out", "reopened", "goals", "ended"),
    "path_advances": ("advanced", "merged"),
    "wait_expiries": ("waits_ended",),
    "tag_writes": ("tags_written",),
    "outbound_batches": ("messages_queued",),
}
"""What a run counts of each; the first of them also series by series."""

_BEFORE: Mapping[str, tuple[str, ...]] = {
    "path_advances": ("entries",),
    "wait_expiries": ("path_advances",),
    "tag_writes": ("path_advances",),
    "outbound_batches": ("path_advances",),
}
"""What each of them follows from."""


def _specs(definitions: Definitions, keys: Keys, catalog: str) -> list[AssetSpec]:
    tables = {table.name: table for table in PUBLIC}
    freshness = run_freshness(definitions.series.values())
    starts = [keys.series(series_id) for series_id in (*definitions.series, *definitions.refused)]
    specs = []
    for name in RUN:
        table = tables[_TABLES[name]]
        specs.append(
            AssetSpec(
                keys.of(name),
                deps=[keys.of(before) for before in _BEFORE.get(name, ())] or starts,
                group_name="runs",
                kinds={"duckdb", "table"},
                description=table.description,
                metadata={
                    "dagster/table_name": f"{catalog}.{table.qualified_name}",
                    "dagster/column_schema": column_schema(table.columns),
                },
                freshness_policy=freshness,
            )
        )
    return specs


def _metadata(name: str, figures: RunFigures) -> Metadata:
    counts = {count: sum(each[count] for each in figures.counts.values()) for count in _COUNTS[name]}
    first = _COUNTS[name][0]
    by_series = {f"{first}: {series_id}": each[first] for series_id, each in figures.counts.items()}
    if name == "outbound_batches":
        counts["batches"] = sum(each.batches for each in figures.batches.values())
    return {
        "as_of": instant(figures.as_of),
        **numbers({"dagster/row_count": figures.rows[_TABLES[name]], **counts, **by_series}),
    }


def _batches(figures: RunFigures, series_id: str) -> dict[str, int]:
    return {"batches": figures.batches[series_id].batches if series_id in figures.batches else 0}


def _every_series_ran(result: RunResult, keys: Keys) -> AssetCheckResult:
    failures = [f"{one.series_id}: {one.message}" for one in result.series if one.state == "failed"]
    return AssetCheckResult(
        asset_key=keys.of("entries"),
        check_name=RAN,
        passed=not failures,
        description="\n".join(failures) or None,
        metadata={"failed": len(failures)},
    )


def _within_limits(result: RunResult, keys: Keys) -> AssetCheckResult:
    """What guards found; the check `held_batches` says what waits for a person because of it."""
    is_open = any(finding.severity == "error" for finding in result.guards)
    return AssetCheckResult(
        asset_key=keys.of("outbound_batches"),
        check_name=WITHIN,
        passed=not result.guards,
        severity=AssetCheckSeverity.ERROR if is_open else AssetCheckSeverity.WARN,
        description="\n".join(f"{finding.guard}: {finding.message}." for finding in result.guards) or None,
        metadata=guard_findings(result.guards),
    )
