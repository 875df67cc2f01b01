"""The engine on the steps of a scenario: files in a folder, sources in DuckDB, its tables as the evaluator's rows."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipelines import Project
from tests.evaluator.clock import as_utc
from tests.random_rules import COLUMNS, COMPANY_COLUMNS
from tests.scenario import TABLES, Row, Step

ID = "VARCHAR"
SOURCES: dict[str, dict[str, str]] = {
    "customers": {"customer_id": ID, **COLUMNS},
    "companies": {"company_id": ID, **COMPANY_COLUMNS},
    "customer_companies": {"customer_id": ID, "company_id": ID},
    "events": {"customer_id": ID, "name": "VARCHAR", "occurred_at": "TIMESTAMP", "properties": "JSON"},
    "engagements": {"message_id": ID, "kind": "VARCHAR", "occurred_at": "TIMESTAMP", "link": "VARCHAR"},
    "customer_tags": {"customer_id": ID, "tag": "VARCHAR"},
}
MESSAGE = ("series_id", "customer_id", "entry_number", "block_id")
KEYS = {"customers": "customer_id", "companies": "company_id"}


class Engine:
    """A project folder under the public API.

    Attributes:
        tables: every row of the five tables after the newest run.
    """

    def __init__(self, folder: Path, time_types: dict[str, str] | None = None) -> None:
        """An empty project in an empty folder. `time_types`: see `tests.worlds.Play`."""
        self.folder = folder
        self.rows: dict[str, list[Row]] = {source: [] for source in SOURCES}
        self.tables: dict[str, list[Row]] = {table: [] for table in TABLES}
        self.types = {source: dict(columns) for source, columns in SOURCES.items()}
        for name, kind in (time_types or {}).items():
            source, column = ("customers", name) if name in COLUMNS else (name, "occurred_at")
            self.types[source][column] = kind
        (folder / "series_definitions").mkdir()
        (folder / "warehouse").mkdir()

    def perform(self, step: Step) -> None:
        """What happens before the run, then the run."""
        for name, text in step.definitions.items():
            (self.folder / "series_definitions" / f"{name}.yml").write_text(text, encoding="utf-8")
        if step.project:
            (self.folder / "series.yml").write_text(step.project, encoding="utf-8")
        self.rows["customers"] = [r for r in self.rows["customers"] if r["customer_id"] not in step.customers_gone]
        self.rows["customer_tags"] = [r for r in self.rows["customer_tags"] if r not in step.customer_tags_gone]
        for source, rows in step.sources.items():
            if rows:
                self.take(source, rows)
        self.write_sources()
        self.run(step.as_of, step.due)

    def run(self, as_of: datetime, due: bool = False) -> None:
        """One run; what it left is then in `tables`."""
        project = Project.open(self.folder)
        with project.session(publish=False):
            project.run(as_of.replace(tzinfo=UTC), due=due)
            self.tables = read_tables(project)

    def tags_sent(self) -> dict[tuple[str, str], str]:
        """By customer and tag what has left last, of all tag writes, in the order in which their batches left."""
        project = Project.open(self.folder)
        while any(batch.status == "handed_off" for batch in project.hand_off().batches):
            pass  # what waited for this hand-off leaves with the next one
        batches = project.table("batches").filter(channel="tags", status="handed_off").sort("handed_off_at")
        files = [self.folder / "outbox" / f"{batch_id}.jsonl" for batch_id in batches["batch_id"]]
        writes = [json.loads(line)["payload"] for file in files for line in file.read_text().splitlines()]
        return {(write["customer_id"], write["tag"]): write["action"] for write in writes}

    def take(self, source: str, rows: list[Row]) -> None:
        """Rows that arrive: by key they replace, else they are added; a message is named by its id."""
        if source == "engagements":
            ids = self.message_ids()
            rows = [{**row, "message_id": ids[tuple(row[name] for name in MESSAGE)]} for row in rows]
        if source == "events":
            rows = [{**row, "properties": json.dumps(row.get("properties"))} for row in rows]
        if source in KEYS:
            new = {row[KEYS[source]] for row in rows}
            self.rows[source] = [row for row in self.rows[source] if row[KEYS[source]] not in new]
        if source == "customer_tags":
            rows = [row for row in rows if row not in self.rows[source]]
        self.rows[source] += rows

    def write_sources(self) -> None:
        """Each source as it is now, in one transaction and one insert."""
        with duckdb.connect(self.folder / "warehouse" / "warehouse.duckdb") as connection:
            connection.begin()
            for source, types in self.types.items():
                columns = ", ".join(f"{name} {kind}" for name, kind in types.items())
                connection.execute(f"create or replace table {source} ({columns})")
                if rows := self.rows[source]:
                    places = ", ".join(["(" + ", ".join("?" * len(types)) + ")"] * len(rows))
                    values = [row.get(name) for row in rows for name in types]
                    connection.execute(f"insert into {source} values {places}", values)
            connection.commit()

    def message_ids(self) -> dict[tuple[Any, ...], str]:
        """`message_id` by series, customer, entry_number and block."""
        return {tuple(row[name] for name in MESSAGE): row["message_id"] for row in self.tables["messages"]}


def read_tables(project: Project) -> dict[str, list[Row]]:
    """Every row of the five tables: `entry_number` beside `entry_id`, times naive UTC."""
    found = {name: [normal(row) for row in project.table(name).iter_rows(named=True)] for name in TABLES}
    numbers = {row["entry_id"]: row["entry_number"] for row in found["entries"]}
    return {name: [{**row, "entry_number": numbers[row["entry_id"]]} for row in rows] for name, rows in found.items()}


def normal(row: Row) -> Row:
    return {key: as_utc(value) if isinstance(value, date) else value for key, value in row.items()}
