"""What `explain` says of a customer, on real runs: every kind of answer, for people and for machines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines import Project
from pipelines.cli import main
from pipelines.explain import display, explanation
from pipelines.explain.explanation import Entry, JudgedPart, SeriesExplanation, Visit
from pipelines.problems import RunError, UsageError
from warehouse.adapter import LockedError

CUSTOMERS = """
create table customers (
    customer_id varchar, email varchar, plan varchar, unsubscribed boolean, trial_ends_at timestamp, sessions integer
);
create table engagements (message_id varchar, kind varchar, occurred_at timestamp, link varchar);
create table events (customer_id varchar, name varchar, occurred_at timestamp, properties json);
create table customer_tags (customer_id varchar, tag varchar);
insert into customers values
    ('ann', 'ann@example.com', 'Free', false, null, 3),
    ('ben', null, 'Premium', false, null, null);
"""

OFFER = """
series: offer
title: From free to Premium
status: live
schedule: hourly
exit: has_tag('left')
goal: {rule: plan = 'Premium', within: 30 days}
blocks:
  free:     {label: On the free plan, rule: "plan = 'Free' and (sessions > 2 or not did('logout'))", then: mail}
  mail:     {content: email, subject: More, body: More, try_for: 2 days, then: settle, else: silent}
  settle:   {wait: 1 day, then: clicked}
  clicked:  {rule: clicked('mail'), within: 3 days, then: thanks}
  thanks:   {content: post, title: Thanks, body: Thanks}
  silent:   {tag: silent}
"""


ANN = "ann@example.com"


@dataclass
class Shop:
    """A project in a folder."""

    folder: Path

    @property
    def project(self) -> Project:
        return Project.open(self.folder)

    def write(self, text: str) -> None:
        name = text.partition("series: ")[2].partition("\n")[0]
        (self.folder / "series_definitions" / f"{name}.yml").write_text(text)

    def sql(self, statements: str, **values: Any) -> None:
        with duckdb.connect(str(self.folder / "warehouse/warehouse.duckdb")) as warehouse:
            warehouse.execute(statements, values or None)

    def run(self, day: int, hour: int = 0) -> None:
        self.project.run(f"2026-03-{day:02}T{hour:02}:00Z")

    def explain(self, customer: str | int | UUID = "ann", series: str = "offer", **at: str) -> SeriesExplanation:
        (found,) = self.project.explain(customer, series, **at).series
        return found

    def entry(self, customer: str = "ann", series: str = "offer") -> Entry:
        return self.explain(customer, series).entries[-1]

    def visits(self, customer: str = "ann", series: str = "offer") -> dict[str, Visit]:
        return {visit.block_id: visit for visit in self.entry(customer, series).visits}

    def engage(self, kind: str, occurred_at: str) -> None:
        self.sql(
            "insert into engagements select message_id, $kind, cast($at as timestamp), null from series.messages",
            kind=kind,
            at=occurred_at,
        )

    def call(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["explain", "--project-dir", str(self.folder), *arguments])


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    for folder in ("series_definitions", "warehouse"):
        (tmp_path / folder).mkdir()
    shop = Shop(tmp_path)
    shop.sql(CUSTOMERS)
    shop.write(OFFER)
    yield shop
    # It only reads: no explanation leaves anything behind.
    with duckdb.connect(str(tmp_path / "warehouse/warehouse.duckdb")) as warehouse:
        assert not warehouse.execute("select 1 from duckdb_tables() where table_name like 'explain%'").fetchall()


def reasons(series: SeriesExplanation) -> list[str]:
    assert series.entering is not None
    return [reason.code for reason in series.entering.reasons]


def seen(part: JudgedPart) -> dict[str, Any]:
    """Everything that the parts of a rule saw."""
    values = {value.name: value.value for value in part.values}
    return values | {name: value for inner in part.parts for name, value in seen(inner).items()}


def outline(part: JudgedPart) -> Any:
    """Kinds and truths of a rule's parts."""
    mine = f"{part.kind} {part.holds}"
    return [mine, *(outline(inner) for inner in part.parts)] if part.parts else mine


def test_a_series_that_has_not_run_yet(shop: Shop) -> None:
    series = shop.explain(as_of="2026-03-01T00:00Z")
    assert series.last_run is None
    assert not series.entries
    assert reasons(series) == ["enters"]
    assert series.entering is not None
    assert series.entering.arrives_at == ("free",)
    assert "first run lets the customer in" in series.entering.reasons[0].message
    assert "has not run yet" in shop.call("ann").stdout
    assert reasons(shop.explain("ben", as_of="2026-03-01T00:00Z")) == ["no_entry_rule"]


def test_an_entry_rule_in_its_parts_with_what_they_saw(shop: Shop) -> None:
    shop.sql("insert into events values ('ben', 'logout', timestamp '2026-02-01', null)")
    shop.run(1)
    (rule,) = shop.explain("ben").entry_rules
    assert (rule.block_id, rule.label) == ("free", "On the free plan")
    assert rule.judgement.holds is False
    (case,) = rule.judgement.cases
    assert outline(case.part) == [
        "and False",
        "condition False",
        ["or False", "condition False", ["not False", "condition True"]],
    ]
    assert seen(case.part) == {
        "plan": "Premium",
        "sessions": None,
        "did('logout')": True,
        "event_count('logout')": 1,
    }
    text = shop.call("ben", "--series", "offer").stdout
    assert "never entered" in text
    assert "no  plan = 'Free'   [plan = 'Premium']" in text
    assert "no  sessions > 2   [sessions = unknown]" in text
    assert "yes did('logout')   [1 event]" in text


def test_a_message_under_way_and_what_it_waits_for(shop: Shop) -> None:
    shop.run(1)
    visits = shop.visits()
    assert list(visits) == ["free", "mail"]
    assert visits["free"].outcome == "matched"
    assert [move.block_id for move in visits["free"].led_to] == ["mail"]
    mail = visits["mail"]
    assert mail.left_at is None
    assert "waits for a proof of its receipt, until 2026-03-03T00:00Z" in mail.explained
    assert mail.message is not None
    assert (mail.message.address, mail.message.status) == ("ann@example.com", "handed_off")
    assert mail.message.batch_status == "handed_off"
    entry = shop.entry()
    assert entry.goal is not None
    assert (entry.goal.holds, entry.goal_closed) == (False, False)
    assert {block.block_id: block.reasons[0].code for block in entry.not_reached} == {"thanks": "still_there"}
    assert reasons(shop.explain()) == ["active"]


def test_the_way_to_the_end_of_an_entry(shop: Shop) -> None:
    shop.run(1)
    shop.engage("delivered", "2026-03-01 06:00")
    shop.run(2)
    assert "waits until 2026-03-02T06:00Z" in shop.visits()["settle"].explained
    shop.run(3)
    waiting = shop.visits()["clicked"]
    assert waiting.explained == "waits for the rule to hold, until 2026-03-05T06:00Z"
    assert waiting.rule is not None
    assert waiting.rule.holds is False
    assert seen(waiting.rule.cases[0].part) == {"clicked('mail')": False}
    shop.engage("clicked", "2026-03-03 05:00")
    shop.run(4)
    visits = shop.visits()
    assert visits["clicked"].rule is not None
    assert visits["clicked"].rule.holds is True
    message = visits["mail"].message
    assert message is not None
    assert [engagement.kind for engagement in message.engagements] == ["delivered", "clicked"]
    shop.run(31)
    entry = shop.entry()
    assert (entry.status, entry.goal_closed) == ("disengaged", True)
    assert entry.explained == "every path came to its end with a bad outcome"
    assert entry.visits[-1].explained == "no proof of its receipt came in time"
    assert reasons(shop.explain()) == ["entered_once"]
    assert "not reached by 2026-03-31T00:00Z" in shop.call("ann").stdout


def test_a_message_that_bounced_leads_to_a_tag(shop: Shop) -> None:
    shop.run(1)
    shop.engage("bounced", "2026-03-01 06:00")
    shop.run(2)
    visits = shop.visits()
    assert visits["mail"].explained == "the message bounced"
    (tag,) = visits["silent"].tags
    assert (tag.tag, tag.action) == ("silent", "add")
    (thanks,) = shop.entry().not_reached
    assert [reason.code for reason in thanks.reasons] == ["led_elsewhere"]
    assert "`mail` was left not delivered, and leads on here along `then` only" in thanks.reasons[0].message


@pytest.mark.parametrize(
    ("bounced", "sentence"),
    [
        ("2026-03-03 00:00", "the message bounced"),
        ("2026-03-03 01:00", "no proof of its receipt came in time"),
    ],
)
def test_a_bounce_after_the_deadline_decided_nothing(shop: Shop, bounced: str, sentence: str) -> None:
    shop.run(1)
    shop.engage("bounced", bounced)
    shop.run(4)
    mail = shop.visits()["mail"]
    assert mail.message is not None
    assert [engagement.kind for engagement in mail.message.engagements] == ["bounced"]
    assert (mail.outcome, mail.explained) == ("not_delivered", sentence)


AGAIN = "offers it again where its sender tells repeats, otherwise a person decides (`series batches`)"
DOUBT = "nobody knows whether it arrived"
LATER = "update series.batches set next_attempt_at = timestamp '2999-01-01 09:00'"


@pytest.mark.parametrize(
    ("status", "statement", "sentence"),
    [
        ("live", "select 1", "waits for the next hand-off"),
        ("emptying", "select 1", "waits for the next hand-off"),
        ("paused", "select 1", "kept back until the series is live again, because it is paused"),
        ("draft", "select 1", "kept back until the series is live again, because it is a draft"),
        ("stopped", "select 1", "kept back until the series is live again, because it is stopped"),
        ("live", "update series.batches set status = 'unknown'", f"{DOUBT}: the next hand-off {AGAIN}"),
        (
            "paused",
            "update series.batches set status = 'unknown'",
            f"{DOUBT}: kept back until the series is live again, because it is paused",
        ),
        (
            "paused",
            "update series.batches set status = 'held'",
            "its batch is held until a person releases or drops it (`series batches`)",
        ),
        ("live", LATER, "waits until 2999-01-01T09:00Z, and then for the next hand-off"),
        (
            "live",
            f"{LATER}, status = 'unknown'",
            f"{DOUBT}: the next hand-off after 2999-01-01T09:00Z {AGAIN}",
        ),
        (
            "live",
            "insert into series_state.absent_messages select message_id from series.messages",
            "waits until a run finds the customer in `customers` again",
        ),
    ],
)
def test_what_a_message_waits_for_that_has_not_left(shop: Shop, status: str, statement: str, sentence: str) -> None:
    shop.project.run("2026-03-01T00:00Z", hand_off=False)
    shop.sql(statement)
    shop.write(OFFER.replace("status: live", f"status: {status}"))
    message = shop.visits()["mail"].message
    assert message is not None
    assert (message.status, message.explained) == ("queued", sentence)


def test_a_message_that_has_expired_before_it_left(shop: Shop) -> None:
    def explained(as_of: str) -> str:
        message = shop.explain(as_of=as_of).entries[0].visits[1].message
        assert message is not None
        return message.explained

    shop.project.run("2026-03-01T00:00Z", hand_off=False)
    assert explained("2026-03-02T23:00Z") == "waits for the next hand-off"
    assert explained("2026-03-03T00:00Z") == "it has expired, and the next hand-off will not send it"
    shop.sql("update series.batches set status = 'unknown'")
    assert explained("2026-03-03T00:00Z") == (
        "it has expired, and nobody knows whether it arrived before; a person may have to decide (`series batches`)"
    )


def test_a_customer_who_vanished_before_their_message_left(shop: Shop) -> None:
    shop.project.run("2026-03-01T00:00Z", hand_off=False)
    shop.sql("create table gone as select * from customers; delete from customers where customer_id = 'ann'")
    shop.run(1, 1)
    text = shop.call("ann").stdout
    assert "queued: waits until a run finds the customer in `customers` again" in text
    assert "noted: Its customers were not in `customers` when it was to leave; it waits for them." in text
    assert "the sender said" not in text
    shop.sql("insert into customers select * from gone where customer_id = 'ann'; drop table gone")
    shop.project.run("2026-03-01T02:00Z", hand_off=False)
    message = shop.visits()["mail"].message
    assert message is not None
    assert message.explained == "waits for the next hand-off"


def test_sending_is_stopped(shop: Shop) -> None:
    shop.project.run("2026-03-01T00:00Z", hand_off=False)
    (shop.folder / "series.yml").write_text("sending: {stopped: true}")
    message = shop.visits()["mail"].message
    assert message is not None
    assert message.explained == "kept back for as long as sending is stopped in the whole project"


def test_why_a_message_was_refused_and_why_another_waits(shop: Shop) -> None:
    shop.run(1)
    said = "1 message refused: 550 no such mailbox"
    shop.sql("update series.batches set last_error = $said", said=said)
    assert said not in shop.call("ann").stdout
    shop.sql("update series.messages set status = 'refused'")
    assert f"the sender said: {said}" in shop.call("ann").stdout
    broken = "The hand-off was broken off before the sender's answer came."
    shop.sql("update series.batches set status = 'unknown', last_error = $broken", broken=broken)
    assert f"noted: {broken}" in shop.call("ann").stdout


@pytest.mark.parametrize(
    ("change", "project", "blocked_by", "sentence"),
    [
        ("update customers set email = ' '", "", "no_address", "the customer has no address for it"),
        ("update customers set unsubscribed = true", "", "no_consent", "has not consented"),
        ("select 1", "send: {from: '09:00', to: '10:00'}", "send_window", "its send window is closed"),
    ],
)
def test_a_message_that_is_held_up(shop: Shop, change: str, project: str, blocked_by: str, sentence: str) -> None:
    shop.sql(change)
    if project:
        shop.write(OFFER.replace("try_for: 2 days", f"try_for: 2 days, {project}"))
    shop.run(1)
    mail = shop.visits()["mail"]
    assert mail.blocked_by == blocked_by
    assert sentence in mail.explained
    assert mail.message is None
    assert mail.consent is not None
    assert mail.consent.holds is (blocked_by != "no_consent")
    assert {value.name: value.value for value in mail.values}["email"] == (" " if blocked_by == "no_address" else ANN)
    if blocked_by == "no_consent":
        assert seen(mail.consent.cases[0].part) == {"unsubscribed": True}
        assert "yes unsubscribed" in shop.call("ann").stdout
    shop.run(5)
    assert shop.visits()["mail"].explained == "the message could not be sent in time"


def test_the_goal_and_the_exit_end_entries(shop: Shop) -> None:
    shop.sql("insert into customers values ('cat', 'c@example.com', 'Free', false, null, 9)")
    shop.run(1)
    shop.sql("update customers set plan = 'Premium' where customer_id = 'ann'")
    shop.sql("insert into customer_tags values ('cat', 'left')")
    shop.run(2)
    ann, cat = shop.entry(), shop.entry("cat")
    assert ann.goal is not None
    assert (ann.status, ann.goal.holds) == ("goal", True)
    assert ann.visits[-1].explained == "the goal was reached while the customer was here"
    assert cat.exit is not None
    assert (cat.status, cat.exit.holds) == ("exited", True)
    assert seen(cat.exit.cases[0].part) == {"has_tag('left')": True}
    assert reasons(shop.explain("cat")) == ["exited"]
    # What a rule saw when the entry began is not what it sees now, and that is told.
    assert ann.visits[0].explained == "the rule held then; as the definition and the sources are now it would not"


def test_the_exit_rule_keeps_out(shop: Shop) -> None:
    shop.sql("insert into customer_tags values ('ann', 'left')")
    shop.run(1)
    series = shop.explain()
    assert reasons(series) == ["exit"]
    assert series.exit is not None
    assert series.exit.holds is True
    assert "exit rule: holds" in shop.call("ann", "--series", "offer").stdout


def test_reentry_waits_and_has_a_limit(shop: Shop) -> None:
    shop.write(
        """
series: offer
status: live
schedule: hourly
reentry: {after: 10 days, limit: 2}
blocks:
  free: {rule: plan = 'Free', then: note}
  note: {tag: seen}
"""
    )
    shop.run(1)
    series = shop.explain()
    assert reasons(series) == ["reentry_after"]
    assert series.entering is not None
    assert "from 2026-03-11T00:00Z on" in series.entering.reasons[0].message
    later = shop.explain(as_of="2026-03-11T00:00Z")
    assert later.entering is not None
    assert later.entering.arrives_at == ("free",)
    shop.run(11)
    series = shop.explain()
    assert [entry.entry_number for entry in series.entries] == [1, 2]
    assert reasons(series) == ["reentry_limit"]


def test_the_holdout(shop: Shop) -> None:
    shop.write(OFFER.replace("schedule: hourly", "schedule: hourly\nholdout: 100"))
    shop.run(1)
    entry = shop.entry()
    assert (entry.arm, entry.status, entry.visits, entry.not_reached) == ("holdout", "held_out", (), ())
    assert entry.goal is not None
    assert reasons(shop.explain()) == ["held_out"]
    assert "kept aside" in shop.call("ann").stdout


@pytest.mark.parametrize("status", ["draft", "paused", "emptying", "stopped"])
def test_a_series_that_is_not_live(shop: Shop, status: str) -> None:
    shop.write(OFFER.replace("status: live", f"status: {status}"))
    assert reasons(shop.explain(as_of="2026-03-01T00:00Z")) == [status]


def test_a_paused_series_moves_nobody(shop: Shop) -> None:
    shop.run(1)
    shop.write(OFFER.replace("status: live", "status: paused"))
    assert shop.visits()["mail"].explained == "stays here, because the series is paused"
    assert "by an earlier version" in shop.call("ann").stdout


def test_a_warehouse_that_somebody_else_has(shop: Shop) -> None:
    shop.run(1)
    with shop.project.session(publish=False), pytest.raises(LockedError, match="is in use"):
        Project.open(shop.folder, wait=0.1).explain("ann")


def test_a_vanished_customer_is_explained_from_the_state(shop: Shop) -> None:
    shop.run(1)
    shop.sql("delete from customers where customer_id = 'ann'")
    found = shop.project.explain("ann")
    assert found.is_missing
    (series,) = found.series
    (entry,) = series.entries
    assert entry.goal is not None
    assert (entry.goal.holds, entry.goal.cases) == (None, ())
    assert "the customer is not in `customers` now" in entry.visits[-1].explained
    assert reasons(series) == ["customer_missing", "active"]
    text = shop.call("ann").stdout
    assert "They are not in `customers` now" in text


def test_a_block_that_is_gone_is_still_told(shop: Shop) -> None:
    shop.run(1)
    shop.engage("delivered", "2026-03-01 06:00")
    shop.run(2)
    shop.write(
        """
series: offer
status: live
schedule: hourly
blocks:
  free:  {rule: plan = 'Free', then: other}
  other: {content: post, title: Other, body: Other}
"""
    )
    series = shop.explain()
    assert series.changed
    assert series.fails is not None
    assert "settle" in series.fails
    visits = {visit.block_id: visit for visit in series.entries[0].visits}
    assert (visits["mail"].kind, visits["mail"].is_defined, visits["mail"].does) == ("content", False, None)
    assert visits["mail"].message is not None
    assert all(visit.changed for visit in visits.values())
    assert "no such block any more" in visits["settle"].explained
    (other,) = series.entries[0].not_reached
    assert [reason.code for reason in other.reasons] == ["connected_later"]
    text = shop.call("ann").stdout
    assert "the next run fails" in text
    assert "not in the definition any more" in text


def test_a_series_whose_file_is_gone(shop: Shop) -> None:
    shop.run(1)
    (shop.folder / "series_definitions/offer.yml").unlink()
    series = shop.explain()
    assert (series.status, series.entering, series.entry_rules) == (None, None, ())
    assert [visit.block_id for visit in series.entries[0].visits] == ["free", "mail"]
    assert "no definition any more" in shop.call("ann").stdout


def test_company_rules_are_judged_for_each_company(shop: Shop) -> None:
    shop.sql(
        """
create table companies (company_id integer, tier varchar, seats integer);
create table customer_companies (customer_id varchar, company_id integer);
insert into companies values (1, 'gold', 1), (2, 'silver', 50), (3, 'gold', 50);
insert into customer_companies values ('ann', 1), ('ann', 2), ('ann', 3), ('ann', 3);
"""
    )
    shop.write(
        """
series: firms
status: live
schedule: hourly
blocks:
  big: {rule: company.tier = 'gold' and company.seats > 10, then: note}
  note: {tag: big}
"""
    )
    shop.run(1)
    (rule,) = shop.explain("ann", "firms").entry_rules
    assert rule.judgement.holds is True
    assert [(case.company_id, case.part.holds) for case in rule.judgement.cases] == [
        ("3", True),
        ("1", False),
        ("2", False),
    ]
    assert seen(rule.judgement.cases[0].part) == {"company.tier": "gold", "company.seats": 50}
    (none,) = shop.explain("ben", "firms").entry_rules[0].judgement.cases
    assert (none.company_id, none.part.holds) == (None, False)
    assert "for company 3" in shop.call("ann", "--series", "firms").stdout


def test_waits_for_a_time_of_the_customers(shop: Shop) -> None:
    shop.write(
        """
series: trial
status: live
schedule: hourly
blocks:
  all:   {rule: plan = 'Free', then: until}
  until: {wait_until: "trial_ends_at - interval '3 days'", then: note}
  note:  {tag: over}
"""
    )
    shop.run(1)
    until = shop.visits("ann", "trial")["until"]
    assert until.explained == "waits for a time that is not known yet"
    assert {value.name: value.value for value in until.values}["trial_ends_at"] is None
    shop.sql("update customers set trial_ends_at = timestamp '2026-03-20'")
    shop.run(2)
    assert shop.visits("ann", "trial")["until"].explained == "waits until 2026-03-17T00:00Z"


def test_deadlines_that_wait_for_late_rows(shop: Shop) -> None:
    (shop.folder / "series.yml").write_text("sources: {engagements: {lag: 6 hours}}")
    shop.run(1)
    shop.run(3)
    assert "that is decided at 2026-03-03T06:00Z, when late rows are in" in shop.visits()["mail"].explained


def test_an_idle_entry_and_a_messages_own_goal(shop: Shop) -> None:
    goal = "try_for: 2 days, goal: {rule: did('bought'), within: 5 days}"
    idle = OFFER.replace("schedule: hourly", "schedule: hourly\nidle_exit: 2 days").replace("try_for: 2 days", goal)
    shop.write(idle.replace("{wait: 1 day", "{wait: 9 days"))
    shop.run(1)
    shop.engage("delivered", "2026-03-01 06:00")
    shop.sql("insert into events values ('ann', 'bought', timestamp '2026-03-01 05:00', null)")
    shop.run(2)
    message = shop.visits()["mail"].message
    assert message is not None
    assert message.goal is not None
    # What was bought before the message was received does not count for it.
    assert (message.goal.holds, message.goal_at) == (False, None)
    shop.sql("insert into events values ('ann', 'bought', timestamp '2026-03-02 05:00', null)")
    shop.run(3, 5)
    entry = shop.entry()
    assert (entry.status, entry.explained) == ("active", "under way")
    message = shop.visits()["mail"].message
    assert message is not None
    assert message.goal is not None
    assert message.goal.holds is True
    assert seen(message.goal.cases[0].part)["event_count('bought')"] == 1
    assert "message goal: reached" in shop.call("ann").stdout
    shop.run(4)
    entry = shop.entry()
    assert (entry.status, entry.explained) == ("disengaged", "no message was received for 2 days")
    assert [block.reasons[0].code for block in entry.not_reached] == ["ended_there"]


def test_a_goal_that_held_already_on_entering(shop: Shop) -> None:
    shop.write(OFFER.replace("rule: plan = 'Premium', within", "rule: sessions > 2 and not did('x'), within"))
    shop.run(1)
    entry = shop.entry()
    assert entry.goal_met_at_entry
    assert entry.goal is not None
    assert entry.goal.holds is True
    assert "held already on entering" in shop.call("ann").stdout


def test_batches_that_are_held_and_channels_without_receipts(shop: Shop) -> None:
    (shop.folder / "series.yml").write_text(
        "channels: {sms: {address: email, receipts: false}}\nguards: {messages_per_run: 1}"
    )
    shop.sql("insert into customers values ('cat', 'c@example.com', 'Free', false, null, 9)")
    shop.write(
        OFFER.replace("content: email, subject: More", "content: sms").replace("clicked('mail')", "received('mail')")
    )
    shop.run(1)
    mail = shop.visits()["mail"]
    assert (mail.outcome, mail.explained) == ("delivered", "queueing it counts as receipt")
    assert mail.message is not None
    assert (mail.message.status, mail.message.batch_status) == ("queued", "held")
    assert "until a person releases or drops it" in shop.call("ann").stdout
    shop.run(2)
    received = shop.visits()["clicked"]
    assert received.rule is not None
    assert (received.outcome, received.rule.holds) == ("matched", True)


def test_an_entry_goes_on_at_a_further_entry_rule(shop: Shop) -> None:
    shop.write(
        """
series: doors
status: live
schedule: hourly
blocks:
  free: {rule: plan = 'Free', then: note}
  many: {rule: sessions > 5, then: note}
  note: {tag: here}
"""
    )
    shop.run(1)
    assert reasons(shop.explain("ann", "doors")) == ["entered_once"]
    shop.sql("update customers set sessions = 9 where customer_id = 'ann'")
    series = shop.explain("ann", "doors")
    assert series.entering is not None
    assert series.entering.arrives_at == ("many",)
    assert "goes on at a further entry rule" in series.entering.reasons[0].message
    assert reasons(shop.explain("ben", "doors")) == ["no_entry_rule"]
    assert "none of the entry rules holds: `free`, `many`" in shop.call("ben", "--series", "doors").stdout
    shop.run(2)
    (entry,) = shop.explain("ann", "doors").entries
    assert [visit.block_id for visit in entry.visits] == ["free", "note", "many"]


def test_without_events_engagements_and_tags(shop: Shop) -> None:
    shop.sql("drop table events; drop table engagements; drop table customer_tags")
    assert reasons(shop.explain(as_of="2026-03-01T00:00Z")) == ["enters"]
    shop.run(1)
    assert shop.entry().status == "active"


def test_other_series_segments_and_merged_ways(shop: Shop) -> None:
    (shop.folder / "series_definitions/segments.yml").write_text("segments: {free: plan = 'Free'}")
    shop.write(
        """
series: both
status: live
schedule: hourly
blocks:
  start: {rule: "in_segment('free') and not in_series('offer')", then: [left, right]}
  left:  {tag: left-way, then: meet}
  right: {tag: right-way, then: meet}
  meet:  {wait: 1 day}
"""
    )
    shop.run(1)
    visits = shop.visits("ann", "both")
    moves = [move for block in ("left", "right") for move in visits[block].led_to]
    assert sorted(move.merged for move in moves) == [False, True]
    rule = visits["start"].rule
    assert rule is not None
    # The run saw that Ann was in no other series; now she is, and that is said.
    assert "would not" in visits["start"].explained
    assert outline(rule.cases[0].part) == [
        "and False",
        ["segment True", "condition True"],
        ["not False", "condition True"],
    ]
    assert "where the entry had been before" in shop.call("ann").stdout


@pytest.mark.parametrize(
    ("type_", "ids"),
    [
        ("integer", ("7", "-12")),
        ("varchar", ("07", "d5d4cd07-616a-6ad3-b5fd-12345678abcd")),
        ("uuid", ("d5d4cd07-616a-6ad3-b5fd-12345678abcd", "00000000-0000-0000-0000-000000000007")),
    ],
)
def test_every_type_of_id(shop: Shop, type_: str, ids: tuple[str, str]) -> None:
    shop.sql(f"create or replace table customers (customer_id {type_}, email varchar, plan varchar, sessions integer)")
    shop.sql(
        f"alter table customers add column unsubscribed boolean; alter table events alter customer_id type {type_}"
    )
    shop.sql(f"alter table customer_tags alter customer_id type {type_}")
    for number in ids:
        shop.sql(f"insert into customers values (cast($id as {type_}), 'a@example.com', 'Free', 3, false)", id=number)
    shop.run(1)
    for number in ids:
        found = shop.project.explain(number)
        assert found.customer_id == number
        assert found.series[0].entries[0].status == "active"
    if type_ == "uuid":
        assert shop.project.explain(ids[0].upper()).customer_id == ids[0]
        assert shop.project.explain(UUID(ids[0])).customer_id == ids[0]
    with pytest.raises(RunError, match=r"There is no customer `7\.0`"):
        shop.project.explain("7.0")


def test_ids_whose_type_has_changed(shop: Shop) -> None:
    shop.sql(
        "create or replace table customers as select 7 as customer_id, 'a@b.example' as email, 'Free' as plan, "
        "3 as sessions, false as unsubscribed"
    )
    shop.run(1)
    shop.sql("alter table customers alter customer_id type varchar")
    assert shop.explain("7").entries[0].status == "active"


def test_unknown_customers_and_series(shop: Shop) -> None:
    shop.run(1)
    result = shop.call("anne")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "There is no customer `anne`" in result.stderr
    assert "the id most like it is `ann`" in result.stderr
    assert "It is the address of customer `ann`; ask for the id." in shop.call("ANN@example.com").stderr
    result = shop.call("ann", "--series", "ofer")
    assert (result.exit_code, result.stderr) == (2, "There is no series `ofer`; did you mean `offer`?\n")
    with pytest.raises(UsageError):
        shop.project.explain("ann", "")
    assert shop.call("ann", "--as-of", "tomorrow").exit_code == 2


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ("Anne", "; the id most like it is `ann`"),
        ("ANN", "; the id most like it is `ann`"),
        ("", ""),
        ("🦆", ""),
        ("x1", ""),
    ],
)
def test_only_an_id_that_is_like_another_gets_a_hint(shop: Shop, asked: str, hint: str) -> None:
    with pytest.raises(RunError) as error:
        shop.project.explain(asked)
    assert str(error.value) == (
        f"There is no customer `{asked}`, neither in source `customers` nor in what runs have written{hint}. "
        "Customers are asked for by `customer_id`."
    )


def test_without_a_warehouse_and_with_one_row_too_many(tmp_path: Path, shop: Shop) -> None:
    shop.sql("insert into customers select * from customers where customer_id = 'ann'")
    assert "customer_id must be unique, but there are 2 of `ann`" in shop.call("ann").stderr
    empty = tmp_path / "empty"
    (empty / "series_definitions").mkdir(parents=True)
    result = CliRunner().invoke(main, ["explain", "ann", "--project-dir", str(empty)])
    assert result.exit_code == 1
    assert "There is no warehouse" in result.stderr


TAME = "x'; drop table customers; --\"{{ 7 }}"
"""What a definition may hold."""
HOSTILE = f"{TAME}\x1b[31m\n\u202e"


def test_hostile_text_stays_text(shop: Shop) -> None:
    shop.sql("insert into customers values ($id, $id, $tame, false, null, 5)", id=HOSTILE, tame=TAME)
    shop.sql("insert into events values ($id, $tame, timestamp '2026-02-01', null)", id=HOSTILE, tame=TAME)
    name = json.dumps(TAME.replace("'", "''"))[1:-1]
    quoted = json.dumps(TAME)
    shop.write(
        f"""
series: hostile
title: {quoted}
status: live
schedule: hourly
blocks:
  all:  {{label: {quoted}, rule: "plan = '{name}' and did('{name}') and email != ''", then: note}}
  note: {{content: post, title: Hi, body: Hi}}
"""
    )
    shop.run(1)
    series = shop.explain(HOSTILE, "hostile")
    assert series.entries[0].visits[0].label == TAME
    (rule,) = series.entry_rules
    assert rule.judgement.holds is True
    assert seen(rule.judgement.cases[0].part)["email"] == HOSTILE
    text = shop.call(HOSTILE).stdout
    assert all(sign.isprintable() for sign in text.replace("\n", ""))
    assert json.loads(shop.call(HOSTILE, "--format", "json").stdout)["customer_id"] == HOSTILE
    missing = shop.call(HOSTILE + "x")
    assert missing.exit_code == 1
    assert "\x1b" not in missing.stderr


def test_a_sessions_next_run_is_not_disturbed(shop: Shop) -> None:
    project = shop.project
    with project.session(publish=False):
        project.run("2026-03-01T00:00Z")
        assert project.explain("ben").series[0].entries == ()
        project.run("2026-03-02T00:00Z")
        assert len(project.explain("ann").series[0].entries[0].visits) == 2
        ran = project.run("2026-03-05T00:00Z")
        assert ran.series[0].counts is not None
        assert ran.series[0].counts["tags_written"] == 1


def test_lines_are_broken_on_narrow_terminals(shop: Shop) -> None:
    shop.run(1)
    found = shop.project.explain("ann")
    assert all(len(line) <= 60 for line in display.text(found, 60).split("\n"))
    assert max(map(len, display.text(found, None).split("\n"))) > 60


def test_docs_name_every_field_and_code() -> None:
    root = Path(__file__).parent.parent
    docs = (root / "docs/explain.md").read_text()
    classes = [
        one for one in vars(explanation).values() if is_dataclass(one) and one.__module__ == explanation.__name__
    ]
    names = {field.name for one in classes for field in fields(one)}
    said = "".join((root / "pipelines/explain" / name).read_text() for name in ("entering.py", "ways.py"))
    codes = {*re.findall(r'Reason\("(\w+)"', said), "draft", "paused", "emptying", "stopped"}
    assert len(codes) > 15
    assert not {name for name in names | codes if f"`{name}`" not in docs}


def test_json_is_the_classes_field_by_field(shop: Shop) -> None:
    shop.run(1)
    found = json.loads(shop.call("ann", "--format", "json").stdout)
    assert list(found) == ["customer_id", "target", "is_missing", "series"]
    (series,) = found["series"]
    mail = series["entries"][0]["visits"][1]
    assert mail["block_id"] == "mail"
    assert mail["message"]["queued_at"] == "2026-03-01T00:00Z"
    assert series["entry_rules"][0]["judgement"]["cases"][0]["part"]["parts"][0]["values"] == [
        {"name": "plan", "value": "Free"}
    ]
