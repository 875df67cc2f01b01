"""The first look at a rule, at its tokens: sizes, characters, function names and how many arguments they get.

It runs before anything is parsed, so it is what keeps giant, deeply nested and foreign text away from the parser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlglot import Dialect, Token, TokenError, TokenType

from pipelines.hint import did_you_mean
from pipelines.rules.findings import Findings, Span
from pipelines.rules.functions import ARGUMENTS

LONGEST = 10_000
"""Characters; a rule must be shorter."""
DEEPEST = 32
"""Parentheses within parentheses."""

_OPERATORS = frozenset(["=", "!=", "<>", "<", "<=", ">", ">=", "+", "-", "*", "/", "(", ")", ",", ".", "=>"])
_ADVICE = {
    ";": "a rule is one condition; remove `;` and what follows",
    "::": "`::` is not known in rules; write try_cast(value as type)",
    "||": "`||` is not known in rules; write concat(a, b)",
    "==": "write `=` to compare",
    "*": "`*` can only multiply",
    "?": "parameters are not known in rules",
    "$": "parameters are not known in rules",
    "isnull": "write `is null`",
    "notnull": "write `is not null`",
    "[": "lists are not known in rules; write `in (…)`",
    "]": "lists are not known in rules; write `in (…)`",
}
_FOREIGN = frozenset({TokenType.ISNULL, TokenType.NOTNULL, TokenType.LOCALTIME, TokenType.LOCALTIMESTAMP})
_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d]\w*")
_BEFORE_PARENTHESIS = frozenset(
    "and or not in between like ilike is case when then else as from interval decimal numeric varchar".split()
)


@dataclass
class _Parenthesis:
    """An open parenthesis; ``function`` is the name before it, None for a grouping one."""

    token: Token
    function: Token | None
    commas: int = 0


def screen(source: str, findings: Findings) -> list[Token] | None:
    """The tokens of a rule; None when it cannot be worth parsing. Problems go to ``findings``."""
    if len(source) >= LONGEST:
        findings.report((0, 1), f"this rule has {len(source):,} characters; it must have fewer than {LONGEST:,}")
        return None
    if not source.strip():
        findings.report((0, 1), "there is no condition here")
        return None
    try:
        tokens = Dialect.get_or_raise("duckdb").tokenize(source)
    except TokenError:
        start = _unclosed_quote(source)
        findings.report((start, start + 1), "the quote that opens here is never closed")
        return None
    for before, token in zip([None, *tokens], tokens, strict=False):
        if message := _complaint(source[token.start : token.end + 1], before, token):
            findings.report(span_of(token), message)
    _check_comments(source, tokens, findings)
    if findings or not tokens:
        return None
    return tokens if _check_parentheses(source, tokens, findings) else None


def span_of(token: Token) -> Span:
    """Where a token stands."""
    return token.start, token.end + 1


def _unclosed_quote(source: str) -> int:
    """The quote that no other one closes: the last one that opens."""
    start, quote = 0, ""
    for offset, letter in enumerate(source):
        if not quote and letter in "'\"":
            start, quote = offset, letter
        elif letter == quote:
            quote = ""
    return start


def _complaint(written: str, before: Token | None, token: Token) -> str | None:
    """What is wrong with one token; None when rules know it."""
    if token.token_type == TokenType.SELECT:
        return "a rule cannot hold a query; tables are read by functions such as did(…)"
    if token.token_type == TokenType.STRING and written.startswith("'"):
        return _text_complaint(before, token)
    if token.token_type == TokenType.IDENTIFIER and written.startswith('"'):
        return None
    if token.token_type == TokenType.NUMBER:
        return _number_complaint(written, before)
    if token.token_type.name.startswith("CURRENT_") or token.token_type in _FOREIGN:
        advice = _ADVICE.get(written.lower(), "write now() for the instant that is evaluated")
        return f"`{written}` is not known in rules; {advice}"
    if written in _OPERATORS or (_WORD.fullmatch(written) and not token.token_type.name.endswith("STRING")):
        return None
    return _ADVICE.get(written, f"`{written}` is not known in rules")


def _text_complaint(before: Token | None, token: Token) -> str | None:
    if before is not None and before.token_type == TokenType.STRING:
        return "two texts stand side by side; write concat(a, b)"
    return "a text cannot hold the character NUL" if "\0" in token.text else None


def _number_complaint(written: str, before: Token | None) -> str | None:
    if before is not None and before.token_type == TokenType.DOT:
        return f"write `0.{written}`, with a digit before the point"
    too_large = not _NUMBER.fullmatch(written) or abs(float(written)) >= 1e38
    return f"`{written}` is not a number that rules know" if too_large else None


def _check_comments(source: str, tokens: list[Token], findings: Findings) -> None:
    gaps = zip(
        [0, *(token.end + 1 for token in tokens)], [*(token.start for token in tokens), len(source)], strict=True
    )
    for start, stop in gaps:
        if gap := source[start:stop].strip():
            first = source.index(gap, start)
            findings.report((first, first + len(gap)), "a rule cannot hold a comment; YAML comments begin with #")


def _check_parentheses(source: str, tokens: list[Token], findings: Findings) -> bool:
    """Checks nesting, names of functions and numbers of arguments; False when the parentheses are not in pairs."""
    open_ones: list[_Parenthesis] = []
    before: Token | None = None
    for token in tokens:
        if token.token_type == TokenType.L_PAREN:
            open_ones.append(_Parenthesis(token, _function(source, before)))
            if len(open_ones) > DEEPEST:
                findings.report(span_of(token), f"parentheses are nested more than {DEEPEST} deep")
                return False
        elif token.token_type == TokenType.R_PAREN:
            if not open_ones:
                findings.report(span_of(token), "this parenthesis was never opened")
                return False
            _check_call(open_ones.pop(), before, findings)
        elif token.token_type == TokenType.COMMA and open_ones:
            open_ones[-1].commas += 1
        before = token
    for left in open_ones[-1:]:
        findings.report(span_of(left.token), "the parenthesis that opens here is never closed")
    return not open_ones


def _function(source: str, before: Token | None) -> Token | None:
    if before is None or before.token_type in (TokenType.STRING, TokenType.NUMBER):
        return None
    written = source[before.start : before.end + 1]
    is_name = before.token_type == TokenType.IDENTIFIER or _WORD.fullmatch(written)
    return before if is_name and written.lower() not in _BEFORE_PARENTHESIS else None


def _check_call(parenthesis: _Parenthesis, before: Token | None, findings: Findings) -> None:
    name = parenthesis.function
    if name is None:
        return
    if name.token_type == TokenType.IDENTIFIER:
        findings.report(span_of(name), "names of functions are written without quotes")
        return
    known = ARGUMENTS.get(name.text.lower())
    if known is None:
        message = f"`{name.text}` is not a function that rules know{did_you_mean(name.text, ARGUMENTS)}"
        findings.report(span_of(name), message)
        return
    given = 0 if before is parenthesis.token else parenthesis.commas + 1
    least, most = known
    if given < least or (most is not None and given > most):
        findings.report(span_of(name), f"`{name.text.lower()}` takes {_count(least, most)}, not {given}")


def _count(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} or more arguments"
    if least == most:
        return "no arguments" if most == 0 else "1 argument" if most == 1 else f"{most} arguments"
    return f"{least} to {most} arguments"
