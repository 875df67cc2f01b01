"""A report finds what does not add up, and names the row: every kind of damage, planted in a real warehouse."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from pipelines import Project
from pipelines.cli import main
from pipelines.report.history import read_histories
from pipelines.report.prepare import prepare
from pipelines.report.reconcile import CHECKS, MOST_SHOWN, Difference, reconcile
from tests import shop
from warehouse.adapter import Warehouse

ENTRY = "(select min(entry_id) from series.advances)"
WAITING = "(select min(entry_id) from series_state.open_visits)"


@dataclass(frozen=True)
class Damage:
    """What is done to the tables, and of what kind the difference is."""

    name: str
    sql: str
    check: str
    problem: str


DAMAGES = (
    Damage(
        "a visit is gone",
        f"delete from series_state.closed_visits where entry_id = {ENTRY} and outcome <> 'matched'",
        "visits",
        "advances too many",
    ),
    Damage(
        "a visit is there twice",
        f"insert into series_state.closed_visits from series_state.closed_visits where entry_id = {ENTRY} limit 1",
        "visits",
        "visited more than once",
    ),
    Damage(
        "a visit and its advance are there twice",
        f"""
        insert into series_state.closed_visits
        select visit.* from series_state.closed_visits as visit
        join series.advances as advance
            on advance.entry_id = visit.entry_id and advance.to_block = visit.block_id and not advance.merged
        where visit.entry_id = {ENTRY} limit 1;
        insert into series.advances from series.advances where entry_id = {ENTRY} and not merged limit 1
        """,
        "visits",
        "visited more than once",
    ),
    Damage(
        "an advance is gone",
        f"delete from series.advances where entry_id = {ENTRY}",
        "visits",
        "visited, but no advance leads there",
    ),
    Damage(
        "an advance is gone, seen from where it began",
        f"delete from series.advances where entry_id = {ENTRY}",
        "advances",
        "left, but did not advance",
    ),
    Damage(
        "an advance along no connection",
        f"""
        insert into series.advances
        select * replace (to_block as from_block, from_block as to_block, true as merged)
        from series.advances where entry_id = {ENTRY} limit 1
        """,
        "advances",
        "advances too many",
    ),
    Damage(
        "a visit of an entry that is not there",
        f"delete from series.entries where entry_id = {ENTRY}",
        "visits",
        "there is no such entry",
    ),
    Damage(
        "left without an outcome",
        "update series_state.closed_visits set outcome = null where outcome = 'waited'",
        "visits",
        "left without an outcome",
    ),
    Damage(
        "an ended entry that waits",
        f"update series.entries set status = 'exited', ended_at = entered_at where entry_id = {WAITING}",
        "visits",
        "still there, although its entry has ended",
    ),
    Damage(
        "an active entry at no block",
        f"delete from series_state.open_visits where entry_id = {WAITING}",
        "visits",
        "active, but at no block",
    ),
    Damage(
        "a status that there is not",
        f"update series.entries set status = 'lost' where entry_id = {ENTRY}",
        "entries",
        "no status that there is: lost",
    ),
    Damage(
        "active and ended",
        f"update series.entries set ended_at = entered_at where entry_id = {WAITING}",
        "entries",
        "it is active, but has ended",
    ),
    Damage(
        "held out in the treatment",
        "update series.entries set arm = 'treatment' where status = 'held_out'",
        "entries",
        "it is held_out, but its arm is treatment",
    ),
    Damage(
        "an entry number is left out",
        f"update series.entries set entry_number = entry_number + 1 where entry_id = {ENTRY}",
        "entries",
        "its entries are not numbered from 1",
    ),
    Damage(
        "a goal that no run counted",
        f"update series.entries set goal_at = entered_at, goal_met_at_entry = false where entry_id = {WAITING}",
        "entries",
        "runs counted",
    ),
    Damage(
        "a message is gone",
        "delete from series.messages where message_id = (select min(message_id) from series.messages)",
        "messages",
        "messages, there are",
    ),
    Damage("a batch is gone", "delete from series.batches", "messages", "there is no such batch"),
    Damage(
        "a message in another block's batch",
        "update series.batches set block_id = 'elsewhere'",
        "messages",
        "of another series, block or channel",
    ),
    Damage(
        "a message without a visit",
        "update series.messages set entry_id = -1 where message_id = (select min(message_id) from series.messages)",
        "messages",
        "a message without a visit",
    ),
    Damage(
        "a message twice",
        "insert into series.messages from series.messages limit 1",
        "messages",
        "more than one message",
    ),
    Damage(
        "a message whose status there is not",
        "update series.messages set status = 'lost'",
        "messages",
        "a message whose status there is not: lost",
    ),
    Damage(
        "a run that counted too many",
        "update series.ticks set entered = entered + 1 where entered > 0",
        "ticks",
        "entered: it counted",
    ),
    Damage(
        "tag writes that no run counted",
        "insert into series.tag_writes from series.tag_writes limit 1",
        "ticks",
        "tags written: it counted",
    ),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return shop.run_all(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def warehouse(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A copy of the shop's, ready for a report."""
    project = Project.open(shutil.copytree(folder, tmp_path_factory.mktemp("damaged") / "shop"))
    with project.session() as opened:
        prepare(opened, project.definitions, read_histories(opened, project.definitions))
        yield opened


class Undo(Exception):  # noqa: N818 (it is no error)
    """Takes the damage back."""


def found_after(warehouse: Warehouse, sql: str) -> tuple[Difference, ...]:
    found: tuple[Difference, ...] = ()
    with contextlib.suppress(Undo), warehouse.transaction():
        for statement in sql.split(";"):
            warehouse.execute(statement)
        found = reconcile(warehouse)
        raise Undo
    return found


def test_nothing_is_found_where_nothing_is_wrong(warehouse: Warehouse) -> None:
    assert reconcile(warehouse) == ()


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_damage_is_found(warehouse: Warehouse, damage: Damage) -> None:
    found = found_after(warehouse, damage.sql)
    alike = [each for each in found if each.check == damage.check and damage.problem in each.problem]
    assert alike, found
    assert all(each.series_id for each in alike)


@pytest.mark.parametrize("damage", [one for one in DAMAGES if one.check in ("visits", "advances")][::3], ids=str)
def test_damage_is_found_where_a_series_is_so_long_that_one_number_does_not_hold_it(
    warehouse: Warehouse, folder: Path, damage: Damage, monkeypatch: pytest.MonkeyPatch
) -> None:
    definitions = Project.open(folder).definitions
    histories = read_histories(warehouse, definitions)
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.report.prepare._BITS", 2)
        prepare(warehouse, definitions, histories)
    assert reconcile(warehouse) == ()
    found = found_after(warehouse, damage.sql)
    prepare(warehouse, definitions, histories)
    assert [each for each in found if each.check == damage.check and damage.problem in each.problem]


def test_every_check_has_its_damage() -> None:
    assert {damage.check for damage in DAMAGES} == set(CHECKS)


def test_a_row_is_named(warehouse: Warehouse) -> None:
    ((entry_id, block_id),) = warehouse.fetch(
        "select entry_id, to_block from series.advances where series_id = 'upgrade' order by all limit 1"
    )
    found = found_after(
        warehouse, f"delete from series.advances where entry_id = {entry_id} and to_block = '{block_id}'"
    )
    assert f"upgrade: entry {entry_id}, block {block_id}: visited, but no advance leads there" in map(str, found)


def test_many_are_counted_and_some_are_named(warehouse: Warehouse) -> None:
    found = [each for each in found_after(warehouse, "delete from series.advances") if each.check == "visits"]
    by_series = {each.series_id: [other for other in found if other.series_id == each.series_id] for each in found}
    assert max(len(rows) for rows in by_series.values()) == MOST_SHOWN
    assert all(len(rows) == min(rows[0].alike, MOST_SHOWN) for rows in by_series.values())


def test_the_command_line_shows_the_report_says_what_is_wrong_and_fails(folder: Path, tmp_path: Path) -> None:
    damaged = shutil.copytree(folder, tmp_path / "shop")
    with duckdb.connect(str(Project.open(damaged).published_path)) as connection:
        connection.execute("update series.batches set message_count = message_count + 1 where series_id = 'upgrade'")
    answer = CliRunner().invoke(main, ["report", "--project-dir", str(damaged)])
    assert answer.exit_code == 1
    assert answer.stdout.startswith("As of 2026-03-20T10:00Z.")
    assert "not every number of this report can be right" in answer.stderr
    assert "upgrade: batch " in answer.stderr
    elsewhere = CliRunner().invoke(main, ["report", "trial", "--project-dir", str(damaged)])
    assert (elsewhere.exit_code, elsewhere.stderr) == (0, "")
