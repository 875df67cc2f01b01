"""Rules judged for one customer at given instants, by the SQL that a run would judge them with.

Each rule, each of its parts and each value they look at is a column of one SELECT over the moments; nothing is
evaluated here. Sources and state must have been narrowed to the customer (`pipelines.explain.narrow`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

from pipelines.compile.facts import Asking, gather, predicate
from pipelines.compile.job import in_batches
from pipelines.explain.customer import CustomerId
from pipelines.explain.explanation import JudgedCase, JudgedPart, Judgement, SeenValue, Value
from pipelines.explain.narrow import RELATIONS
from pipelines.problems import RunError
from pipelines.rules.model import Call, Rule
from pipelines.rules.parts import Part
from pipelines.sql_text import render, timestamp, with_relations
from warehouse.adapter import StatementError, Warehouse


@dataclass(frozen=True)
class Question:
    """A rule, and the moment at which it is judged.

    Attributes:
        rule: As a run judges it.
        part: The same, taken apart.
        entry_id: The entry whose messages its engagements are about; None: an entry that would begin.
        visible_after: Events count only after this instant; None: all of them do.
    """

    series_id: str
    rule: Rule
    part: Part
    instant: datetime
    entry_id: int | None = None
    visible_after: datetime | None = None


Rows = Sequence[tuple[str | None, Mapping[str, Any]]]
"""What came out for one question: a company, if any, and each column's value by its SQL."""


def judge(
    warehouse: Warehouse,
    questions: Sequence[Question],
    customer_id: CustomerId,
    queued_is_received: Mapping[str, frozenset[str]],
) -> list[Judgement]:
    """The answers, in the order of the questions.

    Raises:
        RunError: A source cannot be read.
    """
    write = _Writer()
    groups: dict[tuple[bool, bool], list[int]] = {}
    for number, question in enumerate(questions):
        key = question.visible_after is not None, bool(question.rule.company_columns)
        groups.setdefault(key, []).append(number)
    answers: dict[int, Judgement] = {}
    for (bounded, of_company), numbers in groups.items():
        for some in in_batches(numbers):
            asked = [questions[number] for number in some]
            select, columns = _select(asked, write, queued_is_received, bounded=bounded, of_company=of_company)
            rows = _fetch(warehouse, select, {"customer_id": customer_id, "as_of": asked[0].instant})
            answers |= dict(zip(some, _judgements(asked, write, columns, rows), strict=True))
    return [answers[number] for number in range(len(questions))]


class _Writer:
    """Writes rules as SQL, each once, as some are judged for many entries."""

    def __init__(self) -> None:
        self._written: dict[int, tuple[Rule, str]] = {}

    def __call__(self, rule: Rule) -> str:
        if id(rule) not in self._written:
            self._written[id(rule)] = rule, predicate(rule)
        return self._written[id(rule)][1]


def _select(
    asked: Sequence[Question],
    write: _Writer,
    queued_is_received: Mapping[str, frozenset[str]],
    *,
    bounded: bool,
    of_company: bool,
) -> tuple[str, Sequence[str]]:
    """One statement for all of them, and the SQL of its columns."""
    columns = list(dict.fromkeys(write(rule) for question in asked for rule in _rules(question)))
    asking = [
        Asking(question.series_id, f"moment_number = {number}", _everything(question))
        for number, question in enumerate(asked)
    ]
    select = render(
        "explain/judged",
        moments=[_moment(number, question) for number, question in enumerate(asked)],
        columns=columns,
        facts=gather(asking, instant="moment.instant", queued_is_received=queued_is_received),
        bounded=bounded,
        of_company=of_company,
    )
    return with_relations(select, RELATIONS), columns


def _fetch(warehouse: Warehouse, select: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    try:
        return warehouse.fetch(select, parameters)
    except StatementError as error:
        raise RunError(f"The rules cannot be judged: {error}\nThe statement was:\n{error.sql}") from error


def _judgements(
    asked: Sequence[Question], write: _Writer, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> list[Judgement]:
    by_question: dict[int, list[tuple[str | None, Mapping[str, Any]]]] = {}
    for number, company_id, *values in rows:
        by_question.setdefault(number, []).append((company_id, dict(zip(columns, values, strict=True))))
    return [_judgement(question, write, by_question.get(number, [])) for number, question in enumerate(asked)]


def _moment(number: int, question: Question) -> dict[str, Any]:
    return {
        "number": number,
        "entry_id": "null" if question.entry_id is None else question.entry_id,
        "instant": timestamp(question.instant),
        "visible_after": None if question.visible_after is None else timestamp(question.visible_after),
    }


def _rules(question: Question) -> Iterator[Rule]:
    """The rule, its parts, and what they look at."""
    yield question.rule
    for part in _parts(question.part):
        yield part.rule
        yield from (seen.value for seen in part.seen)


def _everything(question: Question) -> Rule:
    """A rule that makes every call that some column of the question needs."""
    calls: dict[str, Call] = {name: call for rule in _rules(question) for name, call in rule.calls.items()}
    return Rule(exp.true(), calls, question.rule.text)


def _parts(part: Part) -> Iterator[Part]:
    yield part
    for inner in part.parts:
        yield from _parts(inner)


def _judgement(question: Question, write: _Writer, rows: Rows) -> Judgement:
    # Who is linked to a company twice has it once.
    rows = list(dict(rows).items())
    held = [bool(values[write(question.rule)]) for _, values in rows]
    cases = [
        JudgedCase(company_id, _judged(question.part, write, values))
        for _, (company_id, values) in sorted(zip(held, rows, strict=True), key=lambda row: not row[0])
    ]
    return Judgement(question.part.text, question.instant, any(held) if rows else None, tuple(cases))


def _judged(part: Part, write: _Writer, values: Mapping[str, Any]) -> JudgedPart:
    return JudgedPart(
        part.kind,
        part.text,
        bool(values[write(part.rule)]),
        tuple(SeenValue(seen.name, _plain(values[write(seen.value)])) for seen in part.seen),
        tuple(_judged(inner, write, values) for inner in part.parts),
    )


def _plain(value: Any) -> Value:
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else float(value)
    if value is None or isinstance(value, (bool, int, str, datetime)) or (isinstance(value, float) and _fits(value)):
        return value
    return str(value)


def _fits(number: float) -> bool:
    """JSON has no word for the others."""
    return math.isfinite(number)
