"""The engine and the evaluator agree, row for row, after every run of random plays.

Profile `ci` (the default) is small, and the same every time. SERIES_PROFILE=deep is random, shrinks what it finds, and
is as long as SERIES_EXAMPLES says. In parts, so that workers can share them.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, Phase, given, note, seed, settings

from pipelines import Project
from tests.engine import Engine, read_tables
from tests.evaluator.tables import Evaluator
from tests.scenario import TABLES, Row, assert_changed, read_scenario, sorted_rows
from tests.worlds import Play, plays

MORE = {
    "visits": ("deadline_at", "blocked_by"),
    "messages": ("channel", "address", "expires_at", "received_at", "goal_at"),
}
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example, HealthCheck.filter_too_much]

NOT_SENDING = ("draft", "paused", "stopped")

PARTS, CI_EXAMPLES = 6, 10

settings.register_profile("ci", max_examples=CI_EXAMPLES, phases=[Phase.generate])
settings.register_profile("deep", max_examples=int(os.environ.get("SERIES_EXAMPLES", "500")))
PROFILE = os.environ.get("SERIES_PROFILE", "ci")


@pytest.mark.parametrize("part", range(PARTS))
def test_engine_and_evaluator_agree(part: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if part % 2:  # as where there are many rows: on all threads, with all of DuckDB's optimizers
        monkeypatch.setattr("warehouse.duckdb._FEW_ROWS", -1)

    @settings(settings.get_profile(PROFILE), database=None, deadline=None, suppress_health_check=SLOW)
    @given(plays(most_acts=7 if PROFILE == "ci" else 9))
    def agree(play: Play) -> None:
        left.update(check(play))

    left: Counter[str | None] = Counter()
    (seed(part)(agree) if PROFILE == "ci" else agree)()
    # Else no block was gone while customers stood there, and the plays have lost what they are to try.
    assert PROFILE != "ci" or {"moved", "removed"} <= left.keys()


@pytest.mark.parametrize("path", sorted(Path(__file__).parent.glob("scenarios/*.yaml")), ids=lambda path: path.stem)
def test_what_was_found_stays_found(path: Path, tmp_path: Path) -> None:
    engine = Engine(tmp_path)
    for step in read_scenario(path).steps:
        before = engine.tables
        engine.perform(step)
        assert_changed(before, engine.tables, step)


def check(play: Play) -> Counter[str | None]:
    """Run the play on both and compare after every run; repeating the last one changes nothing.

    Whoever takes what is said of tags in the order in which it left ends up with what the series said last.

    Returns how many visits ended with each outcome.
    """
    with TemporaryDirectory() as folder:
        engine, evaluator = Engine(Path(folder), play.time_types), Evaluator()
        for step in play.steps(evaluator.state):
            engine.perform(step)
            evaluator.perform(step)
            found, wanted = engine.tables, evaluator.tables()
            for table in TABLES:
                note(f"{table} after {step.as_of}")
                assert compared(table, found[table]) == compared(table, wanted[table])
        engine.run(play.acts[-1].as_of, play.acts[-1].due)
        again = {**engine.tables, "tag_writes": compared("tag_writes", engine.tables["tag_writes"])}
        # A tag write that waited for another leaves with the next hand-off.
        found["tag_writes"] = compared("tag_writes", found["tag_writes"])
        assert all(sorted_rows(again[table]) == sorted_rows(found[table]) for table in TABLES)
        said = {key: action for key, (_, action) in evaluator.state.newest_writes().items()}
        sent = engine.tags_sent()
        kept = kept_back(play, engine)
        assert {key: action for key, action in sent.items() if key not in kept} == (
            {} if play.project["sending"].get("stopped") else {key: said[key] for key in said if key not in kept}
        )
        return Counter(row["outcome"] for row in again["visits"])


def kept_back(play: Play, engine: Engine) -> set[tuple[str, str]]:
    """By customer and tag, what a series has still to say that was paused or stopped before it could leave."""
    statuses = dict.fromkeys(play.series, "live")
    for act in play.acts:
        statuses |= act.statuses
    writes = read_tables(Project.open(engine.folder))["tag_writes"]
    queued = [row for row in writes if row["status"] == "queued" and statuses[row["series_id"]] in NOT_SENDING]
    return {(row["customer_id"], row["tag"]) for row in queued}


def compared(table: str, rows: list[Row]) -> list[Row]:
    """The rows in the columns that SPEC gives a meaning to, in a steady order."""
    columns = (*TABLES[table], *MORE.get(table, ()))
    return sorted_rows([{name: row[name] for name in columns} for row in rows])
