"""Reads the limits that hold batches or runs back, of the project, a series or a source (see `pipelines.guards`)."""

from __future__ import annotations

from dataclasses import replace

from pipelines.definitions.vocabulary import GUARDS, SOURCE_GUARDS
from pipelines.model import Guards, Source
from pipelines.reader import Reader

GUARD_RANGES = {"messages_per_run": (0, 1_000_000_000), "messages_per_customer": (1, 1_000), "volume": (1, 1_000)}
"""The least and the most that each limit which is a whole number may be."""


def read_guards(reader: Reader, *, of_series: bool = False) -> Guards:
    """The ``guards`` key of the project or a series; in a series ``null`` says that a limit does not count for it."""
    inner = reader.inner("guards", GUARDS)
    if inner is None:
        return Guards()
    off = frozenset(key for key in GUARDS if inner.is_null(key)) if of_series else frozenset()
    wanted = inner.without(off)
    return Guards(
        **{key: wanted.integer(key, *limits) for key, limits in GUARD_RANGES.items()},
        entry_share=wanted.percent("entry_share"),
        off=off,
    )


def read_source_guards(reader: Reader, source: Source) -> Source:
    """A source with its guards, each of which only some sources may have."""
    for key, sources in SOURCE_GUARDS.items():
        if key in reader and source.name not in sources:
            words = ", ".join(f"`{name}`" for name in sources)
            reader.report(reader.key_position(key), f"`{key}` of {reader.where} belongs to {words}; remove it here")
            reader = reader.without({key})
    if source.name == "customers" and "max_age" in reader and "updated_at" not in reader:
        message = (
            "`max_age` of source `customers` needs `updated_at`, the column that says when a row was changed; add it"
        )
        reader.report(reader.key_position("max_age"), message)
    return replace(
        source,
        max_age=reader.duration("max_age"),
        updated_at=reader.text("updated_at"),
        max_drop=reader.percent("max_drop"),
    )
