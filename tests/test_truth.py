"""A made-up world whose truth is known: the report's intervals cover it as often as they say.

Each series is a world of its own: it splits the customers anew, and has its own goal. SERIES_PROFILE=deep has many.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from scipy.stats import binom

from pipelines import Project
from pipelines.report import Report
from tests.test_worlds import PROFILE

WORLDS, CUSTOMERS = (300, 600) if PROFILE == "deep" else (20, 400)
CONVERTS = {"treatment": 0.3, "holdout": 0.2}
"""The share of customers who reach the goal, by arm: the series adds ten points."""

WINDOW = timedelta(days=10)
"""The goal's; who reaches it does so at any moment of these days with equal chance."""

START = datetime(2026, 3, 1)
SECOND, END = START + timedelta(days=6), START + timedelta(days=10, hours=1)
"""Half of the customers come at the start, half at the second run; at the end the windows of these are still open."""

SKEWED = "world_0"
SERIES = """
series: {name}
status: live
schedule: hourly
goal: {{rule: did('{name}'), within: 10 days, exits: false}}
holdout: 30
blocks: {{all: {{rule: plan = 'Free', then: mark}}, mark: {{tag: "{name}"}}}}
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("truth")
    (folder / "series_definitions").mkdir()
    (folder / "warehouse").mkdir()
    for world in range(WORLDS):
        name = f"world_{world}"
        (folder / "series_definitions" / f"{name}.yml").write_text(SERIES.format(name=name))
    path = folder / "warehouse" / "warehouse.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("create table customers (customer_id bigint, plan varchar)")
        connection.execute("create table events (customer_id bigint, name varchar, occurred_at timestamp)")
    chance = random.Random(1)  # noqa: S311 (a made-up world)
    for wave, as_of in enumerate((START, SECOND)):
        with duckdb.connect(path) as connection:
            people = f"select 2 * i + {wave} as customer_id, 'Free' as plan from range({CUSTOMERS // 2}) as numbers (i)"
            connection.execute(f"insert into customers {people}")
        Project.open(folder).run(as_of)
        happen(path, as_of, chance)
    Project.open(folder).run(END)
    with duckdb.connect(path) as connection:
        # Some of the holdout are lost, as where a provider forgets to report them.
        connection.execute(
            "delete from series.entries where series_id = $name and arm = 'holdout' and customer_id % 5 < 3",
            {"name": SKEWED},
        )
    Project.open(folder).published_path.unlink()
    return Project.open(folder).report()


def happen(path: Path, entered_at: datetime, chance: random.Random) -> None:
    """Who entered at an instant reaches the goal or does not, at some moment."""
    with duckdb.connect(path) as connection:
        entries = connection.execute(
            "select series_id, customer_id, arm from series.entries where entered_at = $at order by all",
            {"at": entered_at},
        ).fetchall()
        rows = [
            (customer_id, series_id, entered_at + (1 - chance.random()) * WINDOW)
            for series_id, customer_id, arm in entries
            if chance.random() < CONVERTS[arm]
        ]
        frame = pl.DataFrame(rows, schema=["customer_id", "name", "occurred_at"], orient="row")
        connection.register("happened", frame.to_arrow())
        connection.execute("insert into events select customer_id, name, occurred_at from happened")


def covered(report: Report) -> Iterator[tuple[str, bool]]:
    """Each interval whose truth is known: what it is of, and whether it covers it."""
    whole = pl.col("version").is_null()
    matured = report.tables["goal_conversion"].filter(
        whole & pl.col("entry_rules").is_null() & pl.col("breakdown").is_null(), cohort_by="all", maturity="matured"
    )
    for row in matured.iter_rows(named=True):
        yield f"rate of the {row['arm']}", row["rate_low"] <= CONVERTS[row["arm"]] <= row["rate_high"]
    for row in report.tables["lift"].filter(whole, maturity="matured").iter_rows(named=True):
        yield "difference", row["difference_low"] <= 0.1 <= row["difference_high"]
        yield "relative lift", row["relative_lift_low"] <= 0.5 <= row["relative_lift_high"]
    for row in report.tables["time_to_goal"].filter(whole & pl.col("day").is_in([3, 8])).iter_rows(named=True):
        truth = CONVERTS[row["arm"]] * row["day"] / 10
        found = row["converted_share_low"] <= truth <= row["converted_share_high"]
        yield f"share of the {row['arm']} by day {row['day']}", found


def test_intervals_cover_the_truth_as_often_as_they_say(report: Report) -> None:
    counts: dict[str, list[bool]] = {}
    for name, is_covered in covered(report):
        counts.setdefault(name, []).append(is_covered)
    assert len(counts) == 8
    for name, found in counts.items():
        assert len(found) == WORLDS
        # Of a thousand sound intervals two fail this, one on either side.
        low, high = binom.ppf([0.001, 0.999], WORLDS, 0.95)
        assert low <= sum(found) <= high, name


def test_intervals_are_no_wider_than_they_must_be(report: Report) -> None:
    lift = report.tables["lift"].filter(pl.col("version").is_null(), maturity="matured")
    sizes = lift["treatment_measured_customers"], lift["holdout_measured_customers"]
    spread = 1.96 * (0.3 * 0.7 / sizes[0] + 0.2 * 0.8 / sizes[1]).sqrt()
    assert ((lift["difference_high"] - lift["difference_low"]) / (2 * spread)).is_between(0.8, 1.25).all()


def test_a_skewed_split_is_seen_and_sound_ones_are_not_accused(report: Report) -> None:
    lift = report.tables["lift"].filter(pl.col("version").is_null() & pl.col("maturity").is_null())
    accused = lift.filter(~pl.col("sample_ratio_ok"))["series_id"].to_list()
    assert SKEWED in accused
    assert len(accused) - 1 <= binom.ppf(0.999, WORLDS, 0.001)
