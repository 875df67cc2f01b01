"""Schedules out of the definitions: one for each distinct cron expression.

A schedule says when to look. Which series run at that instant is the engine's answer (those that are due), so a tick
that Dagster drops is made up for by the next one of any schedule, and a changed cron expression counts at once.
"""

import re
from collections.abc import Iterable

from dagster import DagsterInvalidDefinitionError, RunConfig, RunRequest, ScheduleDefinition, ScheduleEvaluationContext
from dagster import schedule as dagster_schedule

from pipelines.definitions.vocabulary import SCHEDULES, WEEKDAYS
from pipelines.model import Series
from pipelines.schedule import format_instant

from . import environment
from .run import RunOptions

_LEADING_ZEROS = re.compile(r"(?<!\d)0+(?=\d)")
_DAYS = ("sunday", *WEEKDAYS)
"""By the number that cron gives them, 7 being Sunday too."""


def build_schedules(all_series: Iterable[Series], job_name: str) -> list[ScheduleDefinition]:
    """One schedule for each distinct cron expression of series that runs look at."""
    crons = {
        schedule_name(series.schedule): series.schedule
        for series in all_series
        if series.status in ("live", "emptying", "stopped")
    }
    return [_schedule(name, cron, job_name) for name, cron in sorted(crons.items())]


def schedule_name(cron: str) -> str:
    """What a schedule is called; expressions with the same name mean the same.

    >>> schedule_name("0 * * * *"), schedule_name("00 02 * * *"), schedule_name("*/15 * * * *")
    ('hourly', 'nightly', 'every_15_minutes')
    >>> schedule_name("30 6 * * *"), schedule_name("0 9 * * 1"), schedule_name("15 * * * *")
    ('daily_0630', 'monday_0900', 'hourly_at_15')
    >>> schedule_name("0 9-17/2 1,15 * 1-5")
    'cron_0_9to17per2_1and15_any_1to5'
    """
    cron = _LEADING_ZEROS.sub("", cron)
    for name, expression in SCHEDULES.items():
        if cron == expression:
            return name
    minute, hour, *days = cron.split()
    if found := re.fullmatch(r"\*/(\d+) \* \* \* \*", cron):
        return f"every_{found[1]}_minutes"
    if minute.isdigit() and hour == "*" and days == ["*"] * 3:
        return f"hourly_at_{minute:0>2}"
    if minute.isdigit() and hour.isdigit() and days[:2] == ["*", "*"] and (days[2] == "*" or days[2] in "01234567"):
        day = "daily" if days[2] == "*" else _DAYS[int(days[2])]
        return f"{day}_{hour:0>2}{minute:0>2}"
    words = {"*": "any", "/": "per", "-": "to", ",": "and", "#": "nth", " ": "_"}
    return f"cron_{''.join(words.get(letter, letter) for letter in cron)}"


def _schedule(name: str, cron: str, job_name: str) -> ScheduleDefinition:
    try:
        return _looking_at(cron, name, f"Runs the series that are due: {cron} (UTC).", job_name)
    except DagsterInvalidDefinitionError:
        words = f"Runs the series that are due by {cron} (UTC), which Dagster cannot read: it looks every hour."
        return _looking_at(SCHEDULES["hourly"], name, words, job_name)


def _looking_at(cron: str, name: str, description: str, job_name: str) -> ScheduleDefinition:
    @dagster_schedule(
        cron_schedule=cron,
        name=name,
        description=description,
        job_name=job_name,
        execution_timezone="UTC",
        default_status=environment.schedule_status(),
    )
    def tick(context: ScheduleEvaluationContext) -> RunRequest:
        as_of = format_instant(context.scheduled_execution_time.replace(tzinfo=None))
        options = RunOptions(as_of=as_of, due=True, series=None, accept=[])
        return RunRequest(run_key=as_of, run_config=RunConfig(ops={"run": options}), tags={"series/as_of": as_of})

    return tick
