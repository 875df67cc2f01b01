"""The tables and views of a DuckDB file as candidates."""

from __future__ import annotations

import re
from pathlib import Path

from pipelines.definitions.settings import WAREHOUSE_PATH
from pipelines.init.candidate import Candidate
from pipelines.init.opened import opened
from pipelines.init.places import Found, from_project
from pipelines.origin import RESERVED
from pipelines.sql_text import identifier
from warehouse.catalog import relations

_LONGEST_NAME = 40
_CATALOG_NAME = re.compile(r"[^a-z0-9_]+")


def find_tables(folder: Path, path: Path) -> Found:
    """Every table and view of a database that is there.

    Raises:
        WarehouseError: It cannot be opened.
    """
    attach = _attachment(folder, path)
    candidates = []
    unusable = {}
    with opened(path) as warehouse:
        for schema, name, columns in relations(warehouse):
            title = name if schema == "main" else f"{schema}.{name}"
            if "." in name:
                unusable[title] = "a name with a dot cannot be a source; make a view of another name"
                continue
            parts = [name] if schema == "main" and not attach else [schema, name]
            place = {"table": ".".join([attach[0], *parts] if attach else parts)}
            relation = f"{identifier(schema)}.{identifier(name)}"
            candidates.append(Candidate(title, schema, name, columns, place, relation))
    return Found(tuple(candidates), unusable, attach if candidates else None)


def _attachment(folder: Path, path: Path) -> tuple[str, str] | None:
    """Name and path by which the project attaches a database that is not its own."""
    if path.resolve() == (folder / WAREHOUSE_PATH).resolve():
        return None
    stem = _CATALOG_NAME.sub("_", path.stem.lower()).strip("_")[:_LONGEST_NAME]
    is_free = stem and not stem[0].isdigit() and stem not in (*RESERVED, Path(WAREHOUSE_PATH).stem)
    return stem if is_free else f"source_{stem}".rstrip("_"), from_project(folder, path)
