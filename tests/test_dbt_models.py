"""Sources that dbt builds: a real dbt project, built into a file of its own, before and during runs."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from pathlib import Path

import duckdb
import pytest
import yaml
from click.testing import CliRunner

from pipelines import Project
from pipelines.cli import main
from tests import dbt
from tests.test_source_kinds import AS_OF, DATABASE, after_run, make

HERE = Path(__file__).parent
SERIES_YML = """
warehouse: {attach: {crm: {path: ../dbt/crm.duckdb}}}
dbt: {project: ../dbt}
sources:
  customers: {dbt: contacts, columns: {customer_id: contact_id}}
  companies: {dbt: crm.companies}
  customer_companies: {dbt: members}
  events: {dbt: happenings}
"""
SLOW = """
select count(*) as n
from range(60000000) as numbers(n)
where n * n % 7 = 3
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dbt project, built; copy it."""
    folder = tmp_path_factory.mktemp("built") / "dbt"
    shutil.copytree(HERE / "dbt_project", folder)
    os.environ["CRM_FILE"] = str(folder / "crm.duckdb")
    dbt.run(folder, "build")
    return folder


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """A project beside the dbt project."""
    shutil.copytree(built, tmp_path / "dbt")
    make(tmp_path / "project", "unused.duckdb")
    (tmp_path / "project" / "series.yml").write_text(SERIES_YML)
    return tmp_path / "project"


def test_models_are_found_by_name(project: Path, tmp_path: Path) -> None:
    make(tmp_path / "tables")
    with duckdb.connect(tmp_path / "tables" / DATABASE) as connection:
        connection.execute("drop table engagements; drop table customer_tags")
    assert after_run(project) == after_run(tmp_path / "tables")
    assert [one for one in Project.open(project).problems() if one.severity == "error"] == []


def test_init_finds_the_models(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    said = "--customers contacts --customer-companies members --events happenings"
    result = CliRunner().invoke(main, ["init", "--force", "--yes", "--dbt", "../dbt", *said.split()])
    assert (result.exit_code, result.stderr) == (0, "")
    written = yaml.safe_load((project / "series.yml").read_text())
    assert written["warehouse"]["attach"] == {"crm": {"path": "../dbt/crm.duckdb"}}
    assert written["sources"] == {
        "customers": {"dbt": "contacts", "columns": {"customer_id": "contact_id"}},
        "companies": {"dbt": "companies"},
        "customer_companies": {"dbt": "members"},
        "events": {"dbt": "happenings"},
    }


def test_a_run_waits_while_dbt_builds(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project.parent / "dbt"
    monkeypatch.setenv("CRM_FILE", str(folder / "crm.duckdb"))
    (folder / "models" / "slow.sql").write_text(SLOW)
    said: list[str] = []
    with subprocess.Popen(dbt.command(folder, "run"), stdout=subprocess.DEVNULL) as building:
        while building.poll() is None and not said:
            Project.open(project, notify=said.append).run(AS_OF)
            shutil.rmtree(project / "warehouse")
        assert building.wait() == 0
    assert [sentence.endswith("crm.duckdb open.") for sentence in said] == [True]
    assert after_run(project)["series.visits"]
    with duckdb.connect(folder / "crm.duckdb") as connection:
        assert connection.execute("select count(*) from crm.main_marts.slow").fetchall() == [(1,)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("contacts,", "contact,"), "../dbt/target/manifest.json has no model `contact`; did you mean `contacts`?"),
        (
            ("contacts,", "hidden,"),
            "the dbt model `hidden` is ephemeral, so there is no table of it; ",
        ),
        (
            ("{crm: {path", "{prod: {path"),
            "the dbt model `contacts` is in the database `crm`, which is not attached; under `warehouse` write ",
        ),
        (
            ("{project: ../dbt}", "{project: ../db}"),
            "there is no dbt manifest ../db/target/manifest.json; run `dbt parse` or `dbt build`, ",
        ),
        (("{project: ../dbt}", "{project: ../dbt, target_path: old}"), "../dbt/old/manifest.json is no dbt manifest "),
    ],
)
def test_what_cannot_be_found(project: Path, change: tuple[str, str], said: str) -> None:
    (project.parent / "dbt" / "old").mkdir()
    (project.parent / "dbt" / "old" / "manifest.json").write_text('{"nodes": []}')
    (project / "series.yml").write_text(SERIES_YML.replace(*change))
    problems = [one for one in Project.open(project).problems() if one.severity == "error"]
    assert str(problems[0]).startswith(f"series.yml:5:3: error: source `customers`: {said}")


def test_a_manifest_that_dbt_is_writing_is_read_again(project: Path) -> None:
    manifest = project.parent / "dbt" / "target" / "manifest.json"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole[:1000])
    finished = threading.Timer(1, manifest.write_bytes, [whole])
    finished.start()
    assert Project.open(project).definitions.settings.sources["events"].where.startswith("crm.main_marts.happenings ")
    finished.join()


def test_a_model_that_is_not_built_yet(project: Path) -> None:
    with duckdb.connect(project.parent / "dbt" / "crm.duckdb") as connection:
        connection.execute("drop table main_marts.happenings")
    [problem] = [one for one in Project.open(project).problems() if one.severity == "error"]
    assert problem.message == (
        "source `events`: there is no table or view crm.main_marts.happenings (dbt model happenings)."
    )
    assert not (project / DATABASE).exists()
