"""Random rules over random customers: DuckDB must say what three-valued logic, made two-valued, says.

The reading here shares nothing with the compiler: each random rule carries its own meaning, a Python function of a
row in which None is unknown.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.rules import Scope, parse_rule, render
from tests.rule_world import INSTANT, World, text

Row = Mapping[str, Any]
COLUMNS = {
    "a": "BIGINT",
    "b": "BIGINT",
    "x": "DOUBLE",
    "s": "VARCHAR",
    "t": "VARCHAR",
    "yes": "BOOLEAN",
    "at": "TIMESTAMP",
}
SCOPE = Scope(
    customer={"a": "number", "b": "number", "x": "number", "s": "text", "t": "text", "yes": "boolean", "at": "time"}
)
NOW = datetime.fromisoformat(INSTANT)
LARGEST = 2**63 - 1


@dataclass(frozen=True)
class Part:
    """A piece of a rule: how it is written and what it means for a row."""

    sql: str
    of: Callable[[Row], Any]


def column(name: str) -> Part:
    return Part(f'"{name}"' if name == "at" else name, lambda row: row[name])


def constant(sql: str, value: Any) -> Part:
    return Part(sql, lambda _: value)


def lifted(sql: str, function: Callable[..., Any], *parts: Part) -> Part:
    """Unknown when a part is."""

    def of(row: Row) -> Any:
        values = [part.of(row) for part in parts]
        return None if None in values else function(*values)

    return Part(sql.format(*(part.sql for part in parts)), of)


def in_range(function: Callable[[int, int], int]) -> Callable[[int, int], int | None]:
    return lambda one, other: found if abs(found := function(one, other)) <= LARGEST else None


def shifted(days: int) -> Callable[[datetime], datetime | None]:
    return lambda moment: moment + timedelta(days=days)


whole = st.one_of(
    st.sampled_from(["a", "b"]).map(column),
    st.integers(-3, 12).map(lambda n: constant(str(n), n)),
)
wholes = st.recursive(
    whole,
    lambda inner: st.one_of(
        st.builds(lambda one, other: lifted("({} + {})", in_range(operator.add), one, other), inner, inner),
        st.builds(lambda one, other: lifted("({} - {})", in_range(operator.sub), one, other), inner, inner),
        st.builds(lambda one, other: lifted("({} * {})", in_range(operator.mul), one, other), inner, inner),
        st.builds(lambda one: lifted("(- {})", in_range(lambda n, _: -n), one, constant("", 0)), inner),
        st.builds(lambda one: lifted("abs({})", in_range(lambda n, _: abs(n)), one, constant("", 0)), inner),
    ),
    max_leaves=4,
)
numbers = st.one_of(
    wholes,
    st.just(column("x")),
    st.builds(lambda one, other: lifted("({} / {})", lambda n, m: n / m if m else None, one, other), wholes, whole),
    st.builds(lambda part: lifted("length({})", len, part), st.just(column("s"))),
)
WORDS = ["", "a", "Pro", "it's", "--", "a%b", "ß\n", "{{ s }}"]
texts = st.one_of(
    st.sampled_from(["s", "t"]).map(column),
    st.sampled_from(WORDS).map(lambda word: constant("'" + word.replace("'", "''") + "'", word)),
    st.builds(lambda part: lifted("lower({})", str.lower, part), st.just(column("s"))),
    st.builds(lambda part: lifted("trim({})", lambda word: word.strip(" "), part), st.just(column("t"))),
)
times = st.one_of(
    st.just(column("at")),
    st.just(constant("now()", NOW)),
    st.just(constant("'2026-03-01'", datetime(2026, 3, 1))),
    st.integers(0, 9).map(lambda n: lifted(f"(\"at\" - interval '{n} days')", shifted(-n), column("at"))),
)
COMPARE = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def compared(sign: str, one: Part, other: Part) -> Part:
    function = operator.eq if sign == "!=" else COMPARE[sign]
    known = lifted("{} " + sign + " {}", function, one, other)
    return Part(known.sql, lambda row: not known.of(row) if sign == "!=" else bool(known.of(row)))


def asked(sql: str, function: Callable[..., bool], *parts: Part) -> Part:
    """A condition: false when a part is unknown; with `not`, the opposite of that."""
    known = lifted(sql, function, *parts)
    return Part(known.sql, lambda row: bool(known.of(row)))


def negated(sql: str, part: Part) -> Part:
    return Part(sql, lambda row: not part.of(row))


def ranged(one: Part, low: Part, high: Part, word: str) -> Part:
    inside = asked("{} between {} and {}", lambda n, least, most: least <= n <= most, one, low, high)
    return negated(inside.sql.replace(" between ", " not between ", 1), inside) if word else inside


def listed(one: Part, choices: list[Part], word: str) -> Part:
    def inside(row: Row) -> bool:
        value = one.of(row)
        return value is not None and value in [choice.of(row) for choice in choices]

    found = Part(f"{one.sql} {word}in ({', '.join(choice.sql for choice in choices)})", inside)
    return negated(found.sql, found) if word else found


alike = [(numbers, numbers), (texts, texts), (times, times)]
comparisons = st.one_of([st.builds(compared, st.sampled_from(sorted(COMPARE)), one, other) for one, other in alike])
conditions = st.one_of(
    comparisons,
    st.just(asked("{}", bool, column("yes"))),
    st.builds(ranged, numbers, numbers, numbers, st.sampled_from(["", "not "])),
    st.builds(listed, texts, st.lists(texts, min_size=1, max_size=3), st.sampled_from(["", "not "])),
    st.builds(lambda one, other: asked("starts_with({}, {})", str.startswith, one, other), texts, texts),
    st.builds(lambda one, other: asked("contains({}, {})", operator.contains, one, other), texts, texts),
    st.one_of(numbers, texts, times).map(lambda part: Part(f"{part.sql} is null", lambda row: part.of(row) is None)),
    st.one_of(numbers, texts).map(lambda part: Part(f"{part.sql} is not null", lambda row: part.of(row) is not None)),
)


def cased(test: Part, one: Part, other: Part, limit: Part) -> Part:
    chosen = Part(
        f"case when {test.sql} then {one.sql} else {other.sql} end",
        lambda row: (one if test.of(row) else other).of(row),
    )
    return compared(">", chosen, limit)


rules = st.recursive(
    conditions,
    lambda inner: st.one_of(
        inner.map(lambda part: negated(f"not ({part.sql})", part)),
        st.builds(lambda p, q: Part(f"({p.sql}) and ({q.sql})", lambda row: p.of(row) and q.of(row)), inner, inner),
        st.builds(lambda p, q: Part(f"({p.sql}) or ({q.sql})", lambda row: p.of(row) or q.of(row)), inner, inner),
        st.builds(lambda p, q: Part(f"({p.sql}) = ({q.sql})", lambda row: p.of(row) == q.of(row)), inner, inner),
        st.builds(cased, inner, numbers, numbers, numbers),
    ),
    max_leaves=6,
)
odd = st.sampled_from([LARGEST, -LARGEST, 2**62, 3037000500])
rows = st.fixed_dictionaries(
    {
        "a": st.none() | st.integers(-3, 12) | odd,
        "b": st.none() | st.integers(-3, 12),
        "x": st.none() | st.sampled_from([0.0, 0.5, 2.0, -1.25, 1e300]),
        "s": st.none() | st.sampled_from(WORDS),
        "t": st.none() | st.sampled_from([*WORDS, " a "]),
        "yes": st.none() | st.booleans(),
        "at": st.none()
        | st.datetimes(datetime(2026, 2, 20), datetime(2026, 3, 9)).map(lambda at: at.replace(microsecond=0)),
    }
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(rules, min_size=1, max_size=10), st.lists(rows, min_size=1, max_size=6))
def test_duckdb_says_what_logic_says(parts: list[Part], customers: list[Row]) -> None:
    parsed = [parse_rule(text(part.sql), SCOPE) for part in parts]
    rules_ = [rule for rule, _ in parsed if rule is not None]
    assert len(rules_) == len(parts), [str(problem) for _, problems in parsed for problem in problems]
    answers = World(customers, COLUMNS).ask_all(rules_)
    for part, rule, answer in zip(parts, rules_, answers, strict=True):
        assert answer == [bool(part.of(row)) for row in customers], (part.sql, render(rule.sql))


def test_the_reading_knows_unknown_values() -> None:
    row: Row = {"a": None, "s": "x"}
    assert not compared("=", column("a"), constant("1", 1)).of(row)
    assert compared("!=", column("a"), constant("1", 1)).of(row)
    assert math.isclose(lifted("{} / {}", operator.truediv, constant("1", 1), constant("2", 2)).of(row), 0.5)
