"""How results look for people, machines and pull requests."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from pipelines.output import github_annotation, problem_facts, summary, table, table_or_records, to_json
from pipelines.problems import Position, Problem
from pipelines.status import WaitingBlock

PLACE = Position("series_definitions/a.yml", 3, 7)


def test_a_table_aligns_numbers_right_and_leaves_no_trailing_blanks() -> None:
    rows = [["short", 5, None, datetime(2026, 3, 1, 9)], ["a longer one", 12000, "why", None]]
    assert table(["series", "entered", "note", "since"], rows) == (
        "series        entered  note  since\nshort               5        2026-03-01T09:00Z\na longer one   12,000  why"
    )


def test_a_terminal_too_narrow_for_a_table_shows_a_line_for_each_value(monkeypatch: pytest.MonkeyPatch) -> None:
    headings = ["series_id", "rate", "is_newest"]
    rows: list[list[object]] = [["upgrade", 0.25, True], ["trial", None, False]]
    assert table_or_records(headings, rows) == table(headings, rows), "in a pipe a row is a line"
    monkeypatch.setenv("TTY_COMPATIBLE", "1")
    monkeypatch.setenv("COLUMNS", "26")
    assert "1 of 2" not in table_or_records(headings, rows)
    monkeypatch.setenv("COLUMNS", "24")
    assert table_or_records(headings, rows) == (
        "1 of 2\n  series_id  upgrade\n  rate       0.25\n  is_newest  true\n"
        "2 of 2\n  series_id  trial\n  rate\n  is_newest  false"
    )


def test_a_table_without_rows_is_its_headings() -> None:
    assert table(["series", "entered"], []) == "series  entered"


def test_a_row_stays_one_line_however_long() -> None:
    assert table(["error"], [["x" * 5000]]).splitlines()[1] == "x" * 5000


def test_data_gives_no_orders_to_the_terminal() -> None:
    assert table(["error"], [["a\x1b[31mred\r\nb [bold]c[/bold]"]]).splitlines()[1] == "a [31mred  b [bold]c[/bold]"


def test_wide_characters_take_their_room() -> None:
    assert table(["name", "n"], [["日本", 1], ["ab", 2]]).splitlines()[1:] == ["日本  1", "ab    2"]


def test_json_has_instants_that_are_read_back() -> None:
    block = WaitingBlock("offer", 2, datetime(2026, 3, 1, 9), {"no_address": 1})
    assert json.loads(to_json((block, None))) == [
        {"block_id": "offer", "customers": 2, "since": "2026-03-01T09:00Z", "blocked_by": {"no_address": 1}},
        None,
    ]


@pytest.mark.parametrize(
    ("problems", "line"),
    [
        ([], "No problems found."),
        ([Problem(PLACE, "a")], "Found 1 error in 1 file."),
        ([Problem(None, "a")], "Found 1 error."),
        (
            [Problem(PLACE, "a"), Problem(PLACE, "b"), Problem(Position("b.yml", 1, 1), "c", "warning")],
            "Found 2 errors, 1 warning in 2 files.",
        ),
    ],
)
def test_summary_counts_by_severity_and_file(problems: list[Problem], line: str) -> None:
    assert summary(problems) == line


def test_a_problem_without_a_place_has_null_fields() -> None:
    facts = problem_facts(Problem(None, "There is no table customers."))
    assert (facts["file"], facts["line"], facts["column"]) == (None, None, None)


def test_annotations_escape_what_would_end_them() -> None:
    hostile = Problem(Position("a,b:c%\r\n.yml", 1, 2), "100%: ::error::forged", "warning")
    assert github_annotation(hostile, Path()) == (
        "::warning file=a%2Cb%3Ac%25%0D%0A.yml,line=1,col=2::100%25: ::error::forged"
    )


def test_annotations_name_files_from_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    expected = "::error file=crm/series_definitions/a.yml,line=3,col=7::a"
    assert github_annotation(Problem(PLACE, "a"), Path("crm")) == expected
    assert github_annotation(Problem(PLACE, "a"), tmp_path / "crm") == expected
