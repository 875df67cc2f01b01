from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from pipelines.compile.payload import payload_sql
from pipelines.model import Content, ContentBlock, Text
from pipelines.problems import Position, RefusedError
from pipelines.rules import render
from pipelines.rules.model import Family
from pipelines.templates.template import Attributes, columns_read, compile_template

CASES = Path(__file__).parent / "templates"
COLUMNS: Mapping[str, Family] = {
    "first_name": "text", "plan": "text", "score": "number", "spent": "number", "seats": "number", "vip": "boolean",
    "seen_at": "time", "born_on": "time", "labels": "other",
}  # fmt: skip


ATTRIBUTES = Attributes(COLUMNS, {"name": "text", "tier": "text", "renews_at": "time"})


def cases(name: str) -> list[Any]:
    return [
        pytest.param(case, id=case["template"][:40])
        for case in yaml.safe_load((CASES / f"{name}.yml").read_text("utf-8"))
    ]


def text(value: str) -> Text:
    exact = "\n" not in value
    return Text(value, Position("s.yml", 3, 5), (f"    {value}",) if exact else (), exact)


def message(**fields: Content) -> ContentBlock:
    position = Position("s.yml", 3, 5)
    return ContentBlock("hello", position, channel=Text("sms", position), fields=fields)


def compiled(value: str) -> exp.Expression:
    expression, problems = compile_template(text(value), ATTRIBUTES)
    assert not problems
    assert expression is not None
    return expression


@pytest.fixture(scope="module")
def customers() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("create table customer as " + (CASES / "customers.sql").read_text("utf-8"))
    return connection


def rendered(connection: duckdb.DuckDBPyConnection, expression: exp.Expression) -> dict[str, str]:
    return dict(connection.execute(f"select who, {render(expression)} from customer").fetchall())


@pytest.mark.parametrize("case", [*cases("text"), *cases("filters"), *cases("conditions")])
def test_renders(case: dict[str, Any], customers: duckdb.DuckDBPyConnection) -> None:
    expression = compiled(case["template"])
    shown = rendered(customers, expression)
    assert {who: shown[who] for who in case["shows"]} == case["shows"]
    assert None not in shown.values()
    assert case.get("sql", render(expression)) == render(expression)
    assert case.get("reads", sorted(columns_read(expression))) == sorted(columns_read(expression))


@pytest.mark.parametrize("case", cases("refused"))
def test_refuses(case: dict[str, Any]) -> None:
    expression, problems = compile_template(text(case["template"]), ATTRIBUTES)
    assert expression is None
    found = [f"{each.position.line}:{each.position.column}: {each.message}" for each in problems if each.position]
    assert found == case["problems"]
    for problem in problems:
        line, caret = problem.excerpt.split("\n")
        assert problem.position is not None
        assert (line.strip(), caret.index("^") + 1) == (case["template"], problem.position.column)


@pytest.mark.parametrize(
    "template",
    [
        "{{ " + "(" * 5000 + "plan" + ")" * 5000 + " }}",
        "{{ plan" + " | upper" * 5000 + " }}",
        "{% if vip %}" * 100 + "{% endif %}" * 100,
        "{% if " + "vip and " * 5000 + "vip %}x{% endif %}",
    ],
)
def test_refuses_what_nests_too_deep(template: str) -> None:
    expression, problems = compile_template(text(template), ATTRIBUTES)
    assert expression is None
    assert [each.message for each in problems] == [
        "this text nests conditions, brackets or filters more than 40 deep; make it simpler"
    ]


def test_long_is_not_deep(customers: duckdb.DuckDBPyConnection) -> None:
    assert rendered(customers, compiled("{{ seats }}-" * 1500))["ann"] == "3-" * 1500


def test_shows_the_line_of_a_text_whose_place_in_the_file_is_not_known() -> None:
    _, problems = compile_template(text("Hello,\n\nyou have {{ seat }} seats\n"), ATTRIBUTES)
    assert "\n".join(map(str, problems)).splitlines() == [
        "s.yml:3:5: error: customers have no attribute `seat`; did you mean `seats`?",
        "you have {{ seat }} seats",
        "            ^",
    ]


def test_any_name_will_do_when_nobody_told_the_columns() -> None:
    expression, problems = compile_template(text("{{ anything | default('x') }}"), Attributes(None, None))
    assert not problems
    assert expression is not None
    assert columns_read(expression) == {"anything"}


def test_payload_is_a_json_object_in_the_order_of_the_file(customers: duckdb.DuckDBPyConnection) -> None:
    fields = {"subject": text("Hi {{ first_name }}"), "body": text("{{ plan | default('?') }}"), "a'\"b": text("")}
    payloads = rendered(customers, payload_sql(message(**fields), ATTRIBUTES))
    assert payloads["unknown"] == '{"subject":"Hi ","body":"?","a\'\\"b":""}'
    assert list(json.loads(payloads["hostile"])) == list(fields)


def test_payload_refuses_with_every_problem() -> None:
    with pytest.raises(RefusedError) as refusal:
        payload_sql(message(subject=text("{{ a }}"), body=text("{{ b }}")), ATTRIBUTES)
    assert len(refusal.value.problems) == 2


JINJA = jinja2.Environment(keep_trailing_newline=True, autoescape=False)  # noqa: S701 - as messages are

# Letters whose case Python and DuckDB agree on; white space that both call so.
LETTERS = "abzABZ019 \n\t-'\"\\$;:?<>&(]é😀"
TEXTS = st.text(LETTERS, max_size=12)
LITERALS = TEXTS.map(lambda value: "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'")
NAMES = st.sampled_from(["first_name", "plan"])
FILTERS = st.sampled_from(["", " | upper", " | lower", " | title", " | trim", " | escape"])
DEFAULTS = st.one_of(
    st.just(""), st.tuples(LITERALS, st.sampled_from(["", ", true"])).map(lambda a: f" | default({a[0]}{a[1]})")
)
VALUES = st.tuples(NAMES, DEFAULTS, FILTERS).map(lambda parts: "{{ " + "".join(parts) + " }}")
TESTS = st.one_of(
    NAMES,
    st.tuples(NAMES, st.sampled_from([" == ", " != "]), LITERALS).map("".join),
    st.tuples(NAMES, st.sampled_from([" in ", " not in "]), LITERALS).map(lambda a: f"{a[0]}{a[1]}[{a[2]}]"),
    NAMES.map(lambda name: f"{name} is defined"),
)
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        inner.map(lambda one: f"not ({one})"),
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda a: f"({a[0]}{a[1]}{a[2]})"),
    ),
    max_leaves=4,
)
TEMPLATES = st.recursive(
    st.one_of(TEXTS, VALUES),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.tuples(CONDITIONS, inner, inner).map(lambda a: f"{{% if {a[0]} %}}{a[1]}{{% else %}}{a[2]}{{% endif %}}"),
    ),
    max_leaves=6,
)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(template=TEMPLATES, first_name=st.none() | TEXTS, plan=st.none() | TEXTS)
def test_shows_what_jinja_shows(template: str, first_name: str | None, plan: str | None) -> None:
    known = {name: value for name, value in (("first_name", first_name), ("plan", plan)) if value is not None}
    expected = JINJA.from_string(template).render(known)
    payload = render(payload_sql(message(body=text(template)), ATTRIBUTES))
    customer = "(select $1::varchar as first_name, $2::varchar as plan) customer"
    rows = duckdb.execute(f"select {payload} from {customer}", [first_name, plan]).fetchall()
    assert json.loads(rows[0][0]) == {"body": expected}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(value=st.text())
def test_payload_is_json_whatever_the_value(value: str) -> None:
    sql = render(payload_sql(message(body=text("{{ first_name }}")), ATTRIBUTES))
    rows = duckdb.execute(f"select {sql} from (select $1::varchar as first_name) customer", [value]).fetchall()
    assert json.loads(rows[0][0]) == {"body": value}
