"""Reading definitions: any text gets an answer, and positions and graphs are right."""

from __future__ import annotations

import string
import time
from itertools import pairwise, permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.check import SourceColumns, check
from pipelines.definitions.definition import read_series
from pipelines.definitions.load import load_definitions
from pipelines.definitions.settings import read_segments
from pipelines.definitions.targets import read_targets
from pipelines.document import MAX_CHARACTERS, Fields, Scalar, read_document
from pipelines.graph import build_graph, structure_problems
from pipelines.model import Block, RuleBlock, TagBlock, Text
from pipelines.problems import Position

SHIPPED = (Path(__file__).parent.parent / "series_definitions" / "encourage_upgrades.yml").read_text(encoding="utf-8")
SLIPS = st.sampled_from([*"{}[]:,'\"#&*!|>%@`-?\t\n ", "{{", "}}", "<<: ", "null", "é", "𝄞", "\x00", "\u2028", "---\n"])


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SHIPPED)), st.integers(0, 3), SLIPS), min_size=1, max_size=4))
def test_every_slip_of_the_pen_gets_an_answer(slips: list[tuple[int, int, str]]) -> None:
    text = SHIPPED
    for at, cut, word in slips:
        text = text[:at] + word + text[at + cut :]
    series, problems = read_series(text, "series_definitions/encourage_upgrades.yml")
    assert (series is None) == bool(problems)
    lines = text.count("\n") + text.count("\u2028") + 1
    assert all(1 <= problem.position.line <= lines + 1 for problem in problems if problem.position)
    assert all("\n" not in problem.message for problem in problems)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gets_an_answer(text: str) -> None:
    for read in (read_series, read_segments):
        read(text, "file.yml")
    read_targets(text)


@pytest.mark.parametrize(
    ("written", "value", "kind"),
    [
        ("NO", "NO", "text"),
        ("yes", "yes", "text"),
        ("off", "off", "text"),
        ("12:30", "12:30", "text"),
        ("2026-03-02", "2026-03-02", "text"),
        ("1_000", "1_000", "text"),
        ("0o17", "0o17", "integer"),
        ("017", "017", "integer"),
        ("1e3", "1e3", "number"),
        (".5", ".5", "number"),
        ("True", "True", "boolean"),
        ("~", "~", "null"),
        ("'true'", "true", "text"),
        ('"3"', "3", "text"),
    ],
)
def test_yaml_is_read_by_the_rules_of_1_2(written: str, value: str, kind: str) -> None:
    node, problems = read_document(f"key: {written}\n", "file.yml")
    assert problems == []
    assert isinstance(node, Fields)
    scalar = node.entries["key"].value
    assert isinstance(scalar, Scalar)
    assert (scalar.text.value, scalar.kind) == (value, kind)


@pytest.mark.parametrize(
    ("document", "line", "column", "exact"),
    [
        ("rule: plan = 'Pro'", 1, 7, True),
        ("rule:   \"plan = 'Pro'\"", 1, 10, True),
        ("rule: 'plan = ''Pro'''", 1, 8, False),
        ("é𝄞: {rule: plan = 'Pro'}", 1, 12, True),
        ("rule: |\n\n    plan = 'Pro'\n", 3, 5, True),
        ("rule: >-\n  plan\n  = 'Pro'\n", 2, 3, True),
        ("rule: plan\n  =\n  'Pro'\n", 1, 7, True),
        ("rule: \"plan\n  = 'Pro'\"\n", 1, 8, True),
        ("rule: \"plan \\\n  = 'Pro'\"\n", 1, 8, False),
        ("\ufeffrule: plan = 'Pro'", 1, 7, True),
        ("title: x\r\nrule: plan = 'Pro'\r\n", 2, 7, True),
    ],
)
def test_a_text_knows_where_it_stands(document: str, line: int, column: int, exact: bool) -> None:
    node, _ = read_document(document, "file.yml")
    assert isinstance(node, Fields)
    inner = next(iter(node.entries.values())).value
    fields = inner if isinstance(inner, Fields) else node
    rule = fields.entries["rule"].value
    assert isinstance(rule, Scalar)
    assert rule.text.value.strip() == "plan = 'Pro'"
    assert (rule.position, rule.text.exact) == (Position("file.yml", line, column), exact)
    if exact:
        place = rule.text.at(rule.text.value.index("'Pro'"))
        assert rule.text.lines[place.line - line][place.column - 1 :].startswith("'Pro'")


def _chain(size: int) -> str:
    blocks = [f"  w{number}: {{wait: 1 day, then: w{number + 1}}}\n" for number in range(size - 2)]
    start, end = "  start: {rule: plan = 'Free', then: w0}\n", f"  w{size - 2}: {{tag: done}}\n"
    return f"series: long\nstatus: live\nschedule: nightly\nblocks:\n{start}{''.join(blocks)}{end}"


def test_250_blocks_are_read_in_no_time() -> None:
    started = time.process_time()
    series, problems = read_series(_chain(250), "series_definitions/long.yml")
    assert problems == []
    assert series is not None
    graph = build_graph(series.blocks)
    assert graph.levels["w248"] == 249
    assert time.process_time() - started < 1


def test_a_thousand_blocks_are_the_limit() -> None:
    assert read_series(_chain(1_000), "series_definitions/long.yml")[1] == []
    _, problems = read_series(_chain(1_001), "series_definitions/long.yml")
    assert [problem.message for problem in problems] == ["a series has 1 to 1,000 blocks, and this one 1,001"]


def test_a_huge_file_is_refused_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "series_definitions"
    folder.mkdir()
    (folder / "huge.yml").write_text("# " + "x" * MAX_CHARACTERS)
    definitions, problems = load_definitions(tmp_path)
    assert "huge" in definitions.refused
    assert [str(problem) for problem in problems] == [
        "series_definitions/huge.yml:1:1: error: the file is too large; at most 1,000,000 characters"
    ]


def test_a_project_without_files_is_valid_but_suspicious(tmp_path: Path) -> None:
    definitions, problems = load_definitions(tmp_path)
    assert definitions.settings.warehouse_path == "warehouse/warehouse.duckdb"
    assert [problem.severity for problem in problems] == ["warning"]


def test_a_long_rule_is_checked_against_its_goal(tmp_path: Path) -> None:
    rule = " and ".join(f"seats != {number}" for number in range(500))
    text = (
        "series: long_rule\nstatus: live\nschedule: nightly\n"
        "goal: {rule: plan = 'Pro', within: 1 day}\nblocks:\n"
        f"  a: {{rule: plan = 'Free', then: b}}\n  b: {{rule: {rule}}}\n"
    )
    (tmp_path / "series_definitions").mkdir()
    (tmp_path / "series_definitions" / "long_rule.yml").write_text(text)
    definitions, problems = load_definitions(tmp_path)
    checked, found = check(definitions, SourceColumns())
    assert (problems, found, list(checked.series)) == ([], [], ["long_rule"])


def test_a_refused_file_is_looked_through_but_not_warned_about(tmp_path: Path) -> None:
    text = "series: x\nstatus: live\nschedule: hourly\nstauts: live\nblocks: {a: {rule: type = 'user', then: b}}\n"
    (tmp_path / "series_definitions").mkdir()
    (tmp_path / "series_definitions" / "x.yml").write_text(text + "goal: {rule: plam = 'Pro', within: 1 day}\n")
    definitions, problems = load_definitions(tmp_path)
    checked, found = check(definitions, SourceColumns({"customers": {"type": "text", "plan": "text"}}))
    assert (list(definitions.refused), list(checked.series)) == (["x"], [])
    assert [problem.message for problem in (*problems, *found)] == [
        "unknown key `stauts` in the series; did you mean `status`?",
        "block `a` leads to `b`, which is no block of this series",
        "`customers` has no column `plam`; did you mean `plan`?",
    ]


NAMES = list(string.ascii_lowercase[:6])


@st.composite
def _graphs(draw: st.DrawFn) -> dict[str, Block]:
    place = Position("file.yml", 1, 1)
    blocks: dict[str, Block] = {}
    for name in NAMES:
        then = tuple(Text(target, place) for target in draw(st.sets(st.sampled_from(NAMES), max_size=2)))
        is_rule = draw(st.booleans())
        blocks[name] = (
            RuleBlock(name, place, None, then, rule=Text("true", place))
            if is_rule
            else TagBlock(name, place, None, then, tag=Text("t", place))
        )
    return blocks


def _paths_to(block_id: str, blocks: dict[str, Block]) -> list[tuple[str, ...]]:
    """Every way to a block that visits none twice, by trying all of them."""
    follows = {(name, target.value) for name, block in blocks.items() for target in block.then}
    others = [name for name in blocks if name != block_id]
    ways = [(*way, block_id) for length in range(len(blocks)) for way in permutations(others, length)]
    return [way for way in ways if all(step in follows for step in pairwise(way))]


@settings(max_examples=25, derandomize=True, deadline=None)
@given(_graphs())
def test_the_graph_is_what_trying_every_path_says(blocks: dict[str, Block]) -> None:
    graph = build_graph(blocks)
    follows = {name: {target.value for target in block.then} for name, block in blocks.items()}
    reached = set().union(*follows.values())
    for name in blocks:
        ways = _paths_to(name, blocks)
        before = {step for way in ways for step in way[:-1]}
        on_cycle = any(way[0] in follows[name] for way in ways)
        assert graph.ancestors(name) == before | ({name} if on_cycle else set())
        if name in graph.levels:
            assert graph.levels[name] == max(len(way) - 1 for way in ways)
    circular = [name for name in blocks if name in graph.ancestors(name)]
    assert bool(circular) == any("circles" in problem.message for problem in structure_problems(blocks))
    assert set(graph.levels) == {name for name in blocks if not (graph.ancestors(name) | {name}) & set(circular)}
    assert set(graph.entry_rules) == {name for name in blocks if name not in reached and blocks[name].kind == "rule"}
    assert [graph.levels[name] for name in graph.order] == sorted(graph.levels.values())
