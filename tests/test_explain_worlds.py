"""Over random plays: `explain` never fails, and what it says of rules is what the run before or after it does."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, seed, settings

from pipelines import Project
from pipelines.explain import display
from pipelines.explain.explanation import Explanation, JudgedPart, SeriesExplanation, Visit
from pipelines.output import to_json
from tests.engine import Engine, read_tables
from tests.evaluator.tables import Evaluator
from tests.scenario import Row
from tests.test_worlds import SLOW
from tests.worlds import CUSTOMERS, Play, plays

EXAMPLES = 6
OF_THE_LAST_COMMIT = ("has_tag", "_series", "reached_goal", "in_segment")
"""What a rule asks for that the run itself may change; what a segment asks for does not stand in the rule."""


class Explained(Engine):
    """An engine that is asked to explain before and after each of its runs."""

    def run(self, as_of: datetime, due: bool = False) -> None:
        customers = [CUSTOMERS[0], CUSTOMERS[1 + as_of.hour % 4]]
        project = Project.open(self.folder)
        known = {row["customer_id"] for row in (*self.rows["customers"], *self.tables["entries"])}
        asked = [name for name in customers if name in known]
        with project.session(publish=False):
            before = [project.explain(name, as_of=as_of) for name in asked]
            old = self.tables
            ran = project.run(as_of, due=due)
            self.tables = read_tables(project)
            done = {one.series_id for one in ran.series if one.state == "done"}
            for explanation in before:
                for series in explanation.series:
                    if series.series_id in done:
                        assert_enters(explanation, series, old, self.tables, as_of)
            for name in asked:
                after = project.explain(name)
                assert display.text(after, 100)
                assert to_json(after)
                assert_left(after, old)


def assert_enters(
    explanation: Explanation,
    series: SeriesExplanation,
    old: dict[str, list[Row]],
    new: dict[str, list[Row]],
    as_of: datetime,
) -> None:
    """The run lets the customer in where it was said before, and nowhere else."""
    key = {"series_id": series.series_id, "customer_id": explanation.customer_id}
    entries = chosen(new["entries"], key)
    was_active = any(entry.status == "active" for entry in series.entries)
    if was_active and chosen(entries, {"ended_at": as_of}):
        return  # What the run does first is not foretold.
    began = chosen(entries, {"entered_at": as_of})
    assert series.entering is not None
    arrived = {
        row["block_id"]
        for row in chosen(new["visits"], key | {"arrived_at": as_of})
        if row not in old["visits"] and row["block_id"] in {rule.block_id for rule in series.entry_rules}
    }
    if began and began[0]["arm"] == "holdout":
        assert series.entering.arrives_at
    else:
        assert arrived == set(series.entering.arrives_at), series.entering


def assert_left(explanation: Explanation, old: dict[str, list[Row]]) -> None:
    """Rules of visits that the run has ended are judged as the run judged them."""
    for series in explanation.series:
        for entry in series.entries:
            for visit in entry.visits:
                key: Row = {"series_id": series.series_id, "customer_id": explanation.customer_id}
                key |= {"entry_number": entry.entry_number, "block_id": visit.block_id}
                left_before = [row for row in chosen(old["visits"], key) if row["left_at"]]
                if not left_before and is_told(visit) and visit.rule:
                    assert visit.rule.holds is (visit.outcome == "matched"), (key, visit)


def is_told(visit: Visit) -> bool:
    asks_for_more = visit.rule and any(word in visit.rule.rule for word in OF_THE_LAST_COMMIT)
    return visit.outcome in ("matched", "not_matched") and not asks_for_more


def assert_adds_up(part: JudgedPart) -> None:
    """What joins parts is as true as they make it."""
    truths = [inner.holds for inner in part.parts]
    expected = {"and": all(truths), "or": any(truths), "not": not all(truths), "segment": all(truths)}
    assert part.holds is expected.get(part.kind, part.holds)
    for inner in part.parts:
        assert_adds_up(inner)


def chosen(rows: list[Row], values: Row) -> list[Row]:
    return [row for row in rows if all(row[name] == value for name, value in values.items())]


@seed(1)
@settings(settings.get_profile("ci"), max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=SLOW)
@given(plays(most_acts=6))
def test_explanations_and_runs_agree(play: Play) -> None:
    with TemporaryDirectory() as folder:
        engine, evaluator = Explained(Path(folder), play.time_types), Evaluator()
        for step in play.steps(evaluator.state):
            engine.perform(step)
            evaluator.perform(step)
        for series in Project.open(folder).explain(CUSTOMERS[0]).series:
            for rule in series.entry_rules:
                for case in rule.judgement.cases:
                    assert_adds_up(case.part)
