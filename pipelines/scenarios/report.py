"""What became of tests, for people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from pipelines.output import count
from pipelines.scenarios.difference import WHO, RowDifference, equal
from pipelines.scenarios.run import RunDifference, ScenarioResult
from pipelines.scenarios.scenario import Row, Value
from pipelines.schedule import format_instant

_PLAIN_TEXT = re.compile(r"[^\W\d][\w@.+ -]*|[0-9]{4}-[0-9]{2}-[0-9]{2}[T0-9:.+Z-]*")
_NOT_TEXT = ("null", "true", "false")


def scenarios(results: Sequence[ScenarioResult]) -> str:
    """A line for each test, below it what is not as expected, and a summary.

    A line that begins with ``-`` was expected and is not so, one with ``+`` is so and was not expected.
    """
    lines = [line for result in results for line in _result(result)]
    numbers = {state: sum(result.state == state for result in results) for state in ("passed", "failed", "refused")}
    words = ", ".join(f"{number:,} {state}" for state, number in numbers.items() if number)
    legend = " (- expected, + found)" if any(result.differences for result in results) else ""
    return "\n".join([*lines, f"{count(len(results), 'test')}: {words}.{legend}"])


def _result(result: ScenarioResult) -> Iterator[str]:
    title = f": {result.title}" if result.title else ""
    yield f"{result.state:<8}{result.file}{title}"
    for difference in result.differences:
        yield from _run(difference)
    for problem in result.problems:
        yield from (f"  {line}" for line in str(problem).splitlines())


def _run(difference: RunDifference) -> Iterator[str]:
    yield f"  {difference.position}: the run at {format_instant(difference.as_of)}"
    yield from (f"    {sentence}" for sentence in difference.said)
    for table, rows in difference.tables.items():
        yield f"    {table}"
        for row in rows:
            yield from (f"      {line}" for line in _row(row))


def _row(row: RowDifference) -> Iterator[str]:
    if row.expected is None:
        yield f"+ {inline(row.found or {})}"
        return
    line = f"line {row.position.line}" if row.position else ""
    hint = " (it is there, but this run did not change it)" if row.unchanged else ""
    if row.found is None:
        yield f"- {inline(row.expected)}  # {line}{hint}"
        return
    # Of two rows that belong together only what differs is worth reading.
    shown = [name for name, value in row.expected.items() if name in WHO or not equal(value, row.found[name])]
    yield f"- {inline({name: row.expected[name] for name in shown})}  # {line}"
    yield f"+ {inline({name: _named(row.expected[name], row.found[name]) for name in shown})}"


def _named(expected: Value, found: Value) -> Value:
    """Of a mapping only the keys that the test names."""
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return {key: found.get(key) for key in expected}
    return found


def inline(row: Row) -> str:
    """A row as one line of YAML, ready to be copied into a test.

    >>> inline({"customer_id": "ada", "left_at": None, "tag": "7", "merged": True})
    '{customer_id: ada, left_at: null, tag: "7", merged: true}'
    """
    return f"{{{', '.join(f'{name}: {_value(value)}' for name, value in row.items())}}}"


def _value(value: Value) -> str:
    match value:
        case None:
            return "null"
        case datetime():
            return format_instant(value)
        case Mapping():
            return inline(value)
        case str() if _PLAIN_TEXT.fullmatch(value) and value.lower() not in _NOT_TEXT and value == value.strip():
            return value
    return json.dumps(value, ensure_ascii=False, default=str)
