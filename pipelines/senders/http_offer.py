"""One batch on its way through a provider's API: what is asked, what is answered, and when to stop asking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.senders.http_answer import Said, read_answer, retry_after
from pipelines.senders.http_call import Answer, call, host_of, named
from pipelines.senders.http_recipe import Recipe
from pipelines.senders.http_request import Part, Request, write_request
from pipelines.senders.pace import Pace, sleep
from pipelines.senders.protocol import Outcome, SenderError, UnansweredError

LONGEST_PAUSE = 30.0
"""Seconds that a provider may ask for and be waited for at once; beyond, the rest goes on in a new batch."""

_MOST_PAUSES = 3
_MOST_IN_DOUBT = 2
_ENOUGH_REFUSED = 10
_ASKS_TO_WAIT = (429, 503)


@dataclass(slots=True)
class Offer:
    """What has become of a batch so far.

    Attributes:
        settings: What the templates of requests know.
        refused: For good, with the reason, by message.
    """

    recipe: Recipe
    pace: Pace
    settings: Mapping[str, Any]
    refused: dict[str, str] = field(default_factory=dict)
    _deferred: dict[str, str] = field(default_factory=dict)
    _unanswered: dict[str, str] = field(default_factory=dict)
    _provider_ids: dict[str, str] = field(default_factory=dict)
    _taken: int = 0
    _retry_after: float | None = None
    _pauses: int = 0
    _in_doubt: list[Part] = field(default_factory=list)
    _error: str = ""
    _stopped: str | None = None

    def send(self, part: Part) -> None:
        """Offer some messages, unless there was a reason to stop."""
        if self._stopped is not None:
            self._deferred |= dict.fromkeys(part.messages, self._stopped)
            return
        try:
            request = write_request(self.recipe, part, self.settings)
            self.pace.wait()
            answer = call(
                request.url,
                request.headers,
                request.body,
                method=self.recipe.method,
                answer_seconds=self.recipe.answer_seconds,
            )
        except UnansweredError as error:
            self._note(part, [Said("unknown", "no answer")] * len(part.messages))
            self._count_doubt(part, str(error))
        except SenderError as error:
            self._stop(part, "the provider was not reached", str(error))
        else:
            self._hear(part, request, answer)

    def outcome(self) -> Outcome:
        """What the hand-off marks.

        Raises:
            SenderError: None of it left, and it goes again as it is.
            UnansweredError: Nobody knows what left, and it goes again as it is, where it goes again.
        """
        is_keyed, none_left = self.recipe.remembers is not None, not (self._taken or self.refused)
        if self._in_doubt:
            # In another batch, halves would be put together differently and have another key.
            as_it_is = none_left or any(part.is_half for part in self._in_doubt) if is_keyed else none_left
            if as_it_is and (is_keyed or not self._deferred):
                raise UnansweredError(self._error, self._retry_after)
        elif none_left and self._deferred:
            raise SenderError(self._error, self._retry_after)
        return Outcome(self.refused, self._deferred, self._unanswered, self._provider_ids, self._retry_after)

    def _hear(self, part: Part, request: Request, answer: Answer) -> None:
        said = read_answer(self.recipe, answer, list(part.messages))
        verdicts = {each.verdict for each in said}
        if verdicts == {"refused"} and len(said) > 1 and not answer.is_taken:
            # One bad message may be why all of them are refused; halves find it.
            for half in part.halves():
                self.send(half)
            return
        wait = retry_after(self.recipe, answer)
        is_asked_to_wait = verdicts == {"for_now"} and (wait is not None or answer.status in _ASKS_TO_WAIT)
        if is_asked_to_wait and wait is not None and wait <= LONGEST_PAUSE and self._pauses < _MOST_PAUSES:
            self._pauses += 1
            sleep(wait)
            self.send(part)
            return
        error = f"{host_of(request.url)} answered {named(answer.status)}."
        self._retry_after = max(wait or 0.0, self._retry_after or 0.0) or None
        if is_asked_to_wait or "not_taken" in verdicts:
            self._stop(part, named(answer.status), error)
            return
        self._note(part, said)
        self._error = self._error or error
        if "unknown" in verdicts:
            self._count_doubt(part, error)
        self._look_at_refused(request)

    def _note(self, part: Part, said: Sequence[Said]) -> None:
        for message_id, each in zip(part.messages, said, strict=True):
            match each.verdict:
                case "taken":
                    self._taken += 1
                    if each.provider_id is not None:
                        self._provider_ids[message_id] = each.provider_id
                case "refused":
                    self.refused[message_id] = each.reason
                case "unknown":
                    self._unanswered[message_id] = each.reason
                case _:
                    self._deferred[message_id] = each.reason

    def _count_doubt(self, part: Part, error: str) -> None:
        self._in_doubt.append(part)
        self._error = error
        if len(self._in_doubt) >= _MOST_IN_DOUBT:
            self._stopped = "the provider does not answer"

    def _stop(self, part: Part, reason: str, error: str) -> None:
        """Whoever cannot take these is not asked for each of the others."""
        self._deferred |= dict.fromkeys(part.messages, reason)
        self._stopped = reason
        self._error = error if not self._in_doubt else self._error

    def _look_at_refused(self, request: Request) -> None:
        """A slip in the settings has everything refused; that must not lose the messages."""
        if len(self.refused) < _ENOUGH_REFUSED or self._taken or self._deferred or self._unanswered:
            return
        (reason, _), *_ = Counter(self.refused.values()).most_common(1)
        raise SenderError(
            f"{host_of(request.url)} refused each of the first {len(self.refused)} messages: {reason}. All of them are "
            "kept: is there a slip in the sender's settings?"
        )
