"""Writes a scenario file: what a random play found, with the rows that the evaluator says change."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import yaml

from tests.evaluator.clock import as_utc
from tests.evaluator.tables import Evaluator
from tests.scenario import TABLES, Row, Step, changed_rows


def scenario_text(title: str, steps: Iterable[Step], more: dict[str, tuple[str, ...]] | None = None) -> str:
    """The text of a scenario file over these steps. `more`: columns to name beside the usual ones, by table."""
    evaluator = Evaluator()
    lines = [f"scenario: {flow(title)}"]
    runs: list[str] = []
    for number, step in enumerate(steps):
        before = evaluator.tables()
        evaluator.perform(step)
        changed = {
            table: changed_rows(before[table], rows, (*TABLES[table], *(more or {}).get(table, ())))
            for table, rows in evaluator.tables().items()
        }
        runs.append("  -")
        if number:
            runs += indented(definitions(step), 4)
        else:
            lines += [*project(step), *definitions(step), "runs:"]
        runs += indented(happenings(step), 4)
        runs.append(f"    as_of: {flow(step.as_of)}")
        runs += ["    due: true"] if step.due else []
        runs += indented(tables("changed", changed) or ["changed: {}"], 4)
    return "\n".join([*lines, *runs]) + "\n"


def project(step: Step) -> list[str]:
    return ["project: |", *indented(step.project.splitlines(), 2)] if step.project else []


def definitions(step: Step) -> list[str]:
    lines = []
    for name, text in step.definitions.items():
        lines += [f"  {name}: |", *indented(text.splitlines(), 4)]
    return ["definitions:", *lines] if lines else []


def happenings(step: Step) -> list[str]:
    gone = [f"customers_gone: {flow(step.customers_gone)}"] if step.customers_gone else []
    untagged = [f"customer_tags_gone: {flow(step.customer_tags_gone)}"] if step.customer_tags_gone else []
    return [*gone, *untagged, *tables("sources", step.sources)]


def tables(key: str, rows: dict[str, list[Row]]) -> list[str]:
    lines = []
    for table, found in rows.items():
        if found:
            lines += [f"  {table}:", *(f"    - {flow(row)}" for row in found)]
    return [f"{key}:", *lines] if lines else []


def flow(value: Any) -> str:
    """The value on one line of YAML, times as instants in UTC."""
    text = yaml.safe_dump(plain(value), default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return str(text).removesuffix("\n").removesuffix("\n...")


def plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: plain(one) for key, one in value.items()}
        case list():
            return [plain(one) for one in value]
        case datetime():
            return as_utc(value).strftime("%Y-%m-%dT%H:%M:%SZ" if value.second else "%Y-%m-%dT%H:%MZ")
        case date():
            return value.isoformat()
    return value


def indented(lines: Iterable[str], by: int) -> list[str]:
    return [" " * by + line for line in lines]
