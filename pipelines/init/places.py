"""Where ``series init`` looks: a database, exported files, a dbt project; and what it finds there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.definitions.settings import WAREHOUSE_PATH
from pipelines.init.candidate import Candidate


@dataclass(frozen=True, slots=True)
class Places:
    """What was said; paths start at the current folder.

    Attributes:
        warehouse: The DuckDB file with the tables, or the one that dbt builds; None: the project's own.
        parquet: Folders, files and globs.
        csv: Likewise.
        dbt: The folder of a dbt project.
    """

    warehouse: Path | None = None
    parquet: Sequence[str] = ()
    csv: Sequence[str] = ()
    dbt: Path | None = None

    @property
    def has_tables(self) -> bool:
        """Whether the tables of a database are asked for: of one that is named, or of the own where nothing is."""
        return self.dbt is None and (self.warehouse is not None or not (self.parquet or self.csv))

    def database(self, folder: Path) -> Path:
        """The database that is opened when tables are looked at."""
        return self.warehouse if self.warehouse and self.has_tables else folder / WAREHOUSE_PATH


@dataclass(frozen=True, slots=True)
class Found:
    """What is at one place, or at all of them.

    Attributes:
        candidates: Whatever may be a source.
        unusable: What else there is, by the title that people may say, and why it cannot be a source.
        attach: Name and path, relative to the project, of the database that the project has to attach; None: none.
        dbt_project: The folder of the dbt project, relative to the project; None: there is none.
        warnings: What people should know of what is unusable.
    """

    candidates: tuple[Candidate, ...] = ()
    unusable: Mapping[str, str] = field(default_factory=dict)
    attach: tuple[str, str] | None = None
    dbt_project: str | None = None
    warnings: tuple[str, ...] = ()

    def __add__(self, other: Found) -> Found:
        return Found(
            self.candidates + other.candidates,
            {**self.unusable, **other.unusable},
            self.attach or other.attach,
            self.dbt_project or other.dbt_project,
            self.warnings + other.warnings,
        )


def from_project(folder: Path, path: Path) -> str:
    """A path as ``series.yml`` has it: relative to the project, whether or not that is there yet."""
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
