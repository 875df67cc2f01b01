"""Headless Chromium from the distribution's packages, for tests that look at pages.

Take the fixture where it is needed: ``from tests.browser import page``. Without Chromium these tests fail: a page that
nobody looked at is not proved.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is needed to look at pages: apt-get install chromium (.ci/run does)."
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        yield found
        found.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new page, 1280 by 900, that reaches nothing but this machine."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme="light")
    context.route(lambda url: not is_local(url), lambda route: route.abort())
    yield context.new_page()
    context.close()


def is_local(url: str) -> bool:
    """Whether an address is a file, or on this machine."""
    return url.startswith(("file:", "data:", "blob:", "http://127.0.0.1", "http://localhost"))


def errors_of(page: Page) -> list[str]:
    """A list that from now on gets whatever the page says went wrong."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    return errors


def picture(page: Page, file: Path) -> None:
    """A picture of what the page shows, for whoever wants to look."""
    file.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=file)
