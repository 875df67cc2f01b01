"""Reads what ``series.yml`` says of the sources: where each one's rows come from, and how its columns are read."""

from __future__ import annotations

from datetime import timedelta

from pipelines.definitions.guards import read_source_guards
from pipelines.definitions.vocabulary import ATTACH, ATTACHED, POSTGRES, SOURCE, SOURCE_KINDS, SOURCES
from pipelines.model import Source
from pipelines.origin import RESERVED, TYPES, Attachment, DbtModel, Files, Origin, PostgresQuery, Query
from pipelines.reader import Reader


def read_sources(reader: Reader) -> dict[str, Source]:
    """Every source, those that the file does not name by their defaults."""
    sources = {name: Source(name, name) for name in SOURCES}
    inner = reader.inner("sources", SOURCES, where="`sources`")
    for name in sources:
        if inner and (source := inner.inner(name, SOURCE, where=f"source `{name}`")):
            columns = source.inner("columns", None)
            origin = _read_origin(source)
            read = Source(
                name=name,
                table=source.string("table") or name,
                origin=origin,
                columns=columns.strings() if columns else {},
                types=_read_types(source, name, origin),
                lag=source.duration("lag", zero=True) or timedelta(0),
                asset_key=source.string("asset_key"),
                position=inner.key_position(name),
            )
            sources[name] = read_source_guards(source, read)
    return sources


def read_attachments(warehouse: Reader | None) -> dict[str, Attachment]:
    """The databases of ``warehouse.attach`` by name."""
    inner = warehouse.inner("attach", None) if warehouse else None
    if inner is None:
        return {}
    found = {}
    for name, entry in inner.node.entries.items():
        inner.identifier(entry.key, "database")
        if name.lower() in RESERVED:
            inner.report(entry.key.position, f"a database cannot be attached as `{name}`; choose another name")
        if database := inner.inner(name, ATTACH, where=f"database `{name}`"):
            database.require("path")
            type_ = database.choice("type", tuple(ATTACHED)) or "duckdb"
            path = database.string("path")
            if path:
                found[name] = Attachment(name, path, type_, inner.key_position(name))
    return found


def _read_origin(source: Reader) -> Origin | None:
    named = [key for key in SOURCE_KINDS if key in source]
    if len(named) > 1:
        listed = " and ".join(f"`{key}`" for key in named)
        source.report(source.key_position(named[1]), f"{source.where} has {listed}; its rows come from one of them")
    if "delimiter" in source and "csv" not in source:
        source.report(source.key_position("delimiter"), f"`delimiter` of {source.where} belongs to `csv`")
    if "sql" in source:
        from pipelines.definitions.source_query import read_query

        query = source.parsed("sql", read_query)
        return Query(query) if query else None
    if "parquet" in source:
        pattern = source.parsed("parquet", file_pattern)
        return Files("parquet", pattern) if pattern else None
    if "csv" in source:
        pattern = source.parsed("csv", file_pattern)
        return Files("csv", pattern, source.parsed("delimiter", _delimiter) or ",") if pattern else None
    if "dbt" in source:
        model = source.string("dbt")
        return DbtModel(model) if model else None
    if "postgres" in source:
        return _read_postgres(source)
    return None


def _read_postgres(source: Reader) -> PostgresQuery | None:
    from pipelines.definitions.source_query import read_query

    inner = source.inner("postgres", POSTGRES)
    if inner is None:
        return None
    inner.require("dsn", "query")
    dsn, written = inner.secret("dsn"), inner.string("query")
    query = inner.parsed("query", lambda text: read_query(text, "postgres"))
    watermark, overlap = inner.string("watermark"), inner.duration("overlap", zero=True)
    if "overlap" in inner and "watermark" not in inner:
        inner.report(inner.key_position("overlap"), f"`overlap` of {inner.where} needs a `watermark`")
    if dsn is None or query is None or written is None:
        return None
    return PostgresQuery(dsn, query, written, watermark, overlap or timedelta(0))


def _read_types(source: Reader, name: str, origin: Origin | None) -> dict[str, str]:
    """The engine's type of each column that is to have one."""
    inner = source.inner("types", None)
    words = {column: inner.choice(column, tuple(TYPES)) for column in inner.node.entries} if inner else {}
    types = {column: TYPES[word] for column, word in words.items() if word}
    if isinstance(origin, Files) and origin.format == "csv" and name in ("events", "engagements"):
        # In a CSV file everything is text, and these two must have times.
        types.setdefault("occurred_at", TYPES["timestamp"])
    return types


def file_pattern(text: str) -> str:
    """A file name or glob.

    Raises:
        ValueError: It is none.
    """
    if "://" in text:
        raise ValueError("only files of this machine can be read; copy them here, or make a table of them")
    return text


def _delimiter(text: str) -> str:
    if text == "tab":
        return "\t"
    if len(text) != 1:
        raise ValueError("`delimiter` must be one character, such as ';', or `tab`")
    return text
