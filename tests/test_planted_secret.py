"""A secret is planted, everything fails that can, and then it is looked for in all that was said and written."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import duckdb
import pytest
from click.testing import CliRunner

from pipelines.cli import main
from tests.loopback import AS_OF, PACKAGE, listening, make_shop
from tests.provider import Reply, provider

PLANTED = "Tr0ub4dor &3/secret+value"
FORMS = (PLANTED, quote(PLANTED), quote(PLANTED, safe=""), base64.b64encode(PLANTED.encode()).decode())
VERBS = (
    ("validate",),
    ("validate", "--format", "json"),
    ("compile", "upgrade"),
    ("run", "--as-of", AS_OF),
    ("run", "--as-of", "2026-03-01T10:00Z", "--format", "json"),
    ("run", "--as-of", "2026-03-01T11:00Z", "--debug"),
    ("hand-off",),
    ("hand-off", "--format", "json", "--debug"),
    ("status",),
    ("status", "--format", "json"),
    ("sources",),
    ("test",),
    ("schema", "project"),
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A shop whose sender is refused by its server, and says so with the secret in its error."""
    monkeypatch.syspath_prepend(PACKAGE)
    monkeypatch.setenv("CRM_TOKEN", PLANTED)
    with listening() as server:
        server.answers = 500
        yield make_shop(tmp_path / "shop", server.url, "sends: true")
        assert {authorization for authorization, _ in server.heard} == {f"Bearer {PLANTED}"}


def rows(file: Path) -> Iterator[str]:
    """Every row of every table, as text."""
    with duckdb.connect(str(file), read_only=True) as warehouse:
        tables = warehouse.execute("select schema_name, table_name from duckdb_tables()").fetchall()
        for schema, table in tables:
            for row in warehouse.execute(f'select * from "{schema}"."{table}"').fetchall():
                yield f"{schema}.{table}: {row}"


def test_it_appears_nowhere(project: Path) -> None:
    said = []
    for verb in VERBS:
        done = CliRunner().invoke(main, ["--project-dir", str(project), *verb])
        said.append(f"{verb}: {done.stdout}{done.stderr}{done.exception!r}")
    assert any("last error" in text and "***" in text for text in said), "the sender's error was not provoked"
    written = [row for file in project.rglob("*.duckdb") for row in rows(file)]
    assert any("batches" in row and "***" in row for row in written)
    stored = [file.read_bytes().decode("latin-1") for file in project.rglob("*") if file.is_file()]
    found = [(form, text[:200]) for text in (*said, *written, *stored) for form in FORMS if form in text]
    assert found == []


@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_it_appears_in_no_refusal(project: Path, debug: list[str]) -> None:
    settings = project / "series.yml"
    plain = settings.read_text()
    CliRunner().invoke(main, ["--project-dir", str(project), "run", "--as-of", AS_OF])
    for wrong in (
        f"'{PLANTED}'",
        f"{{env: '{PLANTED}'}}",
        f"['{PLANTED}']",
        f"{{env: CRM_TOKEN, or: '{PLANTED}'}}",
        f"'{PLANTED}",
    ):
        settings.write_text(plain.replace("{env: CRM_TOKEN}", wrong))
        for verb in ("validate", "run", "status"):
            for form in ("text", "json"):
                done = CliRunner().invoke(main, ["--project-dir", str(project), verb, "--format", form, *debug])
                assert PLANTED not in f"{done.stdout}{done.stderr}{done.exception!r}", (wrong, verb, form)


@pytest.mark.parametrize("reply", [Reply(422, "no such user c1@example.com"), Reply(does="dies"), Reply(301)])
def test_neither_a_secret_nor_an_address_is_in_what_is_said_of_a_webhook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    folder = make_shop(tmp_path / "shop", "unused")
    hook = "{type: webhook, url: {env: HOOK}, secret: {env: HOOK_KEY}, authorization: {env: HOOK_LOGIN}}"
    (folder / "series.yml").write_text(f"channels: {{email: {{sender: crm}}}}\nsenders: {{crm: {hook}}}\nsends: true\n")
    monkeypatch.setenv("HOOK_KEY", f"key of {PLANTED}")
    monkeypatch.setenv("HOOK_LOGIN", f"Bearer {PLANTED}")
    with provider(reply) as server:
        monkeypatch.setenv("HOOK", f"{server.url}?token={quote(PLANTED)}")
        done = CliRunner().invoke(main, ["--project-dir", str(folder), "run", "--as-of", AS_OF, "--debug"])
        (request,) = server.requests
    assert request.headers["Authorization"] == f"Bearer {PLANTED}"
    assert done.exit_code == 1
    batches = [row for file in folder.rglob("*.duckdb") for row in rows(file) if row.startswith("series.batches")]
    assert len(batches) > 1, "the copy for readers has it too"
    said = "\n".join([done.stdout, done.stderr, repr(done.exception), *batches])
    assert [form for form in (*FORMS, "@") if form in said] == []
