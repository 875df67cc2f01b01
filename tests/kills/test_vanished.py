"""Who has vanished is noted once and stays behind once, wherever the run or the hand-off is killed and repeated.

Six places are tried of each; SERIES_KILLS=3000 tries every place there is.
"""

from __future__ import annotations

import csv
import json
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from pipelines import Project
from tests import shop
from tests.kills.killed import Order, Work, work
from tests.kills.killer import KILLS, Killer, spread

DATABASE = Path("warehouse/warehouse.duckdb")
AS_OF = "2026-03-02T10:00Z"
GONE = "contact_id < 'c014'"
"""All who are in the first batch of one block, some of those in the first of another."""


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop with what its first run queued, some of it for customers who are not there any more; copy it."""
    folder = tmp_path_factory.mktemp("waiting") / "shop"
    shop.change(folder, 1)
    Project.open(folder).run(shop.AS_OF[1], hand_off=False)
    with duckdb.connect(folder / DATABASE) as connection:
        connection.execute(f"create table gone as select * from crm.contacts where {GONE}")
        connection.execute(f"delete from crm.contacts where {GONE}")
    return folder


@pytest.fixture(scope="module")
def noted(waiting: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after the run that does not find them; copy it."""
    folder = shutil.copytree(waiting, tmp_path_factory.mktemp("noted") / "shop")
    Project.open(folder).run(AS_OF, hand_off=False)
    return folder


def sent_to(folder: Path) -> list[str]:
    """The customers of all messages that left; of which each did once."""
    found = []
    for path in (folder / "outbox").rglob("*.jsonl"):
        found += [json.loads(line) for line in path.read_text().splitlines()]
    for path in (folder / "outbox").rglob("*.csv"):
        found += csv.DictReader(path.read_text().splitlines())
    assert len({line["message_id"] for line in found}) == len(found)
    return [line["customer_id"] for line in found]


@pytest.mark.parametrize("piece", ["run", "hand-off"])
def test_killed_around_what_concerns_them_and_repeated(
    waiting: Path, noted: Path, tmp_path: Path, killer: Killer, piece: Work
) -> None:
    before, words = {
        "run": (waiting, ("absent_messages", "commit")),
        "hand-off": (noted, ("from series.messages as carried", "series.batches", "commit", "link")),
    }[piece]
    whole = shutil.copytree(before, tmp_path / "undisturbed")
    order = Order(str(whole), AS_OF, piece)
    assert killer.fork(order) == 0
    points = (whole / "points.txt").read_text().splitlines()
    tables, files = shop.state(whole / DATABASE), shop.outbox(whole)
    assert tables["series_state.absent_messages"]
    around = [number for number, point in enumerate(points) if any(word in point for word in words)]
    assert len(around) >= 6
    for point in spread(around, KILLS // 9):
        folder = shutil.copytree(before, tmp_path / "killed")
        assert killer.fork(replace(order, folder=str(folder), point=point)) == -signal.SIGKILL
        work(Project.open(folder), order)
        assert (shop.state(folder / DATABASE), shop.outbox(folder)) == (tables, files), points[point]
        assert not [customer for customer in sent_to(folder) if customer < "c014"]
        with duckdb.connect(folder / DATABASE) as connection:
            connection.execute("insert into crm.contacts select * from gone")
        Project.open(folder).run("2026-03-02T11:00Z")
        messages = shop.state(folder / DATABASE)["series.messages"]
        assert {message["status"] for message in messages} == {"handed_off"}
        assert len(sent_to(folder)) == len(messages)
        shutil.rmtree(folder)
