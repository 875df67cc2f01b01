"""What may not leave does not: a sender of another package and the real server that it would reach."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipelines import Project
from pipelines.cli import main
from pipelines.definitions.targets import read_targets
from pipelines.problems import Problem
from tests.loopback import AS_OF, PACKAGE, Server, listening, make_shop

TARGETS = "targets: {dev: {}, prod: {sends: true}}"


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package with the sender; its token is not set."""
    monkeypatch.syspath_prepend(PACKAGE)
    monkeypatch.delenv("CRM_TOKEN", raising=False)


@pytest.fixture
def server() -> Iterator[Server]:
    with listening() as server:
        yield server


def series(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--project-dir", str(folder), *arguments])


def problems(sender: str) -> list[Problem]:
    return read_targets(f"senders: {{crm: {{{sender}}}}}")[1]


@pytest.mark.parametrize(
    ("more", "unsent"),
    [(TARGETS, "outbox/dev/unsent/crm"), ("", "outbox/unsent/crm"), ("sends: false", "outbox/unsent/crm")],
)
def test_without_sends_the_batches_go_to_files_and_nobody_is_reached(
    tmp_path: Path, server: Server, more: str, unsent: str
) -> None:
    make_shop(tmp_path, server.url, more)
    done = series(tmp_path, "run", "--as-of", AS_OF)
    assert (done.exit_code, server.heard) == (0, [])
    assert done.stderr == (
        "NOT SENT, because series.yml has no `sends: true` for this target: 1 batch, 6 messages. "
        f"They are in {unsent} instead.\n"
    )
    (messages,) = (tmp_path / unsent).glob("*.jsonl")
    assert len(messages.read_text().splitlines()) == 6
    status = series(tmp_path, "status")
    assert status.stdout.endswith(f"for this target: what is for sender crm. It goes to {unsent} instead.\n")
    # Nothing is left that would go out once the target may send.
    (tmp_path / "series.yml").write_text((tmp_path / "series.yml").read_text().replace("dev: {}", "dev: {sends: true}"))
    assert series(tmp_path, "hand-off").stdout == "No batches to hand off.\n"
    assert server.heard == []


@pytest.mark.parametrize("sender", ["type: http, url: 'URL', message: '{{ address }}'",
                                    "type: webhook, url: 'URL', secret: {env: CRM_TOKEN}"])  # fmt: skip
def test_nor_are_servers_of_this_packages_own_senders(tmp_path: Path, server: Server, sender: str) -> None:
    make_shop(tmp_path, server.url)
    senders = f"senders: {{crm: {{{sender.replace('URL', server.url)}}}}}"
    (tmp_path / "series.yml").write_text(f"channels: {{email: {{sender: crm}}}}\n{senders}\n")
    done = series(tmp_path, "run", "--as-of", AS_OF)
    assert (done.exit_code, server.heard) == (0, [])
    assert "They are in outbox/unsent/crm instead." in done.stderr


def test_machines_read_where_it_went(tmp_path: Path, server: Server) -> None:
    make_shop(tmp_path, server.url)
    done = series(tmp_path, "run", "--as-of", AS_OF, "--format", "json")
    (batch,) = json.loads(done.stdout)["hand_off"]["batches"]
    assert (batch["status"], batch["unsent_to"]) == ("handed_off", "outbox/unsent/crm")
    assert json.loads(series(tmp_path, "status", "--format", "json").stdout)["unsent"] == {"crm": "outbox/unsent/crm"}


@pytest.mark.parametrize("more", [TARGETS, "sends: true"])
def test_with_sends_the_sender_gets_its_batches(
    tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch, more: str
) -> None:
    monkeypatch.setenv("CRM_TOKEN", "let-me-in")
    make_shop(tmp_path, server.url, more)
    target = ["--target", "prod"] if "prod" in more else []
    done = series(tmp_path, "run", "--as-of", AS_OF, *target)
    assert (done.exit_code, done.stderr) == (0, "")
    ((authorization, body),) = server.heard
    assert authorization == "Bearer let-me-in"
    assert len(json.loads(body)) == 6
    assert "NOT SENT" not in series(tmp_path, "status", *target).stdout
    assert not (tmp_path / "outbox").exists()


def test_a_secret_that_is_not_set_keeps_the_batch(tmp_path: Path, server: Server) -> None:
    make_shop(tmp_path, server.url, "sends: true")
    done = series(tmp_path, "run", "--as-of", AS_OF)
    assert done.exit_code == 1
    assert done.stderr.endswith("pending. The environment variable CRM_TOKEN is not set. Set it to its secret.\n")
    assert [batch.status for batch in Project.open(tmp_path).status().batches] == ["pending"]


@pytest.mark.parametrize(
    ("sender", "told"),
    [
        ("type: lopback", "cannot be `lopback`; did you mean `loopback`?"),
        ("type: loopback, url: x", "sender `crm` has no `token`; add it"),
        ("type: loopback, url: x, token: planted", "is a secret, which stands in no file; write `{env: NAME}`"),
        ("type: loopback, url: x, token: {env: X}, path: y", "unknown key `path` in sender `crm`"),
        ("type: broken", "`broken` of package loopback-sender cannot be loaded: AttributeError"),
        ("type: other", "`other` of package loopback-sender is not a SenderType"),
    ],
)
def test_what_a_package_does_not_know_is_refused(sender: str, told: str) -> None:
    (problem,) = problems(sender)
    assert told in problem.message
    assert problem.position is not None
    assert "planted" not in problem.message


def test_files_is_always_this_packages_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    information = tmp_path / "thief-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: thief\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[warehouse_series.senders]\nfiles = loopback_sender:LOOPBACK\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert problems("type: files, path: x") == []
