"""Calls of the functions that look beyond the customer's row: events, engagements, tags, other series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from sqlglot import exp

from pipelines.duration import parse_duration
from pipelines.hint import did_you_mean
from pipelines.rules.findings import Findings
from pipelines.rules.functions import ENGAGEMENT_FUNCTIONS, EVENT_FUNCTIONS, SERIES_FUNCTIONS
from pipelines.rules.model import Call, EngagementCall, EventCall, Family, SeriesCall, TagCall
from pipelines.rules.scope import Scope
from pipelines.rules.syntax import Syntax

Where = Callable[[exp.Expression], exp.Expression | None]
"""Reads the condition of a ``where``; None when it is wrong."""

FAMILIES: Mapping[str, Family] = {
    "event_count": "number",
    "event_sum": "number",
    "first_event": "time",
    "last_event": "time",
}
"""What a call is; one that is not here is a boolean."""

_COUNT_LIMIT = 2**31


@dataclass
class Arguments:
    """The arguments of one call, split into those by place and those by name."""

    function: str
    node: exp.Expression
    syntax: Syntax
    findings: Findings
    placed: list[exp.Expression] = field(default_factory=list)
    named: dict[str, exp.Expression] = field(default_factory=dict)

    def wrong(self, node: exp.Expression, message: str) -> None:
        """Report a problem about one of them."""
        self.findings.report(self.syntax.span(node), message)

    def text(self, node: exp.Expression, what: str) -> str | None:
        """The text in quotes that an argument must be."""
        if type(node) is exp.Literal and node.is_string and str(node.this).strip():
            return str(node.this)
        self.wrong(node, f"`{self.function}` needs {what} as text in quotes, not `{self.syntax.words(node)}`")
        return None


def read_call(
    function: str, node: exp.Expression, syntax: Syntax, scope: Scope, where: Where, findings: Findings
) -> Call | None:
    """The call that ``node`` is; None when it is wrong, and ``findings`` say why."""
    placed, options = 1, tuple[str, ...]()
    if function in EVENT_FUNCTIONS:
        placed, options = EVENT_FUNCTIONS[function]
    elif function in ENGAGEMENT_FUNCTIONS:
        options = ("link",)
    arguments = _arguments(function, node, syntax, findings, placed, options)
    if arguments is None:
        return None
    if function in EVENT_FUNCTIONS:
        return _event_call(arguments, where)
    if function in ENGAGEMENT_FUNCTIONS:
        return _engagement_call(arguments, scope)
    if function in SERIES_FUNCTIONS:
        return _series_call(arguments, scope)
    tag = arguments.text(arguments.placed[0], "a tag")
    return TagCall(tag) if tag is not None else None


def _arguments(
    function: str, node: exp.Expression, syntax: Syntax, findings: Findings, placed: int, options: tuple[str, ...]
) -> Arguments | None:
    arguments = Arguments(function, node, syntax, findings)
    fine = True
    for argument in node.expressions:
        if type(argument) is not exp.Kwarg:
            arguments.placed.append(argument)
            continue
        name, value = argument.this.name.lower(), argument.expression
        if name not in options:
            takes = f"it takes {', '.join(f'`{option}`' for option in options)}" if options else "it takes none"
            message = f"`{function}` has no option `{name}`; {takes}{did_you_mean(name, options)}"
            findings.report(syntax.argument_name(value), message)
            fine = False
        elif name in arguments.named:
            findings.report(syntax.argument_name(value), f"`{name}` is given twice")
            fine = False
        arguments.named[name] = value
    if len(arguments.placed) > placed:
        hint = f"; write `{options[0]} => …`" if options else ""
        arguments.wrong(arguments.placed[placed], f"`{function}` has no argument without a name here{hint}")
        fine = False
    if len(arguments.placed) < placed:
        needed = "the name of an event and of a property" if placed == 2 else "a name"
        arguments.wrong(node, f"`{function}` needs {needed} first")
        fine = False
    return arguments if fine else None


def _event_call(arguments: Arguments, where: Where) -> EventCall | None:
    function = arguments.function
    name = arguments.text(arguments.placed[0], "the name of an event")
    summed = arguments.text(arguments.placed[1], "the name of a property") if function == "event_sum" else None
    at_least = _at_least(arguments)
    within = _within(arguments)
    condition = arguments.named.get("where")
    where_sql = where(condition) if condition is not None else None
    missing = ("within" in arguments.named and within is None) or (condition is not None and where_sql is None)
    if name is None or at_least is None or missing or (function == "event_sum" and summed is None):
        return None
    return EventCall(
        function=function,  # type: ignore[arg-type] # the caller looked it up in EVENT_FUNCTIONS
        name=name,
        property=summed,
        at_least=at_least,
        within=within,
        where=where_sql,
    )


def _at_least(arguments: Arguments) -> int | None:
    node = arguments.named.get("at_least")
    if node is None:
        return 1
    text = str(node.this) if type(node) is exp.Literal and not node.is_string else ""
    if text.isdecimal() and 1 <= int(text) < _COUNT_LIMIT:
        return int(text)
    arguments.wrong(node, f"`at_least` needs a whole number from 1 on, not `{arguments.syntax.words(node)}`")
    return None


def _within(arguments: Arguments) -> timedelta | None:
    node = arguments.named.get("within")
    if node is None:
        return None
    text = arguments.text(node, "`within`, a duration such as '7 days',")
    if text is None:
        return None
    try:
        within = parse_duration(text)
    except ValueError as error:
        arguments.wrong(node, str(error))
        return None
    if not within:
        arguments.wrong(node, "`within` must be longer than nothing")
        return None
    return within


def _engagement_call(arguments: Arguments, scope: Scope) -> EngagementCall | None:
    node = arguments.placed[0]
    block = arguments.text(node, "a content block")
    link_node = arguments.named.get("link")
    link = arguments.text(link_node, "`link`") if link_node is not None else None
    if block is None or (link_node is not None and link is None):
        return None
    if block not in scope.messages:
        arguments.wrong(node, _no_message(block, scope))
        return None
    return EngagementCall(arguments.function, block, link)


def _no_message(block: str, scope: Scope) -> str:
    if block in scope.content_blocks:
        before = ", ".join(f"`{name}`" for name in sorted(scope.messages)) or "none"
        return f"`{block}` cannot have come before this block; content blocks before it: {before}"
    if block in scope.blocks:
        return f"`{block}` is not a content block, so it sends no message{did_you_mean(block, scope.messages)}"
    return f"there is no block `{block}`{did_you_mean(block, scope.messages or scope.content_blocks)}"


def _series_call(arguments: Arguments, scope: Scope) -> SeriesCall | None:
    node = arguments.placed[0]
    series = arguments.text(node, "a series")
    if series is None:
        return None
    if series not in scope.series:
        arguments.wrong(node, f"there is no series `{series}`{did_you_mean(series, scope.series)}")
        return None
    return SeriesCall(arguments.function, series)  # type: ignore[arg-type] # the caller looked it up in SERIES_FUNCTIONS
