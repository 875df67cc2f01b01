"""Reading a rule or a value: the entrance to this package."""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from pipelines.model import Expression
from pipelines.problems import Problem
from pipelines.rules import arithmetic, cases, conditions, lookups, scalars
from pipelines.rules.findings import Findings
from pipelines.rules.functions import BY_NODE
from pipelines.rules.model import Family, Rule
from pipelines.rules.reader import Facts, Handler, Mode, Reader
from pipelines.rules.scope import Scope
from pipelines.rules.syntax import depth, parse
from pipelines.rules.values import WrongError, read_as

DEEPEST = 96
"""Levels of the SQL that a rule may become, segments in place; sqlglot writes deeper trees only with luck."""

_PAIR = frozenset({"this", "expression"})
_ONE = frozenset({"this"})

HANDLERS: Mapping[type[exp.Expression], Handler] = {
    exp.And: Handler(conditions.joined, _PAIR),
    exp.Or: Handler(conditions.joined, _PAIR),
    exp.Not: Handler(conditions.inverted, _ONE),
    **dict.fromkeys((exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE), Handler(conditions.compared, _PAIR)),
    exp.In: Handler(conditions.listed, frozenset({"this", "expressions"})),
    exp.Between: Handler(conditions.ranged, frozenset({"this", "low", "high"})),
    exp.Like: Handler(conditions.resembled, _PAIR | {"negate"}),
    exp.ILike: Handler(conditions.resembled, _PAIR | {"negate"}),
    exp.Is: Handler(conditions.known, _PAIR),
    exp.Add: Handler(arithmetic.added, _PAIR),
    exp.Sub: Handler(arithmetic.added, _PAIR),
    exp.Mul: Handler(arithmetic.multiplied, _PAIR),
    exp.Div: Handler(arithmetic.divided, _PAIR | {"typed", "safe"}),
    exp.Neg: Handler(arithmetic.reversed_sign, _ONE),
    exp.Interval: Handler(arithmetic.interval, frozenset({"this", "unit"})),
    exp.Paren: Handler(scalars.grouped, _ONE),
    exp.Literal: Handler(scalars.literal, frozenset({"this", "is_string"})),
    exp.Boolean: Handler(scalars.boolean, _ONE),
    exp.Null: Handler(scalars.null, frozenset()),
    exp.Case: Handler(cases.chosen, frozenset({"this", "ifs", "default"})),
    exp.TimestampTrunc: Handler(scalars.truncated, frozenset({"this", "unit"})),
    exp.Extract: Handler(scalars.extracted, _PAIR),
    exp.TryCast: Handler(scalars.cast, frozenset({"this", "to", "safe"})),
    exp.Column: Handler(lookups.named, frozenset({"this", "table", "db", "catalog"})),
    exp.Anonymous: Handler(lookups.asked, frozenset({"this", "expressions"})),
    **{
        node: Handler(scalars.called, frozenset(function.parts) | set(function.flags))
        for node, (_, function) in BY_NODE.items()
    },
}
"""The whitelist: every kind of node that rules may hold, and every argument it may have."""


def parse_rule(text: Expression, scope: Scope) -> tuple[Rule | None, list[Problem]]:
    """Read a rule, the two-valued condition that a customer meets or does not.

    Returns:
        The rule, None when something is wrong; and everything that is wrong.
    """
    return _read(text, scope, "rule", "boolean")


def parse_measure(text: Expression, scope: Scope) -> tuple[Rule | None, list[Problem]]:
    """Read a number over the customer's attributes and events, such as what a goal is worth; answers likewise."""
    return _read(text, scope, "measure", "number")


def parse_value(text: Expression, scope: Scope, family: Family) -> tuple[Rule | None, list[Problem]]:
    """Read a value over the customer's attributes, such as an address (``text``) or the end of a wait (``time``).

    Returns:
        The value as a rule whose SQL may be NULL, which is unknown; None when something is wrong; and
        everything that is wrong.
    """
    return _read(text, scope, "value", family)


def _read(text: Expression, scope: Scope, mode: Mode, family: Family) -> tuple[Rule | None, list[Problem]]:
    facts = Facts()
    findings = Findings(text)
    sql = None
    if (syntax := parse(text.value, findings)) is not None:
        reader = Reader(HANDLERS, syntax, scope, findings, facts, mode)
        sql = reader.condition(syntax.tree) if mode == "rule" else _value(reader, family)
        if sql is not None and depth(sql) > DEEPEST:
            findings.report((0, 1), "this rule is nested too deeply; split it into blocks or simpler segments")
    problems = list(dict.fromkeys([*findings.problems, *facts.problems]))
    if sql is None or problems:
        return None, problems
    columns, company_columns = frozenset(facts.columns), frozenset(facts.company_columns)
    return Rule(sql, facts.calls, text.value, columns, company_columns), []


def _value(reader: Reader, family: Family) -> exp.Expression | None:
    value = reader.value(reader.syntax.tree)
    try:
        return None if value is None else read_as(value, family).sql
    except WrongError as error:
        reader.findings.report(error.span, str(error))
        return None
