"""What must not pass: giants, foreign functions, text that pretends to be SQL."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from pipelines.model import Text
from pipelines.problems import Position
from pipelines.rules import Scope, parse_rule, parse_value, property_sql, render
from pipelines.rules.functions import ARGUMENTS
from pipelines.rules.model import EventCall, Rule
from tests.rule_world import SCOPE, World, text

ACCEPTED = sorted((Path(__file__).parent / "rules" / "accepted").glob("*.rules"))

WRITTEN = frozenset(
    {exp.And, exp.Or, exp.Not, exp.EQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.In, exp.Between, exp.Like, exp.ILike}
    | {exp.Is, exp.Null, exp.Boolean, exp.Literal, exp.Paren, exp.Column, exp.Identifier, exp.Coalesce, exp.Nullif}
    | {
        exp.Add,
        exp.Sub,
        exp.Mul,
        exp.Div,
        exp.Mod,
        exp.Neg,
        exp.Try,
        exp.TryCast,
        exp.Cast,
        exp.DataType,
        exp.DataTypeParam,
    }
    | {exp.Case, exp.If, exp.Interval, exp.Var, exp.TimestampTrunc, exp.Extract, exp.Greatest, exp.Least, exp.Concat}
    | {exp.Lower, exp.Upper, exp.Trim, exp.Length, exp.Substring, exp.Replace, exp.StartsWith, exp.EndsWith}
    | {exp.Contains, exp.Abs, exp.Round, exp.Floor, exp.Ceil}
)
"""All that a rule may become, beside `json_extract_string`."""


@pytest.mark.parametrize(
    "rule",
    {
        "too long": "plan = '" + "x" * 10_000 + "'",
        "exactly too long": "plan = '" + "x" * 9_991 + "'",
        "parentheses": "(" * 1_000 + "plan = 'x'" + ")" * 1_000,
        "open parentheses": "(" * 9_000,
        "functions": "lower(" * 1_000 + "plan" + ")" * 1_000 + " = 'x'",
        "not": "not " * 2_000 + "unsubscribed",
        "minus": "- " * 4_000 + "sessions > 1",
        "sum": "sessions" + " + 1" * 2_000 + " > 1",
        "case": "case when true then " * 400 + "1" + " end" * 400 + " > 1",
        "ten thousand or": "unsubscribed" + " or unsubscribed" * 10_000,
        "comparisons": "true" + " = true" * 1_200,
    }.items(),
    ids=lambda case: case[0],
)
def test_a_giant_is_refused_at_once(rule: tuple[str, str]) -> None:
    started = time.process_time()
    parsed, problems = parse_rule(text(rule[1]), SCOPE)
    assert parsed is None
    assert [word for word in ("nested", "fewer than") if word in problems[0].message]
    assert time.process_time() - started < 2


def test_what_is_just_small_enough_is_read() -> None:
    for rule in ("plan = '" + "x" * 9_980 + "'", "(" * 32 + "plan = 'x'" + ")" * 32, "true" + " or true" * 1_200):
        parsed, problems = parse_rule(text(rule), SCOPE)
        assert parsed is not None, problems
        assert World([{}]).ask(parsed)[0] in (True, False)
    nested = "not (unsubscribed or (" * 15 + "unsubscribed" + "))" * 15
    parsed, problems = parse_rule(text(nested), SCOPE)
    assert parsed is not None, problems
    assert World([{}]).ask(parsed) == [True]


def test_segments_cannot_grow_without_end() -> None:
    doubled = {f"s{n}": text(f"in_segment('s{n + 1}') or in_segment('s{n + 1}')") for n in range(30)}
    chained = {f"c{n}": text(f"not in_segment('c{n + 1}')") for n in range(400)}
    segments = {**doubled, "s30": text("true"), **chained, "c400": text("true")}
    for rule in ("in_segment('s0')", "in_segment('c0')"):
        started = time.process_time()
        parsed, problems = parse_rule(text(rule), Scope(segments=segments))
        assert parsed is None
        assert "segments" in problems[0].message
        assert time.process_time() - started < 5


def test_no_function_of_the_engine_passes() -> None:
    names = {row[0] for row in duckdb.execute("select distinct function_name from duckdb_functions()").fetchall()}
    assert len(names) > 500
    words = {name for name in names if name.isidentifier()} | {
        "cast",
        "exists",
        "any",
        "all",
        "columns",
        "unnest",
        "row",
    }
    for name in sorted(words - ARGUMENTS.keys() - {"now"}):
        for arguments in ("", "'x'", "plan, 'x'"):
            rule, problems = parse_rule(text(f"{name}({arguments}) = 'x'"), SCOPE)
            assert rule is None, name
            assert problems, name


WORDS = """
plan sessions unsubscribed created_at company . , ( ) = != < + - * / and or not in between like is null case when then
else end interval now() 'x' '' 1 1.5 '1 day' lower( coalesce( did( where => within has_tag( try_cast( as text select
from ; -- :: [ ] { } ? $1 $$ read_csv( getenv( pragma attach over 'a''b' "plan" extract( year true
"""
SQL = st.sampled_from(WORDS.split())


def only_known_nodes(rule: Rule) -> bool:
    wheres = [call.where for call in rule.calls.values() if isinstance(call, EventCall) and call.where]
    nodes = [node for sql in (rule.sql, *wheres) for node in sql.walk()]
    return all(type(node) in WRITTEN or node.name == "json_extract_string" for node in nodes)


@pytest.mark.parametrize("file", ACCEPTED, ids=lambda file: file.stem)
def test_accepted_rules_become_known_sql(file: Path) -> None:
    for source in file.read_text(encoding="utf-8").splitlines():
        rule, _ = parse_rule(text(source), SCOPE)
        assert rule is None or only_known_nodes(rule), source


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(SQL, max_size=14).map(" ".join) | st.text(max_size=40))
def test_whatever_is_written_becomes_known_sql_or_problems(written: str) -> None:
    parsed, problems = parse_rule(text(written), SCOPE)
    assert (parsed is None) == bool(problems)
    if parsed is not None:
        assert only_known_nodes(parsed), written
        assert World([{}]).ask(parsed)[0] in (True, False)


HOSTILE = st.text(min_size=1, max_size=20).filter(lambda word: "\0" not in word and word.strip()) | st.sampled_from(
    [
        "'; drop table customer; --",
        "/*",
        "*/",
        "--",
        "{{ x }}",
        "{% raw %}",
        "$as_of",
        "\\'",
        '"',
        "*",
        "a/b~c",
        "$.x",
        "\\",
    ]
)


@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.lists(HOSTILE.map(lambda word: word.encode("utf-8", "ignore").decode() or "x"), min_size=5, max_size=20))
def test_text_stays_text(words: list[str]) -> None:
    rules = []
    for word in words:
        quoted = "'" + word.replace("'", "''") + "'"
        rule, problems = parse_rule(text(f"plan = {quoted} and has_tag({quoted})"), SCOPE)
        assert rule is not None, problems
        assert all(name.isascii() and name.isidentifier() for name in rule.calls)
        rules.append(rule)
    answers = World([{"plan": word} for word in words]).ask_all(
        rules, {name: True for rule in rules for name in rule.calls}
    )
    assert answers == [[one == other for other in words] for one in words]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(HOSTILE)
def test_a_property_of_any_name_is_read(name: str) -> None:
    name = name.encode("utf-8", "ignore").decode() or "x"
    event = duckdb.execute("select to_json(map([$name], ['found']))", {"name": name}).fetchall()[0][0]
    sql = f"select {render(property_sql(name, 'text'))} from (select cast($event as varchar) as properties) as event"
    assert duckdb.execute(sql, {"event": event}).fetchall() == [("found",)]


def test_places_lead_to_the_file() -> None:
    line = "  r: {rule: plam = 'x'}"
    rule = Text("plam = 'x'", Position("a.yml", 7, 13), (line,), exact=True)
    _, (problem,) = parse_rule(rule, SCOPE)
    assert str(problem.position) == "a.yml:7:13"
    assert problem.excerpt == f"{line}\n            ^^^^"
    folded = Text(
        "plan = 'x' and plam = 'x'", Position("a.yml", 7, 13), ("  r: >", "    plan = 'x'", "    and plam"), False
    )
    _, (problem,) = parse_rule(folded, SCOPE)
    assert str(problem.position) == "a.yml:7:13"
    assert problem.excerpt == ""


def test_unknown_columns_of_any_name_are_taken_when_nobody_told() -> None:
    rule, problems = parse_rule(text("whatever > 3 and company.whatever = 'x' and other = '2026-01-01'"), Scope())
    assert rule is not None, problems
    assert rule.columns == {"whatever", "other"}
    assert rule.company_columns == {"whatever"}
    value, _ = parse_value(text("whatever - interval '1 day'"), Scope(), "time")
    assert value is not None
    _, (problem,) = parse_rule(text("company.tier = 'x'"), Scope(company={}))
    assert "companies" in problem.message
