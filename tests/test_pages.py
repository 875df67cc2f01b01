"""The report's pages: every number is that of its table, whatever the data says, with and without a script."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import Page

from pipelines import Project
from pipelines.pages import formats, write_pages
from pipelines.pages.page import MOST_BYTES, series_page
from pipelines.report import Report
from pipelines.report.conversion import goal_conversion, lift, tag_conversion
from pipelines.report.frames import conform
from pipelines.report.tables import TABLES
from pipelines.statistics import newcombe_interval, wilson_interval
from tests import shop
from tests.browser import browser, errors_of, page
from tests.page_text import PageText

__all__ = ["browser", "page"]

NONE = formats.NOTHING
HOSTILE = "</script><img src=x onerror=alert(1)>\u2028{{ 7 * 7 }}\"'&`"


@pytest.fixture(scope="module")
def report(finished_shop: Path) -> Report:
    """Of the shop after its three runs."""
    return Project.open(finished_shop).report()


@pytest.fixture(scope="module")
def rich(report: Report) -> Report:
    """Series ``upgrade`` with many entries: three versions, two entry rules, breakdowns, three weeks, both arms."""
    cells = random_cells(versions=3, days=21, values=("Free", "Pro", HOSTILE, None))
    tags = tagged(random_cells(versions=3, days=21, values=("vip", HOSTILE)))
    return with_cells(report.of("upgrade"), cells, tags)


@pytest.fixture(scope="module")
def folder(rich: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the page of ``rich``."""
    folder = tmp_path_factory.mktemp("rich")
    write_pages(rich, folder)
    return folder


def random_cells(*, versions: int, days: int, values: tuple[str | None, ...], rules: int = 2) -> pl.DataFrame:
    """Rows as ``sql/report/goal_conversion.sql.jinja`` gives them."""
    chance = random.Random(1)  # noqa: S311 (a made-up world)
    rows = []
    for day in range(days):
        for version in range(1, versions + 1):
            for rule in range(rules):
                for arm, size in (("treatment", 40), ("holdout", 9)):
                    for breakdown, value in [(None, None), *(("plan", value) for value in values)]:
                        measured = chance.randint(0, size)
                        converted = chance.randint(0, measured)
                        rows.append(
                            {
                                "series_id": "upgrade",
                                "version": version,
                                "arm": arm,
                                "entry_rules": f"rule_{rule}",
                                "breakdown": breakdown,
                                "breakdown_value": value,
                                "entered_on": date(2026, 3, 2) + timedelta(days=day),
                                "maturity": "matured" if day < days // 2 else "censored",
                                "entries": measured + 2,
                                "customers": measured + 1,
                                "met_at_entry": 1,
                                "goals": converted,
                                "value": None,
                                "measured_customers": measured,
                                "converted_customers": converted,
                                "converted_before_message": converted // 2,
                                "measured_value": None,
                            }
                        )
    schema = {"breakdown": pl.String, "breakdown_value": pl.String, "value": pl.Float64, "measured_value": pl.Float64}
    return pl.DataFrame(rows, schema_overrides=schema)


def with_cells(report: Report, cells: pl.DataFrame, tags: pl.DataFrame | None = None) -> Report:
    """The report of a series with these cells in place of its own."""
    whole = cells.filter(pl.col("breakdown").is_null())
    rows = [
        {"series_id": "upgrade", "version": number, "definition_hash": f"h{number}", "runs": 1, "holdout": 0.2,
         "first_as_of": datetime(2026, 3, number), "newest_as_of": datetime(2026, 3, number), "goal": "true",
         "goal_within_days": 30.0, "is_newest": number == 3}
        for number in sorted(cells["version"].unique())
    ]  # fmt: skip
    versions = conform(pl.DataFrame(rows), TABLES["versions"])
    with_goal = frozenset({"upgrade"})
    tables = {
        "goal_conversion": conform(goal_conversion(cells, with_goal), TABLES["goal_conversion"]),
        "lift": conform(lift(whole, versions, with_goal), TABLES["lift"]),
        "versions": versions,
    }
    if tags is not None:
        tables["tag_conversion"] = conform(tag_conversion(tags, with_goal), TABLES["tag_conversion"])
    return Report(report.as_of, report.timezone, report.series, {**report.tables, **tables}, report.differences)


def tagged(cells: pl.DataFrame) -> pl.DataFrame:
    """The cells of a breakdown as those of tags."""
    return cells.drop_nulls("breakdown_value").rename({"breakdown_value": "tag"}).drop("breakdown")


def pct(share: float | None) -> str:
    return NONE if share is None else f"{share:.1%}"


def ends(low: float | None, high: float | None) -> str:
    return "" if low is None else f"{pct(low)} to {pct(high)}"


def whole(report: Report, name: str, **wanted: Any) -> list[dict[str, Any]]:
    """Rows of a table, of all versions together."""
    frame = report.tables[name].filter(pl.col("version").is_null())
    return frame.filter(**wanted).rows(named=True)


@pytest.mark.parametrize("series_id", ["upgrade", "trial", "follow", "farewell"])
def test_every_number_is_that_of_its_table(report: Report, series_id: str) -> None:
    alone = report.of(series_id)
    page = PageText(series_page(alone))
    of_all = pl.col("entry_rules").is_null() & pl.col("breakdown").is_null() & pl.col("maturity").is_null()
    conversion = alone.tables["goal_conversion"].filter(of_all & pl.col("version").is_null())

    arms = {row["arm"]: row for row in conversion.filter(cohort_by="all").rows(named=True)}
    treated = arms["treatment"]
    assert page.slots["entries"][0] == f"{treated['entries']:,}"
    assert page.slots["customers"][0] == f"{treated['customers']:,}"
    assert page.slots.get("held", [None])[0] == (f"{arms['holdout']['customers']:,}" if "holdout" in arms else None)
    assert page.slots["rate"][0] == pct(treated["rate"])
    for row in whole(alone, "lift"):
        if row["maturity"] is None and row["difference"] is not None:
            assert page.slots["difference"] == [formats.points(row["difference"])]
            assert page.slots["holdout-rate"] == [pct(row["holdout_rate"])]
            compared = page.tables["Customers with and without the series"][1:]
            assert [cells[1:4] for cells in compared] == [
                [f"{row[f'{arm}_{name}']:,}" for name in ("customers", "measured_customers", "converted_customers")]
                for arm in ("treatment", "holdout")
            ]
            assert (
                compared[1][4]
                == f"{pct(row['holdout_rate'])} {ends(row['holdout_rate_low'], row['holdout_rate_high'])}"
            )
            assert page.terms["added conversions"] == formats.decimal(row["added_conversions"])
            expected = formats.decimal(row["expected_holdout_customers"])
            assert page.terms["kept aside"].startswith(f"{row['holdout_customers']} of {expected} expected")
    active = [row["entries"] for row in whole(alone, "goal_by_exit", status="active")]
    assert page.slots["active"] == [f"{sum(active):,}"]
    sent = [row["messages"] for row in whole(alone, "message_performance", measure="sent")]
    assert page.slots["sent"] == [f"{sum(sent):,}"]

    days = conversion.filter(cohort_by="day", arm="treatment").rows(named=True)
    cohorts = next(rows for caption, rows in page.tables.items() if caption.startswith("Conversion by day"))
    found = {row[0]: [row[1], row[2], row[4]] for row in cohorts[1:]}
    assert {str(row["cohort"]): f"{row['entries']:,}" for row in days} == {
        day: row[0] for day, row in found.items() if row[0] != "0"
    }
    for row in days:
        rate = f"{pct(row['rate'])} {ends(row['rate_low'], row['rate_high'])}".strip()
        converted = f"{row['converted_customers']:,} of {row['measured_customers']:,}"
        assert found[str(row["cohort"])][1:] == [converted, rate]

    exits = {
        (row["status"].replace("_", " "), f"{row['entries']:,}", f"{row['goals']:,}", f"{row['received']:,}")
        for row in whole(alone, "goal_by_exit")
    }
    assert {tuple(row[:4]) for row in page.tables["Entries by status"][1:]} == exits


@pytest.mark.parametrize("series_id", ["upgrade", "trial", "follow", "farewell"])
def test_the_way_has_the_numbers_of_its_tables(report: Report, series_id: str) -> None:
    alone = report.of(series_id)
    page = PageText(series_page(alone))
    blocks = [row for row in whole(alone, "block_funnel") if row["position"]]
    blocks.sort(key=lambda row: row["position"])
    for row, facts, shown in zip(blocks, page.facts, page.tables["Blocks in their order"][1:], strict=True):
        assert f"{row['kind']} {row['block_id']}: " in facts
        assert f"\narrived: {row['arrived']:,}\nwaiting now: {row['waiting']:,}" in facts
        good = row["matched"] + row["waited"] + row["tagged"] + row["delivered"]
        other = row["not_matched"] + row["not_delivered"]
        ended = sum(row[f"ended_{status}"] for status in ("goal", "exited", "disengaged", "stopped"))
        assert shown[1] == f"{row['arrived']:,} {pct(row['share_of_entered'])}"
        assert shown[2] == pct(row["share_of_previous"])
        assert shown[3] == (f"{row['waiting']:,}" if row["waiting"] else "")
        assert shown[5] == f"{good:,}"
        assert shown[6] == (f"{other:,}" if row["kind"] in ("rule", "content") else "")
        assert shown[7] == (f"{ended:,}" if ended else "")
    flows = [row["advanced"] + row["merged"] for row in whole(alone, "path_flow", in_definition=True)]
    assert sorted(int(label.split()[-1].replace(",", "")) for label in page.moved) == sorted(flows)

    measures = {
        (row["block_id"], row["measure"]): row for row in whole(alone, "message_performance") if row["messages"]
    }
    head, *rows = page.tables.get("Messages by block and channel", [[]])
    shown_numbers = sum(int(cell.split()[0].replace(",", "")) for row in rows for cell in row[2:] if cell != NONE)
    names = [{"queued": "message", "message goal": "goal"}.get(name, name) for name in head[2:]]
    assert shown_numbers == sum(row["messages"] for (_, name), row in measures.items() if name in names)


def test_a_page_is_one_file_that_is_well_formed(rich: Report) -> None:
    page = PageText(series_page(rich))
    assert page.external == ["data:,"]
    assert {"main", "header", "footer", "h1", "h2", "caption", "details"} <= page.tags
    assert "img" not in page.tags


def test_what_data_says_stays_text(folder: Path, page: Page) -> None:
    errors, asked = errors_of(page), []
    page.on("dialog", lambda dialog: asked.append(dialog.message))
    page.goto((folder / "upgrade.html").as_uri())
    assert page.locator("img").count() == 0
    assert HOSTILE.replace("\u2028", " ") in " ".join(page.inner_text("#h-slices ~ div table").split())
    options = page.locator("select[name=breakdown] option").all_inner_texts()
    assert any("</script><img" in option for option in options)
    assert (errors, asked) == ([], [])


def test_hostile_definitions_stay_text(tmp_path: Path) -> None:
    definitions = tmp_path / "series_definitions"
    definitions.mkdir()
    title = "</title><script>alert(1)</script>{{ 7 * 7 }}"
    (definitions / "bad.yml").write_text(
        f"series: bad\ntitle: '{title}'\nstatus: live\nschedule: hourly\nblocks:\n"
        f"  all: {{label: '{title}', rule: \"plan = '</svg><b>'\", then: note}}\n"
        f"  note: {{tag: '</text><i>'}}\n"
    )
    text = series_page(Project.open(tmp_path).report("bad"))
    assert PageText(text).tags.isdisjoint({"img", "iframe"})
    assert text.count("<script") == 2
    assert "<i>" not in text
    assert "{{ 7 * 7 }}" in text
    assert "</svg><b>" not in text


@pytest.mark.parametrize("width", [390, 820, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_page_opens_in_a_browser(folder: Path, page: Page, width: int, scheme: Any) -> None:
    errors, requests = errors_of(page), []
    page.on("request", lambda request: requests.append(request.url))
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.goto((folder / "upgrade.html").as_uri())
    assert errors == []
    assert requests == [(folder / "upgrade.html").as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    first = page.locator(".block .box").first.bounding_box()
    assert first
    assert 0 <= first["x"] < first["x"] + first["width"] <= width, "the first block is in view"
    dark = page.evaluate("getComputedStyle(document.documentElement).backgroundColor") != "rgb(245, 246, 249)"
    assert dark == (scheme == "dark")


def test_a_page_fits_on_paper(report: Report, page: Page, tmp_path: Path) -> None:
    path = write_pages(report.of("upgrade"), tmp_path, alone=True)
    page.set_viewport_size({"width": 794, "height": 1123})
    page.emulate_media(media="print")
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 794
    assert not page.is_visible("form.filters")


@pytest.mark.parametrize("width", [900, 1024, 1280])
def test_no_table_is_wider_than_its_place(report: Report, page: Page, tmp_path: Path, width: int) -> None:
    write_pages(report, tmp_path)
    page.set_viewport_size({"width": width, "height": 900})
    for name in ("index", "upgrade"):
        page.goto((tmp_path / f"{name}.html").as_uri())
        for place in page.locator(".scroll:visible").all():
            assert place.evaluate("each => each.scrollWidth - each.clientWidth") <= 1, place.get_attribute("aria-label")


def shown(page: Page, name: str) -> str:
    return page.locator(f".cards [data-n='{name}']").inner_text()


def test_filters_say_what_the_tables_say(folder: Path, page: Page, rich: Report) -> None:
    errors = errors_of(page)
    page.goto((folder / "upgrade.html").as_uri())
    conversion = rich.tables["goal_conversion"].filter(cohort_by="day")
    conversion = pl.concat([conversion, rich.tables["tag_conversion"].filter(cohort_by="day")], how="diagonal")
    cells = conversion.filter(pl.all_horizontal(pl.col("version", "entry_rules", "maturity").is_not_null()))
    values = cells["breakdown_value"].unique().to_list()
    choices: list[dict[str, Any]] = [
        {},
        {"version": 2},
        {"entry_rules": "rule_1", "maturity": "matured"},
        {"version": 1, "from": date(2026, 3, 5), "to": date(2026, 3, 9)},
        *({"breakdown_value": value, "breakdown": "plan", "entry_rules": "rule_0"} for value in values),
        {"from": date(2026, 3, 21), "maturity": "matured"},
        {"tag": "vip"},
        {"tag": HOSTILE, "version": 3, "entry_rules": "rule_1", "to": date(2026, 3, 9)},
    ]
    for choice in choices:
        page.click("button[type=reset]")
        wanted = cells
        for name, value in choice.items():
            if name == "from":
                wanted = wanted.filter(pl.col("cohort") >= value)
                page.fill("[name=from]", str(value))
            elif name == "to":
                wanted = wanted.filter(pl.col("cohort") <= value)
                page.fill("[name=to]", str(value))
            elif name != "breakdown":
                wanted = wanted.filter(pl.col(name).eq_missing(pl.lit(value)))
                choose(page, name, value)
        if "breakdown" not in choice:
            wanted = wanted.filter(pl.col("breakdown").is_null())
        else:
            wanted = wanted.filter(breakdown="plan")
        wanted = wanted.filter(pl.col("tag").eq_missing(pl.lit(choice.get("tag"))))
        arms = {arm: wanted.filter(arm=arm) for arm in ("treatment", "holdout")}
        counts = [
            sum(arms[arm][name].to_list()) for arm in arms for name in ("converted_customers", "measured_customers")
        ]
        assert shown(page, "entries") == f"{arms['treatment']['entries'].sum():,}", choice
        assert shown(page, "rate") == formats.percent(counts[0] / counts[1] if counts[1] else None)
        interval, difference = wilson_interval(*counts[:2]), newcombe_interval(*counts)
        assert shown(page, "interval") == (formats.interval(interval.low, interval.high) if interval else NONE)
        expected = f"{formats.points(difference.low)} to {formats.points(difference.high)}" if difference else NONE
        assert shown(page, "difference-interval") == expected
        treated = arms["treatment"]
        over = treated.filter(maturity="matured").select("converted_customers", "measured_customers").sum().row(0)
        rate_over = over[0] / over[1] if over[1] else None
        assert shown(page, "windows") == formats.windows(counts[1], counts[1] - over[1], rate_over), choice
        assert shown(page, "met") == formats.met(treated["customers"].sum() - counts[1])
        assert shown(page, "early") == f"{treated['converted_before_message'].sum():,}"
    assert errors == []


def test_a_version_has_its_own_comparison(folder: Path, page: Page, rich: Report) -> None:
    page.goto((folder / "upgrade.html").as_uri())
    page.select_option("[name=version]", "2")
    lift = rich.tables["lift"].filter(pl.col("maturity").is_null(), version=2).row(0, named=True)
    told = page.inner_text("[data-slot=lift]")
    assert f"{lift['treatment_measured_customers']:,}" in told
    assert formats.relative(lift["relative_lift"]) in told
    assert f"{formats.decimal(lift['smallest_detectable_difference'] * 100)} points" in told


def test_the_index_names_a_series_whose_split_is_wrong(report: Report, tmp_path: Path) -> None:
    wrong = pl.when(pl.col("series_id") == "upgrade").then(statement=False).otherwise("sample_ratio_ok")
    lift = report.tables["lift"].with_columns(
        sample_ratio_ok=wrong, sample_ratio_p_value=pl.col("sample_ratio_p_value").fill_null(1)
    )
    told = Report(report.as_of, report.timezone, report.series, {**report.tables, "lift": lift}, ())
    assert "upgrade: the arms are not split as defined" in write_pages(told, tmp_path).read_text()
    assert "The arms are not split as defined" in (tmp_path / "upgrade.html").read_text()
    assert "not split" not in (tmp_path / "trial.html").read_text()


@pytest.mark.parametrize("name", ["index", "upgrade"])
def test_what_matters_most_fits_on_a_phone(report: Report, page: Page, tmp_path: Path, name: str) -> None:
    write_pages(report, tmp_path)
    page.set_viewport_size({"width": 390, "height": 900})
    page.goto((tmp_path / f"{name}.html").as_uri())
    for interval in page.locator("td .interval:visible").all()[:6]:
        box = interval.bounding_box()
        assert box
        assert box["x"] + box["width"] <= 378


def test_a_tag_is_chosen_or_a_breakdown(folder: Path, page: Page) -> None:
    page.goto((folder / "upgrade.html").as_uri())
    for first, last in (("tag", "breakdown"), ("breakdown", "tag")):
        page.select_option(f"[name={first}]", index=1)
        page.select_option(f"[name={last}]", index=2)
        assert page.input_value(f"[name={first}]") == ""
        assert page.input_value(f"[name={last}]") != ""
        assert shown(page, "entries") != "0"


def choose(page: Page, name: str, value: Any) -> None:
    """Take what a person would: the option with the value's words."""
    if name == "version":
        page.select_option("[name=version]", str(value))
    elif name == "maturity":
        page.select_option("[name=maturity]", label="over" if value == "matured" else "still open")
    elif name == "entry_rules":
        page.select_option("[name=entry_rules]", label=value)
    elif name == "tag":
        page.select_option("[name=tag]", index=["", HOSTILE, "vip"].index(value))
    else:
        options = page.locator("[name=breakdown] option")
        label = f"plan = {'unknown' if value is None else ' '.join(value.split())}"
        texts = [" ".join(text.split()) for text in options.all_inner_texts()]
        page.select_option("[name=breakdown]", index=texts.index(label))


def test_numbers_are_computed_alike_in_the_page(folder: Path, page: Page) -> None:
    page.goto((folder / "upgrade.html").as_uri())
    chance = random.Random(7)  # noqa: S311 (any numbers will do)
    counts = [(0, 0, 0, 0), (0, 5, 5, 5), (1, 1, 0, 1), (49, 400, 1, 8)]
    for _ in range(300):
        trials, others = chance.randint(1, 3000), chance.randint(1, 50)
        counts.append((chance.randint(0, trials), trials, chance.randint(0, others), others))
    theirs = page.evaluate(
        """(counts) => counts.map(([a, n, b, m]) => {
            const { wilson, newcombe, percent, points } = seriesReport;
            return [wilson(a, n), newcombe(a, n, b, m), n ? percent(a / n) : "", n && m ? points(a / n - b / m) : ""];
        })""",
        counts,
    )
    for (a, n, b, m), (wilson, newcombe, percent, points) in zip(counts, theirs, strict=True):
        ours = wilson_interval(a, n), newcombe_interval(a, n, b, m)
        for interval, other in zip(ours, (wilson, newcombe), strict=True):
            assert other == (None if interval is None else pytest.approx([interval.low, interval.high], abs=1e-13))
        if n:
            assert percent == formats.percent(a / n)
            assert points == formats.points(a / n - b / m)


def test_a_version_has_its_own_way(folder: Path, page: Page, rich: Report) -> None:
    page.goto((folder / "upgrade.html").as_uri())
    everything = page.inner_text("[data-slot=funnel]")
    page.select_option("[name=version]", "1")
    funnel = rich.tables["block_funnel"].filter(version=1).sort("position").rows(named=True)
    first = page.locator("[data-slot=funnel] tbody tr").first.inner_text()
    assert f"{funnel[0]['arrived']:,}" in first
    page.select_option("[name=version]", "3")
    assert page.locator(".block").count() == len(funnel), (
        "a version in which nobody entered has its blocks all the same"
    )
    assert all("\narrived: 0\n" in label for label in facts_of(page))
    page.select_option("[name=version]", "")
    assert page.inner_text("[data-slot=funnel]") == everything


def facts_of(page: Page) -> list[str]:
    return [block.get_attribute("aria-label") or "" for block in page.locator(".block").all()]


def test_zoom_and_facts_by_pointer_and_keyboard(folder: Path, page: Page) -> None:
    page.goto((folder / "upgrade.html").as_uri())
    graph = page.locator("svg.graph")
    whole_way = graph.get_attribute("viewBox")
    page.click("[data-zoom=in]")
    closer = graph.get_attribute("viewBox")
    assert closer != whole_way
    page.locator(".block").first.focus()
    assert "arrived" in page.inner_text(".facts")
    page.keyboard.press("ArrowDown")
    assert graph.get_attribute("viewBox") != closer
    page.keyboard.press("0")
    assert graph.get_attribute("viewBox") == whole_way
    page.locator(".block").nth(1).hover()
    assert page.is_visible(".facts")
    page.keyboard.press("Escape")
    assert not page.is_visible(".facts")


def large(tmp_path: Path, blocks: int) -> Report:
    """A series that forks and joins all the way down."""
    lines = ["  start: {rule: \"plan = 'Free'\", then: [block_1, block_2]}"]
    for number in range(1, blocks):
        after = [f"block_{each}" for each in (number + 2, number + 3) if each < blocks]
        then = f", then: [{', '.join(after)}]" if after else ""
        lines.append(f"  block_{number}: {{wait: 1 day, label: 'Wait number {number} of this long series'{then}}}")
    definitions = tmp_path / "series_definitions"
    definitions.mkdir()
    head = "series: upgrade\ntitle: Large\nstatus: live\nschedule: hourly\nblocks:\n"
    (definitions / "upgrade.yml").write_text(head + "\n".join(lines) + "\n")
    return Project.open(tmp_path).report("upgrade")


def test_a_page_stays_small(tmp_path: Path, page: Page) -> None:
    values = tuple(f"value {number}" for number in range(40))
    tags = tagged(random_cells(versions=4, days=40, values=("tag",)))
    tags = tags.drop("tag").join(pl.DataFrame({"tag": [f"tag {number}" for number in range(300)]}), how="cross")
    report = with_cells(large(tmp_path, 250), random_cells(versions=4, days=40, values=values), tags)
    path = write_pages(report, tmp_path / "pages", alone=True)
    assert path.stat().st_size < MOST_BYTES
    errors = errors_of(page)
    page.goto(path.as_uri())
    assert page.evaluate("document.querySelector('.block').getBoundingClientRect().width") > 100, "to be read"
    total = report.tables["goal_conversion"].filter(
        pl.all_horizontal(pl.col("version", "entry_rules", "maturity", "breakdown").is_null()), cohort_by="all"
    )
    assert shown(page, "entries") == f"{total.filter(arm='treatment')['entries'].sum():,}"
    assert page.locator(".block").count() == 250
    assert page.locator("[name=tag] option").count() > 3
    assert errors == []


def test_where_nothing_has_run_there_are_pages(tmp_path: Path, page: Page) -> None:
    shop.change(tmp_path, 1)
    index = write_pages(Project.open(tmp_path).report(), tmp_path / "pages")
    errors = errors_of(page)
    page.goto(index.as_uri())
    assert page.locator("tbody tr").count() == 4
    page.click("text=Encourage customer upgrades")
    assert "It has never run" in page.inner_text("header")
    assert "Nobody is kept aside" not in page.inner_text(".cards"), "the definition says otherwise"
    assert not page.is_visible("form.filters")
    assert page.locator(".block").count() > 5
    assert errors == []


def test_no_series_and_one_customer(tmp_path: Path) -> None:
    assert "There is no series yet" in write_pages(Project.open(tmp_path).report(), tmp_path / "none").read_text()
    cells = random_cells(versions=1, days=1, values=(), rules=1).filter(arm="treatment")
    one = cells.with_columns(entries=1, customers=1, measured_customers=1, converted_customers=1)
    page = PageText(series_page(with_cells(large(tmp_path, 3), one)))
    assert page.slots["rate"][0] == "100.0%"
    assert "1 customers" not in " ".join(" ".join(page.slots["customers"] + page.slots["customers-noun"]).split())


def test_a_project_with_one_series_has_an_index(report: Report, tmp_path: Path) -> None:
    index = write_pages(report.of("trial"), tmp_path)
    assert index.name == "index.html"
    assert 'href="trial.html"' in index.read_text()
    assert 'href="index.html"' in (tmp_path / "trial.html").read_text()


def test_pages_are_replaced_whole_and_others_stay(report: Report, tmp_path: Path) -> None:
    (tmp_path / "notes.html").write_text("mine")
    first = sorted(path.name for path in tmp_path.iterdir())
    write_pages(report, tmp_path)
    again = write_pages(report, tmp_path)
    assert again.name == "index.html"
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted([*first, "index.html", *(f"{name}.html" for name in report.series)])
    alone = write_pages(report.of("trial"), tmp_path, alone=True)
    assert alone.name == "trial.html"
    assert 'href="index.html"' in alone.read_text()
