"""The table sender: rows of the warehouse, in the transaction that marks their batches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.definitions.targets import read_targets
from pipelines.hand_off.offer import HandedBatch
from pipelines.model import Definitions, Sender
from tests.test_hand_off import AS_OF, LATER, add_batch, batches, definitions, make, messages, offer, opened
from warehouse.duckdb import DuckDB


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDB]:
    with opened(tmp_path) as warehouse:
        make(warehouse, ("b1", 3), ("b2", 1))
        yield warehouse


def settings(**options: str) -> Definitions:
    ours = definitions()
    return replace(ours, settings=replace(ours.settings, senders={"outbox": Sender("outbox", "table", options)}))


def test_each_message_is_a_row_once(warehouse: DuckDB, tmp_path: Path) -> None:
    done = (HandedBatch("b1", "handed_off", 3), HandedBatch("b2", "handed_off", 1))
    assert offer(warehouse, tmp_path, settings()) == done
    assert offer(warehouse, tmp_path, settings()) == ()
    rows = warehouse.fetch(
        "select batch_id, message_id, customer_id, queued_at, payload from outbox.outbox order by all"
    )
    assert [row[1] for row in rows] == ["b1-000000", "b1-000001", "b1-000002", "b2-000000"]
    assert rows[1][:4] == ("b1", "b1-000001", "1", AS_OF)
    assert json.loads(rows[1][4]) == {"subject": 'Hi "1"'}
    assert messages(warehouse) == {"handed_off": 4}


def test_what_has_expired_is_no_row(warehouse: DuckDB, tmp_path: Path) -> None:
    handed = offer(warehouse, tmp_path, settings(table="crm.messages"), LATER)
    assert set(handed) == {HandedBatch("b1", "handed_off", 2), HandedBatch("b2", "dropped", 0)}
    assert warehouse.fetch("select count(*) from crm.messages") == [(2,)]


def test_a_table_of_another_shape_takes_nothing_and_loses_nothing(warehouse: DuckDB, tmp_path: Path) -> None:
    warehouse.execute("create schema outbox")
    warehouse.execute("create table outbox.outbox (message_id varchar)")
    first, second = offer(warehouse, tmp_path, settings())
    assert (first.status, second.status) == ("pending", "pending")
    assert first.error is not None
    assert 'does not have a column with name "batch_id"' in first.error
    assert (messages(warehouse), batches(warehouse)[0][1]) == ({"queued": 4}, "pending")
    warehouse.execute("drop table outbox.outbox")
    add_batch(warehouse, "b3", 1)
    assert [each.status for each in offer(warehouse, tmp_path, settings())] == ["handed_off"] * 3
    assert warehouse.fetch("select count(distinct message_id) from outbox.outbox") == [(5,)]


@pytest.mark.parametrize("table", ["messages", "series.messages", "temp.x", "a.b.c", 'a."b"', "outbox.x; drop table y"])
def test_only_a_table_of_its_own_is_taken(table: str) -> None:
    (problem,) = read_targets(f"senders: {{crm: {{type: table, table: '{table}'}}}}")[1]
    assert f"Sender `crm` cannot write to table `{table}`" in problem.message
