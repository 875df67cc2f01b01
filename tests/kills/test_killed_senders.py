"""A hand-off killed anywhere and repeated: every message arrives, in the table once, by webhook under one key.

Thirteen places are tried of each; SERIES_KILLS=3000 tries every place there is.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from pipelines import Project
from tests import shop
from tests.kills.killed import Order
from tests.kills.killer import KILLS, Killer, spread
from tests.provider import Provider, provider

DATABASE = Path("warehouse/warehouse.duckdb")
TABLE = "{type: table}"
WEBHOOK = "{{type: webhook, url: '{}', secret: {{env: KILLED_HOOK}}}}"


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    os.environ["KILLED_HOOK"] = "whsec_c2VjcmV0"
    killer = Killer()
    yield killer
    killer.close()
    del os.environ["KILLED_HOOK"]


@pytest.fixture
def server() -> Iterator[Provider]:
    with provider() as server:
        yield server


@pytest.fixture(scope="module")
def pending(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop after a run whose batches have not left; copy it."""
    folder = tmp_path_factory.mktemp("pending") / "shop"
    shop.change(folder, 1)
    Project.open(folder).run(shop.AS_OF[1], hand_off=False)
    return folder


def copy(pending: Path, folder: Path, sender: str) -> Path:
    shutil.copytree(pending, folder)
    settings = (folder / "series.yml").read_text().replace("senders:\n", f"senders:\n  outbox: {sender}\n")
    (folder / "series.yml").write_text(f"{settings}sends: true\n")
    return folder


HANDED_OFF = """
select message_id
from series.messages as message
join series.batches as batch on batch.batch_id = message.batch_id
where batch.sender = 'outbox' and batch.status = 'handed_off' and message.status = 'handed_off'
"""


def message_ids(folder: Path, query: str = HANDED_OFF) -> list[str]:
    with duckdb.connect(folder / DATABASE, read_only=True) as connection:
        return sorted(row[0] for row in connection.execute(query).fetchall())


def points_of(pending: Path, folder: Path, sender: str, killer: Killer) -> tuple[Order, list[str], list[str]]:
    """Undisturbed: the order, the points it passes and the messages that leave."""
    order = Order(str(copy(pending, folder, sender)), shop.AS_OF[1], "hand-off")
    assert killer.fork(order) == 0
    points = (folder / "points.txt").read_text().splitlines()
    ids = message_ids(folder)
    assert len(ids) > 3
    return order, points, ids


def kill(pending: Path, folder: Path, sender: str, order: Order, killer: Killer) -> None:
    """Kill the hand-off at a point, and repeat it."""
    copy(pending, folder, sender)
    assert killer.fork(replace(order, folder=str(folder))) == -signal.SIGKILL
    Project.open(folder).hand_off()


def test_rows_of_a_table_are_there_once(pending: Path, tmp_path: Path, killer: Killer) -> None:
    order, points, ids = points_of(pending, tmp_path / "undisturbed", TABLE, killer)
    for point in spread(range(len(points)), KILLS // 4):
        kill(pending, tmp_path / "killed", TABLE, replace(order, point=point), killer)
        assert message_ids(tmp_path / "killed") == ids, points[point]
        assert message_ids(tmp_path / "killed", "select message_id from outbox.outbox") == ids, points[point]
        shutil.rmtree(tmp_path / "killed")


def check(server: Provider, ids: list[str], where: str) -> None:
    """Each message under one key, and under each key one body."""
    bodies = {(request.headers["Idempotency-Key"], request.body) for request in server.requests}
    assert len(bodies) == len({key for key, _ in bodies}), where
    sent = [each["message_id"] for body in {request.body: request.json for request in server.requests}.values()
            for each in body["messages"]]  # fmt: skip
    assert sorted(sent) == ids, where
    server.requests.clear()


def test_a_webhook_gets_each_message_under_one_key(
    pending: Path, tmp_path: Path, killer: Killer, server: Provider
) -> None:
    sender = WEBHOOK.format(server.url)
    order, points, ids = points_of(pending, tmp_path / "undisturbed", sender, killer)
    check(server, ids, "undisturbed")
    for point in spread(range(len(points)), KILLS // 4):
        kill(pending, tmp_path / "killed", sender, replace(order, point=point), killer)
        assert message_ids(tmp_path / "killed") == ids, points[point]
        check(server, ids, points[point])
        shutil.rmtree(tmp_path / "killed")


@pytest.mark.usefixtures("killer")
def test_two_hand_offs_at_once_send_once(pending: Path, tmp_path: Path, server: Provider) -> None:
    folder = copy(pending, tmp_path / "both", WEBHOOK.format(server.url))
    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(lambda _: Project.open(folder).hand_off(), range(2)))
    assert min(len(result.batches) for result in results) == 0
    assert len({request.body for request in server.requests}) == len(server.requests)
    check(server, message_ids(folder), "two at once")
