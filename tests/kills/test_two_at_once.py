"""Two who want one warehouse: one waits or says who holds it; the result is as if one had come after the other."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import Project
from tests import shop
from warehouse.adapter import LockedError, WarehouseError
from warehouse.duckdb import DuckDB

SERIES = Path(sys.executable).with_name("series")
FIRST, SECOND = shop.AS_OF[1], shop.AS_OF[2]
DATABASE = "warehouse/warehouse.duckdb"
Outcome = tuple[dict[str, list[dict[str, Any]]], dict[str, bytes]]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop before its first run; copy it."""
    folder = tmp_path_factory.mktemp("shop")
    shop.change(folder, 1)
    return folder


@pytest.fixture(scope="module")
def one_run(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What one run leaves."""
    return after(project, tmp_path_factory.mktemp("one") / "shop", FIRST)


def outcome(folder: Path) -> Outcome:
    return shop.state(folder / DATABASE), shop.outbox(folder)


def after(project: Path, folder: Path, *runs: str, overtaken: bool = False) -> Outcome:
    """What runs leave that come one after the other; ``overtaken``: all but the last before they hand off."""
    shutil.copytree(project, folder)
    for as_of in runs:
        Project.open(folder).run(as_of, hand_off=as_of == runs[-1] or not overtaken)
    return outcome(folder)


def start(folder: Path, as_of: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [SERIES, "run", "--as-of", as_of],
        cwd=folder,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def answers(*processes: subprocess.Popen[str]) -> list[tuple[int, str, str]]:
    return [(process.wait(), out, err) for process in processes for out, err in [process.communicate()]]


def nothing_done(answer: tuple[int, str, str]) -> int:
    return answer[1].count("nothing done")


def test_two_processes_at_the_same_instant_are_as_one_run(project: Path, one_run: Outcome, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path / "both")
    both = answers(start(tmp_path / "both", FIRST), start(tmp_path / "both", FIRST))
    assert [code for code, _, _ in both] == [0, 0], both
    assert sorted(map(nothing_done, both)) == [0, 4]
    assert outcome(tmp_path / "both") == one_run


def test_two_processes_at_two_instants_are_as_one_after_the_other(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path / "both")
    early, late = answers(start(tmp_path / "both", FIRST), start(tmp_path / "both", SECOND))
    assert (early[0], late[0], nothing_done(late)) == (0, 0, 0), (early, late)
    assert nothing_done(early) in (0, 4)
    order = [SECOND] if nothing_done(early) else [FIRST, SECOND]
    # Between a run and its hand-off the warehouse is free; what has expired by the other run is not sent then.
    assert outcome(tmp_path / "both") in (
        after(project, tmp_path / "one", *order),
        after(project, tmp_path / "overtaken", *order, overtaken=True),
    )


def test_threads_of_one_process_are_as_one_run(project: Path, one_run: Outcome, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path / "all")
    with ThreadPoolExecutor(3) as threads:
        results = list(threads.map(lambda _: Project.open(tmp_path / "all").run(FIRST), range(3)))
    assert sorted(result.series[0].state for result in results) == ["done", "no_op", "no_op"]
    assert outcome(tmp_path / "all") == one_run


@contextmanager
def held(folder: Path) -> Iterator[int]:
    """Another process has the warehouse open; its id."""
    code = f"import duckdb; held = duckdb.connect({DATABASE!r}); print(flush=True); input()"
    holder = subprocess.Popen([sys.executable, "-c", code], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout
    holder.stdout.readline()
    try:
        yield holder.pid
    finally:
        holder.communicate(b"\n")


@pytest.mark.parametrize("verb", [["run", "--as-of", FIRST], ["hand-off"], ["status"], ["compile", "upgrade"]])
def test_who_never_lets_go_is_named_within_the_limit(project: Path, tmp_path: Path, verb: list[str]) -> None:
    shutil.copytree(project, tmp_path / "shop")
    with held(tmp_path / "shop") as process:
        done = subprocess.run(
            [SERIES, *verb],
            cwd=tmp_path / "shop",
            env=os.environ | {"SERIES_LOCK_WAIT": "0.3"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    told, failed = done.stderr.splitlines()
    path = re.escape(str(tmp_path / "shop" / DATABASE))
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(rf"Waiting for \S+python\S* \(process {process}\), who has the warehouse {path} open\.", told)
    assert re.fullmatch(
        rf"The warehouse {path} is in use by \S+python\S* \(process {process}\) \(waited 0\.3 s\)\. "
        r"Try again when it is done\.",
        failed,
    )
    assert not (tmp_path / "shop" / "outbox").exists()


def test_who_lets_go_in_time_is_waited_for(project: Path, one_run: Outcome, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path / "shop")
    with held(tmp_path / "shop") as process:
        waiting = start(tmp_path / "shop", FIRST)
        assert waiting.stderr
        assert f"(process {process})" in waiting.stderr.readline()
    assert [code for code, _, _ in answers(waiting)] == [0]
    assert outcome(tmp_path / "shop") == one_run


def test_another_thread_that_never_lets_go_is_named(tmp_path: Path) -> None:
    warehouse = DuckDB.open(tmp_path / "w.duckdb")
    with pytest.raises(LockedError, match=r"in use by another thread of this process \(waited 0\.1 s\)"):
        DuckDB.open(tmp_path / "w.duckdb", wait=0.1)
    warehouse.close()
    DuckDB.open(tmp_path / "w.duckdb", wait=0.1).close()


def test_a_connection_of_the_callers_own_is_not_shared(project: Path, tmp_path: Path) -> None:
    shutil.copytree(project, tmp_path / "shop")
    with duckdb.connect(tmp_path / "shop" / DATABASE) as own:
        with pytest.raises(LockedError, match=r"is open in this process already\. Close that first\."):
            Project.open(tmp_path / "shop").run(FIRST)
        own.execute("set threads = 1")  # nobody has locked it down
    assert Project.open(tmp_path / "shop").run(FIRST).series[0].state == "done"


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_limit_that_is_no_number_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("SERIES_LOCK_WAIT", text)
    with pytest.raises(WarehouseError, match=f"SERIES_LOCK_WAIT is `{text}`; it must be a number of seconds"):
        DuckDB.open(tmp_path / "w.duckdb")
