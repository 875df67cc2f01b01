"""Reads a test file: YAML to a ``Scenario``, with everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

from pipelines.document import Fields, Items, Node, Scalar, read_document
from pipelines.hint import did_you_mean
from pipelines.model import Text
from pipelines.problems import Position, Problem, UserError, in_order
from pipelines.reader import Reader
from pipelines.scenarios.difference import JSON_COLUMNS, TABLES
from pipelines.scenarios.scenario import (
    MESSAGE_NAME,
    STANDARD_COLUMNS,
    PlacedRow,
    Scenario,
    ScenarioRun,
    Value,
    parse_time,
)
from pipelines.schedule import parse_as_of

SCENARIO = MappingProxyType(
    {
        "scenario": "What the test shows, in a sentence.",
        "series": "The only series that are there; all of them when absent.",
        "project": "Text of series.yml; the project's own when absent.",
        "definitions": "Text of every file of series_definitions/, by name; the project's own when absent.",
        "runs": "The runs in their order.",
    }
)
RUN = MappingProxyType(
    {
        "as_of": "The instant of the run.",
        "due": "Whether only series take part that are due by their schedule.",
        "project": "Text of series.yml from this run on.",
        "definitions": "Files of series_definitions/ that are new or replaced from this run on.",
        "sources": "Rows that arrive before the run, by source.",
        "customers_gone": "Ids of customers who are deleted before the run.",
        "customer_tags_gone": "Rows that are deleted from customer_tags before the run.",
        "changed": "Rows that the run makes or changes, by table.",
    }
)

_KNOWN_COLUMNS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "customer_companies": ("customer_id", "company_id"),
        "events": ("customer_id", "name", "occurred_at", "properties"),
        "engagements": (*MESSAGE_NAME, "message_id", "kind", "occurred_at", "link"),
        "customer_tags": ("customer_id", "tag"),
    }
)
"""The columns of sources that have no attributes."""


def read_scenario(text: str, file: str) -> tuple[Scenario | None, list[Problem]]:
    """Reads one test file.

    Args:
        text: The file's text.
        file: Its name, for positions.

    Returns:
        The scenario, None when anything is wrong; and every problem found.
    """
    node, problems = read_document(text, file)
    if not isinstance(node, Fields):
        message = "a test must be a mapping; it has at least `scenario` and `runs`"
        return None, problems or [Problem(Position(file, 1, 1), message)]
    reader = Reader(node, "the test", SCENARIO, problems)
    reader.require("scenario", "runs")
    scenario = Scenario(
        file=file,
        title=reader.string("scenario") or "",
        series=reader.texts("series"),
        project=reader.text("project"),
        definitions=_definitions(reader) if "definitions" in reader else None,
        runs=tuple(_read_run(run) for run in _mappings(reader, "runs", "run", RUN)),
    )
    _refuse_pointless(reader, scenario)
    return (None if problems else scenario), in_order(problems)


def _refuse_pointless(reader: Reader, scenario: Scenario) -> None:
    if reader.problems:
        return
    if not scenario.runs:
        reader.report(reader.key_position("runs"), "there is no run; write at least one, with its `as_of`")
    elif all(run.changed is None for run in scenario.runs):
        message = "no run says what has `changed`, so the test cannot fail; say it, at least for the last run"
        reader.report(reader.key_position("runs"), message)


def _read_run(reader: Reader) -> ScenarioRun:
    reader.require("as_of")
    sources = reader.inner("sources", STANDARD_COLUMNS, where="`sources`")
    changed = None if reader.is_null("changed") else reader.inner("changed", TABLES, where="`changed`")
    return ScenarioRun(
        as_of=reader.parsed("as_of", _instant) or datetime.min,
        position=reader.key_position("as_of"),
        due=reader.boolean("due") or False,
        project=reader.text("project"),
        definitions=_definitions(reader),
        sources=_tables(sources, STANDARD_COLUMNS, _read_source_row) if sources else {},
        customers_gone=tuple(text.value for text in reader.texts("customers_gone")),
        customer_tags_gone=_rows(reader, "customer_tags_gone", "customer_tags", _read_source_row),
        changed=_tables(changed, TABLES, _read_expected_row) if changed else None,
    )


def _definitions(reader: Reader) -> dict[str, Text]:
    inner = reader.inner("definitions", None)
    if inner is None:
        return {}
    for entry in inner.node.entries.values():
        inner.identifier(entry.key, "series")
    found = {name: inner.text(name) for name in inner.node.entries}
    return {name: text for name, text in found.items() if text is not None}


RowReader = Callable[[Reader, str], PlacedRow]


def _tables(reader: Reader, known: Collection[str], read: RowReader) -> dict[str, tuple[PlacedRow, ...]]:
    return {name: _rows(reader, name, name, read) for name in reader.node.entries if name in known}


def _rows(reader: Reader, key: str, table: str, read: RowReader) -> tuple[PlacedRow, ...]:
    return tuple(read(row, table) for row in _mappings(reader, key, f"row of `{key}`", None))


def _mappings(reader: Reader, key: str, name: str, keys: Mapping[str, str] | None) -> Iterator[Reader]:
    """The mappings in the list under ``key``."""
    entry = reader.node.entries.get(key)
    if entry is None:
        return
    if not isinstance(entry.value, Items):
        reader.report(entry.value.position, f"`{key}` of {reader.where} must be a list; begin each {name} with `-`")
        return
    for item in entry.value.items:
        if isinstance(item, Fields):
            yield Reader(item, f"a {name}", keys, reader.problems)
        elif not _is_broken(item):
            reader.report(item.position, f"a {name} must be a mapping of keys to values")


def _read_source_row(reader: Reader, source: str) -> PlacedRow:
    if source in _KNOWN_COLUMNS:
        reader.refuse_unknown(_KNOWN_COLUMNS[source])
    if source == "engagements":
        reader.require("kind", "occurred_at", *(() if "message_id" in reader else ("block_id", "customer_id")))
    else:
        reader.require(*(column for column in STANDARD_COLUMNS[source] if column != "properties"))
    row = _row(reader, json=("properties",) if source == "events" else ())
    time = row.values.get("occurred_at")
    if source in ("events", "engagements") and time is not None and parse_time(str(time)) is None:
        position = reader.node.entries["occurred_at"].value.position
        reader.report(position, f"`occurred_at` of {reader.where} must be a time such as 2026-03-01T09:00Z, or null")
    return row


def _read_expected_row(reader: Reader, table: str) -> PlacedRow:
    reader.refuse_unknown(TABLES[table])
    if not reader.node.entries:
        reader.report(reader.position, f"{reader.where} names no column; name some of those that matter")
    return _row(reader, json=JSON_COLUMNS)


def _row(reader: Reader, json: tuple[str, ...]) -> PlacedRow:
    values: dict[str, Value] = {}
    for column, entry in reader.node.entries.items():
        if isinstance(entry.value, Scalar) or column in json:
            values[column] = _plain(entry.value)
        else:
            reader.report(entry.value.position, f"`{column}` of {reader.where} must be a single value")
    return PlacedRow(values, reader.position)


def _plain(node: Node) -> Value:
    """The node as Python has it; times stay text, because the column decides whether they are any."""
    match node:
        case Fields():
            return {key: _plain(entry.value) for key, entry in node.entries.items()}
        case Items():
            return [_plain(item) for item in node.items]
    text = node.text.value
    match node.kind:
        case "null":
            return None
        case "boolean":
            return text.lower() == "true"
        case "integer":
            # What no column holds stays text.
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text) if len(text) < 40 else text
        case "number":
            return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text


def _is_broken(node: Node) -> bool:
    return isinstance(node, Scalar) and node.kind == "broken"


def _instant(text: str) -> datetime:
    try:
        return parse_as_of(text)
    except UserError as error:
        raise ValueError(str(error).rstrip(".")) from None


def unknown_series(scenario: Scenario, known: Mapping[str, object]) -> list[Problem]:
    """Series that a test names and that do not exist."""
    return [
        Problem(text.position, f"there is no series `{text}`{did_you_mean(text.value, known)}")
        for text in scenario.series
        if text.value not in known
    ]
