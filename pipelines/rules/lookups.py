"""What a rule names: columns, the instant, functions over facts, segments."""

from __future__ import annotations

from dataclasses import replace

from sqlglot import exp

from pipelines.hint import did_you_mean
from pipelines.rules.build import coalesced, column
from pipelines.rules.calls import FAMILIES, read_call
from pipelines.rules.findings import Findings
from pipelines.rules.functions import ARGUMENTS
from pipelines.rules.model import Columns
from pipelines.rules.names import fact_name
from pipelines.rules.reader import Reader
from pipelines.rules.syntax import parse
from pipelines.rules.values import Value

SEGMENT_LIMIT = 50_000
"""Characters that the segments of one rule may have together, each counted as often as it is used."""


def named(reader: Reader, node: exp.Expression) -> Value:
    """A column: an attribute of the customer or of a company, or within ``where`` a property."""
    if type(node.this) is not exp.Identifier:
        raise reader.wrong(node, "`*` is not one attribute; name the one that is meant")
    if node.args.get("db") is not None:
        raise reader.wrong(node, "a name has at most one dot: `company.` and an attribute of companies")
    table = node.args.get("table")
    name = str(node.name)
    if reader.mode == "where":
        if table is not None:
            raise reader.wrong(node, "inside `where`, names are properties of the event, without a dot")
        return replace(reader.made(node, exp.null(), "unknown"), property_name=name)
    if table is None:
        found = _find(reader, node, reader.scope.customer, "customers")
        reader.facts.columns.add(found)
        family = "unknown" if reader.scope.customer is None else reader.scope.customer[found]
        return reader.made(node, column(found, "customer"), family)
    return _company(reader, node, str(table.name))


def _company(reader: Reader, node: exp.Expression, table: str) -> Value:
    if table.lower() != "company":
        advice = (
            f"attributes of customers are written without a dot: `{node.name}`"
            if table.lower() in ("customer", "customers")
            else "only `company.` can stand before a dot"
        )
        raise reader.wrong(node, f"`{table}.` is not known here; {advice}")
    if reader.mode in ("value", "measure"):
        raise reader.wrong(node, "a value cannot be read from companies, because a customer may have several")
    columns = reader.scope.company
    if columns is not None and not columns:
        raise reader.wrong(node, "the project has no `companies` source, so there is no `company.`")
    found = _find(reader, node, columns, "companies")
    reader.facts.company_columns.add(found)
    return reader.made(node, column(found, "company"), "unknown" if columns is None else columns[found])


def _find(reader: Reader, node: exp.Expression, columns: Columns | None, source: str) -> str:
    name = str(node.name)
    if columns is None or name in columns:
        return name
    found = next((column for column in columns if column.lower() == name.lower()), None)
    if found is not None:
        return found
    quoted = bool(node.this.args.get("quoted"))
    advice = did_you_mean(name, columns)
    if quoted and not advice:
        advice = f"; text stands in single quotes: '{name}'"
    raise reader.wrong(node, f"`{source}` has no column `{name}`{advice}")


def asked(reader: Reader, node: exp.Expression) -> Value | None:
    """A function of the series: ``now()``, ``in_segment``, or a call that the compiler answers from facts."""
    function = str(node.this).lower()
    if function not in ARGUMENTS or (not node.expressions and function != "now"):
        # The screen has said so; what stands in the parentheses is still worth a look.
        reader.values(node.expressions)
        return None
    if reader.mode == "where" and function != "now":
        raise reader.wrong(node, f"`{function}` cannot stand inside `where`, which only sees properties of the event")
    if reader.mode == "value":
        raise reader.wrong(node, f"`{function}` cannot be used here: a value may only read the customer's attributes")
    if function == "now":
        return reader.made(node, exp.column("instant", table="subject"), "time", certain=True)
    if function == "in_segment":
        return _segment(reader, node)
    inner = replace(reader, mode="where")
    call = read_call(function, node, reader.syntax, reader.scope, inner.condition, reader.findings)
    if call is None:
        return None
    name = fact_name(call)
    reader.facts.calls[name] = call
    return _answer(reader, node, function, name)


def _answer(reader: Reader, node: exp.Expression, function: str, name: str) -> Value:
    fact = exp.column(name, table="fact")
    family = FAMILIES.get(function, "boolean")
    if family == "time":
        return reader.made(node, fact, family)
    default = exp.Literal.number(0) if family == "number" else exp.false()
    return reader.made(node, coalesced(fact, default), family, certain=True)


def _segment(reader: Reader, node: exp.Expression) -> Value | None:
    argument = node.expressions[0]
    if type(argument) is not exp.Literal or not argument.is_string:
        raise reader.wrong(argument, "`in_segment` needs the name of a segment as text in quotes")
    name = str(argument.this)
    segments = reader.scope.segments
    if name not in segments:
        raise reader.wrong(argument, f"there is no segment `{name}`{did_you_mean(name, segments)}")
    if name in reader.segments:
        path = " -> ".join([*reader.segments[reader.segments.index(name) :], name])
        raise reader.wrong(argument, f"segments name each other in a circle: {path}")
    text = segments[name]
    reader.facts.segment_characters += len(text.value)
    if reader.facts.segment_characters > SEGMENT_LIMIT:
        limit = f"{SEGMENT_LIMIT:,} characters"
        raise reader.wrong(argument, f"with all its segments in place this rule is longer than {limit}")
    findings = Findings(text)
    syntax = parse(text.value, findings)
    sql = None
    if syntax is not None:
        inner = replace(reader, syntax=syntax, findings=findings, segments=(*reader.segments, name))
        sql = inner.condition(syntax.tree)
    reader.facts.problems.extend(findings.problems)
    return None if sql is None else reader.made(node, sql, "boolean", certain=True)
