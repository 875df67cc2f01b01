"""A state under a former name: what a project sent before its warehouse's file carried the target's name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from os.path import normpath
from pathlib import Path

from pipelines.model import Definitions
from pipelines.problems import RunError
from pipelines.run import newest_runs
from warehouse import state
from warehouse.adapter import LockedError, WarehouseError


def refuse_former_state(
    definitions: Definitions, folder: Path, wait: float | None, on_wait: Callable[[str], None]
) -> None:
    """Raise where a target would begin anew, and send everything again, beside the state that it should go on with.

    Args:
        definitions: Say where the states are.
        folder: The project's folder.
        wait: Seconds to wait while somebody else has one of the files; None: as SERIES_LOCK_WAIT says, or a minute.
        on_wait: Called with who holds it, when waiting begins.

    Raises:
        RunError: The target's own file holds no run, and that of the former name does; no target says it is its own.
        LockedError: Somebody else went on having one of the files.
    """
    settings = definitions.settings
    former = settings.former_warehouse_path
    taken = {normpath(folder / other.warehouse_path) for other in definitions.other_targets.values()}
    if former is None or normpath(folder / former) in taken or not (folder / former).exists():
        return
    target = settings.target
    has_run = (_has_run(folder / path, target, wait, on_wait) for path in (settings.warehouse_path, former))
    if next(has_run) or not next(has_run):
        return
    raise RunError(
        f"{former} holds what this project has sent so far; target `{target}` would begin anew in "
        f"{settings.warehouse_path} and send it again. Say in series.yml which target goes on with that state, such as "
        f"`{target}: {{warehouse: {{path: {former}}}}}`, or move the file away."
    )


def _has_run(path: Path, target: str | None, wait: float | None, on_wait: Callable[[str], None]) -> bool:
    """Whether a file holds runs of this target, or of nobody's."""
    from warehouse.duckdb import DuckDB

    if not path.exists():
        return False
    try:
        with contextlib.closing(DuckDB.open(path, read_only=True, wait=wait, on_wait=on_wait)) as warehouse:
            is_ours = state.read_target(warehouse) in (None, target)
            return is_ours and bool(newest_runs(warehouse, state.read_version(warehouse)))
    except LockedError:
        raise
    except WarehouseError:
        # Whatever that is, opening it for the run will tell; as a former state it is none.
        return False
