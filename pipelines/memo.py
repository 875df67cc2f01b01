"""Remembering the last answer of a pure function."""

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

    def ask(self, function: Callable[Inputs, Answer], *inputs: Inputs.args, **none: Inputs.kwargs) -> Answer:
        """The function's answer to these inputs; it must depend on nothing else, and nobody may change it."""
        kept = self._kept.get(function)
        if kept is None or kept[0] != inputs:
            kept = self._kept[function] = (inputs, function(*inputs, **none))
        answer: Answer = kept[1]
        return answer
