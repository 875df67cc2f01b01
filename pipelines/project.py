"""A project folder: what its files say, and what can be done with it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from pipelines.definitions.load import load_definitions
from pipelines.hint import there_is_no
from pipelines.memo import Memo
from pipelines.model import Definitions
from pipelines.problems import Problem, UsageError, in_order
from pipelines.schedule import current_instant, parse_as_of
from warehouse.adapter import LockedError, Warehouse, WarehouseError

if TYPE_CHECKING:
    import polars as pl

    from pipelines.explain.explanation import Explanation
    from pipelines.figures import Batches, RunFigures
    from pipelines.hand_off.batches import BatchRow, Decision, DecisionResult
    from pipelines.hand_off.hand_off import HandOffResult
    from pipelines.health import Finding
    from pipelines.plan.plan import Plan
    from pipelines.preview import Preview
    from pipelines.project_warehouse import ProjectWarehouse
    from pipelines.receipts.load import LoadResult, Track
    from pipelines.report import Report
    from pipelines.run_result import RunResult
    from pipelines.scenarios.run import ScenarioResult
    from pipelines.source_overview import SourceOverview
    from pipelines.status import Status
    from warehouse.inputs import Input


TARGET_VARIABLE = "SERIES_TARGET"
"""The environment variable that chooses a target where nobody else does."""

STOP_VARIABLE = "SERIES_STOP"
"""The environment variable that stops sending, whatever the file says."""


class Project:
    """A folder with ``series_definitions/`` and perhaps a ``series.yml``.

    The files are read when they are first needed and not again; open the project anew to see changes.
    """

    def __init__(
        self, folder: Path, notify: Callable[[str], None], target: str | None = None, wait: float | None = None
    ) -> None:
        self.folder = folder
        self._target = target
        self._notify = notify
        self._wait = wait
        self._memo = Memo()

    @classmethod
    def open(
        cls,
        folder: Path | str = ".",
        notify: Callable[[str], None] = lambda _: None,
        *,
        target: str | None = None,
        wait: float | None = None,
    ) -> Project:
        """Open a project.

        Args:
            folder: Its folder.
            notify: Told, in a sentence, why something takes long.
            target: The target of ``series.yml`` to work on; None: as SERIES_TARGET says, or ``dev``.
            wait: Seconds to wait while somebody else has the warehouse; None: as SERIES_LOCK_WAIT says, or a minute.

        Raises:
            UsageError: There is no such folder.
        """
        path = Path(folder).resolve()
        if not path.is_dir():
            raise UsageError(f"There is no folder {folder}.")
        return cls(path, notify, target or os.environ.get(TARGET_VARIABLE) or None, wait)

    @property
    def definitions(self) -> Definitions:
        """What the files say, as far as they can be read; where SERIES_STOP is set, sending is stopped."""
        return self._in_force

    @property
    def warehouse_path(self) -> Path:
        """The warehouse's file."""
        return self._warehouse.path

    @property
    def published_path(self) -> Path:
        """The file of the copy for readers."""
        return self._warehouse.published_path

    def problems(self) -> list[Problem]:
        """Everything wrong with the definitions, checked against the warehouse where it is there.

        What other targets change is checked as well, without their warehouses.

        Raises:
            WarehouseError: The warehouse cannot be opened.
        """
        from pipelines.check import check_other_targets
        from pipelines.run import read_definitions

        inputs, missing = self._find_inputs()
        if missing or self._is_unreadable() or not (inputs or self.warehouse_path.exists()):
            found = read_definitions(self.definitions, None, self._memo)[2]
        else:
            with self._warehouse.open(read_only=True, inputs=inputs, rows=False) as warehouse:
                found = read_definitions(self.definitions, warehouse, self._memo)[2]
        return in_order([*self._loaded[1], *check_other_targets(self.definitions), *missing, *found])

    def compile(self, series_id: str, as_of: datetime | str | None = None) -> str:
        """The SQL that a run of one series at an instant would execute, as one script.

        Raises:
            UsageError: There is no such series.
            RefusedError: A definition cannot be used.
            RunError: There is no warehouse, or a source cannot be used.
        """
        from pipelines.script import write_script

        self._refuse_unreadable()
        inputs = self._inputs()
        with self._warehouse.open(read_only=True, inputs=inputs, rows=False) as warehouse:
            return write_script(warehouse, self.definitions, series_id, _instant(as_of), inputs)

    def preview(self, series_id: str, block_id: str, customer_id: str) -> Preview:
        """The message that a customer would get from a block now; nothing is written.

        Raises:
            UsageError: There is no such series, content block or customer.
            RefusedError: A definition cannot be used.
            RunError: A source cannot be used.
            WarehouseError: There is no warehouse, or it cannot be opened.
        """
        from pipelines.preview import read_preview

        self._refuse_unreadable()
        with self._warehouse.open(read_only=True, inputs=self._inputs()) as warehouse:
            return read_preview(warehouse, self.definitions, series_id, block_id, customer_id)

    def explain(
        self, customer_id: str | int | UUID, series_id: str | None = None, as_of: datetime | str | None = None
    ) -> Explanation:
        """What happened to a customer in each series and why, and why not; nothing is written.

        Args:
            customer_id: The customer.
            series_id: Only this series; None is all of them.
            as_of: The instant at which rules are judged; None is that of each series' newest run.

        Raises:
            UsageError: There is no such series.
            RefusedError: A definition cannot be used.
            RunError: There is no such customer, or a source cannot be used.
            WarehouseError: There is no warehouse, or it cannot be opened.
        """
        from pipelines.explain.explain import Question, read_explanation

        self._refuse_unreadable()
        instant = None if as_of is None else _instant(as_of)
        with self._warehouse.open(read_only=True, inputs=self._inputs()) as warehouse:
            asked = Question(str(customer_id), series_id, instant, current_instant())
            return read_explanation(warehouse, self.definitions, asked, self._memo)

    def run(
        self,
        as_of: datetime | str | None = None,
        *,
        series: Sequence[str] | None = None,
        due: bool = False,
        hand_off: bool = True,
        accept: Collection[str] = (),
    ) -> RunResult:
        """Run every series that is not draft or paused at one instant, then hand off their batches.

        Args:
            as_of: The instant; naive is UTC, None is now.
            series: Only these.
            due: Only those whose schedule has an instant after their newest run, up to this one.
            hand_off: Whether batches are handed off after the commit; those that guards hold are not.
            accept: Guards of sources (``max_age``, ``max_drop``) that this run may go beyond; recorded.

        Raises:
            RefusedError: A definition cannot be used.
            GuardError: A source is beyond its guard; nothing is committed.
            RunError: A source cannot be used or a statement failed; nothing is committed.
            UsageError: A series is named that does not exist, or a guard that cannot be accepted.
            WarehouseError: The warehouse cannot be opened.
        """
        from pipelines.hand_off.claim import is_any_waiting
        from pipelines.hand_off.hand_off import HandOffResult
        from pipelines.run import run
        from pipelines.run_result import read_result

        instant = _instant(as_of)
        self._refuse_unreadable()
        with self._warehouse.open(inputs=self._inputs()) as warehouse:
            ran = run(warehouse, self.definitions, instant, series=series, due=due, accept=accept, memo=self._memo)
            result = read_result(warehouse, self.definitions, instant, ran)
            # A repeat has its batches too, those that an earlier one left.
            leaves = hand_off and is_any_waiting(warehouse)
            unpublished = "" if leaves else self._warehouse.try_publish(warehouse)
        handed = HandOffResult((), self.definitions.settings.policy.stopped) if hand_off else None
        if leaves:
            # Senders may be slow: nobody waits for them.
            handed = self._hand_off()
            with self._warehouse.open() as warehouse:
                unpublished = self._warehouse.try_publish(warehouse)
        return replace(result, hand_off=handed, unpublished=unpublished)

    def plan(
        self,
        as_of: datetime | str | None = None,
        *,
        series: Sequence[str] | None = None,
        due: bool = False,
        accept: Collection[str] = (),
    ) -> Plan:
        """What `run` would do, found by running and rolling back: nothing is written, and no sender is opened.

        Args:
            as_of: As for `run`, like all that follows.
            series: Only these.
            due: Only those that are due.
            accept: Guards of sources that the run may go beyond; not recorded.

        Raises:
            RefusedError: A definition cannot be used.
            GuardError: A source is beyond its guard.
            RunError: A source cannot be used or a statement failed.
            UsageError: A series is named that does not exist, or a guard that cannot be accepted.
            WarehouseError: There is no warehouse, or it cannot be opened.
        """
        from pipelines.plan.rehearsal import make_plan

        instant = _instant(as_of)
        self._refuse_unreadable()
        with self._warehouse.open_to_try(self._inputs(keep=False)) as warehouse:
            return make_plan(
                warehouse, self.definitions, instant, series=series, due=due, accept=accept, memo=self._memo
            )

    def hand_off(self) -> HandOffResult:
        """Offer the pending batches again.

        Raises:
            WarehouseError: There is no warehouse, or it cannot be opened.
        """
        handed = self._hand_off()
        with self._warehouse.open(must_exist=True) as warehouse:
            self._warehouse.publish_after("The hand-off is done", warehouse)
        return handed

    def batches(self, *, status: Collection[str] = (), series: Collection[str] = ()) -> tuple[BatchRow, ...]:
        """The batches, oldest first.

        Args:
            status: Only these; none is every batch that neither left nor was dropped.
            series: Only of these series; none is all.

        Raises:
            UsageError: There is no such status or series.
            WarehouseError: The warehouse cannot be opened.
        """
        from pipelines.hand_off.batches import read_batches
        from warehouse import state

        if not self.warehouse_path.exists():
            return read_batches(None, self.definitions, status, series)
        with self._warehouse.open(read_only=True) as warehouse:
            return read_batches(warehouse if state.exists(warehouse) else None, self.definitions, status, series)

    def decide(
        self,
        decision: Decision,
        batch_ids: Sequence[str] = (),
        *,
        why: str,
        all_held: bool = False,
        all_failed: bool = False,
        series: Collection[str] = (),
        decided_by: str | None = None,
    ) -> DecisionResult:
        """Decide on batches that wait for a person, on record; what is decided so already stays as it is.

        Args:
            decision: ``released``: held batches go to their sender at the next hand-off; ``retried``: those that failed
                or of which nobody knows do; ``dropped``: none of these are offered any more.
            batch_ids: The batches.
            why: The reason.
            all_held: Every held batch, instead of naming them.
            all_failed: Every batch that failed or of which nobody knows.
            series: With these: only of these series.
            decided_by: Who decides; None is the account that this process runs under.

        Raises:
            UsageError: A batch does not exist or does not wait for this, or no reason is given; nothing is changed.
            WarehouseError: There is no warehouse, or it cannot be opened.
        """
        from pipelines.hand_off.batches import FAILED, HELD, batches_of, decide
        from pipelines.hand_off.lock import only_hand_off
        from pipelines.person import current_person
        from warehouse import state

        statuses = [*(HELD if all_held else ()), *(FAILED if all_failed else ())]
        if bool(batch_ids) == bool(statuses) or (series and not statuses):
            every = "failed or unknown (--all-failed)" if decision == "retried" else "held (--all-held)"
            raise UsageError(f"Name the batches, or take all that are {every}, perhaps of some series (--series).")
        with contextlib.ExitStack() as stack:
            if self.warehouse_path.exists():
                # Nobody decides on a batch that is on its way this moment.
                stack.enter_context(only_hand_off(self.warehouse_path, self._wait, self._notify))
            warehouse = stack.enter_context(self._warehouse.open(must_exist=True))
            if not state.exists(warehouse):
                raise UsageError("There is no batch; nothing has run yet.")
            chosen = batches_of(warehouse, self.definitions, statuses, series) if statuses else batch_ids
            decided = decide(warehouse, decision, chosen, why, decided_by or current_person())
            self._warehouse.publish_after("The decision stands", warehouse)
            return decided

    def load_receipts(
        self,
        paths: Sequence[Path],
        provider: str | None = None,
        *,
        remove: bool = False,
        track: Track = iter,
    ) -> LoadResult:
        """Take in files of receipts; they count as engagements from then on, each once.

        Args:
            paths: Files, or folders of them: JSONL, CSV, Parquet.
            provider: Whose events they are, a name of `pipelines.receipts.maps.MAPS`; None: rows with our own columns.
            remove: Whether files are removed once they are loaded; those with bad rows stay.
            track: Is given the groups of files, for a progress bar.

        Raises:
            UsageError: There is no such file or provider.
            WarehouseError: There is no warehouse, or it cannot be opened.
        """
        from pipelines.receipts.load import count_passed_over, find_files, load

        files = find_files(paths, provider)
        if not self.warehouse_path.exists():
            raise WarehouseError(f"There is no warehouse at {self.warehouse_path}.")
        loaded = load(
            files, lambda inputs: self._warehouse.open(inputs=inputs), current_instant, remove=remove, track=track
        )
        return replace(loaded, passed_over=count_passed_over(paths))

    def status(self) -> Status:
        """How the project stands."""
        from pipelines.status import read_status
        from warehouse import state

        if not self.warehouse_path.exists():
            return read_status(self.definitions, None)
        with self._warehouse.open(read_only=True) as warehouse:
            return read_status(self.definitions, warehouse if state.read_version(warehouse) else None)

    def sources(self) -> SourceOverview:
        """How each source stands, with every problem of ``series.yml`` and of the sources themselves.

        Raises:
            RefusedError: Nothing of what the sources name is there.
            WarehouseError: There is no warehouse, or it cannot be opened.
        """
        from pipelines.definitions.settings import PROJECT_FILE
        from pipelines.run import refuse
        from pipelines.source_overview import SourceOverview, read_overview

        ours = [one for one in self._loaded[1] if one.position and one.position.file == PROJECT_FILE]
        inputs, missing = self._find_inputs()
        if not inputs and not self.warehouse_path.exists():
            refuse([*ours, *missing])
        with self._warehouse.open(read_only=True, inputs=inputs) as warehouse:
            overview = read_overview(warehouse, self.definitions.settings)
        # Where the file has errors, what a source lacks may only follow from them.
        found = () if self._is_unreadable() else overview.problems
        return SourceOverview(overview.sources, tuple(in_order([*ours, *missing, *found])))

    def sources_read(self) -> dict[str, tuple[str, ...]]:
        """By series, the sources that it reads; without series that have errors. The warehouse is not opened."""
        from pipelines.reading import sources_read
        from pipelines.run import read_definitions

        checked = read_definitions(self.definitions, None, self._memo)[0]
        return {name: sources_read(checked, one) for name, one in checked.series.items()}

    def figures(self, as_of: datetime | str) -> RunFigures:
        """What the run at an instant did, in numbers; without any series when there was none.

        Raises:
            WarehouseError: Nothing has run yet, or the warehouse cannot be opened.
        """
        from pipelines.figures import read_run

        with self._warehouse.open(read_only=True) as warehouse:
            return read_run(warehouse, _instant(as_of))

    def handed_off(self, since: datetime) -> dict[str, Batches]:
        """By series, the batches that senders have accepted since a moment of the wall clock (naive: UTC).

        Raises:
            WarehouseError: Nothing has run yet, or the warehouse cannot be opened.
        """
        from pipelines.figures import read_handed_off

        with self._warehouse.open(read_only=True) as warehouse:
            return read_handed_off(warehouse, _instant(since))

    def health(self, *checks: str) -> dict[str, tuple[Finding, ...]]:
        """What some of `pipelines.health.CHECKS` find, by their names.

        Raises:
            RunError: A source cannot be used.
            WarehouseError: The warehouse cannot be opened.
        """
        from pipelines.health import NEEDS_SOURCES, read_health

        if not self.warehouse_path.exists():
            return dict.fromkeys(checks, ())
        inputs = self._inputs() if NEEDS_SOURCES.intersection(checks) else ()
        with self._warehouse.open(read_only=True, inputs=inputs) as warehouse:
            return read_health(warehouse, self.definitions, checks)

    def test(self, paths: Sequence[Path] = (), *, exact: bool = False) -> tuple[ScenarioResult, ...]:
        """Play tests of the series, each on a warehouse of its own, in memory; nothing is handed off.

        Args:
            paths: Files, or folders of them; none is ``series_definitions/tests/``.
            exact: Whether a table that a run does not name has no changed rows, instead of not being looked at.

        Raises:
            UsageError: There is no such file, or no test at all.
        """
        from pipelines.scenarios.folder import play_tests

        definitions, problems = self._loaded
        return tuple(play_tests(self.folder, definitions, problems, paths, exact=exact))

    def report(self, series_id: str | None = None) -> Report:
        """What the series did, in tables, as of their newest runs.

        It reads the published copy, so that it waits for no run and no run for it; where there is none, the warehouse.

        Args:
            series_id: Only this series; None is all of them.

        Raises:
            UsageError: There is no such series.
            WarehouseError: The warehouse cannot be opened, or its tables are of an earlier version.
        """
        from pipelines.report import read_report

        report = read_report(self._warehouse, self.definitions)
        if series_id is None:
            return report
        if series_id not in report.series:
            raise UsageError(there_is_no("series", series_id, report.series))
        return report.of(series_id)

    def table(self, name: str) -> pl.DataFrame:
        """A table or view of schema ``series`` (SPEC 6) as a frame, times in naive UTC; of the published copy, if any.

        Raises:
            UsageError: There is no such table.
            WarehouseError: Nothing has run yet.
        """
        import polars as pl

        from warehouse.views import PUBLIC

        public = {table.name for table in PUBLIC}
        if name not in public:
            raise UsageError(f"There is no table `{name}`; there are: {', '.join(sorted(public))}.")
        with self._warehouse.open_published() as warehouse:
            frame = pl.from_arrow(warehouse.fetch_arrow(f"select * from series.{name}"))  # noqa: S608 (one of `public`)
            assert isinstance(frame, pl.DataFrame)
            return frame

    @contextlib.contextmanager
    def session(self, *, publish: bool = True) -> Iterator[Warehouse]:
        """Keep the warehouse open for writing over several calls of this project; nobody else gets in meanwhile.

        Its sources stay open too, and those from files as they were at the beginning.

        Args:
            publish: Whether the copy for readers is brought up to date, once and at the end, where it is wanted.

        Raises:
            WarehouseError: The warehouse cannot be opened.
        """
        with self._warehouse.keep(self._inputs(), publish=publish) as warehouse:
            yield warehouse

    @cached_property
    def _loaded(self) -> tuple[Definitions, list[Problem]]:
        return load_definitions(self.folder, self._target)

    @cached_property
    def _in_force(self) -> Definitions:
        definitions = self._loaded[0]
        if os.environ.get(STOP_VARIABLE, "0") in ("", "0"):
            return definitions
        settings = definitions.settings
        return replace(definitions, settings=replace(settings, policy=replace(settings.policy, stopped=True)))

    @cached_property
    def _warehouse(self) -> ProjectWarehouse:
        from pipelines.project_warehouse import ProjectWarehouse

        return ProjectWarehouse(self.folder, self.definitions, self._wait, self._notify)

    def _refuse_unreadable(self) -> None:
        """Say at once all that is wrong with the files, without opening the warehouse for long."""
        from pipelines.run import refuse

        if any(problem.severity == "error" for problem in self._loaded[1]):
            refuse(self.problems())

    def _is_unreadable(self) -> bool:
        """Whether the project file has errors: where the sources are is then a guess."""
        from pipelines.definitions.settings import PROJECT_FILE

        errors = (problem for problem in self._loaded[1] if problem.severity == "error")
        return any(problem.position and problem.position.file == PROJECT_FILE for problem in errors)

    def _hand_off(self) -> HandOffResult:
        from pipelines.hand_off.hand_off import HandOffResult, hand_off
        from pipelines.hand_off.lock import only_hand_off
        from pipelines.run import newest_runs
        from warehouse import state

        with self._warehouse.open(must_exist=True) as warehouse:
            newest = newest_runs(warehouse, state.read_version(warehouse) if state.exists(warehouse) else None)
        if not newest:
            return HandOffResult(())
        try:
            with only_hand_off(self.warehouse_path, self._wait, self._notify):
                return hand_off(
                    lambda: self._warehouse.open(must_exist=True), self.definitions, self.folder, max(newest.values())
                )
        except LockedError as error:
            return HandOffResult((), broken_off=str(error))

    def _inputs(self, *, keep: bool = True) -> Sequence[Input]:
        """What the sources need from outside the warehouse.

        Args:
            keep: Whether rows that are fetched from elsewhere may be kept in the warehouse.

        Raises:
            RefusedError: Some of it is missing.
        """
        from pipelines.run import refuse

        inputs, missing = self._find_inputs(keep=keep)
        refuse(missing)
        return inputs

    def _find_inputs(self, *, keep: bool = True) -> tuple[Sequence[Input], list[Problem]]:
        """What of it is there, and what is missing."""
        from pipelines.inputs import find_inputs

        return find_inputs(self.definitions.settings, self.folder, keep=keep)


def _instant(as_of: datetime | str | None) -> datetime:
    if as_of is None:
        return current_instant()
    if isinstance(as_of, str):
        return parse_as_of(as_of)
    return as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of
