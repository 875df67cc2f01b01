"""What a report costs over many entries: figures with the machine and the versions.

    python benchmarks/report.py [--entries 1000000] [--series 10]

Every entry visits up to five blocks, hour by hour over ninety days; one in ten is held out, one in eight reaches the
goal, two thirds of the messages are opened, one in six is clicked. The tables are written as runs would have left
them, so that they agree with each other.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

import duckdb
import polars as pl

from pipelines import Project
from pipelines.pages import write_pages
from warehouse import state

SERIES = """
series: {name}
status: live
schedule: hourly
goal: {{rule: plan = 'Premium', within: 30 days, exits: false}}
holdout: 10
blocks:
  starts:  {{rule: plan = 'Free', then: offer}}
  offer:   {{content: email, subject: Hello, body: Have a look, try_for: 2 days, then: settle}}
  settle:  {{wait: 1 day, then: clicked}}
  clicked: {{rule: clicked('offer'), then: done, else: silent}}
  done:    {{tag: "{name}-done"}}
  silent:  {{tag: "{name}-silent"}}
"""
START, HOURS = "timestamp '2026-01-01'", 90 * 24
ENTRIES = f"""
create temp table facts as
select
    i as entry_id,
    'series_' || lpad((i % $series)::varchar, 3, '0') as series_id,
    i // $series as customer_id,
    {START} + (hash(i, 1) % {HOURS}) * interval 1 hour as entered_at,
    md5('m' || i) as message_id,
    hash(i, 2) % 10 = 0 as is_held_out,
    case when hash(i, 3) % 8 = 0 then entered_at + (1 + hash(i, 4) % 719) * interval 1 hour end as goes,
    hash(i, 5) % 6 = 0 as clicks,
    {START} + {HOURS - 1} * interval 1 hour as newest
from range($entries) as numbers (i);

insert into series.entries by name
select entry_id, series_id, customer_id, 1 as entry_number, if(is_held_out, 'holdout', 'treatment') as arm, entered_at,
    case when is_held_out then 'held_out' when entered_at + interval 26 hour <= newest then 'finished' else 'active' end
        as status,
    case when not is_held_out and entered_at + interval 26 hour <= newest then entered_at + interval 26 hour end
        as ended_at,
    case when goes <= newest then goes end as goal_at, false as goal_met_at_entry, ['starts'] as entry_rules,
    goes is null and entered_at + interval 30 day <= newest as goal_closed,
    not is_held_out and entered_at + interval 26 hour <= newest as path_finished, false as superseded
from facts;

create temp table reached as
select facts.*, block_id, entered_at + arrives * interval 1 hour as arrived_at,
    case when entered_at + leaves * interval 1 hour <= newest then entered_at + leaves * interval 1 hour end as left_at,
    outcome
from facts, (values ('starts', 0, 0, 'matched'), ('offer', 0, 2, 'delivered'), ('settle', 2, 26, 'waited'),
    ('clicked', 26, 26, 'x'), ('done', 26, 26, 'tagged'), ('silent', 26, 26, 'tagged'))
    as blocks (block_id, arrives, leaves, outcome)
where not is_held_out and entered_at + arrives * interval 1 hour <= newest
    and block_id <> if(clicks, 'silent', 'done');
update reached set outcome = if(clicks, 'matched', 'not_matched') where block_id = 'clicked';

insert into series_state.closed_visits by name
select entry_id, series_id, customer_id, block_id, arrived_at, arrived_at as arrived_as_of, left_at,
    left_at as left_as_of, outcome
from reached where left_at is not null;
insert into series_state.open_visits by name
select entry_id, series_id, customer_id, 1 as entry_number, block_id, if(block_id = 'offer', 'content', 'wait') as kind,
    arrived_at, arrived_at as arrived_as_of, if(block_id = 'offer', message_id, null) as message_id
from reached where left_at is null;
insert into series.advances by name
select entry_id, series_id, customer_id, from_block, to_block, arrived_at as advanced_at, arrived_at as as_of,
    false as merged
from reached join (values ('starts', 'offer'), ('offer', 'settle'), ('settle', 'clicked'), ('clicked', 'done'),
    ('clicked', 'silent')) as connections (from_block, to_block) on to_block = block_id;
insert into series.tag_writes by name
select entry_id, series_id, block_id, customer_id, series_id || '-' || block_id as tag, 'add' as action,
    arrived_at as as_of
from reached where block_id in ('done', 'silent');
insert into series.messages by name
select message_id, entry_id, series_id, 'offer' as block_id, customer_id, 'email' as channel, arrived_at as queued_at,
    series_id || ' ' || arrived_at as batch_id, 'handed_off' as status, left_at as received_at, '{{}}' as payload,
    false as goal_closed
from reached where block_id = 'offer';
insert into series.batches by name
select batch_id, min(queued_at) as as_of, min(series_id) as series_id, 'offer' as block_id, 'email' as channel,
    'outbox' as sender, count(*) as message_count, 'handed_off' as status, 1 as attempts, 1 as offers
from series.messages group by batch_id;
insert into series_state.first_engagements by name
select message_id, series_id, kind, received_at as occurred_at, received_at as as_of
from series.messages, (values ('delivered', 6), ('opened', 4), ('clicked', 1)) as kinds (kind, sixths)
where hash(message_id) % 6 < sixths and received_at is not null;

insert into series.ticks by name
with counts as (
    select series_id, entered_at as as_of, count(*) as entered, count(*) filter (where arm = 'holdout') as held_out
    from series.entries group by all
), goals as (
    select series_id, goal_at as as_of, count(*) as goals from series.entries where goal_at is not null group by all
), ended as (
    select series_id, ended_at as as_of, count(*) as ended from series.entries where ended_at is not null group by all
), advanced as (
    select series_id, as_of, count(*) as advanced from series.advances group by all
), waits as (
    select series_id, as_of, count(*) as waits_ended from series.wait_expiries group by all
), tags as (
    select series_id, as_of, count(*) as tags_written from series.tag_writes group by all
), messages as (
    select series_id, queued_at as as_of, count(*) as messages_queued from series.messages group by all
), hours as (
    select series_id, {START} + hour * interval 1 hour as as_of
    from (select distinct series_id from facts), range({HOURS}) as hours (hour)
)
select strftime(as_of, '%Y%m%dT%H%M%SZ') as tick_id, as_of, series_id, md5(series_id) as definition_hash,
    'live' as status, 0 as reopened, 0 as merged, 0 as customers_missing, as_of as committed_at,
    coalesce(columns('^(entered|held_out|advanced|waits_ended|tags_written|messages_queued|goals|ended)$'), 0)
from hours left join counts using (series_id, as_of) left join goals using (series_id, as_of)
left join ended using (series_id, as_of) left join advanced using (series_id, as_of)
left join waits using (series_id, as_of) left join tags using (series_id, as_of)
left join messages using (series_id, as_of)
"""


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--entries", type=int, default=1_000_000)
    arguments.add_argument("--series", type=int, default=10)
    options = arguments.parse_args()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("warehouse-series", "duckdb", "polars"))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {libraries}")
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), options.entries, options.series)


def measure(folder: Path, entries: int, series: int) -> None:
    """Build the world in a process of its own, so that its memory is not the report's; then report."""
    child = os.fork()
    if not child:
        build(folder, entries, series)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise SystemExit("The tables could not be made.")
    before, worked_before = time.perf_counter(), time.process_time()
    report = Project.open(folder).report()
    seconds, worked = time.perf_counter() - before, time.process_time() - worked_before
    visits = report.tables["block_funnel"].filter(pl.col("version").is_null())["arrived"].sum()
    counted = report.tables["goal_by_exit"].filter(pl.col("version").is_null())
    print(f"{counted['entries'].sum():,} entries, {visits:,} visits, {series} series")
    for difference in report.differences[:5]:
        print(f"  {difference}")
    print(f"{'report, every table':<48}{seconds:>8.2f} s, load {os.getloadavg()[0]:.1f}")
    print(f"{'of the processors, all cores together':<48}{worked:>8.2f} s")
    before = time.process_time()
    pages = list(write_pages(report, folder / "pages").parent.glob("*.html"))
    print(f"{f'{len(pages)} pages, of the processors':<48}{time.process_time() - before:>8.2f} s")
    print(f"{'largest page':<48}{max(page.stat().st_size for page in pages) / 1000:>8.0f} KB")
    print(f"{'peak memory':<48}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:>8.2f} GiB")


def build(folder: Path, entries: int, series: int) -> None:
    """A project whose tables are as ninety days of runs would have left them."""
    (folder / "series_definitions").mkdir()
    (folder / "warehouse").mkdir()
    texts = {f"series_{number:03}": SERIES.format(name=f"series_{number:03}") for number in range(series)}
    for name, text in texts.items():
        (folder / "series_definitions" / f"{name}.yml").write_text(text)
    with duckdb.connect(str(folder / "warehouse" / "warehouse.duckdb")) as connection:
        for statement in state.create_statements("bigint"):
            connection.execute(statement)
        for name, text in texts.items():
            connection.execute(
                "insert into series.definitions select md5($name), $name, $text, timestamp '2026-01-01'",
                {"name": name, "text": text},
            )
        for statement in ENTRIES.split(";\n"):
            named = {"entries": entries, "series": series} if "$entries" in statement else None
            connection.execute(statement, named)


if __name__ == "__main__":
    main()
