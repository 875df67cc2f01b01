"""Batches that wait for one sender: the smallest world in which a hand-off can be killed."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import duckdb

from pipelines.definitions.targets import choose, read_targets
from pipelines.hand_off.hand_off import hand_off
from pipelines.hand_off.lock import only_hand_off
from tests.test_hand_off import AS_OF, definitions, make, opened
from warehouse.duckdb import DuckDB

BATCHES = (("b1", 2), ("b2", 2))
MESSAGES = ["b1-000000", "b1-000001", "b2-000000", "b2-000001"]
_WAREHOUSE, _SETTINGS = "w.duckdb", "series.yml"


def make_world(folder: Path) -> Path:
    """Two batches that wait; copy it."""
    with opened(folder) as warehouse:
        make(warehouse, *BATCHES)
    return folder


def copy_world(world: Path, folder: Path, sender: str) -> Path:
    """The same for a sender, an entry of ``senders``."""
    shutil.copytree(world, folder)
    (folder / _SETTINGS).write_text(f"senders: {{outbox: {sender}}}\nsends: true\n")
    return folder


def offer(folder: Path) -> None:
    """Hand off what waits."""
    targets, problems = read_targets((folder / _SETTINGS).read_text(), folder)
    assert not problems
    known = replace(definitions(), settings=choose(targets, None))
    with only_hand_off(folder / _WAREHOUSE):
        hand_off(lambda: closing(DuckDB.open(folder / _WAREHOUSE)), known, folder, AS_OF)


def statuses(folder: Path) -> dict[str, tuple[str, str]]:
    """What is said of each message and its batch."""
    query = """
    select message_id, message.status, batch.status
    from series.messages as message
    join series.batches as batch on batch.batch_id = message.batch_id
    order by message_id
    """
    return {message_id: (its, of_batch) for message_id, its, of_batch in rows(folder, query)}


def rows(folder: Path, query: str) -> list[tuple[str, ...]]:
    with duckdb.connect(folder / _WAREHOUSE, read_only=True) as connection:
        return connection.execute(query).fetchall()
