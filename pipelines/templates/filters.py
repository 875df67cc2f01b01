"""The filters of message templates: what each takes, and the SQL that it becomes.

In DuckDB's spelling where engines differ; a second engine brings its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from pipelines.templates.value import Value, as_text, holds, is_plain, plain, replaced, text_literal

Given = Mapping[str, Value]
"""What stands in a filter's parentheses, by parameter."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter.

    Attributes:
        apply: Value and arguments to the filtered value; raises ``FilterError``.
        parameters: Names of its parameters, in order.
        required: How many of them must be given.
    """

    apply: Callable[[Value, Given], Value]
    parameters: tuple[str, ...] = ()
    required: int = 0


class FilterError(ValueError):
    """Something that a filter cannot take; ``parameter`` says which argument, None is the value itself."""

    def __init__(self, message: str, parameter: str | None = None) -> None:
        super().__init__(message)
        self.parameter = parameter


_DIGITS = range(10)
_LONGEST_TEXT = 100_000
_TITLE_WORDS = r"[-\s({\[<]+|[^-\s({\[<]+"
"""A word, or what stands between two, as Jinja's ``title`` divides them."""

_WORD_ENDS = r"[-\s({\[<]"

_HTML = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&#39;"), ('"', "&#34;"))
"""What ``escape`` replaces, as Jinja does; ``&`` first."""

_BREAKS = r"[\x00-\x1f\x7f\x{85}\x{2028}\x{2029}]+"
"""Whatever ends a line or commands a terminal."""

_WEB_ADDRESS = r"(?i)^https?://[^\s\x00-\x20\x7f<>\"'`\\]+$"
_DATE_CODES = frozenset("aAbBdHIjmMpSyY%")
_DEFAULT_DATE = "%Y-%m-%d"
_PLAIN_DATE = re.compile(r"(%-?[A-Za-z]|[A-Za-z0-9._~-])*", re.ASCII)


def _called(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _number(value: int) -> exp.Expression:
    return exp.Literal(this=str(value), is_string=False)


def _substituted(text: exp.Expression, pattern: str, new: str) -> exp.Expression:
    return _called("regexp_replace", text, text_literal(pattern), text_literal(new), text_literal("g"))


def _trimmed(text: exp.Expression) -> exp.Expression:
    """Without white space at both ends (TRIM alone takes off blanks only)."""
    return _substituted(text, r"^\s+|\s+$", "")


def _first(text: exp.Expression, count: int) -> exp.Expression:
    return _called("left", text, _number(count))


def _capitalized(text: exp.Expression) -> exp.Expression:
    capital = exp.Upper(this=_first(text, 1))
    rest = exp.Lower(this=exp.Substring(this=text.copy(), start=_number(2)))
    return exp.DPipe(this=capital, expression=rest)


def _titled(text: exp.Expression) -> exp.Expression:
    """Each word with a capital first letter and the rest small (there is no INITCAP)."""
    by_word = exp.Lambda(this=_capitalized(exp.column("word")), expressions=[exp.to_identifier("word")])
    words = _called("regexp_extract_all", text, text_literal(_TITLE_WORDS))
    titled = _called("array_to_string", _called("list_transform", words, by_word), text_literal(""))
    # Most names are one word, and lists are slow.
    several = _called("regexp_matches", text.copy(), text_literal(_WORD_ENDS))
    return exp.Case().when(several, titled).else_(_capitalized(text.copy()))


def _escaped(text: exp.Expression) -> exp.Expression:
    for letter, entity in _HTML:
        text = replaced(text, letter, entity)
    return text


def _url_encoded(text: exp.Expression) -> exp.Expression:
    return plain(replaced(_called("url_encode", text), "%2F", "/"))


def _web_address(text: exp.Expression) -> exp.Expression:
    """The address as it is, where it is one that a browser goes to and does not execute; else nothing."""
    is_address = _called("regexp_matches", text, text_literal(_WEB_ADDRESS))
    return exp.Case().when(is_address, text.copy()).else_(text_literal(""))


def _of_text(change: Callable[[exp.Expression], exp.Expression]) -> Filter:
    return Filter(lambda value, _: Value(change(as_text(value)), "text"))


def _of_any_text(change: Callable[[exp.Expression], exp.Expression], *as_it_is: str) -> Filter:
    """A filter that makes texts safe; numbers and times are, and so is what the filters ``as_it_is`` made."""

    def apply(value: Value, _: Given) -> Value:
        text = as_text(value)
        return Value(text if value.applied in as_it_is or is_plain(text) else change(text), "text")

    return Filter(apply)


def _with_default(value: Value, given: Given) -> Value:
    fallback = given.get("default_value", Value(text_literal(""), "text"))
    falsy_too = given["boolean"].literal if "boolean" in given else False
    if not isinstance(falsy_too, bool):
        raise FilterError("the second argument of `default` is `true` or `false`", "boolean")
    shown = value
    if value.family != fallback.family:
        fallback, shown = Value(as_text(fallback), "text"), Value(as_text(value), "text")
    if falsy_too:
        return Value(exp.Case().when(holds(value), shown.sql).else_(fallback.sql), shown.family)
    return Value(exp.Coalesce(this=shown.sql, expressions=[fallback.sql]), shown.family)


def _digits(name: str, given: Given, parameter: str) -> int:
    digits = given[parameter].literal if parameter in given else 0
    if type(digits) is not int or digits not in _DIGITS:
        raise FilterError(f"`{name}` takes the number of digits to show, 0 to {_DIGITS[-1]}", parameter)
    return digits


def _to_digits(name: str, value: Value, digits: int) -> exp.Expression:
    if value.family not in ("number", "unknown"):
        raise FilterError(f"`{name}` needs a number, this is a {value.family}")
    rounded = exp.Round(this=value.sql, decimals=_number(digits))
    return exp.TryCast(this=rounded, to=exp.DataType.build(f"decimal(38, {digits})"))


def _rounded(value: Value, given: Given) -> Value:
    return Value(_to_digits("round", value, _digits("round", given, "precision")), "number")


def _grouped(value: Value, given: Given) -> Value:
    """The whole digits in groups of three, from the right: there is no format that takes every decimal."""
    digits = _digits("number", given, "precision")
    text = exp.cast(_to_digits("number", value, digits), "text")
    whole = _called("regexp_extract", text, text_literal(r"\d+"))
    groups = _substituted(_called("reverse", whole), r"(\d{3})", r"\1,")
    sign = exp.Case().when(exp.func("starts_with", text.copy(), text_literal("-")), text_literal("-"))
    shown: exp.Expression = _called("ltrim", _called("reverse", groups), text_literal(","))
    shown = exp.DPipe(this=sign.else_(text_literal("")), expression=shown)
    if digits:
        shown = exp.DPipe(this=shown, expression=_called("right", text.copy(), _number(digits + 1)))
    known = exp.Is(this=text.copy(), expression=exp.null())
    return Value(plain(exp.Case().when(known, exp.null()).else_(shown)), "text")


def _dated(value: Value, given: Given) -> Value:
    form = given["format"].literal if "format" in given else _DEFAULT_DATE
    if not isinstance(form, str):
        raise FilterError("`date` takes the form of the date as text, such as '%d.%m.%Y'", "format")
    unknown = next((code for code in re.findall(r"%(-?.?)", form) if not _is_date_code(code)), None)
    if unknown is not None:
        raise FilterError(
            f"`%{unknown}` means nothing in a date; there are %d %m %Y %y %B %b %A %a %H %I %M %S %p %j %%, and %-d"
            " without a zero before it",
            "format",
        )
    if value.family not in ("time", "unknown"):
        raise FilterError(f"`date` needs a time, this is a {value.family}")
    time = exp.TryCast(this=value.sql, to=exp.DataType.build("timestamp")) if value.family == "unknown" else value.sql
    text = _called("strftime", time, text_literal(form))
    # Codes give letters and digits; where nothing else stands between them, nothing has to be escaped anywhere.
    return Value(plain(text) if _PLAIN_DATE.fullmatch(form) else text, "text")


def _is_date_code(code: str) -> bool:
    return code in _DATE_CODES or (len(code) == 2 and code[0] == "-" and code[1] in "dmHIMSj")


def _replacing(value: Value, given: Given) -> Value:
    for name in ("old", "new"):
        if not isinstance(given[name].literal, str):
            raise FilterError("`replace` takes two texts: what stands there, and what shall", name)
    if not given["old"].literal:
        raise FilterError("`replace` needs a text to look for", "old")
    return Value(replaced(as_text(value), str(given["old"].literal), str(given["new"].literal)), "text")


def _truncated(value: Value, given: Given) -> Value:
    """As Jinja does: cut between words, and only what is more than five letters too long."""
    length = given["length"].literal
    if type(length) is not int or not 3 < length < _LONGEST_TEXT:
        raise FilterError(f"`truncate` takes a length of 4 to {_LONGEST_TEXT:,}", "length")
    text = as_text(value)
    short = exp.LTE(this=exp.Length(this=text), expression=_number(length + 5))
    cut = _substituted(_first(text.copy(), length - 3), r" [^ ]*$", "")
    shown = exp.DPipe(this=cut, expression=text_literal("..."))
    return Value(exp.Case().when(short, text.copy()).else_(shown), "text")


FILTERS: Mapping[str, Filter] = {
    "upper": _of_text(lambda text: exp.Upper(this=text)),
    "lower": _of_text(lambda text: exp.Lower(this=text)),
    "capitalize": _of_text(_capitalized),
    "title": _of_text(_titled),
    "trim": _of_text(_trimmed),
    "replace": Filter(_replacing, ("old", "new"), 2),
    "truncate": Filter(_truncated, ("length",), 1),
    "escape": _of_any_text(_escaped, "escape", "e"),
    "e": _of_any_text(_escaped, "escape", "e"),
    "urlencode": _of_text(_url_encoded),
    "default": Filter(_with_default, ("default_value", "boolean")),
    "d": Filter(_with_default, ("default_value", "boolean")),
    "round": Filter(_rounded, ("precision",)),
    "number": Filter(_grouped, ("precision",)),
    "date": Filter(_dated, ("format",)),
}
"""The filters that templates may name."""

OF_PLACES: Mapping[str, Filter] = {
    "_line": _of_any_text(lambda text: _substituted(text, _BREAKS, " ")),
    "_html": FILTERS["escape"],
    "_link_part": _of_any_text(lambda text: plain(_called("url_encode", text)), "urlencode"),
    "_link_start": _of_any_text(_web_address),
}
"""The filters that the place of a value asks for; `pipelines.templates.places` adds them, nobody can write them."""
