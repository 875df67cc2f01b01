"""Batches that guards hold: killed anywhere and repeated, or by two at once, they are held once and decided once.

Six places are tried of each; SERIES_KILLS=3000 tries every place there is.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import Project
from tests import shop
from tests.kills.killed import Order, Work, work
from tests.kills.killer import KILLS, Killer, spread

SERIES = Path(sys.executable).with_name("series")
AS_OF = shop.AS_OF[1]
DATABASE = Path("warehouse/warehouse.duckdb")
GUARDS = "guards: {messages_per_run: 0, messages_per_customer: 1, volume: 2, entry_share: 50}\n"
Tables = dict[str, list[dict[str, Any]]]


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop with guards, before its first run; copy it."""
    folder = tmp_path_factory.mktemp("before") / "shop"
    shop.change(folder, 1)
    with (folder / "series.yml").open("a") as file:
        file.write(GUARDS)
    return folder


@pytest.fixture(scope="module")
def held(before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after it, with its batches held; copy it."""
    folder = shutil.copytree(before, tmp_path_factory.mktemp("held") / "shop")
    result = Project.open(folder).run(AS_OF)
    assert {finding.action for finding in result.guards} == {"held"}
    return folder


def statuses(tables: Tables) -> set[str]:
    return {batch["status"] for batch in tables["series.batches"]}


def work_undisturbed(project: Path, folder: Path, order: Order, killer: Killer) -> tuple[list[str], Tables]:
    """The points that work passes, and what it leaves."""
    shutil.copytree(project, folder)
    assert killer.fork(replace(order, folder=str(folder))) == 0
    return (folder / "points.txt").read_text().splitlines(), shop.state(folder / DATABASE)


def kill_and_repeat(project: Path, folder: Path, order: Order, killer: Killer) -> Tables:
    """What is there after work was killed at a point and done again."""
    shutil.copytree(project, folder)
    assert killer.fork(replace(order, folder=str(folder))) == -signal.SIGKILL
    work(Project.open(folder), order)
    tables = shop.state(folder / DATABASE)
    assert not (folder / "outbox").exists()
    shutil.rmtree(folder)
    return tables


def test_a_run_killed_around_its_guards_holds_its_batches_once(before: Path, tmp_path: Path, killer: Killer) -> None:
    order = Order("", AS_OF, "run")
    points, tables = work_undisturbed(before, tmp_path / "undisturbed", order, killer)
    assert statuses(tables) == {"held"}
    words = ("run_findings", "guard_findings", "insert into series.batches", "commit")
    around = [number for number, point in enumerate(points) if any(word in point for word in words)]
    assert len(around) >= 8
    for point in spread(around, KILLS // 9):
        assert kill_and_repeat(before, tmp_path / "killed", replace(order, point=point), killer) == tables, points[
            point
        ]


@pytest.mark.parametrize("decision", ["released", "dropped"])
def test_a_decision_killed_anywhere_is_made_once(held: Path, tmp_path: Path, killer: Killer, decision: Work) -> None:
    order = Order("", AS_OF, decision)
    points, tables = work_undisturbed(held, tmp_path / "undisturbed", order, killer)
    assert statuses(tables) == {"pending" if decision == "released" else "dropped"}
    assert len(tables["series.batch_decisions"]) == len(tables["series.batches"])
    for point in spread(range(len(points)), KILLS // 9):
        assert kill_and_repeat(held, tmp_path / "killed", replace(order, point=point), killer) == tables, points[point]


def both(folder: Path, *commands: list[str]) -> list[tuple[int, str, str]]:
    """What processes answer that were started together."""
    environment = os.environ | {"SERIES_LOCK_WAIT": "60"}
    processes = [
        subprocess.Popen(
            [SERIES, *command], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for command in commands
    ]
    answers = [process.communicate() for process in processes]
    return [(process.returncode, out, err) for process, (out, err) in zip(processes, answers, strict=True)]


def test_two_runs_at_once_hold_once_and_both_say_so(before: Path, held: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(before, tmp_path / "shop")
    answers = both(folder, *[["run", "--as-of", AS_OF]] * 2)
    assert [code for code, _, _ in answers] == [1, 1]
    assert all("`messages_per_run` allows 0" in errors for _, _, errors in answers)
    assert shop.state(folder / DATABASE) == shop.state(held / DATABASE)


def test_of_two_who_decide_at_once_the_first_is_right(held: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(held, tmp_path / "shop")
    with duckdb.connect(folder / DATABASE) as connection:
        found = connection.execute("select batch_id from series.batches order by all").fetchall()
    ids = [batch_id for (batch_id,) in found]
    answers = both(
        folder,
        ["batches", "release", *ids, "--why", "Right", "--by", "Ada"],
        ["batches", "drop", *ids, "--why", "Wrong", "--by", "Bob"],
    )
    assert sorted(code for code, _, _ in answers) == [0, 2]
    tables = shop.state(folder / DATABASE)
    status = "pending" if answers[0][0] == 0 else "dropped"
    assert statuses(tables) == {status}
    assert {row["decided_by"] for row in tables["series.batch_decisions"]} == {"Ada" if status == "pending" else "Bob"}
