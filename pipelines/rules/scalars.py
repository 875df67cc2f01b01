"""Values made from values: literals, scalar functions, parts of times, ``try_cast``."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from pipelines.hint import did_you_mean
from pipelines.rules.build import coalesced
from pipelines.rules.dialect import guarded, text_as_time, try_cast
from pipelines.rules.functions import BY_NODE, Function
from pipelines.rules.model import Family
from pipelines.rules.reader import Reader
from pipelines.rules.values import Value, WrongError, alike, may_not_meet, read_as

_TRUNCATED = ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE", "SECOND")
_EXTRACTED = ("YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "DOW", "ISODOW", "DOY", "HOUR", "MINUTE", "SECOND")
_T = exp.DType
_TARGETS: dict[exp.DType, tuple[str, Family]] = {
    **dict.fromkeys((_T.TEXT, _T.VARCHAR), ("text", "text")),
    **dict.fromkeys((_T.TINYINT, _T.SMALLINT, _T.INT, _T.BIGINT), ("bigint", "number")),
    **dict.fromkeys((_T.FLOAT, _T.DOUBLE), ("double", "number")),
    _T.DECIMAL: ("decimal", "number"),
    _T.BOOLEAN: ("boolean", "boolean"),
    **dict.fromkeys((_T.TIMESTAMP, _T.TIMESTAMPNTZ), ("timestamp", "time")),
    _T.DATE: ("date", "time"),
}
_TARGET_NAMES = "text, integer, bigint, double, decimal(p, s), boolean, timestamp or date"


def literal(reader: Reader, node: exp.Expression) -> Value:
    """A text or a number as it was written."""
    text = str(node.this)
    if node.is_string:
        return reader.made(node, exp.Literal.string(text), "text", certain=True)
    return reader.made(node, exp.Literal.number(text), "number", certain=True)


def boolean(reader: Reader, node: exp.Expression) -> Value:
    """``true``, ``false``."""
    return reader.made(node, exp.true() if node.this else exp.false(), "boolean", certain=True)


def null(reader: Reader, node: exp.Expression) -> Value:
    """``null``, as a value to choose; comparing with it is refused elsewhere."""
    return reader.made(node, exp.null(), "unknown")


def grouped(reader: Reader, node: exp.Expression) -> Value | None:
    """Parentheses: written again only where they are needed."""
    return reader.value(node.this)


def called(reader: Reader, node: exp.Expression) -> Value | None:
    """A scalar function of the list."""
    name, function = BY_NODE[type(node)]
    found = reader.values(_parts(node, function))
    if found is None:
        return None
    family, arguments = _typed(name, function, found)
    written = _written(function, [argument.sql for argument in arguments])
    sql = function.node(**written, **dict.fromkeys(function.flags, True))
    certainty = {"all": all, "any": any}.get(function.certain)
    certain = certainty(a.certain for a in arguments) if certainty else function.certain == "always"
    if function.result == "boolean":
        return reader.made(node, coalesced(sql, exp.false()), family, certain=True)
    if function.fails or (function.takes == ("alike",) and may_not_meet(arguments)):
        return reader.made(node, guarded(sql), family)
    return reader.made(node, sql, family, certain=certain)


def _parts(node: exp.Expression, function: Function) -> list[exp.Expression]:
    parts: list[exp.Expression] = []
    for name in function.parts:
        part = node.args.get(name)
        parts.extend(part if isinstance(part, list) else [] if part is None else [part])
    return parts


def _typed(name: str, function: Function, found: Sequence[Value]) -> tuple[Family, list[Value]]:
    if function.takes == ("alike",):
        return alike(found)
    takes = [*function.takes, *[function.takes[-1]] * len(found)]
    typed = []
    for value, wanted in zip(found, takes, strict=False):
        if value.is_null:
            raise WrongError(value.span, f"`{name}` of null is always unknown")
        if wanted in ("place", "count"):
            typed.append(_whole(read_as(value, "number"), name, signed=wanted == "place"))
        else:
            typed.append(read_as(value, "text" if wanted == "text" else "number"))
    assert function.result is not None
    return function.result, typed


def _whole(value: Value, name: str, *, signed: bool) -> Value:
    """An argument that counts letters or digits: a small whole number, written out."""
    sql = value.sql.this if signed and type(value.sql) is exp.Neg else value.sql
    text = str(sql.this) if type(sql) is exp.Literal else ""
    if not text.isdecimal() or int(text) > 1_000_000:
        raise WrongError(value.span, f"`{name}` needs a whole number here, not `{value.words}`")
    return value


def _written(function: Function, arguments: list[exp.Expression]) -> dict[str, exp.Expression | list[exp.Expression]]:
    names = function.parts
    if names[-1] != "expressions":
        return dict(zip(names, arguments, strict=False))
    first = len(names) - 1
    return {**dict(zip(names[:first], arguments, strict=False)), "expressions": arguments[first:]}


def truncated(reader: Reader, node: exp.Expression) -> Value | None:
    """``date_trunc('month', time)``."""
    unit = _unit(reader, node, node.args["unit"], _TRUNCATED)
    value = reader.value(node.this)
    if value is None:
        return None
    time = read_as(value, "time")
    return reader.made(node, exp.TimestampTrunc(this=time.sql, unit=exp.var(unit)), "time", certain=time.certain)


def extracted(reader: Reader, node: exp.Expression) -> Value | None:
    """``extract(month from time)``: a whole number."""
    unit = _unit(reader, node, node.this, _EXTRACTED)
    value = reader.value(node.expression)
    if value is None:
        return None
    time = read_as(value, "time")
    return reader.made(node, _extract(unit, time.sql), "number")


def _extract(unit: str, time: exp.Expression) -> exp.Expression:
    """Where engines differ: days of the week as PostgreSQL counts them (Sunday is 0), seconds without parts."""
    if unit == "DOW":
        return exp.Mod(this=_extract("ISODOW", time), expression=exp.Literal.number(7))
    part = exp.Extract(this=exp.var(unit), expression=time)
    return exp.cast(exp.Floor(this=part), "bigint") if unit == "SECOND" else part


def _unit(reader: Reader, node: exp.Expression, unit: exp.Expression, known: tuple[str, ...]) -> str:
    name = str(unit.this).upper() if type(unit) in (exp.Var, exp.Literal) else ""
    if name not in known:
        words = name.lower() or "this"
        valid = [word.lower() for word in known]
        raise reader.wrong(node, f"`{words}` is not one of {', '.join(valid)}{did_you_mean(words, valid)}")
    return name


def cast(reader: Reader, node: exp.Expression) -> Value | None:
    """``try_cast(value as type)``: unknown where the value cannot be read as the type."""
    to = node.args["to"]
    target = _TARGETS.get(to.this) if type(to) is exp.DataType else None
    size = _decimal_size(to) if target and target[0] == "decimal" else []
    if target is None or size is None or (to.expressions and not size):
        raise reader.wrong(node, f"try_cast can read a value as {_TARGET_NAMES}, nothing else")
    value = reader.value(node.this)
    if value is None:
        return None
    name, family = target
    source = read_as(value, "text") if value.property_name is not None else value
    if source.family not in ("unknown", "text", family) and family != "text":
        raise reader.wrong(node, f"`{source.words}` cannot be read as {name}: only text can")
    if source.family in ("other", "interval"):
        raise WrongError(source.span, f"`{source.words}` cannot be read as {name}")
    written = f"decimal({', '.join(size or ['18', '3'])})" if name == "decimal" else name
    return reader.made(node, _cast(source, written), family)


def _cast(source: Value, target: str) -> exp.Expression:
    sql = source.sql
    if target in ("timestamp", "date"):
        time = sql if source.family == "time" else text_as_time(sql)
        return time if target == "timestamp" else exp.TimestampTrunc(this=time, unit=exp.var("DAY"))
    if target == "bigint":
        # Engines differ in what they do with a fraction, so it is rounded before.
        number = sql if source.family == "number" else try_cast(sql, "decimal(38, 9)")
        return try_cast(exp.Round(this=number), "bigint")
    return try_cast(sql, target)


def _decimal_size(to: exp.Expression) -> list[str] | None:
    size = [str(part.name) for part in to.expressions]
    if not size:
        return []
    numbers = [int(part) if part.isdecimal() else -1 for part in [*size, "0"][:2]]
    return [str(number) for number in numbers] if 0 <= numbers[1] <= numbers[0] <= 38 and numbers[0] > 0 else None
