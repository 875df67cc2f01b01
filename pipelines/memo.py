"""Remembering the last answer of a pure function, and what a connection was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

Inputs = ParamSpec("Inputs")
Answer = TypeVar("Answer")


class Memo:
    """Keeps the last answer of each function asked through it, for as long as the inputs stay equal.

    A project that runs hour after hour checks and compiles its definitions once, until they or the sources change.
    """

    def __init__(self) -> None:
        self._kept: dict[Callable[..., Any], tuple[tuple[Any, ...], Any]] = {}
        self._told: dict[str, tuple[object, object]] = {}

    def ask(self, function: Callable[Inputs, Answer], *inputs: Inputs.args, **none: Inputs.kwargs) -> Answer:
        """The function's answer to these inputs; it must depend on nothing else, and nobody may change it."""
        kept = self._kept.get(function)
        if kept is None or kept[0] != inputs:
            kept = self._kept[function] = (inputs, function(*inputs, **none))
        answer: Answer = kept[1]
        return answer

    def tell(self, connection: object, name: str, content: object) -> bool:
        """Whether a connection has still to be told what goes by this name; from now on it has been.

        To be forgotten when the transaction in which it is told fails.
        """
        told = self._told.get(name)
        if told is not None and told[0] is connection and told[1] is content:
            return False
        self._told[name] = (connection, content)
        return True

    def forget_told(self) -> None:
        """Take back what `tell` said: the connection has to be told again."""
        self._told.clear()
