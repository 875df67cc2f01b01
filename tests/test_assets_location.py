"""What Dagster loads: a project's assets under configurable keys, beside others, with users' words kept harmless."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets import build_definitions
from assets.environment import FILE_URL
from tests.orchestrated import make_shop

DOCS = (Path(__file__).parent.parent / "docs" / "dagster.md").read_text()


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return make_shop(tmp_path / "shop")


def specs(definitions: dg.Definitions) -> dict[str, dg.AssetSpec]:
    return {spec.key.to_user_string(): spec for spec in definitions.resolve_all_asset_specs()}


def test_keys_join_somebody_elses_lineage(shop: Path) -> None:
    (shop / "series.yml").write_text(
        "sources:\n  customers: {table: main.customers, asset_key: dbt/my-contacts v2}\n"
        "  companies: {table: main.customers, asset_key: dbt/my-contacts v2}\n"
        "  engagements: {table: crm.answers}\n"
    )
    definitions = build_definitions(shop, key_prefix=["marketing"])
    dg.Definitions.validate_loadable(definitions)
    found = specs(definitions)
    assert {"dbt/my-contacts_v2", "crm/answers", "events"} <= set(found)
    assert {"marketing/entries", "marketing/series/upgrade"} <= set(found)
    assert dg.AssetKey(["dbt", "my-contacts_v2"]) in {dep.asset_key for dep in found["marketing/series/upgrade"].deps}


def test_a_series_depends_on_the_sources_that_it_reads(shop: Path) -> None:
    series = {
        "few": "enter: {rule: plan = 'Free'}",
        "tags": "enter: {rule: has_tag('a') or reached_goal('few'), then: pause}\n  pause: {wait: 1 day}",
        "events": "enter: {rule: in_segment('active')}",
        "companies": "enter: {rule: company.seats > 2}",
        "shown": "enter: {rule: plan = 'Free', then: news}\n  news: {content: in_app, body: 'For {{ company.name }}'}",
        "mails": "enter: {rule: plan = 'Free', then: news}\n  news: {content: post, body: Hello}",
        "broken": "enter: {rule: plan ==}",
    }
    folder = shop / "series_definitions"
    for name, blocks in series.items():
        (folder / f"{name}.yml").write_text(f"series: {name}\nstatus: live\nschedule: hourly\nblocks:\n  {blocks}\n")
    (folder / "segments.yml").write_text("segments: {active: did('login')}")
    (shop / "series.yml").write_text("channels: {in_app: {receipts: false}}")
    found = specs(build_definitions(shop))
    read = {name: {dep.asset_key.to_user_string() for dep in found[f"series/{name}"].deps} for name in series}
    assert read == {
        "few": {"customers"},
        "tags": {"customers", "customer_tags"},
        "events": {"customers", "events"},
        "companies": {"customers", "companies", "customer_companies"},
        "shown": {"customers", "companies", "customer_companies"},
        "mails": {"customers", "engagements"},
        "broken": {"customers", "companies", "customer_companies", "events", "engagements", "customer_tags"},
    }


def test_sources_that_the_code_location_has_are_left_out(shop: Path) -> None:
    @dg.asset
    def customers() -> None:
        """Filled here."""

    merged = dg.Definitions.merge(dg.Definitions([customers]), build_definitions(shop, with_sources=False))
    dg.Definitions.validate_loadable(merged)


def test_a_code_location_with_its_own_package_assets_loads_ours_as_the_docs_say(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "__init__.py").write_text("mine = True")
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL) if "series_assets" in block)
    code += f"""
import assets
assert assets.mine
definitions = series_assets.build_definitions({str(shop)!r})
print(len(list(definitions.resolve_all_asset_specs())))
"""
    root = str(Path(__file__).parent.parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), root])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == 27


def test_users_words_are_shown_and_do_nothing(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FILE_URL, "https://git.example.com/shop/")
    file = shop / "series_definitions" / "upgrade.yml"
    text = file.read_text().replace("title: From free to Premium", "title: '[x](javascript:alert) <b>| a\u0027\u0027s'")
    file.write_text(text.replace("{rule: plan = 'Free',", "{label: '</text><script>', rule: plan = 'Free',"))
    found = specs(build_definitions(shop))["series/upgrade"]
    description = found.description or ""
    assert r"\[x\]\(javascript\:alert\) \<b\>\| a's" in description
    picture = re.search(r"base64,([^)]+)\)", description)
    assert picture
    assert "&lt;/text&gt;&lt;script&gt;" in base64.b64decode(picture[1]).decode()
    assert found.metadata["definition"].url == "https://git.example.com/shop/series_definitions/upgrade.yml"


def test_a_file_with_errors_is_shown_and_does_not_stop_the_others(shop: Path) -> None:
    (shop / "series_definitions" / "broken.yml").write_text("series: broken\nstatus: alive\n")
    found = specs(build_definitions(shop))
    assert "has errors" in (found["series/broken"].description or "")
    assert "series/upgrade" in found
