"""Rules as data: what they compile to, what is refused with which words, and what they say of a customer.

A file in ``rules/accepted`` and ``rules/refused`` has one rule a line (a value with its family before it) and stands
beside what comes of it. ``rules/answers.txt`` is written by hand.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import pytest

from pipelines.problems import Problem
from pipelines.rules import parse_rule, parse_value, render
from pipelines.rules.model import EventCall, Family, Rule
from tests.golden import assert_golden
from tests.rule_world import SCOPE, World, text

FOLDER = Path(__file__).parent / "rules"
ACCEPTED = sorted((FOLDER / "accepted").glob("*.rules"))
REFUSED = sorted((FOLDER / "refused").glob("*.rules"))
ANSWERS = [
    line for line in (FOLDER / "answers.txt").read_text(encoding="utf-8").splitlines() if not line.startswith("#")
]


@pytest.mark.golden
@pytest.mark.parametrize("file", ACCEPTED, ids=lambda file: file.stem)
def test_compiles_to(file: Path) -> None:
    world = World([{}])
    written = []
    for source in file.read_text(encoding="utf-8").splitlines():
        family, rule, problems = _read(source)
        assert rule is not None, problems
        answer = world.ask(rule)[0]
        assert isinstance(answer, bool) or family, f"{source} is {answer}"
        written.append(_shown(source, rule))
    assert_golden(file.with_suffix(".sql"), "\n".join(written))


@pytest.mark.golden
@pytest.mark.parametrize("file", REFUSED, ids=lambda file: file.stem)
def test_refused_with_exactly_these_words(file: Path) -> None:
    written = []
    for source in file.read_text(encoding="utf-8").splitlines():
        _, rule, problems = _read(source)
        assert rule is None, source
        assert problems, source
        written.append("".join(f"{problem}\n" for problem in problems))
    assert_golden(file.with_suffix(".txt"), "\n".join(written))


@pytest.mark.parametrize("line", ANSWERS)
def test_says_of_a_customer(line: str) -> None:
    holds, _, rest = line.partition(" ")
    given, end = json.JSONDecoder().raw_decode(rest.lstrip())
    rule, problems = parse_rule(text(rest.lstrip()[end:].lstrip()), SCOPE)
    assert rule is not None, problems
    assert _answer(rule, given) is (holds == "true")


def _answer(rule: Rule, given: dict[str, Any]) -> Any:
    if "event" in given:
        call = next(iter(rule.calls.values()))
        assert isinstance(call, EventCall)
        return World([{}]).ask_event(call, given["event"] and json.dumps(given["event"]))
    facts = dict(zip(rule.calls, given.pop("facts", []), strict=False))
    return World([given]).ask(rule, facts)[0]


def _read(source: str) -> tuple[Family | None, Rule | None, list[Problem]]:
    families: tuple[Family, ...] = get_args(Family)
    for family in families:
        if source.startswith(f"{family}: "):
            return family, *parse_value(text(source.removeprefix(f"{family}: ")), SCOPE, family)
    return None, *parse_rule(text(source), SCOPE)


def _shown(source: str, rule: Rule) -> str:
    lines = [f"-- {source}"]
    for name, call in rule.calls.items():
        shown = {key: getattr(call, key) for key in call.__dataclass_fields__ if key not in ("function", "where")}
        lines.append(f"--   {name}: {', '.join(f'{key} {value!r}' for key, value in shown.items())}")
        if isinstance(call, EventCall) and call.where is not None:
            lines.append(f"--     where {render(call.where)}")
    return "\n".join([*lines, render(rule.sql), ""])
