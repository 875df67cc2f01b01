"""A run or a hand-off that is killed anywhere and repeated is as if nothing had happened.

Some fifty places are tried; SERIES_KILLS=3000 tries every place there is.
"""

from __future__ import annotations

import shutil
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipelines import Project
from tests import shop
from tests.kills.killed import CALLS, FILE_STEPS, Order, Work, work
from tests.kills.killer import KILLS, Killer, chosen

WORKS: list[tuple[int, Work]] = [(run, work) for run in shop.AS_OF for work in ("run", "hand-off")]
STATEMENTS = ("execute", "sql")
DATABASE = Path("warehouse/warehouse.duckdb")


@dataclass(frozen=True)
class Undisturbed:
    """One run or hand-off: the project before it, what was there after it, and the points passed."""

    before: Path
    order: Order
    points: list[str]
    tables: dict[str, list[dict[str, Any]]]
    files: dict[str, bytes]


History = dict[tuple[int, Work], Undisturbed]


@pytest.fixture(scope="module")
def history(killer: Killer, tmp_path_factory: pytest.TempPathFactory) -> History:
    history: History = {}
    folder = tmp_path_factory.mktemp("undisturbed")
    for run, piece in WORKS:
        if piece == "run":
            shop.change(folder, run)
        before = tmp_path_factory.mktemp("before") / "project"
        shutil.copytree(folder, before)
        order = Order(str(folder), shop.AS_OF[run], piece)
        assert killer.fork(order) == 0
        points = (folder / "points.txt").read_text().splitlines()
        history[run, piece] = Undisturbed(before, order, points, shop.state(folder / DATABASE), shop.outbox(folder))
    return history


def differences(folder: Path, undisturbed: Undisturbed, order: Order, killer: Killer) -> list[str]:
    """The tables and files that differ from the undisturbed ones after a kill and a repeat."""
    shutil.copytree(undisturbed.before, folder)
    code = killer.fork(replace(order, folder=str(folder)))
    assert code == -signal.SIGKILL or (order.seconds and code == 0), f"exit code {code}"
    work(Project.open(folder), order)
    tables, files = shop.state(folder / DATABASE), shop.outbox(folder)
    shutil.rmtree(folder)
    wrong = [name for name, rows in undisturbed.tables.items() if tables.get(name) != rows]
    return wrong + [name for name in {**files, **undisturbed.files} if files.get(name) != undisturbed.files.get(name)]


@pytest.mark.parametrize(("run", "piece"), WORKS)
def test_killed_at_a_point_and_repeated(
    tmp_path: Path, killer: Killer, history: History, run: int, piece: Work
) -> None:
    undisturbed = history[run, piece]
    found = {}
    for point in chosen(undisturbed.points, KILLS // len(WORKS), STATEMENTS):
        order = replace(undisturbed.order, point=point)
        found[f"{point}: {undisturbed.points[point]}"] = differences(tmp_path / "project", undisturbed, order, killer)
    assert len(found) >= 9
    assert {point: wrong for point, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize(("run", "piece"), WORKS)
def test_killed_at_any_time_and_repeated(
    tmp_path: Path, killer: Killer, history: History, run: int, piece: Work
) -> None:
    # Between points too, such as in the middle of a commit.
    undisturbed = history[run, piece]
    longest = 0.8 if piece == "run" else 0.2
    for part in range(KILLS // 54):
        order = replace(undisturbed.order, seconds=longest * (part + 0.5) / (KILLS // 54))
        assert differences(tmp_path / "project", undisturbed, order, killer) == [], f"after {order.seconds} s"


def test_points_are_all_over(history: History) -> None:
    for (_, piece), undisturbed in history.items():
        kinds = [name.split()[1] for name in undisturbed.points]
        assert {name.split()[0] for name in undisturbed.points} == {"before", "after"}
        if piece == "run":
            assert {"begin", "execute", "commit"} <= set(kinds)
            assert kinds.count("execute") > 80
        else:
            assert set(kinds) == {*CALLS, *FILE_STEPS}
            assert kinds.count("commit") >= 4  # of claiming and of marking
