"""Explaining one customer: from an open warehouse and the definitions to the whole answer. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from pipelines.check import SourceColumns, scope_of
from pipelines.checked import CheckedDefinitions, CheckedSeries
from pipelines.compile.job import Job
from pipelines.explain.customer import CustomerId, is_present, typed_id, unknown
from pipelines.explain.entering import entering
from pipelines.explain.explanation import Entering, EntryRule, Explanation, Judgement, SeriesExplanation
from pipelines.explain.journal import EntryRow, Journal, read_journal
from pipelines.explain.judge import judge
from pipelines.explain.leaving import HandOff
from pipelines.explain.narrow import narrow_sources, narrow_state, show_sources
from pipelines.explain.questions import Asked, Key, questions_of
from pipelines.explain.visits import Told, tell_entry
from pipelines.hint import there_is_no
from pipelines.memo import Memo
from pipelines.model import Definitions
from pipelines.problems import UsageError
from pipelines.run import families_of, make_job, read_definitions, refuse, versions
from pipelines.sources import SourceTable, customer_id_type
from pipelines.sql_text import read_query
from pipelines.standing import find_stranded, read_standing
from warehouse import state
from warehouse.adapter import Warehouse


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody wants to know.

    Attributes:
        customer_id: The customer's id as text.
        series_id: Only this series; None: all of them.
        as_of: The instant at which rules are judged, naive UTC; None: that of each series' newest run.
        now: The wall clock, naive UTC; likewise for a series that has not run.
    """

    customer_id: str
    series_id: str | None
    as_of: datetime | None
    now: datetime


@dataclass(frozen=True)
class _Reading:
    """What is known before the customer is.

    Attributes:
        checked: The series to explain that have a definition.
        gone: Those that have none any more.
        runs: By series that ever ran, its newest ``as_of`` and the hash of the version that ran.
        fails: By series that cannot run as it is, why.
    """

    question: Question
    definitions: Definitions
    checked: CheckedDefinitions
    gone: Sequence[str]
    job: Job
    columns: SourceColumns
    runs: Mapping[str, tuple[datetime, str]]
    fails: Mapping[str, str]

    def instant(self, series_id: str) -> datetime:
        """The instant at which rules of a series are judged."""
        if self.question.as_of is not None:
            return self.question.as_of
        return self.runs[series_id][0] if series_id in self.runs else self.question.now


def read_explanation(warehouse: Warehouse, definitions: Definitions, question: Question, memo: Memo) -> Explanation:
    """What happened to a customer and why.

    Args:
        warehouse: Open, if only for reading; temporary tables are made in it.
        definitions: What the files say now.
        question: Whose story it is.
        memo: Remembers what was checked before.

    Raises:
        UsageError: There is no such series.
        RefusedError: A definition cannot be used.
        RunError: There is no such customer, or a source cannot be used.
    """
    checked, sources, problems = read_definitions(definitions, warehouse, memo)
    refuse(problems)
    has_run = state.exists(warehouse)
    rows = warehouse.fetch(read_query("explain/versions")) if has_run else []
    runs = {series_id: (last, version) for series_id, last, version in rows}
    chosen, gone = _choose(checked, list(runs), question.series_id)
    running = {name: one for name, one in chosen.series.items() if one.series.status in ("live", "emptying")}
    fails = find_stranded(replace(chosen, series=running), read_standing(warehouse)) if has_run else {}
    columns = SourceColumns(families_of(sources))
    job = make_job(checked, sources, (), frozenset())
    reading = _Reading(question, definitions, chosen, gone, job, columns, runs, fails)
    customer, present = _find(warehouse, checked, sources, question.customer_id, has_run=has_run)
    journal = read_journal(warehouse) if has_run else Journal()
    if not present and not journal.entries:
        raise unknown(warehouse, checked, question.customer_id)
    judgements = _judge(warehouse, reading, journal, customer)
    told = _told(reading, journal, judgements, is_missing=not present)
    series = (_explain(reading, one, told[one]) for one in [*chosen.series, *gone])
    return Explanation(str(customer), definitions.settings.target, not present, tuple(series))


def _choose(
    checked: CheckedDefinitions, known: Sequence[str], series_id: str | None
) -> tuple[CheckedDefinitions, list[str]]:
    """The series that are explained: with a definition, and without."""
    gone = sorted(name for name in known if name not in checked.series)
    if series_id is None:
        return checked, gone
    if series_id not in checked.series and series_id not in gone:
        raise UsageError(there_is_no("series", series_id, [*checked.series, *gone]))
    only = {name: one for name, one in checked.series.items() if name == series_id}
    return replace(checked, series=only), [name for name in gone if name == series_id]


def _find(
    warehouse: Warehouse,
    checked: CheckedDefinitions,
    sources: Mapping[str, SourceTable],
    text: str,
    *,
    has_run: bool,
) -> tuple[CustomerId, bool]:
    """The customer's id, and whether they are in `customers`; the state is then narrowed to them."""
    id_type = source_type = customer_id_type(sources)
    if has_run and state.customer_id_type(warehouse) != source_type:
        # The next run goes on with text.
        id_type = "VARCHAR"
    show_sources(warehouse, sources, id_type)
    customer_id = typed_id(text, id_type)
    if customer_id is None:
        raise unknown(warehouse, checked, text)
    present = is_present(warehouse, customer_id)
    narrow_state(warehouse, customer_id, id_type, has_run=has_run)
    return customer_id, present


def _asked(reading: _Reading, one: CheckedSeries, journal: Journal) -> Asked:
    name = one.series.series_id
    return Asked(
        checked=one,
        as_of=reading.instant(name),
        scope=scope_of(one.series, reading.definitions, reading.columns),
        channels=reading.checked.channels,
        entries=journal.entries.get(name, ()),
        journal=journal,
    )


def _judge(warehouse: Warehouse, reading: _Reading, journal: Journal, customer_id: CustomerId) -> dict[Key, Judgement]:
    asked = [_asked(reading, one, journal) for one in reading.checked.series.values()]
    found = [(key, question) for one in asked for key, question in questions_of(one)]
    questions = [question for _, question in found]
    narrow_sources(warehouse, customer_id, [question.rule for question in questions])
    answers = judge(warehouse, questions, customer_id, reading.job.without_receipts())
    return {key: answer for (key, _), answer in zip(found, answers, strict=True)}


def _told(
    reading: _Reading, journal: Journal, judgements: Mapping[Key, Judgement], *, is_missing: bool
) -> dict[str, Told]:
    hashes = versions(reading.definitions, reading.checked)
    return {
        name: Told(
            checked=reading.checked.series.get(name),
            definition_hash=hashes[name].definition_hash if name in hashes else None,
            as_of=reading.instant(name),
            is_missing=is_missing,
            journal=journal,
            judgements=judgements,
            lags=dict(_lags(reading, reading.checked.series.get(name))),
            hand_off=_hand_off(reading, name),
        )
        for name in [*reading.checked.series, *reading.gone]
    }


def _hand_off(reading: _Reading, series_id: str) -> HandOff:
    one = reading.checked.series.get(series_id)
    # Whichever series ran last: messages expire by the newest run of all.
    newest = max([reading.instant(series_id), *(last for last, _ in reading.runs.values())])
    return HandOff(
        status=one.series.status if one else None,
        is_stopped=reading.definitions.settings.policy.stopped,
        as_of=newest,
        now=reading.question.now,
    )


def _lags(reading: _Reading, one: CheckedSeries | None) -> Iterator[tuple[str, timedelta]]:
    """By block, how long its deadline waits for late rows."""
    for block in one.series.blocks.values() if one else ():
        if one and block.kind == "rule":
            yield block.block_id, reading.job.lag(one.rules[block.block_id])
        elif block.kind == "content":
            yield block.block_id, reading.definitions.settings.sources["engagements"].lag


def _explain(reading: _Reading, series_id: str, told: Told) -> SeriesExplanation:
    rows = told.journal.entries.get(series_id, [])
    last_run, version = reading.runs.get(series_id, (None, None))
    one = told.checked
    entry_rules = tuple(_entry_rules(told))
    return SeriesExplanation(
        series_id=series_id,
        title=one.series.title if one else None,
        status=one.series.status if one else None,
        last_run=last_run,
        as_of=told.as_of,
        changed=one is not None and last_run is not None and version != told.definition_hash,
        fails=reading.fails.get(series_id),
        entering=_entering(reading, told, entry_rules, rows) if one else None,
        entry_rules=entry_rules,
        exit=told.judgements.get(("exit", series_id, None)),
        entries=tuple(tell_entry(told, row) for row in rows),
    )


def _entry_rules(told: Told) -> Iterator[EntryRule]:
    for block_id in told.checked.graph.entry_rules if told.checked else ():
        block = told.block(block_id)
        assert told.series is not None
        judgement = told.judgements["entry_rule", told.series.series_id, block_id]
        yield EntryRule(block_id, block.label if block else None, judgement)


def _entering(reading: _Reading, told: Told, rules: Sequence[EntryRule], rows: Sequence[EntryRow]) -> Entering:
    assert told.series is not None
    series_id = told.series.series_id
    return entering(
        told.series,
        {rule.block_id: rule.judgement for rule in rules},
        told.judgements.get(("exit", series_id, None)),
        rows,
        told.as_of,
        has_run=series_id in reading.runs,
        fails=series_id in reading.fails,
    )
