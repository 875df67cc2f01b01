"""Walking a parsed rule: each kind of node has one handler, and a node without a handler is refused.

Handlers build new nodes from what they read and hand on nothing of the parsed tree, so that an argument nobody
looked at cannot reach the warehouse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from sqlglot import exp

from pipelines.problems import Problem
from pipelines.rules.build import two_valued
from pipelines.rules.findings import Findings
from pipelines.rules.functions import ARGUMENTS
from pipelines.rules.model import Call, Family
from pipelines.rules.scope import Scope
from pipelines.rules.syntax import Syntax
from pipelines.rules.values import Value, WrongError, read_as

Mode = Literal["rule", "measure", "value", "where"]
"""What may be named: everything; all but companies; attributes of the customer only; properties of an event only."""


@dataclass
class Facts:
    """What reading one rule has found so far, its segments included."""

    calls: dict[str, Call] = field(default_factory=dict)
    columns: set[str] = field(default_factory=set)
    company_columns: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    segment_characters: int = 0


@dataclass(frozen=True)
class Handler:
    """What is done with one kind of node, and the only arguments such a node may have."""

    handle: Callable[[Reader, exp.Expression], Value | None]
    arguments: frozenset[str]


@dataclass(frozen=True)
class Reader:
    """Reads one text.

    Attributes:
        handlers: By kind of node.
        segment: Names of the segments around this text, outermost first.
    """

    handlers: Mapping[type[exp.Expression], Handler]
    syntax: Syntax
    scope: Scope
    findings: Findings
    facts: Facts
    mode: Mode
    segments: tuple[str, ...] = ()

    def value(self, node: exp.Expression) -> Value | None:
        """The value of a node; None when something in it is wrong, which is then in the findings."""
        handler = self.handlers.get(type(node))
        try:
            if handler is None and isinstance(node, exp.Func) and self.findings:
                return None
            if handler is None or not _given(node) <= handler.arguments:
                raise WrongError(self.syntax.span(node), self._not_known(node))
            return handler.handle(self, node)
        except WrongError as error:
            self.findings.report(error.span, str(error))
            return None

    def values(self, nodes: Iterable[exp.Expression]) -> list[Value] | None:
        """Values of several nodes, all of them looked at; None when one is wrong."""
        found = [self.value(node) for node in nodes]
        right = [value for value in found if value is not None]
        return right if len(right) == len(found) else None

    def condition(self, node: exp.Expression) -> exp.Expression | None:
        """Two-valued SQL of a condition; None when something in it is wrong."""
        value = self.value(node)
        try:
            if value is not None and value.is_null:
                raise WrongError(value.span, "`null` is not a condition")
            return None if value is None else two_valued(read_as(value, "boolean"))
        except WrongError as error:
            self.findings.report(error.span, str(error))
            return None

    def made(self, node: exp.Expression, sql: exp.Expression, family: Family, *, certain: bool = False) -> Value:
        """The value that ``node`` turned out to be."""
        return Value(sql, family, self.syntax.span(node), self.syntax.words(node), certain=certain)

    def wrong(self, node: exp.Expression, message: str) -> WrongError:
        """An error about ``node``, to be raised."""
        return WrongError(self.syntax.span(node), message)

    def _not_known(self, node: exp.Expression) -> str:
        words = self.syntax.words(node)
        if isinstance(node, exp.Cast):
            return f"{words} stands alone where a time is needed; the only cast in rules is try_cast(value as type)"
        if type(node) is exp.In:
            return "`in` needs a list of values in parentheses"
        if type(node) is exp.Escape:
            return "`escape` is not known in rules; use contains, starts_with or ends_with for text with % or _"
        if isinstance(node, exp.Func) and not isinstance(node, exp.Connector) and node.key not in ARGUMENTS:
            return f"`{words}` is not known in rules"
        return f"`{words}` is not something that rules know"


def _given(node: exp.Expression) -> set[str]:
    return {name for name, value in node.args.items() if value is not None and value is not False and value != []}
