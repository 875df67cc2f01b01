"""A hand-off killed anywhere and repeated, for each type of sender: what it promises holds.

Seven places are tried of each, half of them around its own calls; SERIES_KILLS=3000 tries every place there is.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from tests.bucket import SECRET_VARIABLE
from tests.kills.killed import Order
from tests.kills.killer import KILLS, Killer, chosen
from tests.kills.offers import copy_world, make_world, offer, rows
from tests.kills.ways import HOOK_SECRET, WAYS
from tests.provider import provider
from tests.test_hand_off import opened
from tests.test_tag_writes import add


@pytest.fixture(scope="module")
def killer() -> Iterator[Killer]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(HOOK_SECRET, "whsec_c2VjcmV0")
        environment.setenv(SECRET_VARIABLE, "Xq7-of+the/store")
        killer = Killer()
        yield killer
        killer.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.mark.parametrize("kind", WAYS)
def test_killed_at_a_point_and_repeated(world: Path, tmp_path: Path, killer: Killer, kind: str) -> None:
    with WAYS[kind]() as way:
        order = Order(str(copy_world(world, tmp_path / "undisturbed", way.entry("undisturbed"))), "", "offer")
        assert killer.fork(order) == 0
        way.check(tmp_path / "undisturbed", "undisturbed")
        points = (tmp_path / "undisturbed" / "points.txt").read_text().splitlines()
        wanted = chosen(points, KILLS // len(WAYS), way.calls)
        assert len(wanted) >= 7
        for point in wanted:
            folder = copy_world(world, tmp_path / f"k{point}", way.entry(f"k{point}"))
            assert killer.fork(replace(order, folder=str(folder), point=point)) == -signal.SIGKILL
            offer(folder)
            try:
                way.check(folder, f"k{point}")
            except AssertionError as error:
                raise AssertionError(f"killed {points[point]}") from error
            shutil.rmtree(folder)


def test_killed_tags_arrive_in_their_order(world: Path, tmp_path: Path, killer: Killer) -> None:
    with opened(Path(shutil.copytree(world, tmp_path / "world"))) as warehouse:
        add(warehouse, 9, "add", 1, 2)
        add(warehouse, 10, "remove", 1, 2)
    with provider() as server:
        sender = f"{{type: webhook, url: '{server.url}', secret: {{env: {HOOK_SECRET}}}}}"
        order = Order(str(copy_world(tmp_path / "world", tmp_path / "undisturbed", sender)), "", "offer")
        assert killer.fork(order) == 0
        points = (tmp_path / "undisturbed" / "points.txt").read_text().splitlines()
        for point in chosen(points, KILLS // len(WAYS), ("request",)):
            server.requests.clear()
            folder = copy_world(tmp_path / "world", tmp_path / f"k{point}", sender)
            assert killer.fork(replace(order, folder=str(folder), point=point)) == -signal.SIGKILL
            offer(folder)
            said = [each["payload"]["action"] for request in server.requests for each in request.json["messages"]
                    if each["channel"] == "tags"]  # fmt: skip
            assert said == sorted(said), points[point]
            assert rows(folder, "select distinct action, status from series.tag_writes order by all") == [
                ("add", "handed_off"),
                ("remove", "handed_off"),
            ], points[point]


@pytest.mark.usefixtures("killer")
def test_two_hand_offs_at_once_send_once(world: Path, tmp_path: Path) -> None:
    with WAYS["smtp"]() as way:
        folder = copy_world(world, tmp_path / "both", way.entry("both"))
        with ThreadPoolExecutor(2) as threads:
            list(threads.map(lambda _: offer(folder), range(2)))
        way.check(folder, "both")
