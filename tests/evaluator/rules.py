"""A reader for the rules of SPEC 4: text to a tree, by recursive descent, loosest operator first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<number>\d+(?:\.\d*)?|\.\d+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<sign>=>|!=|<>|<=|>=|[=<>+\-*/(),.]))"
)
COMPARISONS = ("=", "!=", "<>", "<", "<=", ">", ">=")
UNITS = {"minute": 1, "hour": 60, "day": 1440, "week": 10080}


@dataclass(frozen=True)
class Node:
    """One operation. `kind` says which: literal, column, company, call, interval, case, or an operator."""

    kind: str
    value: Any = None
    parts: tuple[Node, ...] = ()
    options: tuple[tuple[str, Node], ...] = ()

    def option(self, name: str) -> Node | None:
        return dict(self.options).get(name)


def parse(text: str) -> Node:
    """The tree of one rule or expression."""
    reader = Reader(tokens(text))
    node = reader.either()
    if reader.peek():
        raise ValueError(f"{reader.peek()!r} is left over in the rule {text!r}")
    return node


def tokens(text: str) -> list[str]:
    found, at = [], 0
    while text[at:].strip():
        match = TOKEN.match(text, at)
        if not match:
            raise ValueError(f"the rule {text!r} cannot be read at {text[at:]!r}")
        found.append(match.group().strip())
        at = match.end()
    return found


class Reader:
    """Takes tokens from the left; one method per level of precedence."""

    def __init__(self, found: list[str]) -> None:
        self.left = found

    def peek(self, ahead: int = 0) -> str:
        return self.left[ahead] if len(self.left) > ahead else ""

    def take(self, *words: str) -> str:
        """The next token when it is one of `words` (any when none are named), else nothing is taken."""
        if self.left and (not words or self.peek().lower() in words):
            return self.left.pop(0)
        return ""

    def demand(self, word: str) -> None:
        if not self.take(word):
            raise ValueError(f"{word!r} expected, not {self.peek()!r}")

    def either(self) -> Node:
        node = self.both()
        while self.take("or"):
            node = Node("or", parts=(node, self.both()))
        return node

    def both(self) -> Node:
        node = self.negation()
        while self.take("and"):
            node = Node("and", parts=(node, self.negation()))
        return node

    def negation(self) -> Node:
        return negated(self.negation()) if self.take("not") else self.comparison()

    def comparison(self) -> Node:
        left = self.sum()
        sign = self.take(*COMPARISONS)
        if sign in ("!=", "<>"):
            return negated(Node("=", parts=(left, self.sum())))
        if sign:
            return Node(sign, parts=(left, self.sum()))
        if self.take("is"):
            denied = self.take("not")
            self.demand("null")
            return negated(Node("is null", parts=(left,))) if denied else Node("is null", parts=(left,))
        denied = self.take("not") if self.peek(1).lower() in ("in", "between", "like", "ilike") else ""
        node = self.membership(left)
        return negated(node) if denied else node

    def membership(self, left: Node) -> Node:
        if self.take("in"):
            self.demand("(")
            return Node("in", parts=(left, *self.arguments()[0]))
        if self.take("between"):
            low = self.sum()
            self.demand("and")
            return Node("and", parts=(Node(">=", parts=(left, low)), Node("<=", parts=(left, self.sum()))))
        kind = self.take("like", "ilike").lower()
        return Node(kind, parts=(left, self.sum())) if kind else left

    def sum(self) -> Node:
        node = self.product()
        while sign := self.take("+", "-"):
            node = Node(sign, parts=(node, self.product()))
        return node

    def product(self) -> Node:
        node = self.signed()
        while sign := self.take("*", "/"):
            node = Node(sign, parts=(node, self.signed()))
        return node

    def signed(self) -> Node:
        return Node("-", parts=(Node("literal", 0), self.signed())) if self.take("-") else self.primary()

    def primary(self) -> Node:
        if self.take("("):
            node = self.either()
            self.demand(")")
            return node
        word = self.take()
        if word.startswith("'"):
            return Node("literal", unquoted(word))
        if word[:1].isdigit() or word.startswith("."):
            return Node("literal", float(word) if "." in word else int(word))
        name = word.lower()
        if name in ("true", "false", "null"):
            return Node("literal", {"true": True, "false": False, "null": None}[name])
        if name == "case":
            return self.case()
        if name == "interval":
            return self.interval()
        if name == "company" and self.take("."):
            return Node("company", self.take())
        return self.call(name) if self.take("(") else Node("column", word)

    def call(self, name: str) -> Node:
        if name in ("try_cast", "cast"):
            node = self.either()
            self.demand("as")
            node = Node("call", name, (node, Node("literal", self.take().lower())))
            self.demand(")")
            return node
        if name == "extract":
            part = self.take().lower()
            self.demand("from")
            node = Node("call", name, (Node("literal", part), self.either()))
            self.demand(")")
            return node
        parts, options = self.arguments()
        return Node("call", name, parts, options)

    def arguments(self) -> tuple[tuple[Node, ...], tuple[tuple[str, Node], ...]]:
        """What stands between the brackets, the first of which is taken already: by place, and by name."""
        parts, options = [], []
        while not self.take(")"):
            if self.peek(1) == "=>":
                name = self.take()
                self.demand("=>")
                options.append((name.lower(), self.either()))
            else:
                parts.append(self.either())
            self.take(",")
        return tuple(parts), tuple(options)

    def interval(self) -> Node:
        text = self.take()
        number, unit = unquoted(text).split() if text.startswith("'") else (text, self.take())
        return Node("interval", int(number) * UNITS[unit.lower().removesuffix("s")])

    def case(self) -> Node:
        """`case [subject] when … then … [else …] end` as (condition, result, …, default)."""
        subject = None if self.peek().lower() == "when" else self.either()
        parts: list[Node] = []
        while self.take("when"):
            test = self.either()
            self.demand("then")
            parts += [Node("=", parts=(subject, test)) if subject else test, self.either()]
        parts.append(self.either() if self.take("else") else Node("literal", None))
        self.demand("end")
        return Node("case", parts=tuple(parts))


def negated(node: Node) -> Node:
    return Node("not", parts=(node,))


def unquoted(text: str) -> str:
    return text[1:-1].replace("''", "'")
