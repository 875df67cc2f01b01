"""A secret is planted, everything fails that can, and then it is looked for in all that was said and written."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from click.testing import CliRunner

from pipelines.cli import main
from pipelines.senders import kafka
from tests.kafka_cluster import cluster
from tests.loopback import AS_OF, PACKAGE, listening, make_shop
from tests.provider import Reply, provider
from tests.test_smtp import free_port

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


def fail(folder: Path, sender: str) -> str:
    """All that is said and written of batches that their sender does not take."""
    make_shop(folder, "unused")
    settings = f"channels: {{email: {{sender: crm}}}}\nsenders: {{crm: {sender}}}\nsends: true\n"
    (folder / "series.yml").write_text(settings)
    done = CliRunner().invoke(main, ["--project-dir", str(folder), "run", "--as-of", AS_OF, "--debug"])
    assert done.exit_code == 1
    batches = [row for file in folder.rglob("*.duckdb") for row in rows(file) if row.startswith("series.batches")]
    assert len(batches) > 1, "the copy for readers has it too"
    return "\n".join([done.stdout, done.stderr, repr(done.exception), *batches])


def told(said: str) -> list[str]:
    """What of it should not be there: a secret, or what an address has."""
    return [form for form in (*FORMS, "@") if form in said]


@pytest.mark.parametrize("reply", [Reply(422, "no such user c1@example.com"), Reply(does="dies"), Reply(301)])
def test_neither_a_secret_nor_an_address_is_in_what_is_said_of_a_webhook(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reply: Reply
) -> None:
    monkeypatch.setenv("HOOK_KEY", f"key of {PLANTED}")
    monkeypatch.setenv("HOOK_LOGIN", f"Bearer {PLANTED}")
    with provider(reply) as server:
        monkeypatch.setenv("HOOK", f"{server.url}?token={quote(PLANTED)}")
        hook = "{type: webhook, url: {env: HOOK}, secret: {env: HOOK_KEY}, authorization: {env: HOOK_LOGIN}}"
        assert told(fail(tmp_path / "shop", hook)) == []
        (request,) = server.requests
    assert request.headers["Authorization"] == f"Bearer {PLANTED}"


HTTP = """{
  type: http, url: 'URL?token={{ token | urlencode }}', token: {env: API_TOKEN}, reason: '{{ body }}', per_request: 9,
  headers: {Authorization: 'Bearer {{ token }}', X-Token: '{{ token }}'}, message: {to: '{{ address }}'}
}"""
BROKEN = HTTP.replace("{to: '{{ address }}'}", "{to: '{{ (token ~ address) / 2 }}'}")


@pytest.mark.parametrize(
    ("sender", "reply"),
    [
        (HTTP, Reply(401, "no such user c1@example.com")),
        (HTTP, Reply(500, f"{PLANTED} of c1@example.com")),
        (HTTP, Reply(does="dies")),
        (BROKEN, Reply()),
    ],
)
def test_nor_of_a_provider_that_quotes_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sender: str, reply: Reply
) -> None:
    monkeypatch.setenv("API_TOKEN", PLANTED)
    with provider(reply) as server:
        assert told(fail(tmp_path / "shop", sender.replace("URL", server.url))) == []
    heard = [request.headers["Authorization"] for request in server.requests]
    assert heard == ([] if sender is BROKEN else [f"Bearer {PLANTED}"])


def test_nor_in_what_is_said_of_a_mail_server_that_quotes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("MAIL_PASSWORD", PLANTED)
    heard: list[bytes] = []

    def login(*arguments: Any) -> AuthResult:
        heard.append(arguments[4].password)
        quoting = f"535 5.7.8 {PLANTED} of c1@example.com is not right"
        return AuthResult(success=False, handled=False, message=quoting)

    mailbox = Controller(
        object(),
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=context,
        require_starttls=True,
        authenticator=login,
    )
    mailbox.start()
    try:
        mailer = f"{{type: smtp, host: localhost, port: '{mailbox.port}', from: s@shop.example, username: u"
        said = fail(tmp_path / "shop", f"{mailer}, password: {{env: MAIL_PASSWORD}}}}")
    finally:
        mailbox.stop()
    assert heard[0] == PLANTED.encode()
    assert "refuses the login: 535 5.7.8." in said
    assert told(said) == []


def test_nor_of_a_bucket_whose_server_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_SECRET", PLANTED)
    with provider() as server:  # which only knows POST
        url = server.url.removesuffix("/hook")
        store = f"{{type: files, path: 's3://planted/x', endpoint: '{url}', access_key_id: AKIATEST"
        said = fail(tmp_path / "shop", f"{store}, secret_access_key: {{env: STORE_SECRET}}}}")
    assert "s3://planted/x cannot be used: its server answered 501" in said
    assert told(said) == []


def test_nor_of_brokers_that_nobody_can_log_in_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka, "CONNECT_SECONDS", 0.5)
    monkeypatch.setenv("BUS_PASSWORD", PLANTED)
    with cluster() as running:
        bus = f"{{type: kafka, servers: '{running.servers}', topic: t, username: u, mechanism: scram-sha-512"
        said = fail(tmp_path / "shop", f"{bus}, password: {{env: BUS_PASSWORD}}}}")
    assert "Kafka's topic t cannot be reached: " in said
    assert told(said) == []
