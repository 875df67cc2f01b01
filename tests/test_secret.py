from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipelines import Project
from pipelines.cli import main
from pipelines.document import Fields, read_document
from pipelines.problems import Problem, UsageError
from pipelines.reader import Reader
from pipelines.redact import redact
from pipelines.secret import Secret

NAME = "SERIES_TEST_SECRET"


def read(text: str) -> tuple[Secret | None, list[str]]:
    node, problems = read_document(text, "series.yml")
    assert isinstance(node, Fields)
    found = Reader(node, "sender `crm`", None, problems).secret("token")
    return found, [str(problem) for problem in problems]


def test_it_shows_its_name_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "planted-1")
    secret = Secret(NAME)
    assert secret.read() == "planted-1"
    assert "planted" not in f"{secret} {secret!r} {json.dumps(secret, default=str)}"
    assert not hasattr(secret, "__dict__")
    with pytest.raises(FrozenInstanceError):
        secret.name = "other"  # type: ignore[misc]


@pytest.mark.parametrize(("value", "state"), [(None, "is not set"), ("", "is empty"), (" \t", "is empty")])
def test_a_variable_without_a_value_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None, state: str) -> None:
    if value is None:
        monkeypatch.delenv(NAME, raising=False)
    else:
        monkeypatch.setenv(NAME, value)
    with pytest.raises(UsageError, match=f"{NAME} {state}"):
        Secret(NAME).read()


def test_a_file_names_the_variable() -> None:
    assert read("token: {env: CRM_TOKEN}") == (Secret("CRM_TOKEN"), [])
    assert read("other: 1") == (None, [])


@pytest.mark.parametrize(
    "text",
    [
        "token: planted-2",
        "token:\n",
        "token: [planted-2]",
        "token: {env: CRM_TOKEN, default: planted-2}",
        "token: {evn: planted-2}",
        "token: {env: planted-2}",
        "token: {env: [planted-2]}",
    ],
)
def test_anything_else_is_refused_and_not_repeated(text: str) -> None:
    found, problems = read(text)
    assert found is None
    assert len(problems) == 1
    assert problems[0].startswith("series.yml:")
    assert "planted" not in problems[0]


def test_a_plain_value_is_told_what_to_write() -> None:
    (problem,) = read("token: planted-3")[1]
    assert problem == (
        "series.yml:1:8: error: `token` of sender `crm` is a secret, which stands in no file; "
        "write `{env: NAME}`, and set the environment variable NAME to it"
    )


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("planted-4", "login failed with planted-4."),
        ("planted'5\n", 'cannot use "planted\'5\\n"'),
        ("p@ planted/6", "GET /?key=p%40%20planted%2F6"),
        ("postgresql://ada:planted%407@db/crm", 'password "planted@7" or "planted%407" is wrong'),
        ("host=db password=planted8", 'missing "=" after password=planted8'),
        ("http://[planted-9", "no such host: http://[planted-9"),
    ],
)
def test_what_others_say_of_it_is_hidden(monkeypatch: pytest.MonkeyPatch, value: str, told: str) -> None:
    monkeypatch.setenv(NAME, value)
    assert redact(told) == told
    Secret(NAME).read()
    assert "planted" not in redact(told)
    assert "***" in redact(told)


@pytest.mark.parametrize(
    "dsn",
    [
        "host=db user=app password=s3kr! dbname=crm",
        "host=db password = 's3kr!' dbname=crm",
        "postgresql://app@db/crm?sslmode=require&password=s3kr!",
        "postgresql://app:s3kr!@db/crm",
    ],
)
def test_the_password_of_a_connection_is_hidden_alone(monkeypatch: pytest.MonkeyPatch, dsn: str) -> None:
    monkeypatch.setenv(NAME, dsn)
    Secret(NAME).read()
    assert redact("refused: s3kr! of app") == "refused: *** of app"


def test_no_error_shows_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "planted-10")
    value = Secret(NAME).read()
    assert "planted" not in f"{UsageError(f'No server at {value}.')} {Problem(None, f'wrong: {value}')}"


def test_no_traceback_shows_what_was_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(NAME, "planted-11")

    def fail(_: Project) -> None:
        raise RuntimeError(f"driver: {Secret(NAME).read()} is wrong")

    monkeypatch.setattr(Project, "status", fail)
    for debug in ([], ["--debug"]):
        done = CliRunner().invoke(main, ["status", "--project-dir", str(tmp_path), *debug])
        assert "driver: *** is wrong" in done.stderr
        assert "planted" not in done.output
