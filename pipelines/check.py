"""Whether definitions make sense: every rule, template and channel against what the project has.

Reading (``pipelines.definitions``) has found what is wrong with one file by itself; here each series meets the other
series, the segments, the channels and the columns of the warehouse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from pipelines.checked import CheckedChannel, CheckedDefinitions, CheckedSeries
from pipelines.compile.payload import compile_payload
from pipelines.definitions.settings import DEFAULT
from pipelines.definitions.targets import of_targets
from pipelines.graph import build_graph
from pipelines.hint import did_you_mean
from pipelines.model import (
    ContentBlock,
    Definitions,
    RuleBlock,
    Series,
    Settings,
    Text,
    WaitBlock,
)
from pipelines.problems import Position, Problem, in_order
from pipelines.rules import Scope, parse_measure, parse_rule, parse_value
from pipelines.rules.model import Columns, Rule
from pipelines.templates.template import Attributes
from pipelines.warn import series_warnings


@dataclass(frozen=True, slots=True)
class SourceColumns:
    """What is known of the sources' columns, by source and logical column name.

    A source that is not named here or is None is not known, because there is no warehouse to ask: any column name is
    taken for one of its own. A source without columns is absent.
    """

    families: Mapping[str, Columns | None] = field(default_factory=dict)

    def columns(self, source: str) -> Columns | None:
        """A source's columns; None when they are not known."""
        return self.families.get(source)

    def present(self, source: str) -> bool:
        """Whether the source is there, as far as known."""
        columns = self.columns(source)
        return columns is None or bool(columns)


def check(definitions: Definitions, columns: SourceColumns) -> tuple[CheckedDefinitions, list[Problem]]:
    """Checks all definitions together.

    Returns:
        What is without errors, and every problem found, in the order of files and places. A file that could not be
        read without errors is checked for further ones, but not warned about.
    """
    scope = _project_scope(definitions, columns)
    channels, problems = _check_channels(definitions, scope)
    problems += _check_segments(definitions, scope)
    test_customers, found = _check_test_customers(definitions.settings, scope)
    problems += found
    checked: dict[str, CheckedSeries] = {}
    for series in definitions.series.values():
        result, found = _check_series(series, definitions.settings, scope)
        has_error = any(problem.severity == "error" for problem in found)
        if not has_error and _channel_names([series]).keys() <= channels.keys():
            checked[series.series_id] = result
        problems += found
        problems += series_warnings(result, definitions.settings, columns.present("engagements"))
    for series in definitions.refused.values():
        problems += _check_series(series, definitions.settings, scope)[1]
    return CheckedDefinitions(definitions.settings, checked, channels, test_customers), in_order(problems)


def check_other_targets(definitions: Definitions) -> list[Problem]:
    """What is wrong for other targets than the chosen one only, as far as can be told without their warehouses."""
    # Of a target's settings, only these have a meaning that can be wrong.
    mine = definitions.settings.channels, definitions.settings.policy.test_customers
    others = [
        settings
        for settings in definitions.other_targets.values()
        if (settings.channels, settings.policy.test_customers) != mine
    ]
    here = set(check(definitions, SourceColumns())[1]) if others else set()
    found: dict[Problem, list[str]] = {}
    for settings in others:
        for problem in check(replace(definitions, settings=settings), SourceColumns())[1]:
            if problem not in here:
                found.setdefault(problem, []).append(str(settings.target))
    return [of_targets(problem, names) for problem, names in found.items()]


def scope_of(series: Series, definitions: Definitions, columns: SourceColumns) -> Scope:
    """The names that rules of a series may use, wherever in it they stand."""
    return _anywhere(series, _project_scope(definitions, columns))


def _anywhere(series: Series, project: Scope) -> Scope:
    contents = frozenset(block_id for block_id, block in series.blocks.items() if isinstance(block, ContentBlock))
    return replace(project, messages=contents, blocks=frozenset(series.blocks), content_blocks=contents)


def _project_scope(definitions: Definitions, columns: SourceColumns) -> Scope:
    has_companies = columns.present("companies") and columns.present("customer_companies")
    return Scope(
        customer=columns.columns("customers"),
        company=columns.columns("companies") if has_companies else {},
        series=frozenset(definitions.series) | frozenset(definitions.refused),
        segments=definitions.segments,
    )


def _check_series(series: Series, settings: Settings, project: Scope) -> tuple[CheckedSeries, list[Problem]]:
    """The series with every rule that could be parsed, and what is wrong with the others."""
    graph = build_graph(series.blocks)
    contents = {block_id: block for block_id, block in series.blocks.items() if isinstance(block, ContentBlock)}
    anywhere = _anywhere(series, project)
    problems: list[Problem] = []
    rules: dict[str, Rule] = {}
    waits: dict[str, Rule] = {}
    for block_id, block in series.blocks.items():
        if isinstance(block, RuleBlock):
            before = replace(anywhere, messages=graph.ancestors(block_id) & contents.keys())
            _keep(rules, block_id, parse_rule(block.rule, before), problems)
        elif isinstance(block, WaitBlock) and isinstance(block.until, Text):
            _keep(waits, block_id, parse_value(block.until, anywhere, "time"), problems)
    goals: dict[str, Rule] = {}
    for block_id, content in contents.items():
        problems += _content_problems(content, settings, Attributes(project.customer, project.company))
        if content.goal:
            _keep(goals, block_id, parse_rule(content.goal.rule, anywhere), problems)
    ends: dict[str, Rule] = {}
    for name, rule in (("exit", series.exit), ("goal", series.goal and series.goal.rule)):
        if rule:
            _keep(ends, name, parse_rule(rule, anywhere), problems)
    if series.goal and series.goal.value:
        _keep(ends, "value", parse_measure(series.goal.value, anywhere), problems)
    problems += _breakdown_problems(series, project)
    return (
        CheckedSeries(series, graph, rules, ends.get("exit"), ends.get("goal"), waits, goals, ends.get("value")),
        problems,
    )


def _breakdown_problems(series: Series, project: Scope) -> Iterator[Problem]:
    for name in series.breakdowns if project.customer is not None else ():
        family = project.customer.get(name.value) if project.customer else None
        if family is None:
            hint = did_you_mean(name.value, project.customer or ())
            yield Problem(name.position, f"`customers` has no column `{name}`{hint}")
        elif family == "other":
            yield Problem(name.position, f"`{name}` is a list, a struct or JSON; a breakdown needs a single value")


def _keep(
    rules: dict[str, Rule], name: str, parsed: tuple[Rule | None, list[Problem]], problems: list[Problem]
) -> None:
    rule, found = parsed
    problems += found
    if rule is not None and not found:
        rules[name] = rule


def _content_problems(block: ContentBlock, settings: Settings, attributes: Attributes) -> Iterator[Problem]:
    if block.channel.value not in settings.channels:
        hint = did_you_mean(block.channel.value, settings.channels)
        message = f"there is no channel `{block.channel}`{hint or '; declare it under `channels` in series.yml'}"
        yield Problem(block.channel.position, message)
    elif block.once_per_address and settings.channels[block.channel.value].address is None:
        message = f"`once_per_address` asks for an address, and channel `{block.channel}` has none; remove it"
        yield Problem(block.position, message)
    yield from compile_payload(block, attributes)[1]


def _channel_names(series: Iterable[Series]) -> dict[str, Text]:
    """The channels that content blocks use, each with the first place that does."""
    names: dict[str, Text] = {}
    for block in (block for one in series for block in one.blocks.values()):
        if isinstance(block, ContentBlock):
            names.setdefault(block.channel.value, block.channel)
    return names


def _check_channels(definitions: Definitions, scope: Scope) -> tuple[dict[str, CheckedChannel], list[Problem]]:
    checked: dict[str, CheckedChannel] = {}
    problems: list[Problem] = []
    used = _channel_names([*definitions.series.values(), *definitions.refused.values()])
    for name, place in used.items():
        channel = definitions.settings.channels.get(name)
        if channel is None:
            continue
        parsed: dict[str, Rule] = {}
        found: list[Problem] = []
        if channel.address:
            _keep(parsed, "address", parse_value(channel.address, scope, "text"), found)
        if channel.consent:
            _keep(parsed, "consent", parse_rule(channel.consent, scope), found)
        if not found:
            checked[name] = CheckedChannel(channel, parsed.get("address"), parsed.get("consent"))
        problems += (_channel_problem(problem, name, place.position) for problem in found)
    return checked, problems


def _channel_problem(problem: Problem, name: str, place: Position) -> Problem:
    """A problem of a default, which stands in no file, is told where the channel is used."""
    if problem.position is None or problem.position.file != DEFAULT.file:
        return problem
    message = f"channel `{name}` by default: {problem.message}; say what holds here under `channels` in series.yml"
    return Problem(place, message, problem.severity)


def _check_segments(definitions: Definitions, scope: Scope) -> list[Problem]:
    """Problems of every segment, used or not; it may name messages of whatever series uses it."""
    series = [*definitions.series.values(), *definitions.refused.values()]
    blocks = frozenset(block_id for one in series for block_id in one.blocks)
    anywhere = replace(scope, messages=blocks, blocks=blocks, content_blocks=blocks)
    return [problem for rule in definitions.segments.values() for problem in parse_rule(rule, anywhere)[1]]


def _check_test_customers(settings: Settings, scope: Scope) -> tuple[Rule | None, list[Problem]]:
    """The rule of the sending policy that tells test customers."""
    text = settings.policy.test_customers
    if text is None:
        return None, []
    rule, problems = parse_rule(text, scope)
    if rule is not None and not problems and (rule.calls or rule.company_columns):
        message = "`test_customers` can ask for attributes of the customer only, not for companies or what happened"
        problems = [Problem(text.position, message)]
    return (None if problems else rule), problems
