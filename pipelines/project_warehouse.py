"""A project's warehouse: opened for one project and target, kept open, and copied for readers."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.model import Definitions
from pipelines.problems import RunError
from warehouse.adapter import Warehouse, WarehouseError

if TYPE_CHECKING:
    from warehouse.inputs import Input


@dataclass
class ProjectWarehouse:
    """How a project gets at its warehouse.

    Attributes:
        folder: The project's folder.
        definitions: Say where the warehouse is and whose state it holds.
        wait: Seconds to wait while somebody else has the file; None: as SERIES_LOCK_WAIT says, or a minute.
        notify: Told, in a sentence, why something takes long.
    """

    folder: Path
    definitions: Definitions
    wait: float | None
    notify: Callable[[str], None]
    _kept: Warehouse | None = field(default=None, init=False)

    @property
    def path(self) -> Path:
        """The warehouse's file."""
        return self.folder / self.definitions.settings.warehouse_path

    @property
    def published_path(self) -> Path:
        """The file of the copy for readers."""
        from warehouse.published import published_path

        return published_path(self.path)

    @contextlib.contextmanager
    def open(
        self, *, read_only: bool = False, must_exist: bool = False, inputs: Sequence[Input] = (), rows: bool = True
    ) -> Iterator[Warehouse]:
        """The warehouse, until the end of the block; the one that is kept open, if one is.

        Args:
            read_only: Whether it is only looked at.
            must_exist: Whether it is an error that there is none; otherwise one is made.
            inputs: What the sources need from outside the warehouse.
            rows: Whether their rows are wanted; otherwise their columns are enough.

        Raises:
            RunError: It holds the state of another target, or the target would begin anew beside its former state.
            WarehouseError: It cannot be opened.
        """
        from warehouse.duckdb import DuckDB

        if self._kept is not None:
            yield self._kept
            return
        if must_exist and not self.path.exists():
            raise WarehouseError(f"There is no warehouse at {self.path}.")
        if not read_only:
            self._refuse_former_state()
        with contextlib.closing(
            DuckDB.open(self.path, read_only=read_only, wait=self.wait, inputs=inputs, rows=rows, on_wait=self.notify)
        ) as warehouse:
            self._refuse_foreign(warehouse)
            yield warehouse

    @contextlib.contextmanager
    def open_to_try(self, inputs: Sequence[Input]) -> Iterator[Warehouse]:
        """The warehouse for a run that is rolled back; where there is no file yet, one in memory, and none is made.

        Args:
            inputs: What the sources need from outside the warehouse.

        Raises:
            RunError: As for `open`.
            WarehouseError: It cannot be opened, or there is neither a file nor an input.
        """
        is_absent = not self.path.exists()
        if is_absent:
            self._refuse_former_state()
        with self.open(read_only=is_absent, inputs=inputs) as warehouse:
            yield warehouse

    @contextlib.contextmanager
    def keep(self, inputs: Sequence[Input], *, publish: bool) -> Iterator[Warehouse]:
        """The warehouse, open for writing: until the end of the block every opening is this one.

        Args:
            inputs: What the sources need from outside the warehouse.
            publish: Whether the copy for readers is brought up to date at the end; within another block it is at the
                end of that one.
        """
        if self._kept is not None:
            yield self._kept
            return
        with self.open(inputs=inputs) as warehouse:
            self._kept = warehouse
            try:
                yield warehouse
            finally:
                self._kept = None
            if publish:
                self.publish(warehouse)

    @property
    def reads_copy(self) -> bool:
        """Whether readers get the copy: there is one, and the warehouse is not kept open anyway."""
        return self._kept is None and self.definitions.settings.publish != "off" and self.published_path.exists()

    @contextlib.contextmanager
    def open_published(self) -> Iterator[Warehouse]:
        """The copy for readers, or the warehouse itself where there is none; for looking only."""
        from warehouse.duckdb import DuckDB

        if not self.reads_copy:
            with self.open(read_only=True) as warehouse:
                yield warehouse
            return
        with contextlib.closing(DuckDB.open(self.published_path, read_only=True)) as copy:
            self._refuse_foreign(copy)
            yield copy

    def publish(self, warehouse: Warehouse) -> None:
        """Bring the copy for readers up to date, where it is wanted; of a warehouse that is kept open, at its end only.

        Raises:
            WarehouseError: The copy cannot be written; the older one stands as it stood.
        """
        from pipelines.publish import publish_if_wanted

        if self._kept is None:
            publish_if_wanted(warehouse, self.published_path, self.definitions.settings.publish)

    def try_publish(self, warehouse: Warehouse) -> str:
        """Why the copy cannot be brought up to date, or nothing; what was done stands, and must be told."""
        try:
            self.publish(warehouse)
        except WarehouseError as error:
            return str(error)
        return ""

    def publish_after(self, done: str, warehouse: Warehouse) -> None:
        """Bring the copy up to date after something that the error names as ``done``.

        Raises:
            WarehouseError: The copy cannot be written; what was done stands.
        """
        if problem := self.try_publish(warehouse):
            raise WarehouseError(f"{done}, but readers do not see it yet. {problem}")

    def _refuse_former_state(self) -> None:
        from pipelines.former_state import refuse_former_state

        refuse_former_state(self.definitions, self.folder, self.wait, self.notify)

    def _refuse_foreign(self, warehouse: Warehouse) -> None:
        """Keep targets apart whatever ``series.yml`` says: whose state a file holds stands in the file."""
        from warehouse import state

        owner, target = state.read_target(warehouse), self.definitions.settings.target
        if owner not in (None, target):
            this = f"target `{target}`" if target else "a project without targets"
            raise RunError(
                f"The state in {self.path} belongs to target `{owner}`; this is {this}. Give each target its "
                "own `warehouse.path`. If the target was renamed, write its new name to `target` in series_state.meta."
            )
