"""One batch on its way through a provider's API: what is asked, what is answered, and when to stop asking."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipelines.senders.http_answer import NOT_UNDERSTOOD, Said, read_answer, retry_after
from pipelines.senders.http_call import Answer, call, host_of, named
from pipelines.senders.http_recipe import Recipe
from pipelines.senders.http_request import Part, Request, write_request
from pipelines.senders.pace import Pace, sleep
from pipelines.senders.protocol import Outcome, SenderError, UnansweredError

LONGEST_PAUSE = 30.0
"""Seconds that a provider may ask for and be waited for at once; beyond, the rest goes on in a new batch."""

_MOST_PAUSES = 3
_MOST_DOUBTS = 2
_ENOUGH_REFUSED = 10
_ASKS_TO_WAIT = (429, 503)


@dataclass(slots=True)
class Offer:
    """What has become of a batch so far.

    Attributes:
        settings: What the templates of requests know.
        unwritten: Messages that cannot be written, with the reason.
        in_doubt: Whether they may have been taken before; a provider that takes none now says nothing of that.
    """

    recipe: Recipe
    pace: Pace
    settings: Mapping[str, Any]
    unwritten: Mapping[str, str]
    in_doubt: bool
    _refused: dict[str, str] = field(default_factory=dict)
    _deferred: dict[str, str] = field(default_factory=dict)
    _unanswered: dict[str, str] = field(default_factory=dict)
    _provider_ids: dict[str, str] = field(default_factory=dict)
    _taken: int = 0
    _retry_after: float | None = None
    _pauses: int = 0
    _doubts: int = 0
    _is_cut: bool = False
    _error: str = ""
    _stopped: str | None = None

    def send(self, part: Part) -> None:
        """Offer some messages, unless there was a reason to stop."""
        if self._stopped is not None:
            self._keep(part, self._stopped)
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
            self._count_doubt(str(error), is_cut=part.is_half)
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
        refused = {**self.unwritten, **self._refused}
        none_left = not (self._taken or refused)
        if self._unanswered:
            is_keyed = self.recipe.remembers is not None
            if (none_left and not self._deferred) or (is_keyed and (none_left or self._is_cut)):
                raise UnansweredError(self._error, self._retry_after)
        elif none_left and self._deferred:
            raise SenderError(self._error, self._retry_after)
        return Outcome(refused, self._deferred, self._unanswered, self._provider_ids, self._retry_after)

    def _hear(self, part: Part, request: Request, answer: Answer) -> None:
        said = read_answer(self.recipe, answer, list(part.messages))
        verdicts = {each.verdict for each in said}
        if verdicts == {"refused"} and len(said) > 1 and not answer.is_taken:
            # One bad message may be why all of them are refused; halves find it.
            for half in part.halves():
                self.send(half)
            return
        error = f"{host_of(request.url)} answered {named(answer.status)}."
        if verdicts == {"for_now"} and answer.status in _ASKS_TO_WAIT:
            self._wait(part, answer, error)
        elif verdicts == {"not_taken"}:
            self._stop(part, named(answer.status), error)
        else:
            self._note(part, said)
            if any(each.reason == NOT_UNDERSTOOD for each in said):
                error = f"{error} What that means for the messages is not understood."
            self._error = self._error or error
            if "unknown" in verdicts:
                self._count_doubt(error, is_cut=part.is_half or len(verdicts) > 1)
            self._look_at_refused(request)

    def _wait(self, part: Part, answer: Answer, error: str) -> None:
        """For a moment and ask again, or leave it and the rest for another time."""
        wait = retry_after(self.recipe, answer)
        if wait is None or wait > LONGEST_PAUSE or self._pauses >= _MOST_PAUSES:
            self._retry_after = wait
            self._stop(part, named(answer.status), error)
            return
        self._pauses += 1
        sleep(wait)
        self.send(part)

    def _note(self, part: Part, said: Sequence[Said]) -> None:
        for message_id, each in zip(part.messages, said, strict=True):
            match each.verdict:
                case "taken":
                    self._taken += 1
                    if each.provider_id is not None:
                        self._provider_ids[message_id] = each.provider_id
                case "refused":
                    self._refused[message_id] = each.reason
                case "unknown":
                    self._unanswered[message_id] = each.reason
                case _:
                    self._deferred[message_id] = each.reason

    def _count_doubt(self, error: str, *, is_cut: bool) -> None:
        """Note that nobody knows of a request; ``is_cut``: in another batch it would not be put together as it was."""
        self._doubts += 1
        self._is_cut = self._is_cut or is_cut
        self._error = error
        if self._doubts >= _MOST_DOUBTS:
            self._stopped = "the provider does not answer"

    def _stop(self, part: Part, reason: str, error: str) -> None:
        """Whoever cannot take these is not asked for each of the others."""
        self._keep(part, reason)
        self._stopped = reason
        self._error = self._error if self._doubts else error

    def _keep(self, part: Part, reason: str) -> None:
        kept = self._unanswered if self.in_doubt else self._deferred
        kept |= dict.fromkeys(part.messages, reason)
        self._is_cut = self._is_cut or (self.in_doubt and part.is_half)

    def _look_at_refused(self, request: Request) -> None:
        """A slip in the settings has everything refused; that must not lose the messages."""
        if len(self._refused) < _ENOUGH_REFUSED or self._taken or self._deferred or self._unanswered:
            return
        (reason, _), *_ = Counter(self._refused.values()).most_common(1)
        raise SenderError(
            f"{host_of(request.url)} refused each of the first {len(self._refused)} messages: {reason}. All of them "
            "are kept: is there a slip in the sender's settings?"
        )
