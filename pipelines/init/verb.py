"""A new project: looks at a warehouse, settles which table is what, writes the files and checks them.

What is there is never changed: an existing ``series.yml`` refuses (``--force`` keeps it as a copy), a folder with
definitions gets no example. The warehouse that is looked at is only read.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.definitions.load import FOLDER, load_definitions
from pipelines.definitions.settings import PROJECT_FILE, WAREHOUSE_PATH
from pipelines.files import read_text
from pipelines.init.choice import Asker, Wishes, choose
from pipelines.init.files import EXAMPLE, Layout, example_text, project_text
from pipelines.init.look import Looked, Sample, look, read_rows
from pipelines.init.proposal import TableMap
from pipelines.memo import Memo
from pipelines.origin import RESERVED
from pipelines.problems import Problem, UsageError, in_order
from pipelines.project import Project
from pipelines.source_overview import SourceState
from pipelines.text_file import write_text

_LONGEST_NAME = 40
_CATALOG_NAME = re.compile(r"[^a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class InitResult:
    """A project as it was made.

    Attributes:
        folder: Where it is.
        written: The files written, relative to the folder.
        backup: The copy of the former project file; None where there was none.
        sources: How the sources stand; empty where there is no warehouse to look at.
        problems: What the project's own checks say of it.
        samples: Rows of each source; empty unless they were asked for.
    """

    folder: Path
    written: tuple[str, ...]
    backup: str | None
    sources: tuple[SourceState, ...]
    problems: tuple[Problem, ...]
    samples: tuple[Sample, ...] = ()


def init_project(
    folder: Path,
    *,
    warehouse: Path | None,
    wishes: Wishes,
    asker: Asker | None,
    accept: bool = False,
    force: bool = False,
    samples: bool = False,
) -> InitResult:
    """Make a project.

    Args:
        folder: Where; made where it is absent.
        warehouse: The database with the team's tables; None: the project's own, which may be absent.
        wishes: What was said of tables and columns beforehand.
        asker: Who answers questions; None: nobody is asked.
        accept: Whether proposals are taken unasked.
        force: Whether an existing project file is replaced, and kept as a copy.
        samples: Whether rows are shown.

    Raises:
        UsageError: There is a project file, no such warehouse, or something is open that nobody answered.
        WarehouseError: The warehouse cannot be opened.
    """
    if (folder / PROJECT_FILE).exists() and not force:
        raise UsageError(
            f"{folder / PROJECT_FILE} is there already and stays as it is. `series sources` shows what it says; "
            "--force writes a new one and keeps a copy of this one."
        )
    if warehouse is not None and not warehouse.is_file():
        raise UsageError(f"There is no warehouse {warehouse}.")
    path = warehouse or folder / WAREHOUSE_PATH
    looked = look(path, wishes) if path.exists() else Looked()
    if wishes.tables.keys() | wishes.columns.keys() and not looked.relations:
        raise UsageError(f"{path} has no tables to choose from.")
    chosen = choose(looked.relations, looked.ids, wishes, asker, accept=accept) if looked.relations else {}
    attach = _attachment(folder, path)
    event, shown = read_rows(path, chosen, samples=samples) if chosen else (None, ())
    layout = _layout(chosen, attach, event)
    written, backup = _write(folder, layout)
    if chosen and attach is not None:
        _make_state(folder / WAREHOUSE_PATH)
    sources, problems = _check(folder) if chosen else ((), _check_files(folder))
    return InitResult(folder, written, backup, sources, tuple(problems), shown)


def _attachment(folder: Path, path: Path) -> tuple[str, str] | None:
    """Name and path by which the project attaches a database that is not its own."""
    if path.resolve() == (folder / WAREHOUSE_PATH).resolve():
        return None
    stem = _CATALOG_NAME.sub("_", path.stem.lower()).strip("_")[:_LONGEST_NAME]
    is_free = stem and not stem[0].isdigit() and stem not in (*RESERVED, Path(WAREHOUSE_PATH).stem)
    relative = os.path.relpath(path.resolve(), folder.resolve())
    return stem if is_free else f"source_{stem}".rstrip("_"), Path(relative).as_posix()


def _layout(chosen: Mapping[str, TableMap], attach: tuple[str, str] | None, event: str | None) -> Layout:
    tables = {}
    for source, table in chosen.items():
        relation = table.relation
        parts = [relation.name] if relation.schema == "main" and not attach else [relation.schema, relation.name]
        tables[source] = ".".join([attach[0], *parts] if attach else parts)
    columns = {
        source: {name: own for name, own in table.columns.items() if name != own} for source, table in chosen.items()
    }
    attributes: list[str] = []
    if "customers" in chosen:
        renamed = {own: name for name, own in chosen["customers"].columns.items()}
        attributes = [renamed.get(own, own) for own, _ in chosen["customers"].relation.columns]
    return Layout(attach if chosen else None, tables, columns, attributes, event)


def _write(folder: Path, layout: Layout) -> tuple[tuple[str, ...], str | None]:
    """The example first: whoever is killed before the project file is there may simply begin again.

    An example that stands as it was written before there was a warehouse is nobody's work, and written anew.
    """
    written = []
    definitions = folder / FOLDER
    example = definitions / f"{EXAMPLE}.yml"
    is_untouched = example.exists() and read_text(example, example.name)[0] == example_text(Layout())
    if is_untouched or not any(definitions.glob("*.yml")):
        write_text(example, example_text(layout), replace=is_untouched)
        written.append(f"{FOLDER}/{EXAMPLE}.yml")
    backup = _keep(folder / PROJECT_FILE)
    write_text(folder / PROJECT_FILE, project_text(layout), replace=backup is not None)
    return (PROJECT_FILE, *written), backup


def _keep(path: Path) -> str | None:
    """Give a file a second name, the first that is free; it stays where it is until it is replaced."""
    if not path.exists():
        return None
    number = 1
    while True:
        copy = path.with_name(f"{path.name}.bak" if number == 1 else f"{path.name}.bak{number}")
        try:
            os.link(path, copy)
        except FileExistsError:
            number += 1
        else:
            return copy.name


def _make_state(path: Path) -> None:
    from warehouse.duckdb import DuckDB

    DuckDB.open(path).close()


def _check(folder: Path) -> tuple[tuple[SourceState, ...], list[Problem]]:
    project = Project.open(folder)
    overview = project.sources()
    return overview.sources, list(dict.fromkeys([*project.problems(), *overview.problems]))


def _check_files(folder: Path) -> list[Problem]:
    """What is wrong with the files alone, while there are no tables to hold them against."""
    from pipelines.run import read_definitions

    definitions, problems = load_definitions(folder)
    return in_order([*problems, *read_definitions(definitions, None, Memo())[2]])
