"""People are told, by every way that the environment names; a monitor is asked; nothing of it holds addresses."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from email import message_from_string
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import dagster as dg
import pytest

from assets import alerts, build_definitions, environment
from assets.resources import Warehouse
from tests.orchestrated import make_shop, metadata, run_job, sql

AS_OF = "2026-03-01T09:00Z"


class Inbox(HTTPServer):
    """Takes requests on loopback, and answers as it is told.

    Attributes:
        taken: Path and body of every request.
        status: What it answers.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.taken: list[tuple[str, str]] = []
        self.status = 200
        self.url = f"http://127.0.0.1:{self.server_port}"


class Answer(BaseHTTPRequestHandler):
    server: Inbox

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.server.taken.append((self.path, body))
        self.send_response(self.server.status)
        self.end_headers()

    do_POST = do_GET  # noqa: N815 (the standard library calls it so)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


class Mailbox(socketserver.TCPServer):
    """As much of a mail server as takes one message after the other."""

    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Postman)
        self.taken: list[str] = []
        self.url = f"smtp://127.0.0.1:{self.server_address[1]}"


class Postman(socketserver.StreamRequestHandler):
    server: Mailbox

    def handle(self) -> None:
        self.say("220 hello")
        while line := self.rfile.readline().decode():
            match line.split()[0].upper():
                case "DATA":
                    self.say("354 go on")
                    lines = iter(lambda: self.rfile.readline().decode(), ".\r\n")
                    self.server.taken.append("".join(lines))
                    self.say("250 taken")
                case "QUIT":
                    self.say("221 bye")
                    return
                case _:
                    self.say("250 fine")

    def say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())


def serve(server: socketserver.TCPServer) -> None:
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    with Inbox() as server:
        serve(server)
        yield server
        server.shutdown()


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as server:
        serve(server)
        yield server
        server.shutdown()


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


def test_a_failed_run_is_told_by_webhook_and_mail(
    tmp_path: Path, instance: dg.DagsterInstance, inbox: Inbox, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environment.ALERT_WEBHOOK, f"{inbox.url}/secret-hook")
    monkeypatch.setenv(environment.ALERT_EMAIL, "ada@example.com, bob@example.com")
    monkeypatch.setenv(environment.SMTP_URL, mailbox.url)
    monkeypatch.setenv(environment.PING_URL, f"{inbox.url}/ping")
    monkeypatch.setenv(environment.WEB_URL, "https://dagster.example.com/")
    shop = make_shop(tmp_path / "shop")
    sql(shop, "insert into customers select * from customers where customer_id = 1")
    result = run_job(shop, instance, as_of=AS_OF)
    failure = next(event for event in result.all_events if event.event_type_value == "PIPELINE_FAILURE")
    context = dg.build_run_status_sensor_context(
        sensor_name="alert_run_failed", dagster_event=failure, dagster_instance=instance, dagster_run=result.dagster_run
    ).for_run_failure()
    sensor = build_definitions(shop).resolve_sensor_def("alert_run_failed")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    sensor(context)
    ((path, body),) = inbox.taken
    assert path == "/secret-hook"
    text = json.loads(body)["text"]
    assert text.startswith("Series: series_run failed\n")
    assert "customer_id must be unique" in text
    assert f"https://dagster.example.com/runs/{result.run_id}" in text
    (mail,) = (message_from_string(each) for each in mailbox.taken)
    assert (mail["Subject"], mail["To"]) == ("Series: series_run failed", "ada@example.com, bob@example.com")
    assert "secret-hook" not in " ".join(str(event) for event in result.all_events)


def test_a_failed_check_of_a_run_that_went_through_is_told_and_the_monitor_is_asked(
    tmp_path: Path, instance: dg.DagsterInstance, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(environment.ALERT_WEBHOOK, f"{inbox.url}/hook")
    monkeypatch.setenv(environment.PING_URL, f"{inbox.url}/ping")
    shop = make_shop(tmp_path / "shop")
    (shop / "outbox").write_text("not a folder")
    result = run_job(shop, instance, as_of=AS_OF)
    assert result.success
    assert metadata(result, "handed_off_batches")["batches_not_taken"] == 1
    assert [path for path, _ in inbox.taken] == ["/ping"]
    success = next(event for event in result.all_events if event.event_type_value == "PIPELINE_SUCCESS")
    context = dg.build_run_status_sensor_context(
        sensor_name="alert_check_failed",
        dagster_event=success,
        dagster_instance=instance,
        dagster_run=result.dagster_run,
    )
    build_definitions(shop).resolve_sensor_def("alert_check_failed")(context)
    assert "stuck_batches" in json.loads(inbox.taken[1][1])["text"]


def test_a_way_that_does_not_work_does_not_stop_the_other(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.ALERT_WEBHOOK, f"{inbox.url}/hook")
    monkeypatch.setenv(environment.ALERT_EMAIL, "ada@example.com")
    monkeypatch.setenv(environment.SMTP_URL, "smtp://name:hidden@127.0.0.1:1")
    assert alerts.tell("Subject", "text") == [
        "The alert did not get out by SERIES_ALERT_EMAIL (ConnectionRefusedError)."
    ]
    assert len(inbox.taken) == 1
    inbox.status = 500
    with pytest.raises(alerts.AlertError, match=r"SERIES_ALERT_WEBHOOK \(HTTPError\)") as caught:
        alerts.tell("Subject", "text")
    assert "hidden" not in str(caught.value)


def test_an_address_is_http_or_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(environment.PING_URL, "file:///etc/passwd")
    with pytest.raises(alerts.AlertError, match="did not answer"):
        alerts.ping()


def test_batches_that_were_not_taken_are_offered_again(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    shop = make_shop(tmp_path / "shop")
    definitions = build_definitions(shop)
    resources = {"warehouse": Warehouse(project_dir=str(shop))}

    def look() -> object:
        with dg.build_sensor_context(instance=instance, resources=resources) as context:
            return definitions.resolve_sensor_def("hand_off_retry").evaluate_tick(context)

    assert "Every batch has left" in str(look())
    (shop / "outbox").write_text("not a folder")
    run_job(shop, instance, as_of=AS_OF)
    assert getattr(look(), "run_requests", None)
    sql(shop, "update series.batches set status = 'held'")
    assert "held since" in str(look())
    sql(shop, "update series.batches set status = 'pending'")
    (shop / "outbox").unlink()
    again = definitions.resolve_job_def("series_hand_off").execute_in_process(instance=instance)
    assert again.success
    assert "Every batch has left" in str(look())


def test_new_rows_ask_for_a_run_of_what_is_due(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    shop = make_shop(tmp_path / "shop")
    definitions = build_definitions(shop)
    resources = {"warehouse": Warehouse(project_dir=str(shop))}
    sensor = definitions.resolve_sensor_def("source_watermark")
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED

    def look(cursor: str | None) -> dg.SensorResult:
        with dg.build_sensor_context(instance=instance, resources=resources, cursor=cursor) as context:
            found = sensor.evaluate_tick(context)
            return dg.SensorResult(
                run_requests=found.run_requests, cursor=found.cursor, asset_events=found.asset_events
            )

    first = look(None)
    assert not first.run_requests
    assert len(first.asset_events) == 2
    assert not look(first.cursor).run_requests
    sql(shop, "insert into engagements values ('m', 'opened', timestamp '2026-03-01 08:30:00', null)")
    second = look(first.cursor)
    (request,) = second.run_requests or ()
    assert request.run_config["ops"]["run"]["config"]["due"] is True
    (observation,) = second.asset_events
    assert observation.asset_key == dg.AssetKey("engagements")
