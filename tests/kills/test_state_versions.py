"""A state of another version: a newer one is refused, an older one is migrated whole or not at all."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from pipelines import Project
from tests import shop
from warehouse import state
from warehouse.adapter import WarehouseError
from warehouse.tables import SCHEMA_VERSION
from warehouse.views import VIEWS

ROOT = Path(__file__).parents[2]
DATABASE = "warehouse/warehouse.duckdb"
OLD_NAME = "alter table series.entries rename column goal_at to reached_at"
NEW_NAME = "alter table series.entries rename column reached_at to goal_at"
KILLED = f"""
import os, signal, sys
from pipelines import Project
from warehouse import state

def deadly():
    yield {NEW_NAME!r}
    yield "update series.entries set goal_at = null"
    os.kill(os.getpid(), signal.SIGKILL)

state.MIGRATIONS = {{**state.MIGRATIONS, 0: deadly()}}
Project.open(sys.argv[1]).run(sys.argv[2])
"""


def change_database(folder: Path, *statements: str) -> None:
    with duckdb.connect(folder / DATABASE) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The shop before its second run."""
    folder = tmp_path / "shop"
    shop.change(folder, 1)
    Project.open(folder).run(shop.AS_OF[1])
    shop.change(folder, 2)
    return folder


@pytest.fixture
def old_project(project: Path) -> Path:
    """The same with its state as a former version would have left it: a column had another name."""
    views = [f"drop view {view.qualified_name}" for view in VIEWS]
    change_database(project, *views, OLD_NAME, "update series_state.meta set schema_version = 0")
    return project


def test_a_newer_state_is_refused(project: Path) -> None:
    change_database(project, f"update series_state.meta set schema_version = {SCHEMA_VERSION + 1}")
    before = shop.state(project / DATABASE, without=())
    for work in (
        lambda: Project.open(project).run(shop.AS_OF[2]),
        Project.open(project).hand_off,
        Project.open(project).status,
    ):
        with pytest.raises(
            WarehouseError,
            match=rf"has version {SCHEMA_VERSION + 1}; this software knows versions up to {SCHEMA_VERSION}\. Install",
        ):
            work()
    assert shop.state(project / DATABASE, without=()) == before


def test_an_older_state_is_migrated(
    old_project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "MIGRATIONS", {**state.MIGRATIONS, 0: [NEW_NAME]})
    Project.open(old_project).run(shop.AS_OF[2])
    other = tmp_path_factory.mktemp("never_old")
    for run in (1, 2):
        shop.change(other, run)
        Project.open(other).run(shop.AS_OF[run])
    assert shop.state(old_project / DATABASE) == shop.state(other / DATABASE)
    assert shop.outbox(old_project) == shop.outbox(other)


def test_a_state_from_before_guards_is_migrated_by_the_next_run(project: Path) -> None:
    new = ("series.batch_decisions", "series.guard_findings", "series_state.source_counts")
    change_database(project, *(f"drop table {name}" for name in new), "update series_state.meta set schema_version = 2")
    with pytest.raises(WarehouseError, match="The next `series run` brings it up to date"):
        Project.open(project).batches()
    Project.open(project).run(shop.AS_OF[2])
    assert Project.open(project).batches(status=["held"]) == ()
    [meta] = shop.state(project / DATABASE, without=())["series_state.meta"]
    assert meta["schema_version"] == SCHEMA_VERSION


def test_a_state_from_before_first_engagements_sees_them_all_at_the_next_run(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    change_database(
        project,
        "drop table series_state.first_engagements",
        "update series_state.meta set schema_version = 5",
    )
    other = tmp_path_factory.mktemp("never_old")
    shop.change(other, 1)
    Project.open(other).run(shop.AS_OF[1])
    for run in (2, 3):
        for folder in (project, other):
            shop.change(folder, run)
            Project.open(folder).run(shop.AS_OF[run])
    assert shop.state(project / DATABASE) == shop.state(other / DATABASE)
    assert shop.state(project / DATABASE)["series_state.first_engagements"]


def test_a_failed_migration_changes_nothing(old_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        state, "MIGRATIONS", {**state.MIGRATIONS, 0: [NEW_NAME, "update series.entries set nonsense = 1"]}
    )
    before = old_state(old_project)
    with pytest.raises(WarehouseError, match="nonsense"):
        Project.open(old_project).run(shop.AS_OF[2])
    assert old_state(old_project) == before


def test_a_run_killed_while_it_migrates_changes_nothing(old_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = old_state(old_project)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(old_project), shop.AS_OF[2]], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert old_state(old_project) == before
    monkeypatch.setattr(state, "MIGRATIONS", {**state.MIGRATIONS, 0: [NEW_NAME]})
    assert {series.state for series in Project.open(old_project).run(shop.AS_OF[2]).series} == {"done"}


def old_state(folder: Path) -> dict[str, list[dict[str, object]]]:
    """Everything, among it the old column and the version."""
    found = shop.state(folder / DATABASE, without=())
    assert "reached_at" in found["series.entries"][0]
    [meta] = found["series_state.meta"]
    assert (meta["schema_version"], meta["target"]) == (0, None)
    return found


def test_a_state_from_before_goal_values_is_migrated_by_the_next_run(project: Path) -> None:
    new = ("attributes", "goal_value", "goal_event_at")
    change_database(
        project,
        *(f"alter table series.entries drop column {name}" for name in new),
        "update series_state.meta set schema_version = 3",
    )
    Project.open(project).run(shop.AS_OF[2])
    assert set(new) <= set(Project.open(project).table("entries").columns)


def test_a_state_from_before_new_batches_of_old_ones_is_migrated_by_the_next_run(project: Path) -> None:
    new = {"messages": ("provider_message_id",), "batches": ("parent_batch_id", "next_attempt_at")}
    change_database(
        project,
        *(f"drop view {view.qualified_name}" for view in VIEWS),
        *(f"alter table series.{table} drop column {name}" for table, names in new.items() for name in names),
        "update series_state.meta set schema_version = 4",
    )
    with pytest.raises(WarehouseError, match="The next `series run` brings it up to date"):
        Project.open(project).hand_off()
    assert Project.open(project).run(shop.AS_OF[2]).hand_off
    for table, names in new.items():
        assert set(names) <= set(Project.open(project).table(table).columns)


def test_tag_writes_from_before_they_left_are_given_their_ids_by_the_next_run(project: Path) -> None:
    shop.change(project, 3)
    Project.open(project).run(shop.AS_OF[3])
    written = shop.state(project / DATABASE)["series.tag_writes"]
    assert written
    change_database(
        project,
        *(f"drop view {view.qualified_name}" for view in VIEWS),
        *(f"alter table series.tag_writes drop column {name}" for name in ("tag_write_id", "batch_id", "status")),
        "update series_state.meta set schema_version = 6",
    )
    Project.open(project).run("2026-04-20T10:00Z")
    ids = [row["tag_write_id"] for row in shop.state(project / DATABASE)["series.tag_writes"]]
    assert {row["tag_write_id"] for row in written} <= set(ids)
    assert len(set(ids)) == len(ids)
