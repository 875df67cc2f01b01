"""A rule taken apart says the same as the whole: its parts, joined again, are the SQL that runs use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from pipelines.model import Text
from pipelines.problems import Position
from pipelines.rules import Scope, parse_rule, render
from pipelines.rules.build import chain, negated
from pipelines.rules.parts import Part, take_apart
from tests.random_rules import SEGMENTS, rules
from tests.rule_world import SCOPE, text

FOLDER = Path(__file__).parent / "rules" / "accepted"
RULES = [
    line
    for file in sorted(FOLDER.glob("*.rules"))
    for line in file.read_text(encoding="utf-8").splitlines()
    if parse_rule(text(line), SCOPE)[0] is not None
]
ANY = Scope(
    messages=frozenset({"mail"}),
    blocks=frozenset({"mail"}),
    content_blocks=frozenset({"mail"}),
    series=frozenset({"other"}),
    segments={name: Text(rule, Position("segments.yml", 1, 1)) for name, rule in SEGMENTS.items()},
)


def outline(part: Part) -> object:
    """Texts of the conditions, within what joins them."""
    return {part.kind: [outline(inner) for inner in part.parts]} if part.parts else part.text


def assert_adds_up(source: str, scope: Scope) -> Part:
    whole, problems = parse_rule(text(source), scope)
    assert whole is not None, problems
    part = take_apart(text(source), scope)
    assert render(part.rule.sql) == render(whole.sql)
    assert part.rule.calls == whole.calls
    assert (part.rule.columns, part.rule.company_columns) == (whole.columns, whole.company_columns)
    _assert_joined(part)
    return part


def _assert_joined(part: Part) -> None:
    inner = [each.rule.sql for each in part.parts]
    if part.kind in ("and", "or"):
        assert render(part.rule.sql) == render(chain(exp.And if part.kind == "and" else exp.Or, inner))
    elif part.kind == "not":
        assert render(part.rule.sql) == render(negated(inner[0]))
    for each in part.parts:
        _assert_joined(each)


def test_there_are_rules() -> None:
    assert len(RULES) > 80


@pytest.mark.parametrize("source", RULES)
def test_every_accepted_rule_adds_up(source: str) -> None:
    assert_adds_up(source, SCOPE)


nested = st.recursive(
    rules(("mail",), ("other",)),
    lambda inner: st.one_of(
        st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or", "AND", "Or"]), inner),
        inner.map("not ({})".format),
        inner.map("({})".format),
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None, database=None)
@given(nested)
def test_random_rules_add_up(source: str) -> None:
    assert_adds_up(source, ANY)


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("plan = 'a'", "plan = 'a'"),
        ("((plan  =\n'a  b'))", "plan = 'a  b'"),
        ("not plan = 'a' and type = 'b'", {"and": [{"not": ["plan = 'a'"]}, "type = 'b'"]}),
        ("plan not in ('a', 'b')", "plan not in ('a', 'b')"),
        ("not plan not in ('a')", {"not": ["plan not in ('a')"]}),
        ("plan is not null or sessions between 1 and 2", {"or": ["plan is not null", "sessions between 1 and 2"]}),
        (
            "sessions between 1 and 2 and sessions not between 3 and 4",
            {"and": ["sessions between 1 and 2", "sessions not between 3 and 4"]},
        ),
        (
            "case when plan = 'a' and sessions > 1 then true else not unsubscribed end and type = 'b'",
            {
                "and": [
                    "case when plan = 'a' and sessions > 1 then true else not unsubscribed end",
                    "type = 'b'",
                ]
            },
        ),
        (
            "did('x', where => a = 1 and b = 2) or plan = 'or'",
            {"or": ["did('x', where => a = 1 and b = 2)", "plan = 'or'"]},
        ),
        ("in_segment('paying')", {"segment": [{"and": ["plan = 'Pro'", "sessions >= 2"]}]}),
    ],
)
def test_parts_are_as_they_were_written(source: str, parts: object) -> None:
    assert outline(take_apart(text(source), ANY)) == parts


@pytest.mark.parametrize(
    ("source", "seen"),
    [
        ("lower(Plan) = type", ["Plan", "type"]),
        ("company.tier = plan", ["plan", "company.tier"]),
        ("last_event('a') > now() - interval '1 day'", ["last_event('a')", "now()"]),
        (
            "did('a', at_least => 3, within => '7 days')",
            ["did('a', at_least => 3, within => '7 days')", "event_count('a', within => '7 days')"],
        ),
        (
            "did('a', where => at_least > 3)",
            ["did('a', where => at_least > 3)", "event_count('a', where => at_least > 3)"],
        ),
        ("event_sum('a', 'amount') > event_sum('a', 'amount') - 1", ["event_sum('a', 'amount')"]),
        ("clicked('mail', link => 'now(')", ["clicked('mail', link => 'now(')"]),
        ("true", []),
    ],
)
def test_what_a_condition_looks_at(source: str, seen: list[str]) -> None:
    assert [one.name for one in take_apart(text(source), ANY).seen] == seen
