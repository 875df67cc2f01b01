"""From a rule's text to its tree, every node with the place where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from sqlglot import Dialect, ErrorLevel, ParseError, Token, TokenType, exp

from pipelines.rules.findings import Findings, Span
from pipelines.rules.screen import screen, span_of

DEEPEST = 64
"""Levels of a tree; a chain of ``and`` or of ``or`` is one level."""


@dataclass(frozen=True)
class Syntax:
    """A parsed expression.

    Attributes:
        tree: Its root.
        source: The text it was parsed from.
        spans: Place of each node by ``id``; nodes without words of their own have that of what is around them.
        tokens: The words it was parsed from.
    """

    tree: exp.Expression
    source: str
    spans: Mapping[int, Span]
    tokens: tuple[Token, ...]

    def span(self, node: exp.Expression) -> Span:
        """Where the node stands."""
        return self.spans[id(node)]

    def words(self, node: exp.Expression) -> str:
        """The node as it was written, on one line."""
        start, stop = self.span(node)
        words = " ".join(self.source[start:stop].split())
        return words if len(words) <= 60 else f"{words[:57]}..."

    def argument_name(self, value: exp.Expression) -> Span:
        """Where the name of a named argument stands, given its value."""
        start = self.span(value)[0]
        before = [token for token in self.tokens if token.end < start]
        arrow = next((index for index in range(len(before) - 1, 0, -1) if before[index].text == "=>"), None)
        return span_of(before[arrow - 1]) if arrow else self.span(value)


def parse(source: str, findings: Findings) -> Syntax | None:
    """Parse one expression; None when ``findings`` say why it cannot be read at all."""
    tokens = screen(source, findings)
    if tokens is None:
        return None
    try:
        trees = (
            Dialect.get_or_raise("duckdb")
            .parser(error_level=ErrorLevel.RAISE)
            .parse_into(exp.Condition, tokens, source)
        )
    except RecursionError:
        findings.report((0, 1), "this rule is nested too deeply; split it into segments or blocks")
        return None
    except ParseError as error:
        if not findings:
            findings.report(_place(error, tokens), _explain(error, tokens))
        return None
    tree = trees[0] if len(trees) == 1 else None
    if not isinstance(tree, exp.Expression):
        findings.report((0, 1), "this is not one condition")
        return None
    if depth(tree) > DEEPEST:
        findings.report((0, 1), "this rule is nested too deeply; split it into segments or blocks")
        return None
    return Syntax(tree, source, _spans(tree, tokens, len(source)), tuple(tokens))


def depth(tree: exp.Expression) -> int:
    """Levels of a tree, without recursion; a chain of one connector counts once."""
    deepest = 0
    levels = [(tree, 1)]
    while levels:
        node, level = levels.pop()
        deepest = max(deepest, level)
        for child in node.iter_expressions():
            chained = isinstance(node, exp.Connector) and type(child) is type(node)
            levels.append((child, level if chained else level + 1))
    return deepest


def links(chain: exp.Expression) -> list[exp.Expression]:
    """The conditions that one connector joins, in their order."""
    found: list[exp.Expression] = []
    left = [chain]
    while left:
        node = left.pop()
        if type(node) is type(chain):
            left += [node.expression, node.this]
        else:
            found.append(node)
    return found


def _spans(tree: exp.Expression, tokens: list[Token], length: int) -> dict[int, Span]:
    closing = _closing(tokens)
    intervals = _intervals(tree, tokens)
    nodes = [node for node in tree.bfs() if isinstance(node, exp.Expression)]
    spans: dict[int, Span] = {}
    for node in reversed(nodes):
        own = _own_span(node, closing) or intervals.get(id(node), [])
        known = [*own, *(spans[id(child)] for child in node.iter_expressions() if id(child) in spans)]
        if known:
            start, stop = min(start for start, _ in known), max(stop for _, stop in known)
            spans[id(node)] = (_sign(tokens, start) if type(node) is exp.Neg else start, stop)
    for node in nodes:
        around = spans[id(node.parent)] if node is not tree else (0, length)
        spans.setdefault(id(node), around)
    return spans


def _own_span(node: exp.Expression, closing: Mapping[int, int]) -> list[Span]:
    if "end" not in node.meta:
        return []
    start, stop = int(node.meta["start"]), int(node.meta["end"]) + 1
    return [(start, closing.get(start, stop) if isinstance(node, exp.Func) else stop)]


def _intervals(tree: exp.Expression, tokens: list[Token]) -> dict[int, list[Span]]:
    """Where intervals stand, by ``id``; the parser keeps no place of them, but their order."""
    words = [
        (word.start, value.end + 1)
        for word, value in pairwise(tokens)
        if word.token_type == TokenType.INTERVAL and value.token_type in (TokenType.STRING, TokenType.NUMBER)
    ]
    nodes = [node for node in tree.dfs() if type(node) is exp.Interval]
    return {id(node): [span] for node, span in zip(nodes, words, strict=False)} if len(nodes) == len(words) else {}


def _sign(tokens: list[Token], start: int) -> int:
    """Where the ``-`` before this offset stands."""
    return next((token.start for token in reversed(tokens) if token.start < start and token.text == "-"), start)


def _closing(tokens: list[Token]) -> dict[int, int]:
    """Where each call ends, by the start of its function's name."""
    ends: dict[int, int] = {}
    names: list[int] = []
    for before, token in zip([tokens[0], *tokens], tokens, strict=False):
        if token.token_type == TokenType.L_PAREN:
            names.append(before.start)
        elif token.token_type == TokenType.R_PAREN:
            ends[names.pop()] = token.end + 1
    return ends


def _place(error: ParseError, tokens: list[Token]) -> Span:
    if tokens[0].token_type in (TokenType.AND, TokenType.OR):
        return span_of(tokens[0])
    found = error.errors[0] if error.errors else {}
    places = (span_of(token) for token in tokens if (token.line, token.col) == (found.get("line"), found.get("col")))
    return next(places, span_of(tokens[-1]))


def _explain(error: ParseError, tokens: list[Token]) -> str:
    if tokens[0].token_type in (TokenType.AND, TokenType.OR):
        return f"there is no condition before `{tokens[0].text}`"
    start, _ = _place(error, tokens)
    token = next(token for token in tokens if token.start == start)
    if token.text in (")", ","):
        return f"something is missing before `{token.text}`"
    missing = "missing" in (error.errors[0].get("description") or "") if error.errors else False
    if missing or token is tokens[-1]:
        return (
            f"something is missing after `{token.text}`" if missing else f"this cannot be read from `{token.text}` on"
        )
    return f"`{token.text}` is not expected here; is an operator, a comma or a quote missing before it?"
