"""The series of this repository are examples: without problems, as editors and the schema want them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from pipelines.check import SourceColumns, check
from pipelines.definitions.load import load_definitions
from pipelines.definitions.schema import SCHEMAS, schema_text
from pipelines.document import Fields, Items, Node, read_document
from tests.golden import assert_golden

PROJECT = Path(__file__).parent.parent
FOLDER = PROJECT / "series_definitions"
FILES = sorted(FOLDER.glob("*.yml"))
REFUSED = Path(__file__).parent / "refused"
CONFORMANCE = Path(__file__).parent / "conformance"


def test_have_no_errors_and_no_warnings() -> None:
    customers = {
        **dict.fromkeys(("customer_id", "type", "email", "first_name", "plan", "timezone", "country"), "text"),
        **dict.fromkeys(("created_at", "trial_ends_at"), "time"),
        "unsubscribed": "boolean",
    }
    definitions, problems = load_definitions(PROJECT)
    checked, found = check(definitions, SourceColumns({"customers": customers}))  # type: ignore[dict-item]
    assert [str(problem) for problem in (*problems, *found)] == []
    assert sorted(checked.series) == sorted(file.stem for file in FILES if file.stem != "segments")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_name_their_schema_and_follow_it(file: Path) -> None:
    modeline, _, text = file.read_text(encoding="utf-8").partition("\n")
    schema = "segments.json" if file.stem == "segments" else "series.json"
    assert modeline == f"# yaml-language-server: $schema=.schema/{schema}"
    assert _schema_errors(schema, text) == []


@pytest.mark.golden
@pytest.mark.parametrize("name", SCHEMAS)
def test_schema_files_are_current(name: str) -> None:
    schema = SCHEMAS[name]()
    Draft7Validator.check_schema(schema)
    assert_golden(FOLDER / ".schema" / name, schema_text(schema))


@pytest.mark.parametrize("file", sorted(CONFORMANCE.glob("*.yaml")), ids=lambda file: file.stem)
def test_schema_takes_what_the_reader_takes(file: Path) -> None:
    scenario, _ = read_document(file.read_text(encoding="utf-8"), file.name)
    for text in _plain(scenario)["definitions"].values():
        assert _schema_errors("series.json", text) == []


@pytest.mark.parametrize("case", ["unknown_keys", "wrong_types", "numbers", "durations", "kinds", "missing", "send"])
def test_schema_refuses_what_the_reader_refuses(case: str) -> None:
    assert _schema_errors("series.json", (REFUSED / f"{case}.yml").read_text(encoding="utf-8"))


def test_project_schema_agrees_with_the_reader() -> None:
    assert _schema_errors("project.json", (REFUSED / "project_file" / "series.yml").read_text(encoding="utf-8"))
    assert (
        _schema_errors("project.json", (REFUSED / "warned_receipts" / "series.yml").read_text(encoding="utf-8")) == []
    )
    spec = """
    warehouse: {engine: duckdb, path: warehouse/warehouse.duckdb}
    timezone: UTC
    sources:
      customers: {table: crm.contacts, columns: {customer_id: contact_id}, max_age: 1 day, updated_at: t, max_drop: 20}
      events: {lag: 2 hours, max_age: 6 hours}
    guards: {messages_per_run: 10000, messages_per_customer: 3, volume: 5, entry_share: 50}
    channels: {email: {address: email, consent: "not unsubscribed", receipts: true, sender: outbox}, sms: {address: ~}}
    senders: {outbox: {type: files, path: outbox, format: jsonl}}
    sending: {batch_size: 500}
    """
    assert _schema_errors("project.json", spec) == []
    assert _schema_errors("project.json", "sources: {events: {max_drop: 20}}")
    assert _schema_errors("project.json", "guards: {volume: null}")


def _schema_errors(schema: str, text: str) -> list[str]:
    node, _ = read_document(text, "file.yml")
    return [error.message for error in Draft7Validator(SCHEMAS[schema]()).iter_errors(_plain(node))]


def _plain(node: Node | None) -> Any:
    """The document as a schema sees it."""
    match node:
        case None:
            return None
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
        case "integer" | "number":
            return float(text)
    return text
