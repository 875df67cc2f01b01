"""What a rule of SPEC 4 is worth for one customer: two-valued logic, operators and plain functions."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.evaluator.clock import as_utc
from tests.evaluator.rules import Node

Lookup = Callable[[Node], Any]


@dataclass(frozen=True)
class Property:
    """A property of an event; it is read as the type it meets."""

    raw: Any


def truth(node: Node, lookup: Lookup) -> bool:
    """Whether the rule holds. `lookup` answers columns and customer functions. What is unknown is false."""
    return read_as(value(node, lookup), bool) is True


def value(node: Node, lookup: Lookup) -> Any:
    """The node's value; None is unknown. Logic and comparisons are never unknown."""
    match node.kind:
        case "literal":
            return node.value
        case "interval":
            return timedelta(minutes=node.value)
        case "not":
            return not truth(node.parts[0], lookup)
        case "and":
            return truth(node.parts[0], lookup) and truth(node.parts[1], lookup)
        case "or":
            return truth(node.parts[0], lookup) or truth(node.parts[1], lookup)
        case "case":
            return first_case(node.parts, lookup)
        case "column" | "company":
            return known(lookup(node))
        case "call" if node.value in PLAIN:
            return PLAIN[node.value](*(value(part, lookup) for part in node.parts))
        case "call":
            return known(lookup(node))
    operands = [value(part, lookup) for part in node.parts]
    return operate(node.kind, operands)


def first_case(parts: tuple[Node, ...], lookup: Lookup) -> Any:
    for test, result in zip(parts[:-1:2], parts[1:-1:2], strict=True):
        if truth(test, lookup):
            return value(result, lookup)
    return value(parts[-1], lookup)


def known(raw: Any) -> Any:
    """A source's value in the evaluator's types: times are naive UTC, numbers that are no number are unknown."""
    if isinstance(raw, (datetime, date)):
        return as_utc(raw)
    return None if isinstance(raw, float) and math.isnan(raw) else raw


def operate(kind: str, operands: list[Any]) -> Any:
    if kind == "is null":
        return operands[0] is None or (isinstance(operands[0], Property) and operands[0].raw is None)
    if kind == "in":
        return any(operate("=", [operands[0], other]) for other in operands[1:])
    left, right = met(*operands)
    if kind in COMPARE:
        return left is not None and right is not None and COMPARE[kind](left, right)
    return None if left is None or right is None else ARITHMETIC[kind](left, right)


def met(left: Any, right: Any) -> tuple[Any, Any]:
    """Both sides, a property read as the type of the other side."""
    if isinstance(left, Property):
        left = read_as(left, type(right))
    if isinstance(right, Property):
        right = read_as(right, type(left))
    return left, right


def read_as(raw: Any, wanted: type) -> Any:
    """A property as number, truth, time or text; unknown when it is none. Anything else stays as it is."""
    if not isinstance(raw, Property):
        return raw
    raw = raw.raw
    if raw is None:
        return None
    if wanted in (int, float, Decimal):
        return cast_to(raw, "double")
    if wanted is bool:
        return cast_to(raw, "boolean")
    if wanted is datetime:
        return cast_to(raw, "timestamp")
    return raw if isinstance(raw, str) else json.dumps(raw)


def cast_to(raw: Any, kind: str) -> Any:
    """`try_cast`: unknown when it cannot be read so."""
    try:
        match kind:
            case "int" | "integer" | "bigint":
                return round_half_away(float(raw))
            case "double" | "float" | "decimal" | "numeric":
                return float(raw)
            case "boolean" | "bool":
                words = {"true": True, "false": False, "t": True, "f": False, "1": True, "0": False}
                return raw if isinstance(raw, bool) else words.get(str(raw).lower())
            case "timestamp" | "date":
                moment = as_utc(raw)
                return moment if kind == "timestamp" else moment.replace(hour=0, minute=0, second=0, microsecond=0)
    except (ValueError, TypeError, AttributeError):
        return None
    return None if raw is None else str(raw)


def round_half_away(number: float, digits: int = 0) -> float:
    scale: float = 10.0**digits
    return math.copysign(math.floor(abs(number) * scale + 0.5), number) / scale


def matches(pattern: str, text: str, flags: int = re.DOTALL) -> bool:
    """SQL `like`: `%` is any text, `_` one character."""
    wild = {"%": ".*", "_": "."}
    return re.fullmatch("".join(wild.get(c, re.escape(c)) for c in pattern), text, flags) is not None


def trunc(part: str, moment: datetime) -> datetime:
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return {
        "minute": moment.replace(second=0, microsecond=0),
        "hour": moment.replace(minute=0, second=0, microsecond=0),
        "day": midnight,
        "week": midnight - timedelta(days=moment.weekday()),
        "month": midnight.replace(day=1),
        "year": midnight.replace(month=1, day=1),
    }[part]


def strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """Unknown when any argument is."""
    return lambda *given: None if any(one is None for one in given) else function(*given)


def from_known(function: Callable[..., Any]) -> Callable[..., Any]:
    """Over the arguments that are known; unknown when none is."""
    return lambda *given: function(found) if (found := [one for one in given if one is not None]) else None


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "like": lambda text, pattern: matches(pattern, text),
    "ilike": lambda text, pattern: matches(pattern, text, re.DOTALL | re.IGNORECASE),
}
ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b if b else None,
}
PLAIN: dict[str, Callable[..., Any]] = {
    "lower": strict(str.lower),
    "upper": strict(str.upper),
    "trim": strict(lambda text: text.strip(" ")),
    "length": strict(len),
    "substr": strict(lambda text, start, size=None: text[start - 1 :][:size]),
    "replace": strict(lambda text, old, new: text.replace(old, new) if old else text),
    "starts_with": strict(str.startswith),
    "ends_with": strict(str.endswith),
    "contains": strict(lambda text, part: part in text),
    "concat": lambda *given: "".join(str(one) for one in given if one is not None),
    "coalesce": lambda *given: next((one for one in given if one is not None), None),
    "nullif": lambda a, b: None if operate("=", [a, b]) else a,
    "abs": strict(abs),
    "round": strict(round_half_away),
    "floor": strict(math.floor),
    "ceil": strict(math.ceil),
    "greatest": from_known(max),
    "least": from_known(min),
    "date_trunc": strict(trunc),
    "extract": strict(lambda part, moment: moment.isoweekday() % 7 if part == "dow" else getattr(moment, part)),
    "try_cast": strict(cast_to),
}
