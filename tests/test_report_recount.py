"""Every number of the report, counted once more by `tests.recount`: shop, demo, conformance cases, random plays."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest
from hypothesis import Phase, given, seed, settings

from pipelines import Project
from pipelines.demo import Story, make_demo
from pipelines.report.tables import TABLES
from tests.engine import Engine
from tests.evaluator.tables import Evaluator
from tests.recount import Row, World
from tests.scenario import Step, read_scenario
from tests.test_worlds import PROFILE, SLOW
from tests.worlds import Play, plays

HERE = Path(__file__).parent
CASES = (
    "diverge_and_converge",
    "goals",
    "holdout_and_reentry",
    "reentry",
    "several_entry_rules",
    "states",
    "ties",
    "vanished_and_idle",
)


def check(folder: Path) -> dict[str, pl.DataFrame]:
    """The project's report and the recount hold the same rows, and the tables of the state add up."""
    report = Project.open(folder).report()
    assert report.differences == ()
    for name, wanted in World(folder).tables().items():
        found = [row for row in report.tables[name].iter_rows(named=True) if is_told(name, row)]
        assert_same(TABLES[name].key, found, wanted)
    return dict(report.tables)


def is_told(name: str, row: Row) -> bool:
    """That nobody did what they could do is a row, too; the recount leaves it out."""
    return name != "message_performance" or row["messages"] > 0


def assert_same(key: tuple[str, ...], found: list[Row], wanted: list[Row]) -> None:
    by_key = {tuple(row[name] for name in key): row for row in wanted}
    assert len(by_key) == len(wanted)
    assert {tuple(row[name] for name in key) for row in found} == by_key.keys()
    for row in found:
        other = by_key[tuple(row[name] for name in key)]
        assert row.keys() == other.keys()
        for name, value in row.items():
            if isinstance(value, float) and other[name] is not None:
                assert value == pytest.approx(other[name], rel=1e-9, abs=1e-12), (row, name)
            else:
                assert value == other[name], (row, name)


def test_of_the_shop(finished_shop: Path) -> None:
    check(finished_shop)


def test_of_a_demo(tmp_path: Path) -> None:
    make_demo(tmp_path / "demo", Story(customers=150, hours=30))
    tables = check(tmp_path / "demo")
    assert all(not frame.is_empty() for frame in tables.values())
    assert tables["goal_by_exit"]["goals"].sum() > 0


@pytest.mark.parametrize("case", CASES)
def test_of_a_conformance_case(case: str, tmp_path: Path) -> None:
    engine, scenario = Engine(tmp_path), read_scenario(HERE / "conformance" / f"{case}.yaml")
    for step in scenario.steps:
        # A case with one series and first entries alone need not name them.
        whose = {"series_id": next(iter(scenario.steps[0].definitions)), "entry_number": 1}
        answers = [whose | row for row in step.sources.get("engagements", [])]
        engine.perform(replace(step, sources={**step.sources, "engagements": answers}))
    check(tmp_path)


@pytest.mark.parametrize("number", range(8 if PROFILE == "deep" else 1))
def test_of_a_random_play(number: int) -> None:
    # The time zone moves cohorts and days; blocks are taken out while customers stand there.
    @seed(number)
    @settings(max_examples=2, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=SLOW)
    @given(plays())
    def agree(play: Play) -> None:
        with TemporaryDirectory() as folder:
            engine, evaluator = Engine(Path(folder), play.time_types), Evaluator()
            for step in play.steps(evaluator.state):
                engine.perform(step)
                evaluator.perform(step)
            check(Path(folder))

    agree()


FIRST = """
series: journey
status: live
schedule: hourly
goal: {rule: plan = 'Pro', within: 2 days, exits: false, value: sessions * 2.5}
breakdowns: [plan, phone]
reentry: {after: 1 hour}
holdout: 40
blocks:
  starts: {rule: plan is not null, then: [mail, other]}
  mail: {content: email, subject: Hello, body: Hello, try_for: 3 hours, then: ends, else: ends}
  other: {tag: met, then: ends}
  ends: {wait: 1 hour}
"""
SECOND = """
series: journey
status: live
schedule: hourly
goal: {rule: plan = 'Pro', within: 2 days, exits: false}
reentry: {after: 1 hour}
holdout: 10
blocks:
  starts: {rule: plan is not null, then: mail}
  newly: {rule: plan = 'Pro', then: ends}
  mail: {content: email, subject: Hello, body: Hello, try_for: 3 hours, then: thanks, else: ends}
  thanks: {tag: thanked}
  ends: {wait: 1 hour}
"""
NOBODY = """
series: nobody
status: live
schedule: hourly
goal: {rule: plan = 'Pro', within: 2 days}
holdout: 50
blocks:
  starts: {rule: plan = 'None', then: mail}
  mail: {content: email, subject: Hello, body: Hello}
"""


def test_of_a_series_that_changes_and_goes(tmp_path: Path) -> None:
    """Definitions change there and back while customers are under way and come again; then the file is gone."""
    engine, start = Engine(tmp_path), datetime(2026, 3, 28, 20)
    texts = [FIRST, FIRST, SECOND, SECOND, FIRST, SECOND]
    for hours, text in enumerate(texts):
        people = [
            {
                "customer_id": f"c{number}",
                "plan": "Pro" if number < 3 * hours and number % 3 else "Free",
                "email": f"c{number}@example.com",
                "unsubscribed": number % 5 == 4,
                "sessions": number,
                "phone": None if number % 4 == 3 else f"+{number % 4}",
            }
            for number in range(4 * (hours + 1))
        ]
        engine.perform(
            Step(
                as_of=start + hours * timedelta(hours=3),
                due=False,
                project="timezone: Europe/Berlin\n",
                definitions={"journey": text, "nobody": NOBODY},
                sources={"customers": people},
                customers_gone=[],
                customer_tags_gone=[],
                changed={},
            )
        )
    tables = check(tmp_path)
    assert set(tables["goal_conversion"].filter(series_id="journey")["version"]) == {None, 1, 2}
    assert set(tables["path_flow"].filter(series_id="journey")["in_definition"]) == {True, False}
    assert "nobody" not in set(tables["goal_conversion"]["series_id"])
    assert tables["block_funnel"].filter(series_id="nobody")["arrived"].to_list() == [0, 0, 0, 0]
    (tmp_path / "series_definitions" / "journey.yml").unlink()
    gone = check(tmp_path)
    assert all(frame.equals(gone[name]) for name, frame in tables.items())


def test_of_one_customer(tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    for day in range(4):
        person = {"customer_id": "ada", "plan": "Pro" if day == 2 else "Free", "email": "ada@example.com"}
        engine.perform(
            Step(
                as_of=datetime(2026, 3, 1) + timedelta(days=day),
                due=False,
                project=None,
                definitions={"journey": FIRST.replace("holdout: 40", "holdout: 0")},
                sources={"customers": [person]},
                customers_gone=[],
                customer_tags_gone=[],
                changed={},
            )
        )
    tables = check(tmp_path)
    assert tables["lift"].is_empty()
    whole = tables["goal_conversion"].filter(pl.col("version").is_null(), cohort_by="all", maturity="matured")
    assert set(whole["rate"]) == {1.0}
