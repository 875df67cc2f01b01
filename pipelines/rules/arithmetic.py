"""Numbers, times and intervals computed from others; what a row's odd values make impossible is unknown."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from pipelines.rules.build import operand
from pipelines.rules.dialect import guarded, unguarded
from pipelines.rules.reader import Reader
from pipelines.rules.values import Value, WrongError, read_as

_UNITS = ("MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "YEAR")
_MOST = 100_000


def added(reader: Reader, node: exp.Expression) -> Value | None:
    """``+`` and ``-``: of numbers, or of a time and an interval."""
    sides = reader.values([node.this, node.expression])
    if sides is None:
        return None
    left, right = sides
    if type(node) is exp.Add and left.family == "interval":
        left, right = right, left
    if right.family == "interval":
        return _shifted(reader, node, read_as(left, "time"), right)
    if type(node) is exp.Sub and left.family == right.family == "time":
        return _difference(reader, node, left, right)
    if "time" in (left.family, right.family):
        raise reader.wrong(node, "only an interval, such as interval '3 days', can be added to a time or taken from it")
    return _calculated(reader, node, left, right)


def multiplied(reader: Reader, node: exp.Expression) -> Value | None:
    """``*``."""
    sides = reader.values([node.this, node.expression])
    return None if sides is None else _calculated(reader, node, *sides)


def divided(reader: Reader, node: exp.Expression) -> Value | None:
    """``/``: never integer division; by zero it is unknown."""
    sides = reader.values([node.this, node.expression])
    if sides is None:
        return None
    left, right = (read_as(side, "number") for side in sides)
    divisor = unguarded(right.sql)
    if not (type(divisor) is exp.Literal and float(divisor.this)):
        divisor = exp.Nullif(this=divisor, expression=exp.Literal.number(0))
    return reader.made(node, guarded(exp.Div(this=operand(unguarded(left.sql)), expression=operand(divisor))), "number")


def reversed_sign(reader: Reader, node: exp.Expression) -> Value | None:
    """``-`` before a number."""
    value = reader.value(node.this)
    if value is None:
        return None
    number = read_as(value, "number")
    sql = exp.Neg(this=operand(unguarded(number.sql)))
    literal = type(number.sql) is exp.Literal
    return reader.made(node, sql if literal else guarded(sql), "number", certain=literal)


def interval(reader: Reader, node: exp.Expression) -> Value | None:
    """``interval '3 days'``, ``interval 3 day``."""
    unit = str(node.args["unit"].this).upper().removesuffix("S") if node.args.get("unit") else ""
    text = str(node.this.this) if type(node.this) is exp.Literal else ""
    if unit not in _UNITS or not text.isdecimal() or int(text) > _MOST:
        form = f"a whole number up to {_MOST:,} and minutes, hours, days, weeks, months or years"
        raise WrongError(reader.syntax.span(node), f"an interval is {form}, such as interval '3 days'")
    return reader.made(node, exp.Interval(this=exp.Literal.string(text), unit=exp.var(unit)), "interval", certain=True)


def _difference(reader: Reader, node: exp.Expression, later: Value, earlier: Value) -> Value:
    sql = exp.Sub(this=operand(unguarded(later.sql)), expression=operand(unguarded(earlier.sql)))
    return replace(reader.made(node, guarded(sql), "interval"), difference=(later.sql, earlier.sql))


def _shifted(reader: Reader, node: exp.Expression, time: Value, length: Value) -> Value:
    sql = type(node)(this=operand(unguarded(time.sql)), expression=length.sql)
    # The longest interval that can be written leads from the instant or a literal to a time that exists.
    safe = time.certain and isinstance(time.sql, (exp.Column, exp.Cast)) and length.certain
    return reader.made(node, sql if safe else guarded(sql), "time", certain=safe)


def _calculated(reader: Reader, node: exp.Expression, *sides: Value) -> Value:
    left, right = (operand(unguarded(read_as(side, "number").sql)) for side in sides)
    return reader.made(node, guarded(type(node)(this=left, expression=right)), "number")
