"""What the evaluator does not tell of customers at a block that is gone: hand-offs, and runs that fail."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from pipelines import Project
from tests.engine import Engine, read_tables
from tests.scenario import Row, Step

BEFORE = """
series: journey
status: live
schedule: hourly
blocks:
  start: {rule: plan is not null, then: old}
  old: {content: email, subject: Hello, body: Hello there, try_for: 3 days, then: rest}
  rest: {wait: 30 days}
"""
AFTER = """
series: journey
status: live
schedule: hourly
WHERE
blocks:
  start: {rule: plan is not null, then: rest}
  rest: {wait: 30 days}
"""


class Quiet(Engine):
    """An engine whose runs send nothing, until somebody hands off."""

    def run(self, as_of: datetime, due: bool = False) -> None:
        project = Project.open(self.folder)
        self.states = [one.state for one in project.run(as_of, due=due, hand_off=False).series]
        self.read()

    def read(self) -> None:
        self.tables = read_tables(Project.open(self.folder))


ADA = {"customer_id": "ada", "plan": "Free", "email": "ada@example.com", "unsubscribed": False}


def step(hour: int, sources: dict[str, list[Row]], definitions: dict[str, str]) -> Step:
    return Step(
        as_of=datetime(2026, 3, 2, hour),
        due=False,
        project=None,
        definitions=definitions,
        sources=sources,
        customers_gone=[],
        customer_tags_gone=[],
        changed={},
    )


@pytest.mark.parametrize(("where", "outcome"), [("moved: {old: rest}", "moved"), ("removed: [old]", "removed")])
def test_a_queued_message_leaves_though_its_block_is_gone(tmp_path: Path, where: str, outcome: str) -> None:
    engine = Quiet(tmp_path)
    engine.perform(step(9, {"customers": [ADA]}, {"journey": BEFORE}))
    engine.perform(step(10, {}, {"journey": AFTER.replace("WHERE", where)}))
    (visit,) = [row for row in engine.tables["visits"] if row["block_id"] == "old"]
    assert (visit["outcome"], visit["left_at"]) == (outcome, datetime(2026, 3, 2, 10))
    (message,) = engine.tables["messages"]
    assert (message["status"], message["queued_at"]) == ("queued", datetime(2026, 3, 2, 9))

    Project.open(tmp_path).hand_off()
    engine.read()
    (message,) = engine.tables["messages"]
    assert message["status"] == "handed_off"
    (file,) = (tmp_path / "outbox").glob("*.jsonl")
    assert [json.loads(line)["message_id"] for line in file.read_text().splitlines()] == [message["message_id"]]

    opened = {"series_id": "journey", "customer_id": "ada", "entry_number": 1, "block_id": "old", "kind": "opened"}
    engine.perform(step(12, {"engagements": [opened | {"occurred_at": datetime(2026, 3, 2, 11)}]}, {}))
    (message,) = engine.tables["messages"]
    assert message["received_at"] == datetime(2026, 3, 2, 11)
    assert [row["outcome"] for row in engine.tables["visits"] if row["block_id"] == "old"] == [outcome]


def test_until_the_file_says_where_they_go_the_series_fails_and_they_stay(tmp_path: Path) -> None:
    engine = Quiet(tmp_path)
    engine.perform(step(9, {"customers": [ADA]}, {"journey": BEFORE}))
    before = engine.tables
    engine.perform(step(10, {}, {"journey": AFTER.replace("WHERE", "moved: {older: rest}")}))
    assert engine.states == ["failed"]
    assert engine.tables == before
    engine.perform(step(11, {}, {"journey": AFTER.replace("WHERE", "moved: {older: rest, old: rest}")}))
    assert engine.states == ["done"]
    (advance,) = [row for row in engine.tables["advances"] if row["from_block"] == "old"]
    assert (advance["to_block"], advance["advanced_at"]) == ("rest", datetime(2026, 3, 2, 11))


@pytest.mark.parametrize(
    ("where", "becomes", "became"),
    [
        ("moved: {old: rest}", "leads on to `rest`", "the definition said where to go on"),
        ("removed: [old]", "ends the path here", "the definition ended the path here"),
    ],
)
def test_an_explanation_says_where_they_go_and_went(tmp_path: Path, where: str, becomes: str, became: str) -> None:
    engine = Quiet(tmp_path)
    engine.perform(step(9, {"customers": [ADA]}, {"journey": BEFORE}))
    (tmp_path / "series_definitions" / "journey.yml").write_text(AFTER.replace("WHERE", where))
    (series,) = Project.open(tmp_path).explain("ada").series
    # Both have arrived at one instant, and only one of them has a place in the definition.
    start, old = series.entries[0].visits
    assert (start.block_id, old.block_id, old.is_defined) == ("start", "old", False)
    assert old.explained == f"the definition has no such block any more; the next run {becomes}"
    engine.perform(step(10, {}, {}))
    (series,) = Project.open(tmp_path).explain("ada").series
    assert series.entries[0].visits[1].explained == f"the block was gone, and {became}"
