"""The report: its tables have the columns that are promised, also where there is nothing to tell."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipelines import Project
from pipelines.report import Report
from pipelines.report.documentation import page
from pipelines.report.frames import schema_of
from pipelines.report.measures import MEASURES
from pipelines.report.tables import TABLES
from tests import shop
from tests.golden import assert_golden

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop after its three runs."""
    folder = tmp_path_factory.mktemp("shop")
    for run, as_of in shop.AS_OF.items():
        shop.change(folder, run)
        Project.open(folder).run(as_of)
    return folder


@pytest.fixture(scope="module")
def report(shop_folder: Path) -> Report:
    return Project.open(shop_folder).report()


@pytest.mark.golden
def test_docs_describe_the_tables() -> None:
    assert_golden(ROOT / "docs" / "report.md", page())


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_as_it_is_described(report: Report, name: str) -> None:
    table, frame = TABLES[name], report.tables[name]
    if "customer_id" not in table.column_names:
        assert dict(frame.schema) == schema_of(table)
    assert tuple(frame.columns) == table.column_names
    assert not frame.is_empty()
    assert not frame.select(table.key).is_duplicated().any()
    assert frame.equals(frame.sort(table.key, nulls_last=False))
    assert all(column.doc.endswith(".") for column in table.columns)


def test_measures_are_those_described(report: Report) -> None:
    assert set(report.tables["message_performance"]["measure"]) <= set(MEASURES)


def test_the_tables_agree_with_each_other(report: Report) -> None:
    assert report.differences == ()


def test_where_nothing_has_run_the_tables_are_there_and_empty(tmp_path: Path) -> None:
    shop.change(tmp_path, 1)
    report = Project.open(tmp_path).report()
    assert report.as_of is None
    assert set(report.series) == {"upgrade", "trial", "follow", "farewell"}
    for name, table in TABLES.items():
        assert tuple(report.tables[name].columns) == table.column_names
    funnel = report.tables["block_funnel"]
    assert set(funnel["arrived"]) == {0}
    assert set(funnel["share_of_entered"]) == {None}
    filled = {name for name, frame in report.tables.items() if not frame.is_empty()}
    assert filled == {"block_funnel", "path_flow"}


def test_a_project_without_a_warehouse_has_a_report(tmp_path: Path) -> None:
    report = Project.open(tmp_path).report()
    assert report.series == {}
    assert all(frame.is_empty() for frame in report.tables.values())


def test_one_series_alone(shop_folder: Path, report: Report) -> None:
    alone = Project.open(shop_folder).report("upgrade")
    assert list(alone.series) == ["upgrade"]
    for name, frame in alone.tables.items():
        assert frame.equals(report.tables[name].filter(series_id="upgrade"))
