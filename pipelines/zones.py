"""The time zones that customers say they live in."""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.model import ContentBlock, Definitions
from pipelines.wall_clock import is_zone
from warehouse.adapter import Warehouse


def read_zones(warehouse: Warehouse) -> Mapping[str, int]:
    """How many customers say each time zone. Needs the views of the sources, and the column ``timezone``."""
    query = """
select cast(timezone as varchar) as zone, count(*) as customers
from source_customers
where timezone is not null
group by zone
order by zone
"""
    return dict(warehouse.fetch(query))


def count_unknown(warehouse: Warehouse, definitions: Definitions) -> int:
    """How many customers say a time zone that does not exist, so that the project's stands for it.

    To be asked after a run, on its connection; 0 where nothing goes by the customer's clock.
    """
    if not _goes_by_customer(definitions) or "timezone" not in dict(warehouse.columns("source_customers") or ()):
        return 0
    return sum(count for zone, count in read_zones(warehouse).items() if zone.strip() and not is_zone(zone))


def _goes_by_customer(definitions: Definitions) -> bool:
    quiet = definitions.settings.policy.quiet_hours
    blocks = (block for series in definitions.series.values() for block in series.blocks.values())
    windows = [block.send for block in blocks if isinstance(block, ContentBlock)] + [quiet.window if quiet else None]
    return any(window is not None and window.timezone == "customer" for window in windows)
