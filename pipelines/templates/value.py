"""The pieces of SQL that templates are made of: values as text, truth, texts put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from pipelines.rules.model import Family


@dataclass(frozen=True, slots=True)
class Value:
    """Something between ``{{`` and ``}}``.

    Attributes:
        sql: What it is worth; NULL is unknown.
        literal: What it is, when it is written out in the template.
        applied: The name of the filter that made it; empty for what no filter made.
    """

    sql: exp.Expression
    family: Family
    literal: str | int | float | bool | None = None
    applied: str = ""


def text_literal(text: str) -> exp.Literal:
    """A text as SQL."""
    return exp.Literal.string(text)


def attribute(name: str, of: str) -> exp.Column:
    """An attribute ``of`` the ``customer``, or of a ``company``."""
    return exp.column(name, table=of, quoted=True)


def concatenated(parts: list[exp.Expression]) -> exp.Expression:
    """Texts one after the other, NULL as empty; one flat call, because engines limit how deep ``||`` nests."""
    if len(parts) > 1:
        return exp.Concat(expressions=parts, safe=True, coalesce=True)
    part = parts[0] if parts else text_literal("")
    return part if isinstance(part, exp.Literal) else exp.Coalesce(this=part, expressions=[text_literal("")])


def as_text(value: Value) -> exp.Expression:
    """How a value is shown; NULL when it is unknown."""
    if value.family == "text":
        return value.sql.copy()
    text: exp.Expression = exp.cast(value.sql.copy(), "text")
    if value.family == "time":
        seconds = exp.Substring(this=text, start=exp.Literal.number(1), length=exp.Literal.number(19))
        text = replaced(seconds, " ", "T")
    return plain(text) if value.family in PLAIN else text


PLAIN = ("number", "time", "boolean")
"""Families whose values, as text, have no letter that means something in HTML, JSON or a header."""


def plain(text: exp.Expression) -> exp.Expression:
    """The text, marked as one of letters, digits and signs that nowhere need to be escaped."""
    text.meta["plain"] = True
    return text


def is_plain(text: exp.Expr) -> bool:
    """Whether `plain` marked it."""
    return bool(text.meta.get("plain"))


def holds(value: Value) -> exp.Condition:
    """Whether a value counts as true: known, and not blank, zero or false. Never NULL."""
    match value.family:
        case "time":
            return exp.not_(is_unknown(value))
        case "boolean":
            return exp.Coalesce(this=value.sql.copy(), expressions=[exp.false()])
        case "number":
            return _differs(value.sql.copy(), exp.Literal(this="0", is_string=False))
    return _differs(as_text(value), text_literal(""))


def is_unknown(value: Value) -> exp.Condition:
    """Whether a value is NULL."""
    return exp.Is(this=value.sql.copy(), expression=exp.null())


def _differs(sql: exp.Expression, empty: exp.Literal) -> exp.Condition:
    return exp.NEQ(this=exp.Coalesce(this=sql, expressions=[empty]), expression=empty.copy())


def replaced(text: exp.Expression, old: str, new: str) -> exp.Expression:
    """A text with every ``old`` replaced."""
    return exp.Replace(this=text, expression=text_literal(old), replacement=text_literal(new))
