"""JSON objects as one flat SQL expression: what is known beforehand is written out, values are put in between.

An engine's own functions build a document for every row, long texts included; this takes a quarter of the time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from sqlglot import exp

from pipelines.templates.value import concatenated, is_plain, text_literal

Json = exp.Expression | Sequence["Json"] | Mapping[str, "Json"]
"""A JSON value whose leaves are SQL texts, none of them ever NULL."""


def json_text(value: Mapping[str, Json]) -> exp.Expression:
    """The text of a JSON object, its members in the given order."""
    return _joined(_value(value))


def _value(value: Json) -> Iterator[str | exp.Expression]:
    """What the text is made of: texts that are JSON, and SQL that gives such texts."""
    if isinstance(value, Mapping):
        before = "{"
        for name, member in value.items():
            yield f"{before}{json.dumps(name, ensure_ascii=False)}:"
            yield from _value(member)
            before = ","
        yield "}" if value else "{}"
    elif isinstance(value, Sequence):
        before = "["
        for item in value:
            yield before
            yield from _value(item)
            before = ","
        yield "]" if value else "[]"
    elif isinstance(value, exp.Literal | exp.Concat | exp.Case):
        yield '"'
        yield from _inside(value)
        yield '"'
    else:
        yield _quoted(value)


def _inside(text: exp.Expr) -> Iterator[str | exp.Expression]:
    """A text as it stands between the quotes of JSON."""
    match text:
        case exp.Expression() if is_plain(text):
            yield text
        case exp.Literal(is_string=True):
            yield json.dumps(text.this, ensure_ascii=False)[1:-1]
        case exp.Concat():
            for part in text.expressions:
                yield from _inside(part)
        case exp.Case(this=None):
            case = exp.Case()
            for branch in text.args["ifs"]:
                case = case.when(branch.this, _joined(_inside(branch.args["true"])))
            yield case.else_(_joined(_inside(text.args.get("default") or exp.null())))
        case _:
            yield _unquoted(_quoted(text))


def _quoted(text: exp.Expr) -> exp.Expression:
    return exp.cast(exp.Anonymous(this="to_json", expressions=[text.copy()]), "text")


def _unquoted(quoted: exp.Expression) -> exp.Expression:
    """Without its first and last letter; the text is named once, because within a CASE engines compute it twice."""
    bounds = [exp.Literal.number(2), exp.Literal.number(-2)]
    return exp.Anonymous(this="array_slice", expressions=[quoted, *bounds])


def _joined(parts: Iterator[str | exp.Expression]) -> exp.Expression:
    """The parts as one text, those that are known beforehand in one piece."""
    joined: list[exp.Expression] = []
    known = ""
    for part in parts:
        if isinstance(part, str):
            known += part
            continue
        if known:
            joined.append(text_literal(known))
            known = ""
        joined.append(part)
    if known:
        joined.append(text_literal(known))
    return concatenated(joined)
