"""What a run costs, on made-up customers: figures with the machine, the versions, and a floor measured beside them.

    python benchmarks/engine.py [--customers 1000000] [--events 10000000] [--series 10]

Ten series of ten blocks each: an entry rule, messages with fallbacks, waits, rules over attributes, events and
engagements, and a tag. The first run lets everybody in; between the runs the audience answers part of the messages and
some customers change. The steady run is compared with its floor: the bare entry predicates counted over the same
tables, plus the rows that the run wrote, written once more to tables of their own.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

import warehouse.duckdb
from pipelines import Project
from warehouse.duckdb import DuckDB
from warehouse.published import publish

START = datetime(2026, 3, 2, 9)

SERIES = """
series: {name}
status: live
schedule: hourly
exit: has_tag('left')
goal: {{rule: plan = 'Premium', within: 30 days, exits: false}}
holdout: 5
blocks:
  starts:   {{rule: "{rule}", then: post}}
  post:     {{content: post, title: Hello, body: "Hi {{{{ first_name | default('there') }}}}", try_for: 1 day,
             then: clicked, else: email}}
  clicked:  {{rule: clicked('post'), within: 2 days, then: settle, else: email}}
  email:    {{content: email, subject: Hello again, body: "Hi {{{{ first_name | default('there') }}}}", try_for: 2 days,
             then: settle}}
  settle:   {{wait: 6 hours, then: active}}
  active:   {{rule: "did('login', within => '3 days')", within: 3 days, then: tour, else: mail_two}}
  tour:     {{content: tour, title: What is new, body: Have a look, try_for: 3 days, then: upgraded}}
  mail_two: {{content: email, subject: Come back, body: We are here, try_for: 2 days}}
  upgraded: {{rule: plan = 'Premium', within: 7 days, then: done}}
  done:     {{tag: "{name}-done"}}
"""

RULES = (
    "type = 'user' and plan != 'Premium'",
    "type = 'user' and country in ('DE', 'FR', 'NL')",
    "seats > 3 and not unsubscribed",
    "created_at < '2026-01-15' and plan = 'Free'",
    "did('visited_pricing', within => '14 days')",
    "lower(first_name) like 'name1%'",
    "seats between 2 and 20 or plan = 'Pro'",
    "event_count('login', within => '7 days') >= 2",
    "type = 'lead' or country = 'US'",
    "trial_ends_at < now() and plan != 'Pro'",
)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--customers", type=int, default=1_000_000)
    arguments.add_argument("--events", type=int, default=10_000_000)
    arguments.add_argument("--series", type=int, default=10)
    options = arguments.parse_args()
    print(machine())
    print(f"{options.customers:,} customers, {options.events:,} events, {options.series} series of 10 blocks\n")
    with tempfile.TemporaryDirectory() as folder:
        bench(Path(folder), options.customers, options.events, options.series)


def machine() -> str:
    """One line: where and with what this was measured."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("warehouse-series", "duckdb", "sqlglot", "polars"))
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {libraries}, "
        f"load {os.getloadavg()[0]:.1f}"
    )


def bench(folder: Path, customers: int, events: int, series: int) -> None:
    """Build the world, run it, print the figures."""
    (folder / "series_definitions").mkdir()
    (folder / "warehouse").mkdir()
    for number in range(series):
        rule = RULES[number % len(RULES)]
        name = f"series_{number:03}"
        (folder / "series_definitions" / f"{name}.yml").write_text(SERIES.format(name=name, rule=rule))
    with world(folder) as connection:
        connection.execute(CUSTOMERS, {"customers": customers})
        connection.execute(EVENTS, {"customers": customers, "events": events})
        for statement in OTHER_SOURCES:
            connection.execute(statement)
    (folder / "series.yml").write_text(UNPUBLISHED)
    project = Project.open(folder)
    figure("first run: everybody enters", lambda: project.run(START, hand_off=False))
    figure("its results published", lambda: publish_results(project))
    answer(folder, START)
    figure("second run: a day later, receipts arrive", lambda: project.run(hour(24), hand_off=False))
    answer(folder, hour(24))
    statements.clear()
    steady = figure("steady run: an hour later", lambda: project.run(hour(25), hand_off=False))
    count = len(statements)
    figure("its results published", lambda: publish_results(project))
    again = [timed(lambda at=at: project.run(hour(at), hand_off=False)) for at in (26, 27, 28)]
    print(f"{'quiet runs after it, median':<48}{statistics.median(again):>8.2f} s")
    floor = figure("floor of the steady run", lambda: measure_floor(folder, series))
    print(f"{'steady run / floor':<48}{steady / floor:>8.1f}")
    print(f"{'statements of the steady run':<48}{count:>8}")
    print(f"{'peak memory':<48}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:>8.1f} GiB")
    small()
    for words in (["--help"], ["status", "--project-dir", str(folder)]):
        cold = [timed(lambda words=words: command(words)) for _ in range(5)]
        print(f"{'series ' + words[0] + ', a new process':<48}{statistics.median(cold):>8.2f} s")


def small() -> None:
    """A warm run over a small project: what a run costs when there is little to do."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "series_definitions").mkdir()
        (folder / "warehouse").mkdir()
        for number in range(5):
            rule = RULES[number]
            (folder / "series_definitions" / f"small_{number}.yml").write_text(
                SERIES.format(name=f"small_{number}", rule=rule)
            )
        with world(folder) as connection:
            connection.execute(CUSTOMERS, {"customers": 5_000})
            connection.execute(EVENTS, {"customers": 5_000, "events": 50_000})
            for statement in OTHER_SOURCES:
                connection.execute(statement)
        (folder / "series.yml").write_text(UNPUBLISHED)
        project = Project.open(folder)
        project.run(START, hand_off=False)
        answer(folder, START)
        runs = [timed(lambda at=at: project.run(hour(at), hand_off=False)) for at in range(1, 25)]
        print(f"{'small warm run: 5,000 customers, 5 series':<48}{statistics.median(runs):>8.2f} s")


def publish_results(project: Project) -> None:
    """Bring the copy for readers up to date."""
    with project.session(publish=False) as warehouse:
        publish(warehouse, project.published_path)


def hour(number: int) -> datetime:
    """The instant so many hours after the start."""
    return START + timedelta(hours=number)


def figure(name: str, action: Callable[[], object]) -> float:
    """Do it once and print how long it took."""
    seconds = timed(action)
    print(f"{name:<48}{seconds:>8.2f} s", flush=True)
    return seconds


def timed(action: Callable[[], object]) -> float:
    """Wall-clock seconds of an action."""
    before = time.perf_counter()
    action()
    return time.perf_counter() - before


def command(words: list[str]) -> None:
    """The command line in a process of its own."""
    series = Path(sys.executable).with_name("series")
    subprocess.run([series, *words], check=True, stdout=subprocess.DEVNULL)  # noqa: S603 (words of this file)


@contextmanager
def world(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A plain connection to the warehouse between runs."""
    with duckdb.connect(str(folder / "warehouse" / "warehouse.duckdb")) as connection:
        yield connection


def answer(folder: Path, as_of: datetime) -> None:
    """The audience: most messages are delivered, some clicked, some bounce; one customer in two hundred upgrades."""
    with world(folder) as connection:
        connection.execute(ANSWERS, {"as_of": as_of})
        connection.execute("update customers set plan = 'Premium' where customer_id % 200 = 7")


def measure_floor(folder: Path, series: int) -> None:
    """The bare entry predicates over the same tables, and the rows of the steady run written once more."""
    with world(folder) as connection:
        connection.execute("set timezone = 'UTC'")
        for number in range(series):
            connection.execute(FLOORS[number % len(FLOORS)]).fetchall()
        for table, column in (
            ("series.advances", "as_of"),
            ("series_state.closed_visits", "left_as_of"),
            ("series_state.open_visits", "arrived_as_of"),
            ("series.messages", "queued_at"),
            ("series.tag_writes", "as_of"),
        ):
            connection.execute(
                f"create or replace table floor_copy as select * from {table} where {column} = $as_of",
                {"as_of": hour(25)},
            )
        connection.execute("drop table floor_copy")


UNPUBLISHED = "warehouse: {publish: off}\n"
"""Publishing is measured by itself."""

CUSTOMERS = """
create table customers as
select
    i as customer_id,
    case when hash(i, 1) % 5 = 0 then 'lead' else 'user' end as type,
    case when hash(i, 2) % 20 = 0 then null else 'c' || i || '@example.com' end as email,
    case when hash(i, 3) % 4 = 0 then null else 'Name' || (hash(i, 4) % 500) end as first_name,
    case hash(i, 5) % 10 when 0 then 'Premium' when 1 then null when 2 then 'Pro' else 'Free' end as plan,
    case hash(i, 6) % 5 when 0 then 'DE' when 1 then 'FR' when 2 then 'US' when 3 then 'NL' else 'GB' end as country,
    hash(i, 7) % 30 = 0 as unsubscribed,
    (hash(i, 8) % 25)::integer as seats,
    timestamp '2026-01-01' + (hash(i, 9) % 86400) * interval 1 minute as created_at,
    timestamp '2026-02-01' + (hash(i, 10) % 86400) * interval 1 minute as trial_ends_at
from range($customers) as numbers (i)
"""
EVENTS = """
create table events as
select
    (hash(i, 1) % $customers)::bigint as customer_id,
    case hash(i, 2) % 4 when 0 then 'visited_pricing' when 1 then 'purchase' else 'login' end as name,
    timestamp '2026-01-01' + (i * 86400.0 * 65 / $events) * interval 1 second as occurred_at,
    '{"amount": 10}' as properties
from range($events) as numbers (i)
"""
OTHER_SOURCES = (
    "create table engagements (message_id varchar, kind varchar, occurred_at timestamp, link varchar)",
    "create table customer_tags (customer_id bigint, tag varchar)",
)
ANSWERS = """
insert into engagements
select message_id, kind, $as_of + interval 20 minute, null
from series.messages, (values ('delivered', 70), ('clicked', 20), ('bounced', 5)) as kinds (kind, percent)
where queued_at = $as_of and hash(message_id, kind) % 100 < percent
"""
FLOORS = (
    "select count(*) from customers where type = 'user' and plan is distinct from 'Premium'",
    "select count(*) from customers where type = 'user' and country in ('DE', 'FR', 'NL')",
    "select count(*) from customers where seats > 3 and not unsubscribed",
    "select count(*) from customers where created_at < timestamp '2026-01-15' and plan = 'Free'",
    """
    select count(distinct customer_id) from events where name = 'visited_pricing'
        and occurred_at > timestamp '2026-02-17 10:00' and occurred_at <= timestamp '2026-03-03 10:00'
    """,
    "select count(*) from customers where lower(first_name) like 'name1%'",
    "select count(*) from customers where seats between 2 and 20 or plan = 'Pro'",
    """
    select count(*) from (
        select customer_id from events where name = 'login'
            and occurred_at > timestamp '2026-02-24 10:00' and occurred_at <= timestamp '2026-03-03 10:00'
        group by customer_id having count(*) >= 2
    )
    """,
    "select count(*) from customers where type = 'lead' or country = 'US'",
    "select count(*) from customers where trial_ends_at < timestamp '2026-03-03 10:00' and plan is distinct from 'Pro'",
)
"""The entry rules of RULES as a person would count them."""

statements: list[str] = []


class Counted(DuckDB):
    """A warehouse that notes the statements which runs send to it."""

    def fetch(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Note the statement and execute it."""
        statements.append(sql)
        return super().fetch(sql, parameters)


if __name__ == "__main__":
    warehouse.duckdb.DuckDB = Counted  # type: ignore[misc]
    main()
