"""Guards, each fired and settled: sources before a run, messages and entry rules within it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from pipelines import Project
from pipelines.display import failures
from pipelines.guards import GuardError, GuardFinding
from pipelines.problems import RefusedError, UsageError
from pipelines.run_result import RunResult

FILE = "warehouse/warehouse.duckdb"
MONDAY, TUESDAY, WEDNESDAY = (f"2026-03-0{day}T09:00Z" for day in (2, 3, 4))
NEWS = """series: news
status: live
schedule: hourly
exit: plan = 'gone'
blocks:
  ready:  {rule: wave <= 9, then: letter}
  letter: {content: post, title: News, body: Something new., try_for: 2 hours}
"""
OFFERS = """series: offers
status: live
schedule: hourly
blocks:
  ready: {rule: wave = 1, then: [first, second]}
  first: {content: post, title: One, body: One offer.}
  second: {content: banner, title: Two, body: Another offer.}
"""
CUSTOMERS = """
create or replace table customers as
select
    i as customer_id, i || '@example.com' as email, false as unsubscribed, 99 as wave, 'Free' as plan,
    timestamp '2026-03-02 06:00' as changed_at
from range(300) as numbers(i);
create table if not exists events (customer_id bigint, name varchar, occurred_at timestamp);
create table if not exists engagements (message_id varchar, kind varchar, occurred_at timestamp);
"""


class Shop:
    """A project of 300 customers; nobody matches `wave <= 9` to begin with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("series_definitions", "warehouse"):
            (folder / name).mkdir()
        self.write("series_definitions/news.yml", NEWS)
        self.sql(CUSTOMERS)

    def write(self, file: str, text: str) -> None:
        (self.folder / file).write_text(text)

    def sql(self, statements: str) -> list[Any]:
        with duckdb.connect(self.folder / FILE) as connection:
            return connection.execute(statements).fetchall()

    def wave(self, first: int, last: int, number: int = 1) -> None:
        """These customers become ready."""
        self.sql(f"update customers set wave = {number} where customer_id between {first} and {last}")

    def run(self, as_of: str, **options: Any) -> RunResult:
        return Project.open(self.folder).run(as_of, **options)

    def batches(self) -> dict[str, int]:
        """Messages by status of their batch."""
        return dict(self.sql("select status, sum(message_count)::bigint from series.batches group by status"))

    def messages(self) -> dict[str, int]:
        return dict(self.sql("select status, count(*) from series.messages group by status"))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def found(result: RunResult) -> list[tuple[Any, ...]]:
    return [(each.guard, each.series_id, each.action, each.observed, each.allowed) for each in result.guards]


def test_messages_per_run_counts_all_series_together_but_for_those_with_their_own(shop: Shop) -> None:
    shop.write("series_definitions/offers.yml", OFFERS)
    shop.write("series.yml", "guards: {messages_per_run: 29}")
    shop.wave(1, 10)
    result = shop.run(MONDAY)
    assert found(result) == [
        ("messages_per_run", "news", "held", 30, 29),
        ("messages_per_run", "offers", "held", 30, 29),
    ]
    assert shop.batches() == {"held": 30}
    shop.write("series_definitions/offers.yml", OFFERS + "guards: {messages_per_run: 19}\n")
    shop.wave(11, 20)
    result = shop.run(TUESDAY)
    assert found(result) == [("messages_per_run", "offers", "held", 20, 19)]
    assert shop.batches() == {"held": 50, "handed_off": 10}


def test_messages_per_run_at_the_limit_is_within_it(shop: Shop) -> None:
    shop.write("series.yml", "guards: {messages_per_run: 10}")
    shop.wave(1, 10)
    assert shop.run(MONDAY).guards == ()
    assert shop.batches() == {"handed_off": 10}
    assert shop.sql("select * from series.guard_findings") == []


def test_messages_per_customer(shop: Shop) -> None:
    shop.write("series_definitions/offers.yml", OFFERS)
    shop.write("series.yml", "guards: {messages_per_customer: 2}")
    shop.wave(1, 4)
    shop.wave(5, 9, number=2)
    result = shop.run(MONDAY)
    assert found(result) == [
        ("messages_per_customer", "news", "held", 3, 2),
        ("messages_per_customer", "offers", "held", 3, 2),
    ]
    assert [each.customers for each in result.guards] == [4, 4]
    assert result.guards[0].message == (
        "the run queued up to 3 messages for one customer, too many for 4; `messages_per_customer` allows 2"
    )
    shop.write("series_definitions/offers.yml", OFFERS + "guards: {messages_per_customer: 1}\n")
    shop.write("series_definitions/news.yml", NEWS + "guards: {messages_per_customer: null}\n")
    shop.wave(21, 22)
    assert found(shop.run(TUESDAY)) == [("messages_per_customer", "offers", "held", 2, 1)]


def test_volume_is_compared_with_the_largest_day_that_was_sent(shop: Shop) -> None:
    shop.write("series.yml", "guards: {volume: 3}")
    shop.wave(1, 50)
    assert shop.run(MONDAY).guards == ()  # without a day before, nothing is usual
    shop.wave(51, 150)
    assert shop.run(TUESDAY).guards == ()
    shop.wave(151, 201)
    result = shop.run("2026-03-03T10:00Z")  # with the hour before, 151 on one day
    assert found(result) == [("volume", "news", "held", 151, 150)]
    assert result.guards[0].message == "151 messages on this day; `volume` allows 150 after the days before"
    Project.open(shop.folder).decide("dropped", all_held=True, why="A mistake")
    shop.wave(202, 211)
    assert shop.run("2026-03-03T11:00Z").guards == ()  # what was dropped counts neither today
    shop.sql(
        "delete from customers; insert into customers select 1000 + i, '', false, 1, '', null from range(331) t(i)"
    )
    assert found(shop.run(WEDNESDAY)) == [("volume", "news", "held", 331, 330)]  # nor later: 3 x 110


def test_volume_says_nothing_of_few_messages(shop: Shop) -> None:
    shop.write("series.yml", "guards: {volume: 3}")
    shop.wave(1, 2)
    shop.run(MONDAY)
    shop.wave(3, 102)
    assert shop.run(TUESDAY).guards == ()
    shop.wave(103, 103)
    assert found(shop.run("2026-03-03T10:00Z")) == [("volume", "news", "held", 101, 100)]


def test_entry_share(shop: Shop) -> None:
    shop.write("series.yml", "guards: {entry_share: 50}")
    shop.wave(0, 149)
    assert shop.run(MONDAY).guards == ()  # the first run lets in whoever is there
    shop.sql("insert into customers select 1000 + i, '', false, 1, 'Free', null from range(301) t(i)")
    result = shop.run(TUESDAY)
    assert found(result) == [("entry_share", "news", "held", pytest.approx(50.083, abs=1e-3), 50)]
    assert result.guards[0].block_id == "ready"
    assert (
        result.guards[0].message
        == "entry rule `ready` matches 301 customers anew, 50.1% of all; `entry_share` allows 50%"
    )
    assert shop.batches() == {"handed_off": 150, "held": 301}


def test_entry_share_does_not_count_whom_the_exit_keeps_out(shop: Shop) -> None:
    shop.write("series.yml", "guards: {entry_share: 20}")
    shop.run(MONDAY)
    shop.sql("update customers set wave = 1, plan = 'gone'")
    assert shop.run(TUESDAY).guards == ()
    shop.sql("update customers set plan = 'Free' where customer_id < 100")
    assert shop.run(WEDNESDAY).guards == ()  # a hundred are few


def test_entry_share_without_a_message_is_reported_and_holds_nothing(shop: Shop) -> None:
    shop.write("series.yml", "guards: {entry_share: 20}")
    shop.write(
        "series_definitions/news.yml", NEWS.replace("then: letter", "then: rest}\n  rest: {wait: 1 day, then: letter")
    )
    shop.run(MONDAY)
    shop.wave(0, 299)
    for _ in range(2):
        result = shop.run(TUESDAY)
        assert [(each.action, each.severity) for each in result.guards] == [("reported", "error")]
    assert shop.batches() == {}


def test_a_repeat_tells_the_same_until_somebody_decides(shop: Shop) -> None:
    shop.write("series.yml", "guards: {messages_per_run: 5}")
    shop.wave(1, 10)
    first = shop.run(MONDAY)
    again = shop.run(MONDAY)
    assert [one.state for one in again.series] == ["no_op"]
    assert again.guards == first.guards
    assert (first.guards[0].severity, first.guards[0].held_batches, first.guards[0].held_messages) == ("error", 1, 10)
    assert shop.batches() == {"held": 10}
    Project.open(shop.folder).decide("released", all_held=True, why="Seen")
    after = shop.run(MONDAY)
    assert (after.guards[0].severity, after.guards[0].held_batches) == ("warning", 0)
    assert shop.batches() == {"handed_off": 10}
    [decision] = shop.sql(
        "select decision, why, decided_by is not null, decided_at is not null from series.batch_decisions"
    )
    assert decision == ("released", "Seen", True, True)


def test_dropped_messages_are_never_sent_or_queued_again(shop: Shop) -> None:
    shop.write("series.yml", "guards: {messages_per_run: 5}")
    shop.wave(1, 10)
    shop.run(MONDAY)
    project = Project.open(shop.folder)
    assert project.decide("dropped", all_held=True, why="A mistake", decided_by="Ada").messages == 10
    assert shop.messages() == {"dropped": 10}
    shop.run("2026-03-02T10:00Z")
    assert shop.messages() == {"dropped": 10}
    assert not (shop.folder / "outbox").exists()
    shop.run(TUESDAY)  # try_for is over
    assert shop.sql("select distinct status from series.entries") == [("disengaged",)]


def test_what_expires_while_it_is_held_is_not_sent(shop: Shop) -> None:
    shop.write("series.yml", "guards: {messages_per_run: 5}")
    shop.wave(1, 10)
    shop.run(MONDAY)
    shop.run("2026-03-02T12:00Z")
    assert shop.batches() == {"held": 10}
    Project.open(shop.folder).decide("released", all_held=True, why="Late")
    Project.open(shop.folder).hand_off()
    assert shop.messages() == {"expired": 10}
    assert shop.batches() == {"dropped": 10}


def test_several_decisions_are_all_or_nothing(shop: Shop) -> None:
    shop.write("series.yml", "guards: {messages_per_run: 5}\nsending: {batch_size: 4}\n")
    shop.wave(1, 10)
    shop.run(MONDAY)
    project = Project.open(shop.folder)
    ids = [batch.batch_id for batch in project.batches()]
    assert [batch.messages for batch in project.batches(series=["news"])] == [4, 4, 2]
    with pytest.raises(UsageError, match="Nothing is changed"):
        project.decide("released", [*ids, "news.lettre.1"], why="All")
    assert shop.batches() == {"held": 10}
    project.decide("released", ids[:1], why="One")
    result = project.decide("released", ids, why="All")
    assert (result.batches, result.unchanged, result.messages) == (tuple(ids[1:]), tuple(ids[:1]), 6)
    assert shop.sql("select why, count(*) from series.batch_decisions group by why order by why") == [
        ("All", 2),
        ("One", 1),
    ]


SOURCES = """sources:
  customers: {max_age: 1 day, updated_at: changed_at, max_drop: 20}
  events: {max_age: 6 hours}
  engagements: {max_age: 90 minutes}
"""


def refusal(run: Callable[[], RunResult]) -> str:
    with pytest.raises(GuardError) as error:
        run()
    return str(error.value)


def test_old_sources_refuse_a_run(shop: Shop) -> None:
    shop.write("series.yml", SOURCES)
    assert refusal(lambda: shop.run(MONDAY)) == (
        "The run at 2026-03-02T09:00Z is refused; nothing has changed.\n"
        "source `events`: it has no row up to the run; `max_age` allows 6 hours.\n"
        "Bring the source up to date and run again. If it is right as it is, let this one run pass:\n"
        "  series run --as-of 2026-03-02T09:00Z --accept max_age"
    )
    # A row that the run cannot see yet makes nothing younger.
    shop.sql("insert into events values (1, 'login', '2026-03-02 03:00'), (1, 'login', '2026-03-02 10:00')")
    shop.wave(1, 3)
    assert shop.run(MONDAY).guards == ()  # six hours are within the limit; engagements are not awaited yet
    shop.sql("insert into events values (1, 'login', '2026-03-03 09:20')")
    old = "its newest row is of 2026-03-02T06:00Z, 27.5 hours before the run"
    assert refusal(lambda: shop.run("2026-03-03T09:31Z")).splitlines()[1:3] == [
        f"source `customers`: {old}; `max_age` allows 1 day.",
        "source `engagements`: it has no row up to the run; `max_age` allows 90 minutes.",
    ]
    assert shop.sql("select count(*) from series.ticks") == [(1,)]
    assert shop.sql("select count(*) from series.guard_findings") == [(0,)]


def test_commands_to_copy_work_on_the_same_target(shop: Shop) -> None:
    targets = f"targets: {{prod: {{warehouse: {{path: {FILE}}}}}}}\n"
    shop.write("series.yml", SOURCES + "guards: {messages_per_run: 2}\n" + targets)
    prod = Project.open(shop.folder, target="prod")
    shop.wave(1, 3)
    assert refusal(lambda: prod.run(MONDAY)).splitlines()[-1] == (
        "  series run --target prod --as-of 2026-03-02T09:00Z --accept max_age"
    )
    assert refusal(lambda: prod.run(MONDAY, series=["news"], due=True)).splitlines()[-1] == (
        "  series run --target prod --series news --due --as-of 2026-03-02T09:00Z --accept max_age"
    )
    held = failures(prod.run(MONDAY, accept=["max_age"]))
    assert held[-1] == "  series batches release --target prod --all-held --series news --why '...'"


def test_a_shrunken_source_refuses_a_run_until_a_person_accepts_it(shop: Shop) -> None:
    shop.write("series.yml", "sources: {customers: {max_drop: 20}}")
    shop.run(MONDAY)
    shop.sql("delete from customers where customer_id >= 240")
    assert shop.run("2026-03-02T10:00Z").guards == ()  # a fifth of 300
    shop.sql("delete from customers where customer_id >= 100")
    for _ in range(2):
        assert refusal(lambda: shop.run(TUESDAY)).splitlines()[1] == (
            "source `customers`: 100 rows, 58.3% fewer than the 240 of the run before; `max_drop` allows 20%."
        )
    result = shop.run(TUESDAY, accept=["max_drop"])
    assert result.guards == (
        GuardFinding(
            guard="max_drop",
            action="accepted",
            severity="warning",
            message="100 rows, 58.3% fewer than the 240 of the run before; `max_drop` allows 20%",
            observed=100 * 140 / 240,
            allowed=20,
            source="customers",
            customers=140,
        ),
    )
    [row] = shop.sql("select as_of, source, guard, action, decided_by is not null from series.guard_findings")
    assert row == (datetime(2026, 3, 3, 9), "customers", "max_drop", "accepted", True)
    assert shop.run(WEDNESDAY).guards == ()


def test_only_guards_of_sources_can_be_accepted(shop: Shop) -> None:
    with pytest.raises(UsageError, match="A run cannot accept `maxdrop`; did you mean `max_drop`"):
        shop.run(MONDAY, accept=["maxdrop"])
    with pytest.raises(
        UsageError, match="A run cannot accept `volume`; only `max_age` and `max_drop` look before a run"
    ):
        shop.run(MONDAY, accept=["volume"])


def test_updated_at_must_be_a_time_of_customers(shop: Shop) -> None:
    shop.write("series.yml", "sources: {customers: {max_age: 1 day, updated_at: changed}}")
    [problem] = Project.open(shop.folder).problems()
    assert str(problem) == (
        "series.yml:1:51: error: source `customers`: customers has no column 'changed', which `updated_at` names. "
        "It has: customer_id, email, unsubscribed, wave, plan, changed_at."
    )
    shop.write("series.yml", "sources: {customers: {max_age: 1 day, updated_at: wave}}")
    [problem] = Project.open(shop.folder).problems()
    assert "wave is INTEGER; `updated_at` must be a timestamp or a date" in str(problem)
    with pytest.raises(RefusedError, match="updated_at"):
        shop.run(MONDAY)


def test_without_guards_a_run_executes_no_more(shop: Shop) -> None:
    script = Project.open(shop.folder).compile("news", MONDAY)
    for word in ("run_findings", "insert into series.guard_findings", "insert into series_state.source_counts"):
        assert word not in script
    shop.write(
        "series.yml", SOURCES + "guards: {volume: 3, entry_share: 5, messages_per_run: 1, messages_per_customer: 1}"
    )
    guarded = Project.open(shop.folder).compile("news", MONDAY)
    assert guarded.count(";\n\n") - script.count(";\n\n") == 9


def test_the_example_of_the_readme_is_right(shop: Shop) -> None:
    _, _, example = (Path(__file__).parents[1] / "README.md").read_text().partition("# more of series.yml\n")
    shop.write("series.yml", example.partition("```")[0])
    assert Project.open(shop.folder).problems() == []
    assert Project.open(shop.folder).definitions.settings.guards.messages_per_run == 10_000
