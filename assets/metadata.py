"""How what the engine says looks in Dagster: numbers that plot, tables, times, Markdown."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from dagster import MetadataValue, TableColumn, TableRecord, TableSchema

from pipelines.guards import GuardFinding
from pipelines.health import Finding
from warehouse.table import CUSTOMER_ID, Column

Metadata = dict[str, MetadataValue]

_PUNCTUATION = re.compile(r"([\\`*_{}\[\]<>()#+!|~&:.@/-])")


def instant(moment: datetime) -> MetadataValue:
    """A naive UTC moment."""
    return MetadataValue.timestamp(moment.replace(tzinfo=UTC))


def column_schema(columns: Iterable[Column]) -> TableSchema:
    """A table's columns with their types and what they mean."""
    return TableSchema([TableColumn(column.name, _type(column), column.description) for column in columns])


def _type(column: Column) -> str:
    return "text, integer or uuid" if column.type == CUSTOMER_ID else column.type.lower()


def numbers(found: Mapping[str, int | float]) -> Metadata:
    """Counts and rates, each of which Dagster plots over runs."""
    return {
        name: MetadataValue.int(number) if isinstance(number, int) else MetadataValue.float(number)
        for name, number in found.items()
    }


def findings(found: Sequence[Finding]) -> Metadata:
    """How much is not as it should be, and each finding as a row."""
    records = [
        TableRecord({"series": one.series_id, "block": one.block_id or "", "count": one.count, "what": one.message})
        for one in found
    ]
    schema = TableSchema(
        [TableColumn("series"), TableColumn("block"), TableColumn("count", "int"), TableColumn("what")]
    )
    total = MetadataValue.int(sum(one.count for one in found))
    return {"count": total, "findings": MetadataValue.table(records, schema)} if found else {"count": total}


def guard_findings(found: Sequence[GuardFinding]) -> Metadata:
    """Each limit that a run went beyond, with what was observed and allowed."""
    names = ("guard", "series", "source", "observed", "allowed", "action")
    records = [
        TableRecord(
            {
                "guard": one.guard,
                "series": one.series_id or "",
                "source": one.source or "",
                "observed": "" if one.observed is None else str(one.observed),
                "allowed": str(one.allowed),
                "action": one.action,
            }
        )
        for one in found
    ]
    schema = TableSchema([TableColumn(name) for name in names])
    total = MetadataValue.int(len(found))
    return {"count": total, "limits": MetadataValue.table(records, schema)} if found else {"count": total}


def text(words: str) -> str:
    """Users' words within Markdown, where they say what they say and do nothing."""
    return _PUNCTUATION.sub(r"\\\1", " ".join(words.split()))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the cells are Markdown already."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
