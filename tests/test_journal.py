"""What is kept beside the journal for speed can be made from it again, and versions can be joined to what they made."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from tests import shop

REBUILT = {
    "open visits are the advances whose visit is not closed": (
        """
        select entry_id, series_id, customer_id, to_block as block_id, advanced_at as arrived_at, as_of
        from series.advances
        where not merged and (entry_id, to_block) not in (select entry_id, block_id from series_state.closed_visits)
        """,
        """
        select entry_id, series_id, customer_id, block_id, arrived_at, arrived_as_of
        from series_state.open_visits
        """,
    ),
    "an entry is active as long as a visit of it is open": (
        "select entry_id from series.entries where status = 'active'",
        "select distinct entry_id from series_state.open_visits",
    ),
    "batches hold the messages that name them": (
        "select batch_id, message_count from series.batches",
        "select batch_id, count(*) from series.messages group by batch_id",
    ),
    "every row of every run is joined to the version that made it": (
        "select entry_id, series_id from series.entries",
        """
        select entry.entry_id, entry.series_id
        from series.entries as entry
        join series.ticks as tick on tick.series_id = entry.series_id and tick.as_of = entry.entered_at
        join series.definitions as definition
            on definition.definition_hash = tick.definition_hash and definition.series_id = tick.series_id
        """,
    ),
    "every visit is joined to the version that recorded its arrival": (
        "select entry_id, block_id from series.visits",
        """
        select visit.entry_id, visit.block_id
        from series.visits as visit
        join series.ticks as tick on tick.series_id = visit.series_id and tick.as_of = visit.arrived_as_of
        """,
    ),
    "tags that are not settled are the newest writes": (
        """
        select customer_id, tag, max(as_of)
        from series.tag_writes
        where (customer_id, tag) in (select customer_id, tag from series_state.pending_tags)
        group by customer_id, tag
        """,
        "select customer_id, tag, as_of from series_state.pending_tags",
    ),
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop after its three runs."""
    return shop.run_all(tmp_path_factory.mktemp("shop")) / "warehouse" / "warehouse.duckdb"


@pytest.mark.parametrize("name", REBUILT)
def test_state_is_the_journals(warehouse: Path, name: str) -> None:
    journal, state = REBUILT[name]
    with duckdb.connect(warehouse, read_only=True) as connection:
        rebuilt, kept = (sorted(connection.execute(query).fetchall(), key=repr) for query in (journal, state))
    assert kept
    assert rebuilt == kept
