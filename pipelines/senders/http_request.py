"""One request of a recipe: which messages go in it, under which key, and its bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from pipelines.senders.http_recipe import FORM, Recipe
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
        headers = _headers(render(recipe.headers, values))
        url = str(render(recipe.url, values))
    except TemplateFailedError as error:
        raise SenderError(f"The request cannot be written: {error}.") from None
    return Request(url, headers, (_form(body) if recipe.is_form else _json(body)).encode("utf-8", "replace"))


def key_of(message_ids: Sequence[str]) -> str:
    """What a request is known by: the same messages have the same key, in whatever batch they are offered.

    >>> key_of(["m1"]), key_of(["m1", "m2"])[:12]
    ('m1', 'b82a5b7a3e0f')
    """
    if len(message_ids) == 1:
        return message_ids[0]
    return hashlib.sha256("\n".join(message_ids).encode()).hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _form(body: Any) -> str:
    """An object as the fields of a form: a list is a field for each of its items, an object within is JSON.

    >>> _form({"to": ["ada@example.com", "bob@example.com"], "text": "Hi & bye", "track": True, "data": {"id": 7}})
    'to=ada%40example.com&to=bob%40example.com&text=Hi+%26+bye&track=true&data=%7B%22id%22%3A7%7D'
    """
    if not isinstance(body, Mapping):
        raise SenderError(f"The request cannot be written: {FORM} takes an object, and `body` is none.")

    def texts(member: Any) -> list[str]:
        items = member if isinstance(member, list) else [member]
        return [item if isinstance(item, str) else _json(item) for item in items]

    return urlencode({name: texts(member) for name, member in body.items()}, doseq=True, errors="replace")


def _headers(rendered: Mapping[str, Any]) -> dict[str, str]:
    headers = {name: str(value) for name, value in rendered.items()}
    said = {name.lower() for name in headers}
    return {name: value for name, value in _USUAL_HEADERS.items() if name not in said} | headers


def _plain(value: Any) -> Any:
    """A value of a row as JSON has it; times are in UTC."""
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    return value if value is None or isinstance(value, str | int | float) else str(value)
