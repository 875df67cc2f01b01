"""The hand-off as an asset: what senders have accepted."""

from dagster import AssetExecutionContext, AssetsDefinition, AssetSpec, HookDefinition, MaterializeResult, multi_asset

from pipelines import display
from pipelines.figures import Batches
from pipelines.hand_off.hand_off import HandOffResult
from pipelines.model import Definitions
from warehouse.tables import BATCHES

from . import policies
from .freshness import run_freshness
from .keys import HAND_OFF, Keys
from .metadata import Metadata, column_schema, numbers
from .origin import launched_at
from .resources import Warehouse


def build_hand_off(definitions: Definitions, keys: Keys, catalog: str, *hooks: HookDefinition) -> AssetsDefinition:
    """The step that offers batches to their senders (see `build_run` for the arguments), and its hooks.

    A batch that its sender does not take stays pending, and is offered again by the next run or by the sensor; it is
    the check `stuck_batches` that says so.
    """

    @multi_asset(
        name="hand_off",
        description="Offers every pending batch to its sender, until that accepts it.",
        specs=[
            AssetSpec(
                keys.of(HAND_OFF),
                deps=[keys.of("outbound_batches")],
                group_name="hand_off",
                kinds={"duckdb", "table"},
                description="The batches that their senders have accepted: rows whose status is `handed_off`.",
                metadata={
                    "dagster/table_name": f"{catalog}.{BATCHES.qualified_name}",
                    "dagster/column_schema": column_schema(BATCHES.columns),
                },
                freshness_policy=run_freshness(definitions.series.values()),
            )
        ],
        hooks=set(hooks),
        pool=policies.POOL,
        retry_policy=policies.RETRY,
    )
    def hand_off(context: AssetExecutionContext, warehouse: Warehouse) -> MaterializeResult:  # type: ignore[type-arg]
        since = launched_at(context.instance, context.run)
        with policies.no_retry_of_mistakes():
            project = warehouse.open()
            result = project.hand_off()
            accepted = project.handed_off(since)
        context.log.info(display.hand_off(result))
        for failure in display.hand_off_failures(result):
            context.log.warning(failure)
        return MaterializeResult(metadata=_metadata(accepted, result))

    return hand_off


def _metadata(accepted: dict[str, Batches], result: HandOffResult) -> Metadata:
    return numbers(
        {
            "messages": sum(each.messages for each in accepted.values()),
            "batches": sum(each.batches for each in accepted.values()),
            "batches_not_taken": sum(batch.error is not None for batch in result.batches),
            **{f"messages: {series_id}": each.messages for series_id, each in accepted.items()},
        }
    )
