"""What a rule may name: columns with their families, blocks, series, segments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.model import Expression
from pipelines.rules.model import Columns, Family

_NUMBERS = frozenset(
    "TINYINT SMALLINT INTEGER BIGINT HUGEINT UTINYINT USMALLINT UINTEGER UBIGINT UHUGEINT FLOAT DOUBLE DECIMAL".split()
)
_TEXTS = frozenset({"VARCHAR", "CHAR", "BPCHAR", "TEXT", "STRING", "UUID", "ENUM"})
_TIMES = frozenset(
    {"DATE", "DATETIME", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE"}
)
_FAMILIES: Mapping[str, Family] = {
    **dict.fromkeys(_NUMBERS, "number"),
    **dict.fromkeys(_TEXTS, "text"),
    **dict.fromkeys(_TIMES, "time"),
    "TIMESTAMPTZ": "time",
    "BOOLEAN": "boolean",
    "INTERVAL": "interval",
}


@dataclass(frozen=True)
class Scope:
    """The names that rules of one series may use at one place.

    Attributes:
        customer: Attributes of ``customers``; None: nobody told, any name is taken.
        company: Attributes of ``companies``; None: nobody told; empty: the project has no such source.
        messages: Content blocks that an engagement function may name here.
        blocks: All blocks of the series.
        content_blocks: All content blocks of the series.
        series: All series of the project.
        segments: The named rules of ``segments.yml``.
    """

    customer: Columns | None = None
    company: Columns | None = None
    messages: frozenset[str] = frozenset()
    blocks: frozenset[str] = frozenset()
    content_blocks: frozenset[str] = frozenset()
    series: frozenset[str] = frozenset()
    segments: Mapping[str, Expression] = field(default_factory=dict)


def family_of(duckdb_type: str) -> Family:
    """The family of a column of this type, as sources are presented to rules: a date is a time, an enum is text.

    >>> [family_of(name) for name in ("DECIMAL(18,3)", "TIMESTAMP WITH TIME ZONE", "VARCHAR[]", "JSON", "ENUM('a')")]
    ['number', 'time', 'other', 'other', 'text']
    """
    name = duckdb_type.upper()
    if name.endswith("]"):
        return "other"
    return _FAMILIES.get(name.partition("(")[0].strip(), "other")
