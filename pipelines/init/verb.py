"""A new project: looks at a warehouse, settles which table is what, writes the files and checks them.

What is there is never changed: an existing ``series.yml`` refuses (``--force`` keeps it as a copy), a folder with
definitions gets no example. The warehouse that is looked at is only read.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.definitions.load import FOLDER, load_definitions
from pipelines.definitions.settings import PROJECT_FILE, WAREHOUSE_PATH
from pipelines.files import read_text
from pipelines.init.choice import Asker, Wishes, choose
from pipelines.init.files import EXAMPLE, Layout, example_text, project_text
from pipelines.init.look import Sample, find_ids, look, read_rows
from pipelines.init.places import Found, Places
from pipelines.init.proposal import TableMap
from pipelines.memo import Memo
from pipelines.problems import Problem, UsageError, in_order
from pipelines.project import Project
from pipelines.source_overview import SourceState
from pipelines.sources import REQUIRED
from pipelines.text_file import write_text


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
    places: Places,
    wishes: Wishes,
    asker: Asker | None,
    accept: bool = False,
    force: bool = False,
    samples: bool = False,
) -> InitResult:
    """Make a project.

    Args:
        folder: Where; made where it is absent.
        places: Where the team's tables are.
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
    if places.warehouse is not None and not places.warehouse.is_file():
        raise UsageError(f"There is no warehouse {places.warehouse}.")
    database = places.database(folder)
    found = look(folder, places)
    if not found.candidates and (found.unusable or wishes.tables.keys() | wishes.columns.keys()):
        raise UsageError(
            "\n".join(dict.fromkeys(found.unusable.values())) or f"{database} has no tables to choose from."
        )
    ids = find_ids(database, found.candidates, wishes)
    chosen = choose(found, ids, wishes, asker, accept=accept) if found.candidates else {}
    event, shown = read_rows(database, chosen, samples=samples)
    written, backup = _write(folder, _layout(chosen, found, event))
    if chosen and database.resolve() != (folder / WAREHOUSE_PATH).resolve():
        _make_state(folder / WAREHOUSE_PATH)
    sources, problems = _check(folder) if chosen else ((), _check_files(folder))
    problems += [Problem(None, why, "warning") for why in found.warnings]
    return InitResult(folder, written, backup, sources, tuple(problems), shown)


def _layout(chosen: Mapping[str, TableMap], found: Found, event: str | None) -> Layout:
    columns = {
        source: {name: own for name, own in table.columns.items() if name != own} for source, table in chosen.items()
    }
    attributes: list[str] = []
    if "customers" in chosen:
        renamed = _product_names(chosen["customers"])
        attributes = [renamed.get(own, own) for own, _ in chosen["customers"].candidate.columns]
    places = {source: table.candidate.place for source, table in chosen.items()}
    types = {source: _types(table) for source, table in chosen.items()}
    return Layout(found.attach, found.dbt_project, places, columns, types, attributes, event)


def _types(table: TableMap) -> dict[str, str]:
    """Of the columns that are read; ids and names are text anyway, and `occurred_at` is a time."""
    renamed = _product_names(table)
    words = {renamed.get(own, own): word for own, word in table.candidate.types.items()}
    has_attributes = table.source in ("customers", "companies")
    return {name: word for name, word in words.items() if has_attributes and name not in REQUIRED[table.source]}


def _product_names(table: TableMap) -> dict[str, str]:
    return {own: name for name, own in table.columns.items()}


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
