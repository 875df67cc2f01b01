"""Targets of a project: whose settings, whose files, and who may touch them."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines import Project
from pipelines.cli import main
from pipelines.definitions.targets import choose, read_targets
from pipelines.model import Settings
from pipelines.problems import RunError, UsageError
from warehouse import state
from warehouse.duckdb import DuckDB

SHOP = Path(__file__).parent / "cli" / "project"
AS_OF = "2026-03-01T09:00Z"


def settings(text: str, target: str | None = None) -> Settings:
    targets, problems = read_targets(text)
    assert not problems
    return choose(targets, target)


def make_shop(folder: Path, *warehouses: str, project: str) -> Path:
    """The small shop of the transcripts, with its tables in each of the warehouses."""
    shutil.copytree(SHOP, folder, dirs_exist_ok=True)
    (folder / "series.yml").write_text(project)
    for name in warehouses:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with duckdb.connect(str(folder / name)) as warehouse:
            warehouse.execute((folder / "tables.sql").read_text())
    return folder


def series(*arguments: str, **environment: str) -> Result:
    return CliRunner(env=environment).invoke(main, arguments)


def test_a_file_without_targets_is_one() -> None:
    assert settings("").target is None
    assert settings("").warehouse_path == "warehouse/warehouse.duckdb"
    with pytest.raises(UsageError, match="has no `targets`, so there is no target `dev`"):
        settings("", "dev")


def test_a_target_replaces_what_it_names() -> None:
    text = """
timezone: Europe/Berlin
warehouse: {engine: duckdb, path: crm.duckdb}
sources:
  customers: {table: crm.people, columns: {customer_id: id}}
  events: {table: crm.clicks}
senders:
  mail: {type: files, path: mail, format: csv}
  outbox: {type: files, path: out}
sending: {batch_size: 10}
targets:
  dev:
  prod:
    warehouse: {path: prod.duckdb}
    sources: {customers: {table: crm.everybody}}
    senders: {mail: {type: files, path: live}}
    sending: {batch_size: 20}
    channels: {email: {sender: mail}}
    sends: true
"""
    dev, prod = settings(text), settings(text, "prod")
    assert (dev.target, dev.sends, dev.batch_size, dev.timezone) == ("dev", False, 10, "Europe/Berlin")
    assert (prod.target, prod.sends, prod.batch_size, prod.timezone) == ("prod", True, 20, "Europe/Berlin")
    assert dev.sources["customers"].columns == {"customer_id": "id"}
    assert prod.sources["customers"].columns == {}
    assert {name: one.sources["events"].table for name, one in (("dev", dev), ("prod", prod))} == {
        "dev": "crm.clicks",
        "prod": "crm.clicks",
    }
    assert prod.senders["mail"].options == {"path": "live", "format": "jsonl"}
    assert (dev.channels["email"].sender, prod.channels["email"].sender) == ("outbox", "mail")


def test_paths_that_a_target_does_not_say_carry_its_name() -> None:
    text = "warehouse: {path: data/crm.duckdb}\nsenders: {mail: {type: files, path: mail}}\ntargets: {dev: {}, qa: {}}"
    for target in ("dev", "qa"):
        found = settings(text, target)
        assert found.warehouse_path == f"data/crm_{target}.duckdb"
        assert {sender.options["path"] for sender in found.senders.values()} == {f"mail/{target}", f"outbox/{target}"}
    assert settings("targets: {dev: {}}").warehouse_path == "warehouse/warehouse_dev.duckdb"


@pytest.mark.parametrize("path", ["/", ".", "..", "x", "/x/y.z.duckdb", "~/é.db"])
def test_any_path_can_carry_a_name(path: str) -> None:
    found = {
        settings(f"warehouse: {{path: '{path}'}}\ntargets: {{dev: , qa: }}", name).warehouse_path
        for name in ("dev", "qa")
    }
    assert len(found) == 2


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("prdo", "There is no target `prdo`; did you mean `prod`?"),
        ("zzz", "There is no target `zzz`; there are: `prod`, `staging`."),
        (
            None,
            "has no target `dev`, which is the default. Choose one with --target or SERIES_TARGET: `prod`, `staging`.",
        ),
    ],
)
def test_a_target_that_is_not_there_is_wrong_usage(tmp_path: Path, target: str | None, told: str) -> None:
    (tmp_path / "series.yml").write_text("targets: {prod: {}, staging: {}}")
    choice = ["--target", target] if target else []
    done = series("status", "--project-dir", str(tmp_path), *choice)
    assert done.exit_code == 2
    assert done.stderr.removeprefix("series.yml ") == f"{told}\n"


def test_the_choice_stands_before_or_after_the_verb_or_in_the_environment(tmp_path: Path) -> None:
    (tmp_path / "series.yml").write_text("targets: {dev: {}, prod: {}, qa: {}}")
    (tmp_path / "series_definitions").mkdir()
    shutil.copy(SHOP / "series_definitions/later.yml", tmp_path / "series_definitions")
    here = ("--project-dir", str(tmp_path))
    for target, done in {
        "dev": series("status", *here),
        "prod": series("status", *here, "--target", "prod", SERIES_TARGET="qa"),
        "qa": series("--target", "qa", "status", *here),
    }.items():
        assert done.stdout.startswith(f"Nothing has run for target {target} yet.\n")
    assert series("status", *here, SERIES_TARGET="prod").stdout.startswith("Nothing has run for target prod yet.\n")
    assert series("status", *here, SERIES_TARGET="").stdout.startswith("Nothing has run for target dev yet.\n")


def test_what_targets_write_never_mixes(tmp_path: Path) -> None:
    make_shop(
        tmp_path, "w_dev.duckdb", "w_qa.duckdb", project="warehouse: {path: w.duckdb}\ntargets: {dev: {}, qa: {}}"
    )
    first = Project.open(tmp_path).run(AS_OF)
    assert (first.target, [one.state for one in first.series]) == ("dev", ["done", "done"])
    assert [one.state for one in Project.open(tmp_path, target="qa").run(AS_OF).series] == ["done", "done"]
    assert sorted(path.name for path in (tmp_path / "outbox").iterdir()) == ["dev", "qa"]
    dev, qa = (sorted(path.name for path in (tmp_path / "outbox" / name).glob("*.*")) for name in ("dev", "qa"))
    assert dev == qa
    assert dev


def test_the_state_of_one_target_is_closed_to_others(tmp_path: Path) -> None:
    project = "targets: {dev: {warehouse: {path: w.duckdb}}, prod: {}}"
    make_shop(tmp_path, "w.duckdb", project=project)
    Project.open(tmp_path).run(AS_OF, hand_off=False)
    taken = (tmp_path / "w.duckdb").read_bytes()
    for text, target, this in (
        ("targets: {dev: {}, prod: {warehouse: {path: w.duckdb}}}", "prod", "target `prod`"),
        ("warehouse: {path: w.duckdb}", None, "a project without targets"),
    ):
        (tmp_path / "series.yml").write_text(text)
        other = Project.open(tmp_path, target=target)
        for work in (lambda: other.run("2026-03-02"), other.hand_off, other.status, other.problems):  # noqa: B023
            with pytest.raises(RunError, match=rf"w\.duckdb belongs to target `dev`; this is {this}"):
                work()
    assert (tmp_path / "w.duckdb").read_bytes() == taken
    assert not (tmp_path / "outbox").exists()
    (tmp_path / "series.yml").write_text(project)
    handed = Project.open(tmp_path).hand_off()
    assert {batch.status for batch in handed.batches} == {"handed_off"}


def test_a_state_that_nobody_claimed_takes_the_target_of_its_first_run(tmp_path: Path) -> None:
    make_shop(tmp_path, "w.duckdb", project="warehouse: {path: w.duckdb}")
    Project.open(tmp_path).run(AS_OF)
    with duckdb.connect(str(tmp_path / "w.duckdb")) as old:
        # As the version before targets left it.
        old.execute("alter table series_state.meta drop column target")
        old.execute("update series_state.meta set schema_version = 1")
    (tmp_path / "series.yml").write_text("targets: {prod: {warehouse: {path: w.duckdb}}}")
    project = Project.open(tmp_path, target="prod")
    assert project.status().last_run is not None
    project.run("2026-03-01T10:00Z")
    warehouse = DuckDB.open(tmp_path / "w.duckdb", read_only=True)
    assert state.read_target(warehouse) == "prod"
    warehouse.close()


def test_a_project_that_is_given_targets_goes_on_where_it_was(tmp_path: Path) -> None:
    make_shop(tmp_path, "w.duckdb", "w_dev.duckdb", project="warehouse: {path: w.duckdb}")
    Project.open(tmp_path).run(AS_OF)

    def states(targets: str, target: str) -> set[str]:
        (tmp_path / "series.yml").write_text(f"warehouse: {{path: w.duckdb}}\ntargets: {targets}")
        return {one.state for one in Project.open(tmp_path, target=target).run(AS_OF).series}

    for target in ("dev", "prod"):
        said = rf"would begin anew in w_{target}\.duckdb .* `{target}: {{warehouse: {{path: w\.duckdb}}}}`"
        with pytest.raises(RunError, match=said):
            states("{dev: {}, prod: {}}", target)
    assert not (tmp_path / "w_prod.duckdb").exists()
    assert states("{dev: {}, prod: {warehouse: {path: w.duckdb}}}", "prod") == {"no_op"}
    assert states("{dev: {}, prod: {warehouse: {path: w.duckdb}}}", "dev") == {"done"}
    assert states("{dev: {}, prod: {}}", "dev") == {"no_op"}


def test_another_targets_channel_is_checked_too(tmp_path: Path) -> None:
    project = """
targets:
  dev: {}
  prod: {channels: {email: {consent: unsubscribed is}}}
"""
    make_shop(tmp_path, project=project)
    (problem,) = (one for one in Project.open(tmp_path).problems() if one.severity == "error")
    assert str(problem.position) == "series.yml:4:51"
    assert problem.message.endswith("(target `prod`)")
