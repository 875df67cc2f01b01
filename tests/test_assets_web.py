"""The real webserver and daemon: a run is launched through the web interface's API, and people see what it did.

The pictures in the docs come from here: ``DOCS_PICTURES=docs/pictures`` keeps them.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
from playwright.sync_api import Page, expect

from pipelines.demo import Story, make_demo
from tests.browser import browser, errors_of, page, picture

__all__ = ["browser", "page"]

ROOT = Path(__file__).parent.parent
SETTINGS = ROOT / "assets" / "dagster.yaml"
GROUPS = ",".join(f"global@global:{name}" for name in ("hand_off", "runs", "series", "sources"))
PATIENCE = 240
Answer = TypeVar("Answer")
expect.set_options(timeout=PATIENCE * 1000)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where the webserver listens, with a daemon beside it, over a small demo."""
    folder, home = tmp_path_factory.mktemp("demo") / "demo", tmp_path_factory.mktemp("home")
    make_demo(folder, Story(customers=60, hours=3))
    shutil.copy(SETTINGS, home)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    environment = os.environ | {"DAGSTER_HOME": str(home), "SERIES_PROJECT_DIR": str(folder)}
    commands = (
        ["dagster-webserver", "-h", "127.0.0.1", "-p", str(port), "-m", "assets.definitions"],
        ["dagster-daemon", "run", "-m", "assets.definitions"],
    )
    logs = [(home / f"{command[0]}.log").open("w+") for command in commands]
    processes = [
        subprocess.Popen(
            [str(Path(sys.executable).with_name(command[0])), *command[1:]],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        for command, log in zip(commands, logs, strict=True)
    ]
    try:
        assert wait_for(lambda: is_up(port)), read(logs[0].name)
        yield port
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=60)
        for log in logs:
            log.close()


def is_up(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/server_info", timeout=5).ok
    except requests.RequestException:
        return False


def read(file: str) -> str:
    return Path(file).read_text()


def wait_for(ask: Callable[[], Answer | None]) -> Answer | None:
    """The first answer that is not nothing, as long as patience lasts."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.5)
    return None


LAUNCH = """
mutation ($parameters: ExecutionParams!) {
  launchRun(executionParams: $parameters) { __typename ... on LaunchRunSuccess { run { runId } } }
}
"""
STATUS = "query ($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"


def ask(port: int, query: str, **variables: Any) -> Any:
    """What the web interface's API answers."""
    url = f"http://127.0.0.1:{port}/graphql"
    answer = requests.post(url, json={"query": query, "variables": variables}, timeout=60).json()
    assert "errors" not in answer, answer
    return answer["data"]


@pytest.fixture(scope="module")
def run_id(port: int) -> str:
    """A run, launched through the API and gone through."""
    job = {
        "repositoryLocationName": "assets.definitions",
        "repositoryName": "__repository__",
        "jobName": "series_run",
    }
    config = {"ops": {"run": {"config": {"as_of": "2026-03-02T03:00Z"}}}}
    launched = ask(port, LAUNCH, parameters={"selector": job, "runConfigData": config})["launchRun"]["run"]["runId"]

    def end() -> str | None:
        status = ask(port, STATUS, id=launched)["runOrError"]["status"]
        return str(status) if status in ("SUCCESS", "FAILURE", "CANCELED") else None

    assert wait_for(end) == "SUCCESS"
    return str(launched)


def keep(page: Page, name: str) -> None:
    """Keep a picture for the docs, where they are asked for."""
    if folder := os.environ.get("DOCS_PICTURES"):
        page.wait_for_timeout(2000)  # what slides has come to rest
        picture(page, ROOT / folder / f"{name}.png")


def test_the_lineage_leads_from_sources_to_what_was_handed_off(port: int, run_id: str, page: Page) -> None:
    errors = errors_of(page)
    page.set_viewport_size({"width": 1600, "height": 1440})  # all of it in sight
    page.goto(f"http://127.0.0.1:{port}/asset-groups?expanded={GROUPS}")
    expect(page.get_by_text("handed_off_batches").first).to_be_visible()
    for name in ("customers", "encourage_upgrades", "entries", "path_advances", "outbound_batches"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    expect(page.get_by_text("report", exact=True).first).to_be_visible()
    keep(page, "lineage")
    assert run_id
    assert errors == []


def test_a_series_page_shows_its_blocks_owner_and_counts(port: int, run_id: str, page: Page) -> None:
    errors = errors_of(page)
    page.set_viewport_size({"width": 1280, "height": 1300})
    page.goto(f"http://127.0.0.1:{port}/assets/series/encourage_upgrades")
    expect(page.get_by_text("Encourage customer upgrades").first).to_be_visible()
    drawing = page.get_by_alt_text("The blocks of encourage_upgrades")
    assert wait_for(lambda: drawing.evaluate("image => image.complete && image.naturalWidth > 200"))
    expect(page.get_by_text("Growth", exact=True).first).to_be_visible()
    expect(page.get_by_text("messages_queued").first).to_be_visible()
    page.get_by_text("Show more").first.click()
    expect(page.get_by_role("cell", name="premium_tour").first).to_be_visible()
    keep(page, "series")
    assert run_id
    assert errors == []


def goto_until_shown(page: Page, url: str, text: str) -> None:
    """Open a page, again where it does not show the text soon: it may have asked before the checks were there."""
    for attempt in range(8):
        page.goto(url)
        try:
            expect(page.get_by_text(text).first).to_be_visible(timeout=20_000)
        except AssertionError:
            if attempt == 7:
                raise
        else:
            return


def test_an_asset_page_shows_rows_columns_and_checks(port: int, run_id: str, page: Page) -> None:
    errors = errors_of(page)
    goto_until_shown(page, f"http://127.0.0.1:{port}/assets/entries", "Passing")
    expect(page.get_by_text("The entry; a number that ascends").first).to_be_visible()
    expect(page.get_by_text("warehouse.series.entries").first).to_be_visible()
    keep(page, "entries")
    page.goto(f"http://127.0.0.1:{port}/assets/outbound_batches?view=checks")
    expect(page.get_by_text("held_batches").first).to_be_visible()
    expect(page.get_by_text(re.compile("Passed|Succeeded")).first).to_be_visible()
    assert run_id
    assert errors == []
