"""Values within a rule: their SQL, their family, and how families meet. Pure functions; no tree is walked here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlglot import exp

from pipelines.rules import dialect
from pipelines.rules.findings import Span
from pipelines.rules.model import Family

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?( ?(Z|[+-]\d{2}(:?\d{2})?))?)?", re.ASCII)
_A: dict[Family, str] = {
    "text": "text",
    "number": "a number",
    "time": "a time",
    "boolean": "true or false",
    "interval": "an interval",
    "other": "of a type that rules do not know, such as a list, JSON or a time of day",
    "unknown": "unknown",
}


class WrongError(Exception):
    """Something the user must change, at ``span`` of the rule."""

    def __init__(self, span: Span, message: str) -> None:
        super().__init__(message)
        self.span = span


@dataclass(frozen=True)
class Value:
    """A checked part of a rule.

    Attributes:
        sql: What computes it.
        family: What it is; ``unknown`` for a column nobody told about, a property not yet read, and ``null``.
        span: Where it stands.
        words: How the user wrote it.
        property_name: The property's name, as long as nothing has said what to read it as.
        certain: It is never NULL.
        difference: The two times of ``later - earlier``, an interval that can be compared with a written one.
    """

    sql: exp.Expression
    family: Family
    span: Span
    words: str
    property_name: str | None = None
    certain: bool = False
    difference: tuple[exp.Expression, exp.Expression] | None = None

    @property
    def text_literal(self) -> str | None:
        """The text, if it is one in quotes."""
        is_text = type(self.sql) is exp.Literal and self.sql.is_string
        return str(self.sql.this) if is_text else None

    @property
    def is_null(self) -> bool:
        """Whether it is the word ``null``."""
        return type(self.sql) is exp.Null and self.property_name is None


def property_sql(name: str, family: Family) -> exp.Expression:
    """The property ``name`` of an event read as ``family``; unknown where it cannot be read so.

    A number is DECIMAL(29, 9), for sums that are exact in any order; rules compare numbers as DOUBLE.
    """
    text = _property_text(name)
    if family == "number":
        return dialect.try_cast(text, "decimal(29, 9)")
    if family == "boolean":
        return dialect.try_cast(text, "boolean")
    return dialect.text_as_time(text) if family == "time" else text


def _property_text(name: str) -> exp.Expression:
    return dialect.json_text(exp.column("properties", table="event"), name)


def read_as(value: Value, family: Family) -> Value:
    """``value`` where one of ``family`` is needed: properties and time literals are read as it, the rest is as it is.

    Raises:
        WrongError: It is of another family, or text that is not a time.
    """
    if value.property_name is not None:
        is_number = family == "number"
        name = value.property_name
        sql = dialect.try_cast(_property_text(name), "double") if is_number else property_sql(name, family)
        return replace(value, sql=sql, family=family, property_name=None)
    if value.family in (family, "unknown"):
        return value
    if family == "time" and value.text_literal is not None:
        return replace(value, sql=_time_literal(value), family="time")
    raise WrongError(value.span, _not_a(value, family))


def alike(values: Sequence[Value]) -> tuple[Family, list[Value]]:
    """The one family of values that are compared or chosen from, and the values read as it.

    Raises:
        WrongError: They are of several families, or of one that cannot be compared.
    """
    for value in values:
        if value.family == "other":
            raise WrongError(value.span, f"`{value.words}` is {_A['other']}; only `is null` can be asked")
        if value.difference:
            advice = "compare it with an interval, such as interval '3 days', by = < <= > or >="
            raise WrongError(value.span, f"`{value.words}` is {_A['interval']}; {advice}")
        if value.family == "interval":
            raise WrongError(value.span, f"`{value.words}` is {_A['interval']}; it can only be added to a time")
    known = [value for value in values if value.family != "unknown"]
    firm = [value for value in known if value.text_literal is None] or known
    if not firm:
        return _of_unknown(values)
    family = firm[0].family
    for value in known:
        if value.family != family and not (family == "time" and value.text_literal is not None):
            raise WrongError(value.span, _differ(firm[0], value))
    return family, [read_as(value, family) for value in values]


def may_not_meet(values: Sequence[Value]) -> bool:
    """Whether numbers may have no type in common, so that comparing or choosing fails for extreme ones.

    A column meets whole numbers safely; HUGEINT and wide DECIMAL columns meet nothing else safely.
    """
    if not any(value.family == "number" for value in values):
        return False
    if any(type(value.sql) is exp.TryCast and value.sql.to.this == exp.DType.DOUBLE for value in values):
        return False  # whatever meets a DOUBLE becomes one
    columns = [value for value in values if not _is_whole_literal(value) and not value.is_null]
    return len(columns) > 1 or any(type(value.sql) is exp.Literal and not value.sql.is_string for value in columns)


def _is_whole_literal(value: Value) -> bool:
    sql = value.sql.this if type(value.sql) is exp.Neg else value.sql
    return type(sql) is exp.Literal and not sql.is_string and str(sql.this).isdecimal() and len(str(sql.this)) <= 18


def _of_unknown(values: Sequence[Value]) -> tuple[Family, list[Value]]:
    if any(value.property_name is not None for value in values):
        return "text", [read_as(value, "text") for value in values]
    return "unknown", list(values)


def _differ(one: Value, other: Value) -> str:
    for text, number in ((one, other), (other, one)):
        if (text.text_literal or "").isdecimal() and number.family == "number":
            return f"`{number.words}` is a number and `{text.words}` is text; write the number without quotes"
        if (text.text_literal or "").lower() in ("true", "false") and number.family == "boolean":
            return f"`{number.words}` is true or false and `{text.words}` is text; write it without quotes"
        if text.family == "text" and number.family == "number" and type(number.sql) is exp.Literal:
            return f"`{text.words}` is text and `{number.words}` is a number; write '{number.words}' in quotes"
    message = f"`{one.words}` is {_A[one.family]} and `{other.words}` is {_A[other.family]}; they cannot be compared"
    for text, target in ((one, other), (other, one)):
        if text.family == "text" and text.text_literal is None and (name := _CASTS.get(target.family)):
            return f"{message}; try_cast({text.words} as {name}) reads the text"
    return message


_CASTS: dict[Family, str] = {"number": "double", "time": "timestamp", "boolean": "boolean"}


def _not_a(value: Value, family: Family) -> str:
    message = f"`{value.words}` is {_A[value.family]}, but {_A[family]} is needed here"
    name = "text" if family == "text" else _CASTS.get(family)
    castable = name and value.family in ("text", "number", "time", "boolean") and "text" in (family, value.family)
    return f"{message}; try_cast({value.words} as {name}) reads it" if castable else message


def _time_literal(value: Value) -> exp.Expression:
    text = value.text_literal or ""
    try:
        if not _ISO.fullmatch(text):
            raise ValueError(text)
        moment = datetime.fromisoformat(text.replace(" Z", "Z").replace(" +", "+").replace(" -", "-"))
        moment = moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError) as error:
        message = f"`{value.words}` is not a time; write it like '2026-03-01' or '2026-03-01 09:00'"
        raise WrongError(value.span, message) from error
    written = exp.Literal.string(moment.isoformat(sep=" "))
    return exp.Cast(this=written, to=exp.DataType.build("timestamp", dialect="duckdb"))
