"""The scalar functions that rules know, as data: arguments, families, results.

Argument counts of every function, those of the series too, are in ``ARGUMENTS``; the screen checks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from pipelines.rules.model import Family

Takes = Literal["text", "number", "place", "count", "alike"]


@dataclass(frozen=True)
class Function:
    """One scalar function.

    Attributes:
        node: What sqlglot parses it to, and what is written again.
        parts: The node's arguments in the order they are written; the last may hold a list.
        takes: The family of each argument (the last one's for all further ones); ``alike``: any one for all;
            ``count``: a whole number, written out; ``place``: one that may be negative.
        result: Family of its value; None: that of its arguments.
        least: Fewest arguments.
        most: Most arguments; None is any number.
        fails: Whether odd values make the engine fail, so that it needs a guard.
        certain: ``all``: known when all arguments are; ``any``: when one is; ``always``; ``never``.
        flags: Arguments of the node that its parser sets by itself.
    """

    node: type[exp.Expression]
    parts: tuple[str, ...]
    takes: tuple[Takes, ...]
    result: Family | None
    least: int
    most: int | None
    fails: bool = False
    certain: Literal["all", "any", "always", "never"] = "all"
    flags: tuple[str, ...] = ()


def _text(node: type[exp.Expression], *parts: str, result: Family = "text") -> Function:
    return Function(node, parts, ("text",), result, len(parts), len(parts))


SCALARS: Mapping[str, Function] = {
    "lower": _text(exp.Lower, "this"),
    "upper": _text(exp.Upper, "this"),
    "trim": _text(exp.Trim, "this"),
    "length": _text(exp.Length, "this", result="number"),
    "replace": _text(exp.Replace, "this", "expression", "replacement"),
    "starts_with": _text(exp.StartsWith, "this", "expression", result="boolean"),
    "ends_with": _text(exp.EndsWith, "this", "expression", result="boolean"),
    "contains": _text(exp.Contains, "this", "expression", result="boolean"),
    "substr": Function(exp.Substring, ("this", "start", "length"), ("text", "place", "count"), "text", 2, 3),
    "concat": Function(
        exp.Concat, ("expressions",), ("text",), "text", 2, None, certain="always", flags=("safe", "coalesce")
    ),
    "coalesce": Function(exp.Coalesce, ("this", "expressions"), ("alike",), None, 2, None, certain="any"),
    "nullif": Function(exp.Nullif, ("this", "expression"), ("alike",), None, 2, 2, certain="never"),
    "greatest": Function(
        exp.Greatest, ("this", "expressions"), ("alike",), None, 2, None, certain="any", flags=("ignore_nulls",)
    ),
    "least": Function(
        exp.Least, ("this", "expressions"), ("alike",), None, 2, None, certain="any", flags=("ignore_nulls",)
    ),
    "abs": Function(exp.Abs, ("this",), ("number",), "number", 1, 1, fails=True),
    "round": Function(exp.Round, ("this", "decimals"), ("number", "place"), "number", 1, 2, fails=True),
    "floor": Function(exp.Floor, ("this",), ("number",), "number", 1, 1),
    "ceil": Function(exp.Ceil, ("this",), ("number",), "number", 1, 1),
}
"""By name. As in DuckDB, `concat` counts an unknown text as empty, `greatest` and `least` pass over unknown values."""

BY_NODE: Mapping[type[exp.Expression], tuple[str, Function]] = {
    function.node: (name, function) for name, function in SCALARS.items()
}

EVENT_OPTIONS = ("at_least", "within", "where")
EVENT_FUNCTIONS: Mapping[str, tuple[int, tuple[str, ...]]] = {
    "did": (1, EVENT_OPTIONS),
    "event_count": (1, EVENT_OPTIONS[1:]),
    "event_sum": (2, EVENT_OPTIONS[1:]),
    "first_event": (1, EVENT_OPTIONS[1:]),
    "last_event": (1, EVENT_OPTIONS[1:]),
}
"""How many names each takes, and which options."""
ENGAGEMENT_FUNCTIONS = ("received", "opened", "clicked", "replied", "completed", "dismissed", "reacted")
SERIES_FUNCTIONS = ("in_series", "entered_series", "finished_series", "exited_series", "reached_goal")

ARGUMENTS: Mapping[str, tuple[int, int | None]] = {
    **{name: (function.least, function.most) for name, function in SCALARS.items()},
    "date_trunc": (2, 2),
    "extract": (1, 1),
    "try_cast": (1, 1),
    "now": (0, 0),
    "has_tag": (1, 1),
    "in_segment": (1, 1),
    **{name: (count, count + len(options)) for name, (count, options) in EVENT_FUNCTIONS.items()},
    **dict.fromkeys(ENGAGEMENT_FUNCTIONS, (1, 2)),
    **dict.fromkeys(SERIES_FUNCTIONS, (1, 1)),
}
"""Fewest and most arguments of every function, named ones included; None is any number."""
