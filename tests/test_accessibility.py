"""axe-core finds nothing serious in the pages of a report."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from pipelines import Project
from pipelines.pages import write_pages
from tests.browser import browser, page

__all__ = ["browser", "page"]

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
FINDINGS = """async () => (await axe.run()).violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes[0].target.join(" ")}: ${nodes[0].failureSummary}`)"""


@pytest.fixture(scope="module")
def folder(finished_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of the shop after its three runs."""
    report = Project.open(finished_shop).report()
    return write_pages(report, tmp_path_factory.mktemp("pages")).parent


@pytest.mark.parametrize("name", ["index", "upgrade"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_is_found(folder: Path, page: Page, name: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto((folder / f"{name}.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    page.evaluate(AXE)
    assert page.evaluate(FINDINGS) == []


def test_axe_sees_what_nobody_can_read(folder: Path, page: Page) -> None:
    page.goto((folder / "index.html").as_uri())
    page.add_style_tag(content="h1 { color: #eee !important; background: #fff }")
    page.evaluate(AXE)
    assert any(found.startswith("color-contrast") for found in page.evaluate(FINDINGS))
