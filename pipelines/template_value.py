"""The pieces of SQL that templates are made of: values as text, truth, filters, the JSON object around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlglot import exp

if TYPE_CHECKING:
    from pipelines.rules.model import Family

_TITLE_WORDS = r"[-\s({\[<]+|[^-\s({\[<]+"
"""A word, or what stands between two, as Jinja's ``title`` divides them."""

_HTML = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&#39;"), ('"', "&#34;"))
"""What ``escape`` replaces, as Jinja does; ``&`` first."""


@dataclass(frozen=True, slots=True)
class Value:
    """Something between ``{{`` and ``}}``.

    Attributes:
        sql: What it is worth; NULL is unknown.
        literal: Its text, when it is a text written in the template.
    """

    sql: exp.Expression
    family: Family
    literal: str | None = None


def text_literal(text: str) -> exp.Literal:
    """A text as SQL."""
    return exp.Literal.string(text)


def customer_column(name: str) -> exp.Column:
    """An attribute of the customer."""
    return exp.column(name, table="customer", quoted=True)


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
    text = exp.cast(value.sql.copy(), "text")
    if value.family == "time":
        seconds = exp.Substring(this=text, start=exp.Literal.number(1), length=exp.Literal.number(19))
        return _replaced(seconds, " ", "T")
    return text


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


def _replaced(text: exp.Expression, old: str, new: str) -> exp.Expression:
    return exp.Replace(this=text, expression=text_literal(old), replacement=text_literal(new))


def _escaped(text: exp.Expression) -> exp.Expression:
    for letter, entity in _HTML:
        text = _replaced(text, letter, entity)
    return text


# From here on in DuckDB's own spelling; a second engine brings its own.


def _trimmed(text: exp.Expression) -> exp.Expression:
    """Without white space at both ends (TRIM alone takes off blanks only)."""
    arguments = [text, text_literal(r"^\s+|\s+$"), text_literal(""), text_literal("g")]
    return exp.Anonymous(this="regexp_replace", expressions=arguments)


def _titled(text: exp.Expression) -> exp.Expression:
    """Each word with a capital first letter and the rest small (there is no INITCAP)."""
    word = exp.column("word")
    capital = exp.Upper(this=exp.func("left", word, exp.Literal.number(1)))
    rest = exp.Lower(this=exp.Substring(this=word.copy(), start=exp.Literal.number(2)))
    by_word = exp.Lambda(this=exp.DPipe(this=capital, expression=rest), expressions=[exp.to_identifier("word")])
    words = exp.Anonymous(this="regexp_extract_all", expressions=[text, text_literal(_TITLE_WORDS)])
    capitals = exp.Anonymous(this="list_transform", expressions=[words, by_word])
    return exp.Anonymous(this="array_to_string", expressions=[capitals, text_literal("")])


def json_object(fields: Mapping[str, exp.Expression]) -> exp.Expression:
    """The text of a JSON object with these members in this order."""
    members = [part for name, value in fields.items() for part in (text_literal(name), value)]
    return exp.cast(exp.Anonymous(this="json_object", expressions=members), "text")


TEXT_FILTERS: Mapping[str, Callable[[exp.Expression], exp.Expression]] = {
    "upper": lambda text: exp.Upper(this=text),
    "lower": lambda text: exp.Lower(this=text),
    "title": _titled,
    "trim": _trimmed,
    "escape": _escaped,
    "e": _escaped,
}
"""Filters that turn a text into a text and take no arguments."""
