"""One request of a recipe: which messages go in it, under which key, and its bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipelines.senders.http_recipe import Recipe
from pipelines.senders.json_template import TemplateFailedError, render
from pipelines.senders.protocol import SenderError

_USUAL_HEADERS = {"content-type": "application/json", "user-agent": "warehouse-series"}


@dataclass(frozen=True, slots=True)
class Part:
    """Messages that go in one request, by id, each as the recipe writes it.

    Attributes:
        is_half: Whether they were part of a larger request, which was refused.
    """

    messages: Mapping[str, Any]
    is_half: bool = False

    def halves(self) -> tuple[Part, Part]:
        """It in two."""
        items = list(self.messages.items())
        middle = len(items) // 2
        return Part(dict(items[:middle]), is_half=True), Part(dict(items[middle:]), is_half=True)


@dataclass(frozen=True, slots=True)
class Request:
    """What goes over the line."""

    url: str
    headers: Mapping[str, str]
    body: bytes


def parts_of(messages: Mapping[str, Any], per_request: int) -> Iterator[Part]:
    """Messages in as few requests as may be, in their order."""
    items = list(messages.items())
    for start in range(0, len(items), per_request):
        yield Part(dict(items[start : start + per_request]))


def write_message(recipe: Recipe, row: Mapping[str, Any], settings: Mapping[str, Any]) -> Any:
    """A row of a batch as the recipe writes it.

    Raises:
        TemplateFailedError: The recipe does not suit it.
    """
    plain = {name: _plain(value) for name, value in row.items()}
    return render(recipe.message, {**settings, **plain, "payload": json.loads(row["payload"] or "{}")})


def write_request(recipe: Recipe, part: Part, settings: Mapping[str, Any]) -> Request:
    """The same messages give the same bytes under the same key.

    Raises:
        SenderError: The recipe does not suit them, and nothing can be sent.
    """
    values = {**settings, "key": key_of(list(part.messages))}
    try:
        body = render(recipe.body, {**values, "messages": list(part.messages.values())})
        headers = render(recipe.headers, values)
        url = str(render(recipe.url, values))
    except TemplateFailedError as error:
        raise SenderError(f"The request cannot be written: {error}.") from None
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Request(url, _headers(headers), text.encode("utf-8", "replace"))


def key_of(message_ids: Sequence[str]) -> str:
    """What a request is known by: the same messages have the same key, in whatever batch they are offered.

    >>> key_of(["m1"]), key_of(["m1", "m2"])[:12]
    ('m1', 'b82a5b7a3e0f')
    """
    if len(message_ids) == 1:
        return message_ids[0]
    return hashlib.sha256("\n".join(message_ids).encode()).hexdigest()


def _headers(rendered: Mapping[str, Any]) -> dict[str, str]:
    headers = {name: str(value) for name, value in rendered.items()}
    said = {name.lower() for name in headers}
    return {name: value for name, value in _USUAL_HEADERS.items() if name not in said} | headers


def _plain(value: Any) -> Any:
    """A value of a row as JSON has it; times are in UTC."""
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    return value if value is None or isinstance(value, str | int | float) else str(value)
