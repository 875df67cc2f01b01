"""A rule taken apart: the conditions that `and`, `or` and `not` join, each as it was written, and what each looks at.

For whoever explains a rule. Every part is a rule of its own, read as the whole is, so that the engine judges them all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sqlglot import Token, TokenType, exp

from pipelines.model import Expression, Text
from pipelines.rules.build import chain, column, negated
from pipelines.rules.findings import Findings
from pipelines.rules.functions import ENGAGEMENT_FUNCTIONS, EVENT_FUNCTIONS, SERIES_FUNCTIONS
from pipelines.rules.model import Call, EventCall, Rule
from pipelines.rules.names import fact_name
from pipelines.rules.reader import Facts, Reader
from pipelines.rules.rule import HANDLERS, parse_rule
from pipelines.rules.scope import Scope
from pipelines.rules.screen import screen, span_of
from pipelines.rules.syntax import parse

PartKind = Literal["and", "or", "not", "segment", "condition"]

_FUNCTIONS = frozenset({*EVENT_FUNCTIONS, *ENGAGEMENT_FUNCTIONS, *SERIES_FUNCTIONS, "has_tag", "in_segment", "now"})
"""Functions that look beyond the customer's row."""

_OPENING = (TokenType.L_PAREN, TokenType.CASE)
_CLOSING = (TokenType.R_PAREN, TokenType.END)


@dataclass(frozen=True)
class Seen:
    """A value that a condition looks at.

    Attributes:
        name: A column, or a call, as it was written; beside each `did` stands the `event_count` that it rests on.
        value: What computes it; NULL is unknown.
        of_company: Whether it is an attribute of companies.
    """

    name: str
    value: Rule
    of_company: bool = False


@dataclass(frozen=True)
class Part:
    """A rule, or one of its parts.

    Attributes:
        kind: How its ``parts`` make it up: ``not`` and ``segment`` have one of them, a ``condition`` none.
        text: As it was written, on one line.
        rule: What judges it.
        seen: Of a condition: the values that it looks at, in the order of the text.
    """

    kind: PartKind
    text: str
    rule: Rule
    parts: tuple[Part, ...] = ()
    seen: tuple[Seen, ...] = ()


def take_apart(rule: Expression, scope: Scope) -> Part:
    """A rule that has been checked, in parts.

    Args:
        rule: Its text.
        scope: The names that it may use, or more.
    """
    tokens = _tokens(rule)
    return _Reading(rule, scope).part(tokens)


def values_of(value: Rule, text: Expression, scope: Scope) -> tuple[Seen, ...]:
    """What a checked value over the customer's attributes looks at."""
    return tuple(_Reading(text, scope).columns(value, _tokens(text)))


@dataclass(frozen=True)
class _Reading:
    """One text that is taken apart; the texts of segments are further ones."""

    source: Expression
    scope: Scope

    def part(self, tokens: Sequence[Token]) -> Part:
        tokens = _without_parentheses(tokens)
        for kind, word, connector in (("or", TokenType.OR, exp.Or), ("and", TokenType.AND, exp.And)):
            pieces = _split(tokens, word)
            if len(pieces) > 1:
                parts = tuple(self.part(piece) for piece in pieces)
                joined = chain(connector, [each.rule.sql for each in parts])
                return self._made(kind, tokens, joined, parts)  # type: ignore[arg-type] # the two of them
        if tokens[0].token_type == TokenType.NOT:
            inner = self.part(tokens[1:])
            return self._made("not", tokens, negated(inner.rule.sql), (inner,))
        if (name := _segment(tokens)) is not None:
            inner = take_apart(self.scope.segments[name], self.scope)
            return self._made("segment", tokens, inner.rule.sql, (inner,))
        return self._condition(tokens)

    def _made(self, kind: PartKind, tokens: Sequence[Token], sql: exp.Expression, parts: tuple[Part, ...]) -> Part:
        text = self._words(tokens)
        rules = [part.rule for part in parts]
        calls = {name: call for rule in rules for name, call in rule.calls.items()}
        columns = frozenset[str]().union(*(rule.columns for rule in rules))
        company_columns = frozenset[str]().union(*(rule.company_columns for rule in rules))
        return Part(kind, text, Rule(sql, calls, text, columns, company_columns), parts)

    def _condition(self, tokens: Sequence[Token]) -> Part:
        text = self._text(tokens)
        rule = parse_rule(text, self.scope)[0]
        assert rule is not None, "a rule that was checked has parts that can be read"
        seen = (*self.columns(rule, tokens), *self._calls(tokens))
        return Part("condition", self._words(tokens), rule, seen=seen)

    def columns(self, rule: Rule, tokens: Sequence[Token]) -> Iterator[Seen]:
        """The attributes that a rule reads, in the order of its words; those of its segments last."""
        words = [token.text.lower() for token in tokens]

        def place(name: str) -> tuple[int, str]:
            return (words.index(name.lower()) if name.lower() in words else len(words), name)

        for table, names in (("customer", rule.columns), ("company", rule.company_columns)):
            for name in sorted(names, key=place):
                of_company = table == "company"
                yield Seen(f"company.{name}" if of_company else name, Rule(column(name, table), {}, name), of_company)

    def _calls(self, tokens: Sequence[Token]) -> Iterator[Seen]:
        found: dict[str, Seen] = {}
        for start, token in enumerate(tokens[:-1]):
            if token.text.lower() in _FUNCTIONS and tokens[start + 1].token_type == TokenType.L_PAREN:
                call = tokens[start : _end_of_call(tokens, start)]
                for seen in self._call(call):
                    found.setdefault(seen.name, seen)
        yield from found.values()

    def _call(self, tokens: Sequence[Token]) -> Iterator[Seen]:
        words = self._words(tokens)
        text = self._text(tokens)
        syntax = parse(text.value, Findings(text))
        assert syntax is not None
        facts = Facts()
        value = Reader(HANDLERS, syntax, self.scope, Findings(text), facts, "rule").value(syntax.tree)
        assert value is not None
        yield Seen(words, Rule(value.sql, facts.calls, words))
        for call in facts.calls.values():
            if isinstance(call, EventCall) and call.function == "did" and words.lower().startswith("did"):
                yield _counted(call, self._words(_without_at_least(tokens)))

    def _text(self, tokens: Sequence[Token]) -> Text:
        return Text(self.source.value[span_of(tokens[0])[0] : span_of(tokens[-1])[1]], self.source.position)

    def _words(self, tokens: Sequence[Token]) -> str:
        """The words as they were written, with the white space between them made one; texts in quotes stay."""
        written = []
        for number, token in enumerate(tokens):
            start, stop = span_of(token)
            apart = number and span_of(tokens[number - 1])[1] < start and token.text != ","
            written.append((" " if apart else "") + self.source.value[start:stop])
        return "".join(written)


def _tokens(text: Expression) -> list[Token]:
    tokens = screen(text.value, Findings(text))
    assert tokens, "a rule that was checked can be read"
    return tokens


def _counted(call: EventCall, words: str) -> Seen:
    """How many events a ``did`` rests on."""
    count: Call = replace(call, function="event_count", at_least=1)
    name = fact_name(count)
    sql = exp.Coalesce(this=exp.column(name, table="fact"), expressions=[exp.Literal.number(0)])
    label = f"event_count{words[words.index('(') :]}"
    return Seen(label, Rule(sql, {name: count}, label))


def _depths(tokens: Sequence[Token]) -> Iterator[tuple[int, Token, int]]:
    """Each token with its place, and how many parentheses and `case`s are open around it."""
    depth = 0
    for place, token in enumerate(tokens):
        depth -= token.token_type in _CLOSING
        yield place, token, depth
        depth += token.token_type in _OPENING


def _split(tokens: Sequence[Token], word: TokenType) -> list[Sequence[Token]]:
    """The pieces between the connectors of this kind, not counting the `and` of `between`."""
    pieces: list[Sequence[Token]] = []
    start, betweens = 0, 0
    for place, token, depth in _depths(tokens):
        if depth:
            continue
        if token.token_type == TokenType.BETWEEN:
            betweens += 1
        elif token.token_type == TokenType.AND and betweens:
            betweens -= 1
        elif token.token_type == word:
            pieces.append(tokens[start:place])
            start = place + 1
    return [*pieces, tokens[start:]]


def _without_parentheses(tokens: Sequence[Token]) -> Sequence[Token]:
    while tokens[0].token_type == TokenType.L_PAREN and _end_of_call(tokens, -1) == len(tokens):
        tokens = tokens[1:-1]
    return tokens


def _end_of_call(tokens: Sequence[Token], start: int) -> int:
    """The place after the parenthesis that closes the one after ``start``."""
    opened = 0
    for place in range(start + 1, len(tokens)):
        opened += tokens[place].token_type == TokenType.L_PAREN
        opened -= tokens[place].token_type == TokenType.R_PAREN
        if not opened:
            return place + 1
    return len(tokens)


def _segment(tokens: Sequence[Token]) -> str | None:
    """The segment that a condition asks for, if it asks for nothing else."""
    is_call = len(tokens) == 4 and tokens[0].text.lower() == "in_segment"
    return tokens[2].text if is_call and tokens[1].token_type == TokenType.L_PAREN else None


def _without_at_least(tokens: Sequence[Token]) -> list[Token]:
    """A call without that option, as long as it is one of `did`: the comma before it, its name, arrow and number."""
    named = (number for number, token in enumerate(tokens) if token.text == "=>")
    place = next((number - 1 for number in named if tokens[number - 1].text.lower() == "at_least"), None)
    return list(tokens) if place is None else [*tokens[: place - 1], *tokens[place + 3 :]]
