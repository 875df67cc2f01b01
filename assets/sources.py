"""The tables that series read: somebody else's assets, of which every run notes how many rows they have and how new."""

from collections.abc import Iterable, Iterator

from dagster import (
    AssetCheckExecutionContext,
    AssetCheckResult,
    AssetChecksDefinition,
    AssetCheckSeverity,
    AssetCheckSpec,
    AssetKey,
    AssetObservation,
    AssetSpec,
    MetadataValue,
    multi_asset_check,
)

from pipelines.definitions.vocabulary import SOURCES
from pipelines.model import Definitions
from pipelines.problems import Problem
from pipelines.source_overview import SourceState

from . import policies
from .keys import Keys
from .metadata import Metadata, instant
from .resources import Warehouse


def source_specs(definitions: Definitions, keys: Keys) -> list[AssetSpec]:
    """The sources of a project, which nothing here fills; one asset for a table that is several of them."""
    specs = [
        AssetSpec(
            keys.source(source),
            group_name="sources",
            kinds={"duckdb", "table"},
            description=SOURCES[name],
            metadata={"comes_from": source.where, **({} if source.origin else {"dagster/table_name": source.table})},
        )
        for name, source in definitions.settings.sources.items()
    ]
    return list({spec.key: spec for spec in reversed(specs)}.values())


def source_checks(definitions: Definitions, keys: Keys) -> AssetChecksDefinition:
    """The step that looks at the sources: an observation of each, and a check that it can be used."""
    found = {name: keys.source(source) for name, source in definitions.settings.sources.items()}

    @multi_asset_check(
        name="observe_sources",
        description="Notes how many rows each source has and how new they are, and whether they can be used.",
        specs=[
            AssetCheckSpec(
                f"{name}_usable", asset=key, description="Nothing about the source stops a run, or is overlooked."
            )
            for name, key in found.items()
        ],
        pool=policies.POOL,
        retry_policy=policies.RETRY,
    )
    def observe_sources(context: AssetCheckExecutionContext, warehouse: Warehouse) -> Iterator[AssetCheckResult]:
        with policies.no_retry_of_mistakes():
            overview = warehouse.open().sources()
        for source in overview.sources:
            if source.rows is not None:
                context.op_execution_context.log_event(AssetObservation(found[source.name], metadata=observed(source)))
            yield _usable(source.name, found[source.name], overview.problems)

    return observe_sources


def observed(source: SourceState) -> Metadata:
    """Rows, newest row and where they are."""
    metadata: Metadata = {"dagster/row_count": MetadataValue.int(source.rows or 0)}
    if source.newest_at is not None:
        metadata["newest_row"] = instant(source.newest_at)
    return metadata


def _usable(name: str, key: AssetKey, problems: Iterable[Problem]) -> AssetCheckResult:
    about = [problem for problem in problems if problem.message.startswith(f"source `{name}`")]
    is_error = any(problem.severity == "error" for problem in about)
    return AssetCheckResult(
        asset_key=key,
        check_name=f"{name}_usable",
        passed=not about,
        severity=AssetCheckSeverity.ERROR if is_error else AssetCheckSeverity.WARN,
        description=" ".join(problem.message for problem in about) or None,
    )
