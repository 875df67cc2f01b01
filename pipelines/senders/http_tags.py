"""Whether a recipe can say whose tag was added or removed; most are of mails. It is found out by writing some."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.senders.http_recipe import Recipe
from pipelines.senders.http_request import write_message
from pipelines.senders.json_template import TemplateFailedError
from pipelines.senders.protocol import MESSAGE_COLUMNS
from warehouse.tables import TAG_CHANNEL

_WRITE = {"tag": "vip", "action": "add", "customer_id": "1"}
_OTHERS = {"tag": "beta", "action": "remove", "customer_id": "2"}


def refusal(recipe: Recipe) -> str | None:
    """Why a recipe cannot carry tags; None: it can."""
    try:
        usual = _written(recipe, _WRITE)
        unsaid = [name for name, other in _OTHERS.items() if _written(recipe, _WRITE | {name: other}) == usual]
    except TemplateFailedError as error:
        return f"{error}; of a tag there is no address and no content, but {_listed(_OTHERS)}"
    if unsaid:
        return f"its `message` is the same whatever they are; put {_listed(unsaid)} into it"
    return None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{{{{ payload.{name} }}}}`" for name in names)


def _written(recipe: Recipe, write: Mapping[str, str]) -> Any:
    row = dict.fromkeys(MESSAGE_COLUMNS) | {
        "message_id": "m",
        "customer_id": write["customer_id"],
        "channel": TAG_CHANNEL,
        "series_id": "s",
        "block_id": "b",
        "entry_id": 1,
        "queued_at": "2026-03-01T09:00:00Z",
        "payload": json.dumps(write),
    }
    return write_message(recipe, row, {"values": recipe.values, "token": "t"})
