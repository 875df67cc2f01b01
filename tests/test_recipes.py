"""Every recipe against a real server that answers as its provider does.

A case in ``recipes/`` is ``<case>/sender.yml``, an entry of ``senders``, and ``<case>/answers.yml``, what the server
says in turn (then 200 without a body). The messages are those of ``recipes/messages.jsonl``, and they are handed off
twice, a quarter of an hour apart. ``requests.json`` holds all that the server heard, ``marking.json`` what the tables
say then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipelines.definitions.targets import read_targets
from pipelines.hand_off.hand_off import hand_off
from pipelines.senders import http_offer
from pipelines.senders.recipes import NAMES
from tests.golden import assert_golden
from tests.provider import Provider, Reply, Request, provider
from tests.test_hand_off import AS_OF, CLOCK, definitions, make, opened
from warehouse.duckdb import DuckDB

FOLDER = Path(__file__).parent / "recipes"
CASES = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
TOKEN = "the-token-of-the-api"  # noqa: S105 (the test's own)
_HOST = re.compile(r"^https://[^/]+")
_OF_THE_LINE = {"Host", "Accept-Encoding", "Content-Length", "User-Agent"}


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[DuckDB]:
    with opened(tmp_path) as warehouse:
        make(warehouse, ("b1", 0))
        lines = (FOLDER / "messages.jsonl").read_text().splitlines()
        for number, message in enumerate(map(json.loads, lines), 1):
            warehouse.execute(
                """
                insert into series.messages by name
                select $message_id as message_id, $number as entry_id, 'welcome' as series_id, 'mail' as block_id,
                    $number as customer_id, 'email' as channel, $address as address, $as_of as queued_at,
                    $payload as payload, 'b1' as batch_id, 'queued' as status
                """,
                {**message, "payload": json.dumps(message["payload"]), "number": number, "as_of": AS_OF},
            )
        warehouse.execute("update series.batches set message_count = $n", {"n": len(lines)})
        yield warehouse


def test_every_recipe_has_a_case() -> None:
    assert set(NAMES) <= {case.partition("-")[0] for case in CASES}


@pytest.mark.golden
@pytest.mark.parametrize("case", CASES)
def test_says_and_hears(case: str, warehouse: DuckDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", TOKEN)
    monkeypatch.setattr(http_offer, "sleep", lambda _: None)
    answers = [Reply(**answer) for answer in yaml.safe_load((FOLDER / case / "answers.yml").read_text())]
    with provider(*answers) as server:
        url = _hand_off_twice(case, warehouse, server)
        assert server.replies == []
    heard = [_said(request) for request in server.requests]
    assert_golden(FOLDER / case / "requests.json", _json({"to": url, "requests": heard}))
    host = server.url.removeprefix("http://").removesuffix("/hook")
    assert_golden(FOLDER / case / "marking.json", _json(_marking(warehouse)).replace(host, "HOST"))


def _hand_off_twice(case: str, warehouse: DuckDB, server: Provider) -> str:
    """Both hand-offs; gives the URL that they would have gone to."""
    entry = (FOLDER / case / "sender.yml").read_text()
    targets, problems = read_targets(f"senders:\n  outbox:\n{entry}")
    assert problems == []
    sender = targets[None].senders["outbox"]
    recipe: Any = sender.details
    there = recipe.url.text.value
    here = replace(recipe.url, text=replace(recipe.url.text, value=_HOST.sub(server.url.removesuffix("/hook"), there)))
    sender = replace(sender, details=replace(recipe, url=here, answer_seconds=0.3))
    ours = definitions()
    ours = replace(ours, settings=replace(ours.settings, senders={"outbox": sender}, sends=True))
    for now in (CLOCK, CLOCK + timedelta(minutes=15)):
        hand_off(lambda: nullcontext(warehouse), ours, Path(), AS_OF, clock=lambda now=now: now)  # type: ignore[misc]
    return str(there)


def _said(request: Request) -> dict[str, Any]:
    headers = {name: value for name, value in request.headers.items() if name not in _OF_THE_LINE}
    return {"line": f"{request.method} {request.path}", "headers": headers, "body": request.json}


def _marking(warehouse: DuckDB) -> dict[str, list[str]]:
    """Each row as a line."""
    messages = warehouse.fetch(
        "select message_id, status, batch_id, provider_message_id from series.messages order by message_id"
    )
    batches = warehouse.fetch(
        "select batch_id, status, attempts, message_count, last_error from series.batches order by all"
    )
    return {"messages": [_row(row) for row in messages], "batches": [_row(row) for row in batches]}


def _row(row: tuple[Any, ...]) -> str:
    return " | ".join(str(value) for value in row)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"
