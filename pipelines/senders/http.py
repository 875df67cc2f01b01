"""The `http` sender: each message, or some of them together, to a provider's API, as a recipe says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.model import Sender as Settings
from pipelines.secret import Secret
from pipelines.senders.pace import Pace
from pipelines.senders.protocol import Batch, Outcome, Promise, SenderError
from pipelines.senders.recipes import NAMES
from pipelines.senders.sender_type import SenderType

if TYPE_CHECKING:
    from pipelines.reader import Reader
    from pipelines.senders.http_recipe import Recipe


@dataclass(frozen=True, slots=True)
class HttpSender:
    """Sends the messages of a batch as the requests of a recipe, one after the other.

    A provider that knows keys again gets the same messages under the same key, for as long as it remembers. Any other
    cannot tell a repeat, so what it has not answered waits for a person.

    Attributes:
        token: What the templates know by that name; None: they ask for none.
    """

    recipe: Recipe
    token: Secret | None
    pace: Pace = field(repr=False)

    @property
    def promise(self) -> Promise:
        """At least once, under one key, where the provider knows keys; else at most once."""
        return "at_least_once" if self.recipe.remembers else "at_most_once"

    @property
    def remembers(self) -> timedelta | None:
        """How long the provider knows a key again."""
        return self.recipe.remembers

    def has(self, batch_id: str) -> bool:  # noqa: ARG002 (see the protocol)
        """Whether an earlier offer may be known by its keys."""
        return self.recipe.remembers is not None

    def send(self, batch: Batch) -> Outcome:
        """Send each message of the batch.

        Raises:
            SenderError: None of it left.
            UnansweredError: Nobody knows what left.
        """
        from pipelines.senders.http_offer import Offer
        from pipelines.senders.http_request import parts_of, write_message
        from pipelines.senders.json_template import TemplateFailedError

        settings: dict[str, Any] = {"values": self.recipe.values}
        if self.token:
            settings["token"] = self.token.read().strip()
        block = {"series_id": batch.series_id, "block_id": batch.block_id, "channel": batch.channel}
        written: dict[str, Any] = {}
        unwritten: dict[str, TemplateFailedError] = {}
        for row in batch.messages.to_pylist():
            try:
                written[row["message_id"]] = write_message(self.recipe, row, settings)
            except TemplateFailedError as error:
                unwritten[row["message_id"]] = error
        slips = [error for error in unwritten.values() if not error.is_of_value]
        if not written and slips:
            raise SenderError(f"No message can be written: {slips[0]}.")
        why = {message_id: str(error) for message_id, error in unwritten.items()}
        offer = Offer(self.recipe, self.pace, {**settings, **block}, why, batch.in_doubt)
        for part in parts_of(written, self.recipe.per_request):
            offer.send(part)
        return offer.outcome()

    def close(self) -> None:
        """Connections are kept for whoever sends next."""


def _read(reader: Reader) -> Recipe | None:
    from pipelines.senders.http_recipe import read_recipe

    return read_recipe(reader)


def _open(settings: Settings, folder: Path) -> HttpSender:  # noqa: ARG001 (it writes no files)
    from pipelines.senders.http_recipe import Recipe

    assert isinstance(settings.details, Recipe)
    return HttpSender(settings.details, settings.secrets.get("token"), Pace(settings.details.per_second))


def _refuses_tags(settings: Settings) -> str | None:
    from pipelines.senders.http_recipe import Recipe
    from pipelines.senders.http_tags import refusal

    return refusal(settings.details) if isinstance(settings.details, Recipe) else None


_READINGS = ("taken", "refused", "for_now", "unknown", "reason", "provider_id", "retry_after")
_TEXTS: Mapping[str, Any] = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}
_EXPRESSION: Mapping[str, Any] = {"type": "string"}
_STRUCTURE: Mapping[str, Any] = {"type": ["object", "array", "string"]}

HTTP = SenderType(
    summary="sends messages by a provider's HTTP API",
    open=_open,
    read=_read,
    options={
        "recipe": "Whose API it is; what stands beside it is laid over the recipe, key by key.",
        "token": "The key of the API, `{env: NAME}`; `{{ token }}` in templates.",
        "values": "What the templates know as `{{ values.name }}`.",
        "url": "Where to, a template.",
        "method": "The verb of HTTP; `POST` when absent.",
        "headers": "The headers, templates; `{{ key }}` is what the provider knows a repeated request by.",
        "message": "What a message becomes, a structure whose texts are templates.",
        "body": "What a request holds, likewise; `{{ messages }}` are its messages.",
        "per_request": "How many messages a request may hold; 1 when absent.",
        "per_second": "How many requests a second; as many as get through when absent.",
        "answer_seconds": "How long to wait for an answer; 30 seconds when absent.",
        "remembers": "How long the provider knows a key again; when absent, it knows none.",
        "taken": "Whether a message is taken, by the answer; any 2xx when absent.",
        "refused": "Whether it is refused for good; 400, 413 and 422 when absent.",
        "for_now": "Whether it is refused for now; 408, 425, 429 and 503 when absent.",
        "unknown": "Whether nobody knows; 409 and any other 5xx when absent.",
        "reason": "Why a message is not taken, a code; the status when absent.",
        "provider_id": "What the provider calls a message that it took.",
        "retry_after": "Seconds that it asks to wait; `Retry-After` when absent.",
    },
    secrets=frozenset({"token"}),
    shapes={
        "recipe": {"enum": list(NAMES)},
        "values": _TEXTS,
        "url": {"type": "string"},
        "method": {"enum": ["POST", "PUT", "PATCH"]},
        "headers": _TEXTS,
        "message": _STRUCTURE,
        "body": _STRUCTURE,
        "per_request": {"type": "integer", "minimum": 1, "maximum": 1_000},
        "per_second": {"type": "integer", "minimum": 1, "maximum": 1_000},
        "answer_seconds": {"type": "integer", "minimum": 1, "maximum": 600},
        "remembers": {"type": "string"},
        **dict.fromkeys(_READINGS, _EXPRESSION),
    },
    carries_tags=True,
    refuses_tags=_refuses_tags,
)
"""The type `http`."""
