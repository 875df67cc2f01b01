"""Message templates as SQL: one expression renders a field for every customer at once.

The syntax is Jinja's, a small part of it; what it means is fixed here, once, for every engine:

- ``{{ name }}`` is an attribute of the customer. An unknown value (NULL) is empty text.
- Text renders as it is, numbers as the engine casts them to text (a DOUBLE 5.0 is ``5.0``, a DECIMAL keeps its
  scale; ``round(2)`` writes exactly two digits), booleans as ``true`` and ``false``, dates as ``2026-03-01``,
  timestamps in UTC as ``2026-03-01T09:00:00``, to the second.
- ``{{ company.name }}`` is an attribute of the customer's company; of several, that with the smallest ``company_id``.
- Filters: ``default('x')`` for an unknown value, ``default('x', true)`` for a blank, zero or false one too; those of
  texts (``trim`` takes off ASCII white space; letters change case as the engine says), ``round``, ``number(2)`` (digits
  in groups of three: ``1,234.50``) and ``date('%d.%m.%Y')`` (UTC, English names).
- ``{% if %}``, ``{% elif %}``, ``{% else %}`` and ``a if b else c`` with comparisons, ``in [...]``, ``and or not``,
  ``is defined``, ``is none``. Conditions are two-valued, as in rules: comparing with an unknown value is false, and
  ``!=`` is ``not ==``. Alone, a value holds when it is known and not blank, zero or false.

Nothing is escaped here unless a filter says so; `pipelines.templates.places` adds the filters that the place of a value
in a link or in HTML needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from jinja2 import nodes
from sqlglot import exp

from pipelines.hint import did_you_mean
from pipelines.problems import Problem
from pipelines.templates.filters import FILTERS, OF_PLACES, Filter, FilterError
from pipelines.templates.syntax import TemplateError, offset_of, problem_at, read_template
from pipelines.templates.value import Value, as_text, attribute, concatenated, holds, is_unknown

if TYPE_CHECKING:
    from pipelines.model import Text
    from pipelines.rules.model import Columns

_COMPARISONS: Mapping[str, type[exp.Binary]] = {
    "eq": exp.EQ, "ne": exp.EQ, "lt": exp.LT, "lteq": exp.LTE, "gt": exp.GT, "gteq": exp.GTE,
}  # fmt: skip
_MOST_PARTS = 5_000
"""Of SQL within one ``{{ }}``; filters repeat what they are applied to."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What a message may show, with the families; None accepts any name, of unknown family.

    Attributes:
        customer: The customer's own.
        company: The customer's company's; empty: the project knows no companies.
    """

    customer: Columns | None
    company: Columns | None


def compile_template(
    text: Text, attributes: Attributes, *, placed: bool = False
) -> tuple[exp.Expression | None, list[Problem]]:
    """The SQL expression that renders a text for one row of ``customer`` beside one of ``company``; never NULL.

    Args:
        text: The text as written; one without ``{{``, ``{%`` or ``{#`` is a literal.
        attributes: What it may show.
        placed: Whether it may use the filters of `pipelines.templates.places`.

    Returns:
        The expression (text), and every problem found; the expression is None when there is one.
    """
    try:
        tree = read_template(text.value)
    except TemplateError as error:
        return None, [problem_at(text, error.offset, str(error))]
    reader = _Reader(text, attributes, {**FILTERS, **OF_PLACES} if placed else FILTERS)
    expression = reader.body(tree.body)
    return (None if reader.problems else expression), reader.problems


def columns_read(expression: exp.Expression, of: str = "customer") -> frozenset[str]:
    """The attributes of the ``customer``, or of the ``company``, that a compiled template or payload reads."""
    return frozenset(column.name for column in expression.find_all(exp.Column) if column.table == of)


_NOTHING = Value(exp.null(), "unknown")
"""Stands in for what was refused, so that reading goes on and finds the rest."""


class _Reader:
    """Reads one template's tree; keeps the problems it meets."""

    def __init__(self, text: Text, attributes: Attributes, filters: Mapping[str, Filter]) -> None:
        self.problems: list[Problem] = []
        self._text = text
        self._attributes = attributes
        self._filters = filters

    def body(self, body: Iterable[nodes.Node]) -> exp.Expression:
        parts: list[exp.Expression] = []
        for node in body:
            if isinstance(node, nodes.Output):
                parts += [self._part(child) for child in node.nodes]
            elif isinstance(node, nodes.If):
                parts.append(self._branches(node))
            else:
                word = self._text.value[node.lineno :].split(maxsplit=1)[0]
                self._refuse(node, f"`{{% {word} %}}` cannot be used in a message; only if, elif and else can")
        return concatenated(parts)

    def _part(self, node: nodes.Expr) -> exp.Expression:
        if isinstance(node, nodes.TemplateData):
            return self._literal(node, node.data).sql
        return as_text(self._value(node))

    def _branches(self, node: nodes.If) -> exp.Expression:
        case = exp.Case()
        for branch in (node, *node.elif_):
            case = case.when(self._condition(branch.test), self.body(branch.body))
        return case.else_(self.body(node.else_))

    def _value(self, node: nodes.Node) -> Value:
        match node:
            case nodes.Name():
                return self._attribute(node, node.name, "customer", self._attributes.customer)
            case nodes.Const():
                return self._constant(node)
            case nodes.Neg(node=nodes.Const(value=(int() | float()) as number)) if not isinstance(number, bool):
                return Value(exp.Literal.number(-number), "number")
            case nodes.Filter(node=nodes.Node()):
                return self._filtered(node)
            case nodes.Concat():
                return Value(concatenated([as_text(self._value(child)) for child in node.nodes]), "text")
            case nodes.CondExpr():
                return self._either(node)
            case nodes.Compare() | nodes.And() | nodes.Or() | nodes.Not() | nodes.Test():
                self._refuse(node, "a condition can stand in `{% if %}` or `a if b else c`, not be shown")
                return _NOTHING
            case nodes.Getattr(node=nodes.Name(name="company")):
                return self._of_company(node)
            case nodes.Getattr():
                self._refuse(node, "only `company.` can stand before a dot; the customer's attributes have none")
                return _NOTHING
        self._refuse(node, "a message can show attributes, texts and numbers, with filters; not calls, sums or lists")
        return _NOTHING

    def _attribute(self, node: nodes.Expr, said: str, of: str, columns: Columns | None) -> Value:
        if columns is None:
            return Value(attribute(said, of), "unknown")
        name = next((name for name in columns if name.lower() == said.lower()), None)
        if name is None:
            whose = "customers have" if of == "customer" else "companies have"
            self._refuse(node, f"{whose} no attribute `{said}`{did_you_mean(said, columns)}")
            return _NOTHING
        family = columns[name]
        if family in ("other", "interval"):
            self._refuse(node, f"`{name}` is not a text, number, time or boolean; a message cannot show it")
            return _NOTHING
        return Value(attribute(name, of), family)

    def _of_company(self, node: nodes.Getattr) -> Value:
        if self._attributes.company is not None and not self._attributes.company:
            self._refuse(node, "the project has no `companies` source, so there is no `company.`")
            return _NOTHING
        return self._attribute(node, node.attr, "company", self._attributes.company)

    def _constant(self, node: nodes.Const) -> Value:
        value = node.value
        if isinstance(value, str):
            return self._literal(node, value)
        if isinstance(value, bool):
            return Value(exp.Boolean(this=value), "boolean", literal=value)
        if isinstance(value, int | float):
            return Value(exp.Literal.number(value), "number", literal=value)
        self._refuse(node, "`none` is not a value; write `is none`, or leave it out")
        return _NOTHING

    def _literal(self, node: nodes.Node, value: str) -> Value:
        unfit = next((letter for letter in value if letter == "\0" or "\ud800" <= letter <= "\udfff"), None)
        if unfit is not None:
            self._refuse(node, f"the character U+{ord(unfit):04X} cannot be part of a message; take it out")
            return _NOTHING
        return Value(exp.Literal.string(value), "text", literal=value)

    def _either(self, node: nodes.CondExpr) -> Value:
        yes = self._value(node.expr1)
        no = self._value(node.expr2) if node.expr2 is not None else Value(exp.null(), yes.family)
        condition = self._condition(node.test)
        if yes.family == no.family:
            return Value(exp.Case().when(condition, yes.sql).else_(no.sql), yes.family)
        return Value(exp.Case().when(condition, as_text(yes)).else_(as_text(no)), "text")

    def _filtered(self, node: nodes.Filter) -> Value:
        assert node.node is not None
        value = self._value(node.node)
        chosen = self._filters.get(node.name)
        if chosen is None:
            hint = did_you_mean(node.name, FILTERS)
            self._refuse(node, f"there is no filter `{node.name}` for messages{hint}")
            return _NOTHING
        arguments = self._arguments(node, chosen)
        if arguments is None:
            return _NOTHING
        if sum(1 for _ in value.sql.walk()) > _MOST_PARTS:
            self._refuse(node, "these are too many filters, one after the other; use fewer")
            return _NOTHING
        given = {name: self._value(argument) for name, argument in arguments.items()}
        try:
            return replace(chosen.apply(value, given), applied=node.name)
        except FilterError as error:
            self._refuse(arguments.get(error.parameter or "", node), str(error))
            return _NOTHING

    def _arguments(self, node: nodes.Filter, chosen: Filter) -> dict[str, nodes.Expr] | None:
        """What a filter was given, by parameter; None when that is not what it takes."""
        names = chosen.parameters
        named = {str(keyword.key): keyword.value for keyword in node.kwargs}
        given = dict(zip(names, node.args, strict=False)) | {name: named[name] for name in names if name in named}
        if len(given) < len(node.args) + len(node.kwargs) or node.dyn_args or node.dyn_kwargs:
            takes = f"takes {' and '.join(f'`{name}`' for name in names)} at most" if names else "takes no arguments"
            self._refuse(node, f"`{node.name}` {takes}")
            return None
        if missing := [name for name in names[: chosen.required] if name not in given]:
            self._refuse(node, f"`{node.name}` needs {' and '.join(f'`{name}`' for name in missing)}")
            return None
        return given

    def _condition(self, node: nodes.Node) -> exp.Condition:
        """Two-valued SQL: true or false, never NULL."""
        match node:
            case nodes.And():
                return exp.and_(self._condition(node.left), self._condition(node.right))
            case nodes.Or():
                return exp.or_(self._condition(node.left), self._condition(node.right))
            case nodes.Not():
                return exp.not_(self._condition(node.node))
            case nodes.Compare():
                return self._comparison(node)
            case nodes.Test(name="defined" | "undefined" | "none", args=[], kwargs=[]):
                unknown = is_unknown(self._value(node.node))
                return exp.not_(unknown) if node.name == "defined" else unknown
            case nodes.Test():
                self._refuse(node, f"`is {node.name}` cannot be used in a message; `is defined` and `is none` can")
                return exp.false()
        return holds(self._value(node))

    def _comparison(self, node: nodes.Compare) -> exp.Condition:
        left, operand = self._value(node.expr), node.ops[0]
        if len(node.ops) > 1:
            self._refuse(node, "compare two values at a time: write `a < b and b < c`")
            return exp.false()
        if operand.op in _COMPARISONS:
            left, right = self._alike(node, left, self._value(operand.expr))
            test: exp.Condition = _COMPARISONS[operand.op](this=left.sql, expression=right.sql)
        elif isinstance(operand.expr, nodes.List | nodes.Tuple) and operand.expr.items:
            choices = [self._alike(node, left, self._value(item))[1].sql for item in operand.expr.items]
            test = exp.In(this=left.sql, expressions=choices)
        else:
            self._refuse(operand.expr, "`in` needs a list of values: `plan in ['Free', 'Team']`")
            return exp.false()
        known = exp.Coalesce(this=test, expressions=[exp.false()])
        return exp.not_(known) if operand.op in ("ne", "notin") else known

    def _alike(self, node: nodes.Compare, left: Value, right: Value) -> tuple[Value, Value]:
        """Both sides of a comparison, a text beside a time read as a time; refuses what cannot be compared."""
        left, right = self._timed(node, left, right), self._timed(node, right, left)
        if left.family != right.family and "unknown" not in (left.family, right.family):
            self._refuse(node, f"a {left.family} cannot be compared with a {right.family}")
        return left, right

    def _timed(self, node: nodes.Compare, value: Value, other: Value) -> Value:
        if other.family != "time" or not isinstance(value.literal, str):
            return value
        if not _is_instant(value.literal):
            hint = "write it as '2026-03-01' or '2026-03-01 09:00', in UTC"
            self._refuse(node, f"`{value.literal}` is not a date or time; {hint}")
            return _NOTHING
        return Value(exp.cast(value.sql, "timestamp"), "time")

    def _refuse(self, node: nodes.Node, message: str) -> None:
        self.problems.append(problem_at(self._text, offset_of(node), message))


def _is_instant(literal: str) -> bool:
    try:
        return datetime.fromisoformat(literal).tzinfo is None
    except ValueError:
        return False
