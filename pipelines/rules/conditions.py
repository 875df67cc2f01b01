"""Conditions: comparisons and what joins them. Each is two-valued: with an unknown value it is false."""

from __future__ import annotations

from sqlglot import exp

from pipelines.rules.build import chain, coalesced, negated, operand, side
from pipelines.rules.dialect import guarded, unguarded
from pipelines.rules.reader import Reader
from pipelines.rules.syntax import links
from pipelines.rules.values import Value, WrongError, alike, may_not_meet, read_as

_TURNED: dict[type[exp.Expression], type[exp.Expression]] = {
    exp.EQ: exp.EQ,
    exp.LT: exp.GT,
    exp.LTE: exp.GTE,
    exp.GT: exp.LT,
    exp.GTE: exp.LTE,
}


def _decided(reader: Reader, node: exp.Expression, sql: exp.Expression, *, certain: bool = False) -> Value:
    return reader.made(node, sql if certain else coalesced(sql, exp.false()), "boolean", certain=True)


def joined(reader: Reader, node: exp.Expression) -> Value | None:
    """``and``, ``or``."""
    connector = exp.And if type(node) is exp.And else exp.Or
    conditions = [reader.condition(part) for part in links(node)]
    right = [condition for condition in conditions if condition is not None]
    if len(right) < len(conditions):
        return None
    return reader.made(node, chain(connector, right), "boolean", certain=True)


def inverted(reader: Reader, node: exp.Expression) -> Value | None:
    """``not``."""
    condition = reader.condition(node.this)
    return None if condition is None else reader.made(node, negated(condition), "boolean", certain=True)


def compared(reader: Reader, node: exp.Expression) -> Value | None:
    """``= != < <= > >=``; ``a != b`` is ``not (a = b)``."""
    sides = reader.values([node.this, node.expression])
    if sides is None:
        return None
    if any(side.is_null for side in sides):
        equal = "is null" if type(node) is exp.EQ else "is not null"
        raise reader.wrong(node, f"nothing can be compared with null; write `{equal}`")
    kind = exp.EQ if type(node) is exp.NEQ else type(node)
    holds = _elapsed(reader, node, kind, *sides) or _compared(reader, node, kind, *alike(sides)[1])
    return reader.made(node, negated(holds.sql), "boolean", certain=True) if type(node) is exp.NEQ else holds


def _compared(reader: Reader, node: exp.Expression, kind: type[exp.Expression], left: Value, right: Value) -> Value:
    return _among(reader, node, kind(this=side(left.sql), expression=side(right.sql)), [left, right])


def _elapsed(
    reader: Reader, node: exp.Expression, kind: type[exp.Expression], left: Value, right: Value
) -> Value | None:
    """``later - earlier > interval '3 days'``, as a comparison of times; None when it is something else."""
    if left.difference is None and right.difference is not None:
        left, right, kind = right, left, _TURNED[kind]
    if left.difference is None or type(right.sql) is not exp.Interval:
        return None
    if right.sql.args["unit"].name in ("MONTH", "YEAR"):
        raise WrongError(right.span, "months and years are not equally long; compare with days or weeks")
    later, earlier = left.difference
    due = guarded(exp.Add(this=operand(unguarded(earlier)), expression=right.sql))
    return _decided(reader, node, kind(this=side(later), expression=due))


def listed(reader: Reader, node: exp.Expression) -> Value | None:
    """``in (…)``."""
    if not node.expressions:
        raise reader.wrong(node, "`in` needs a list of values in parentheses")
    found = reader.values([node.this, *node.expressions])
    if found is None:
        return None
    _refuse_null(reader, node, found, "`in`")
    _, (value, *choices) = alike(found)
    sql = exp.In(this=side(value.sql), expressions=[choice.sql for choice in choices])
    return _among(reader, node, sql, [value, *choices])


def ranged(reader: Reader, node: exp.Expression) -> Value | None:
    """``between … and …``."""
    found = reader.values([node.this, node.args["low"], node.args["high"]])
    if found is None:
        return None
    _refuse_null(reader, node, found, "`between`")
    _, (value, low, high) = alike(found)
    sql = exp.Between(this=side(value.sql), low=side(low.sql), high=side(high.sql))
    return _among(reader, node, sql, [value, low, high])


def _among(reader: Reader, node: exp.Expression, sql: exp.Expression, values: list[Value]) -> Value:
    risky = may_not_meet(values)
    certain = not risky and all(value.certain for value in values)
    return _decided(reader, node, guarded(sql) if risky else sql, certain=certain)


def resembled(reader: Reader, node: exp.Expression) -> Value | None:
    """``like``, ``ilike`` and their negations."""
    found = reader.values([node.this, node.expression])
    if found is None:
        return None
    _refuse_null(reader, node, found, "`like`")
    text, pattern = (read_as(value, "text") for value in found)
    sql = type(node)(this=side(text.sql), expression=side(pattern.sql))
    alike_value = _decided(reader, node, sql, certain=text.certain and pattern.certain)
    if not node.args.get("negate"):
        return alike_value
    return reader.made(node, negated(alike_value.sql), "boolean", certain=True)


def known(reader: Reader, node: exp.Expression) -> Value | None:
    """``is null``; with ``not`` around it, ``is not null``."""
    if type(node.expression) is not exp.Null:
        raise reader.wrong(
            node, "only `is null` and `is not null` are known; for true and false write the condition itself"
        )
    value = reader.value(node.this)
    if value is None:
        return None
    if value.property_name is not None:
        value = read_as(value, "text")
    return reader.made(node, exp.Is(this=side(value.sql), expression=exp.null()), "boolean", certain=True)


def _refuse_null(reader: Reader, node: exp.Expression, values: list[Value], what: str) -> None:
    if any(value.is_null for value in values):
        raise reader.wrong(node, f"{what} cannot compare with null; ask `is null` by itself")
