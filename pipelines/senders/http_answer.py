"""What a provider's answer means for each message of a request, as a recipe reads it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pipelines.backoff import LONGEST_ASKED
from pipelines.senders.http_call import Answer, named
from pipelines.senders.http_recipe import Recipe
from pipelines.senders.json_template import TemplateFailedError, render

Verdict = Literal["taken", "refused", "for_now", "unknown", "not_taken"]
"""``not_taken`` is about the request and not about a message: a wrong token, a wrong address, a server that moved."""

NOT_UNDERSTOOD = "an answer that is not understood"

_CODE = re.compile(r"[A-Za-z0-9_.:=/-]{1,60}", re.ASCII)
_LONGEST_ID = 500


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of one message.

    Attributes:
        reason: A code; never the words of a server, who likes to quote addresses.
        provider_id: What the provider calls a message that it took; None: it gives it no name.
    """

    verdict: Verdict
    reason: str
    provider_id: str | None = None


def read_answer(recipe: Recipe, answer: Answer, message_ids: Sequence[str]) -> list[Said]:
    """What an answer says of each message of its request, in their order."""
    values = {"values": recipe.values, "status": answer.status, "headers": answer.headers, "body": _json(answer.body)}
    return [
        _read(recipe, answer, {**values, "index": index, "message_id": message_id})
        for index, message_id in enumerate(message_ids)
    ]


def retry_after(recipe: Recipe, answer: Answer) -> float | None:
    """Seconds that a provider asks to wait, by a header of its own or by ``Retry-After``; None: it does not."""
    values = {"status": answer.status, "headers": answer.headers, "body": _json(answer.body), "now": int(time.time())}
    said = _said(recipe, "retry_after", {**values, "values": recipe.values, "index": 0, "message_id": ""})
    return float(min(max(said, 0), LONGEST_ASKED)) if isinstance(said, int | float) else answer.retry_after


def _read(recipe: Recipe, answer: Answer, values: dict[str, Any]) -> Said:
    try:
        verdict = next((each for each in _IN_TURN if render(recipe.says[each], values)), None)
    except TemplateFailedError:
        return Said("unknown", NOT_UNDERSTOOD)
    if verdict is None:
        # Of an answer that says yes, or that nobody was there, a recipe must say what it means.
        is_no = 300 <= answer.status < 500
        return Said("not_taken" if is_no else "unknown", named(answer.status) if is_no else NOT_UNDERSTOOD)
    if verdict == "taken":
        provider_id = _said(recipe, "provider_id", values)
        return Said("taken", "", None if provider_id is None else str(provider_id)[:_LONGEST_ID])
    return Said(verdict, _code(_said(recipe, "reason", values), answer.status))


_IN_TURN: tuple[Verdict, ...] = ("unknown", "refused", "for_now", "taken")
"""The first that holds counts: doubt before anything else."""


def _said(recipe: Recipe, key: str, values: dict[str, Any]) -> Any:
    """What a reading comes to; None where the answer has nothing of the kind."""
    try:
        return render(recipe.says[key], values)
    except TemplateFailedError:
        return None


def _code(reason: Any, status: int) -> str:
    if reason is None or reason == status or not _CODE.fullmatch(str(reason)):
        return named(status)
    return str(reason)


def _json(body: bytes) -> Any:
    """The body, where it is JSON; None where it is not."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
