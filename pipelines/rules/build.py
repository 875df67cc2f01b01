"""Small pieces of SQL that rules are built from, with parentheses where they are needed and only there."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from pipelines.rules.values import Value

Connector = type[exp.And] | type[exp.Or]

_CONDITIONS = (exp.Connector, exp.Not, exp.Between, exp.In, exp.Is, exp.Like, exp.ILike)
_COMPARISONS = (exp.EQ, exp.LT, exp.LTE, exp.GT, exp.GTE)
_ARITHMETIC = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Neg)


def operand(sql: exp.Expression) -> exp.Expression:
    """``sql`` fit to stand beside ``+ - * /``."""
    return exp.Paren(this=sql) if isinstance(sql, _ARITHMETIC) else side(sql)


def side(sql: exp.Expression) -> exp.Expression:
    """``sql`` fit to stand beside a comparison."""
    return exp.Paren(this=sql) if isinstance(sql, (*_CONDITIONS, *_COMPARISONS)) else sql


def column(name: str, table: str) -> exp.Expression:
    """A column of a source, quoted, so that no name of a user's is ever read as SQL."""
    return exp.Column(this=exp.to_identifier(name, quoted=True), table=exp.to_identifier(table))


def coalesced(sql: exp.Expression, default: exp.Expression) -> exp.Expression:
    """``sql``, or ``default`` where it is unknown."""
    return exp.Coalesce(this=sql, expressions=[default])


def two_valued(value: Value) -> exp.Expression:
    """A boolean that is false where it is unknown."""
    return value.sql if value.certain else coalesced(value.sql, exp.false())


def negated(condition: exp.Expression) -> exp.Expression:
    """``not`` of a two-valued condition."""
    return exp.Not(this=exp.Paren(this=condition) if isinstance(condition, exp.Connector) else condition)


def chain(connector: Connector, conditions: Sequence[exp.Expression]) -> exp.Expression:
    """Conditions joined by one connector, as a balanced tree: its depth grows with the logarithm of their number."""
    if len(conditions) == 1:
        return conditions[0]
    middle = len(conditions) // 2
    left, right = (_joinable(chain(connector, half), connector) for half in (conditions[:middle], conditions[middle:]))
    return connector(this=left, expression=right)


def _joinable(condition: exp.Expression, connector: Connector) -> exp.Expression:
    """Everything but the other connector binds more tightly than ``and`` and ``or`` do."""
    foreign = isinstance(condition, (exp.And, exp.Or)) and type(condition) is not connector
    return exp.Paren(this=condition) if foreign else condition
