"""What `plan` says of the next run, on real runs; and that nothing is left of it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result

from pipelines import Project
from pipelines.cli import main
from pipelines.definitions.definition import draft_series
from pipelines.guards import GuardError, GuardFinding
from pipelines.model import STATUSES
from pipelines.plan import plan
from pipelines.plan.changes import ORDER, compare
from pipelines.plan.plan import BlockChange, Changes, Departures, Plan, PlannedMessages, SeriesPlan
from pipelines.problems import RefusedError, RunError, UsageError
from tests import shop as whole_shop
from warehouse.adapter import LockedError, WarehouseError

DATABASE = "warehouse/warehouse.duckdb"
FIRST, SECOND, THIRD = (f"2026-03-0{day}T09:00Z" for day in (2, 3, 4))
TABLES = """
create table customers as
select
    'c' || n as customer_id,
    if(n < 7, 'c' || n || '@example.com', null) as email,
    if(n % 2 = 0, 'Premium', 'Free') as plan,
    n = 9 as unsubscribed
from range(10) as numbers(n);
create table events (customer_id varchar, name varchar, occurred_at timestamp);
create table engagements (message_id varchar, kind varchar, occurred_at timestamp);
"""
OFFER = """
series: offer
title: From free to Premium
status: live
schedule: nightly
exit: unsubscribed
goal: {rule: plan = 'Premium', within: 30 days}
blocks:
  free:   {rule: plan = 'Free', then: [settle, mail]}
  settle: {wait: 1 day, then: look}
  look:   {content: banner, title: Look}
  mail:   {content: email, subject: More, body_file: mails/more.md, try_for: 2 days, then: active, else: silent}
  active: {rule: in_segment('active'), within: 3 days}
  silent: {tag: silent}
"""
SEGMENTS = """
segments:
  active: did('login') and in_segment('paying')
  paying: plan = 'Premium'
  idle: not did('login')
"""
MAIL = "# More\n\nThere is more.\n"


class Shop:
    """A project of ten customers in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("series_definitions/mails", "warehouse"):
            (folder / name).mkdir(parents=True)
        self.write("series_definitions/offer.yml", OFFER)
        self.write("series_definitions/segments.yml", SEGMENTS)
        self.write("series_definitions/mails/more.md", MAIL)
        self.sql(TABLES)

    def write(self, file: str, text: str) -> None:
        (self.folder / file).write_text(text)

    def edit(self, *changes: tuple[str, str], file: str = "series_definitions/offer.yml") -> None:
        text = (self.folder / file).read_text()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        self.write(file, text)

    def sql(self, statements: str) -> list[Any]:
        with duckdb.connect(str(self.folder / DATABASE)) as connection:
            return connection.execute(statements).fetchall()

    def run(self, as_of: str) -> None:
        Project.open(self.folder).run(as_of)

    def plan(self, as_of: str = SECOND, **options: Any) -> Plan:
        """The plan; that it leaves nothing behind is looked at every time."""
        before = self.files()
        plan = Project.open(self.folder).plan(as_of, **options)
        assert self.files() == before
        return plan

    def series(self, as_of: str = SECOND) -> SeriesPlan:
        (found,) = self.plan(as_of).series
        return found

    def changes(self) -> Changes:
        found = self.series().changes
        assert found is not None
        return found

    def files(self) -> dict[str, bytes]:
        return {str(path): path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file()}

    def call(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["plan", "--project-dir", str(self.folder), *arguments])


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "project")


@pytest.fixture
def ran(shop: Shop) -> Shop:
    shop.run(FIRST)
    return shop


def test_a_plan_leaves_nothing_behind_and_the_run_does_what_it_says(tmp_path: Path, finished_shop: Path) -> None:
    folder = tmp_path / "shop"
    for number, as_of in whole_shop.AS_OF.items():
        whole_shop.change(folder, number)
        before = whole_shop.state(folder / DATABASE, ()), whole_shop.outbox(folder)
        plan = Project.open(folder).plan(as_of)
        assert (whole_shop.state(folder / DATABASE, ()), whole_shop.outbox(folder)) == before
        ran = Project.open(folder).run(as_of)
        assert {one.series_id: dict(one.counts) for one in plan.series if one.state == "runs"} == {
            one.series_id: one.counts for one in ran.series if one.state == "done"
        }
    assert whole_shop.state(folder / DATABASE) == whole_shop.state(finished_shop / DATABASE)
    assert whole_shop.outbox(folder) == whole_shop.outbox(finished_shop)


def test_a_series_that_never_ran(shop: Shop) -> None:
    plan = shop.plan(FIRST)
    (series,) = plan.series
    assert (series.state, series.definition, series.last_run, series.changes) == ("runs", "new", None, None)
    assert series.counts["entered"] == 4
    assert series.messages == (PlannedMessages("mail", "email", 3, 1, held=False),)
    assert [(one.block_id, one.blocked_by, one.customers) for one in series.blocked] == [("mail", "no_address", 1)]
    assert shop.sql("select 1 from information_schema.schemata where schema_name like 'series%'") == []
    assert (
        shop.call("--as-of", FIRST).stdout
        == """\
Plan of the run at 2026-03-02T09:00Z. Nothing is written or sent.

offer "From free to Premium": new
  entered             4
  advanced            8
  messages queued     3
    mail              3  email
  not to be sent now  1
    mail              1  no address
"""
    )


def test_a_series_as_it_ran_last(ran: Shop) -> None:
    series = ran.series()
    assert (series.definition, series.changes, series.customers) == ("same", None, 4)
    assert [(one.block_id, one.channel, one.messages) for one in series.messages] == [("look", "banner", 4)]
    assert ran.series(THIRD).counts["tags_written"] == 4
    quiet = ran.call("--as-of", "2026-03-02T10:00Z")
    assert quiet.stdout.splitlines()[2:] == [
        'offer "From free to Premium": as at its run at 2026-03-02T09:00Z; nothing to do',
        "  not to be sent now  1",
        "    mail              1  no address",
    ]


def test_what_changed_is_told_by_block_and_key(ran: Shop) -> None:
    ran.edit(
        ("schedule: nightly", "schedule: hourly\nholdout: 5"),
        ("exit: unsubscribed\n", ""),
        ("then: [settle, mail]", "then: [settle, mail, extra]"),
        ("try_for: 2 days", "try_for: 1 day"),
        ("subject: More", "subject: Much more"),
        ("wait: 1 day", "wait_until: '09:00'"),
        ("silent: {tag: silent}", "silent: {untag: silent}\n  extra:  {content: chat, body: Hi}"),
    )
    changes = ran.changes()
    assert changes.is_read
    assert set(changes.keys) == {"schedule", "exit", "holdout"}
    assert changes.blocks == (
        BlockChange("free", "changed", "rule", "rule", ("then",)),
        BlockChange("settle", "changed", "wait", "wait", ("wait_until", "wait"), 4),
        BlockChange("mail", "changed", "content", "content", ("subject", "try_for"), 4),
        BlockChange("silent", "changed", "tag", "tag", ("tag",)),
        BlockChange("extra", "new", "content", None),
    )
    shown = ran.call("--as-of", SECOND, "--diff")
    assert shown.exit_code == 0
    assert "  changed  mail: subject, try_for    4 customers there\n" in shown.stdout
    assert "--- series_definitions/offer.yml (run at 2026-03-02T09:00Z)\n+++ series_definitions/offer" in shown.stdout
    assert "\n-exit: unsubscribed\n" in shown.stdout
    assert "\n-exit" not in ran.call("--as-of", SECOND).stdout


def test_other_places_and_comments_change_nothing_that_is_said(ran: Shop) -> None:
    ran.write("series_definitions/offer.yml", f"# Mind the mail.\n{OFFER.replace('  mail:  ', '  mail:')}")
    assert ran.series().definition == "changed"
    changes = ran.changes()
    assert (changes.keys, changes.blocks, changes.segments, changes.files) == ((), (), (), ())
    assert "  Only its text has changed: what it says is the same.\n" in ran.call("--as-of", SECOND).stdout


def test_a_changed_segment_or_file_is_named_with_the_blocks_that_use_it(ran: Shop) -> None:
    ran.edit(("'Premium'", "'Gold'"), ("not did('login')", "not did('logout')"), file="series_definitions/segments.yml")
    changes = ran.changes()
    assert changes.segments == ("paying",)  # `active` uses it, and nobody uses `idle`
    assert [(block.block_id, block.keys) for block in changes.blocks] == [("active", ("rule",))]
    ran.write("series_definitions/segments.yml", SEGMENTS)
    ran.write("series_definitions/mails/more.md", "# Less\n")
    changes = ran.changes()
    assert (changes.segments, changes.files) == ((), ("mails/more.md",))
    assert [(block.block_id, block.keys) for block in changes.blocks] == [("mail", ("body_file",))]
    assert "\n-#   # More\n" in changes.diff
    assert "  changed  mails/more.md\n" in ran.call("--as-of", SECOND).stdout


def test_a_segment_of_several_lines(shop: Shop) -> None:
    shop.write("series_definitions/segments.yml", "segments:\n  active: |\n    did('login')\n    and plan = 'Free'\n")
    shop.run(FIRST)
    ((recorded,),) = shop.sql("select text from series.definitions")
    assert draft_series(recorded, "series_definitions/offer.yml")[1] == []
    shop.edit(("30 days", "20 days"))
    changes = shop.changes()
    assert (changes.keys, changes.blocks, changes.segments, changes.files) == (("goal",), (), (), ())
    shop.edit(("'Free'", "'Gold'"), file="series_definitions/segments.yml")
    assert shop.changes().segments == ("active",)


def test_order_decides_ties(ran: Shop) -> None:
    look = "  look:   {content: banner, title: Look}\n"
    ran.edit((look, ""), ("  silent:", f"{look}  silent:"))
    assert ran.changes().keys == (ORDER,)


def test_a_former_text_that_cannot_be_read_is_shown(ran: Shop) -> None:
    with duckdb.connect(str(ran.folder / DATABASE)) as connection:
        connection.execute("update series.definitions set text = replace(text, 'wait: 1 day', 'pause: 1 day')")
    ran.edit(("30 days", "20 days"))
    changes = ran.changes()
    assert (changes.is_read, changes.keys, changes.blocks) == (False, (), ())
    shown = ran.call("--as-of", SECOND)
    assert "what the former text said cannot be read" in shown.stdout
    assert "\n-  settle: {pause: 1 day, then: look}\n" in shown.stdout


def test_a_comment_like_ours_is_no_trouble() -> None:
    text = OFFER.replace("body_file: mails/more.md", "body: x").replace("in_segment('active')", "plan = 'x'")
    comment = "# notes.md at that time:\n"
    assert compare(text, text + comment, "series_definitions/offer.yml").keys == ()
    assert not compare(comment + text, text, "series_definitions/offer.yml").is_read


@pytest.mark.parametrize(
    ("change", "kind", "sentence"),
    [
        (("settle", "rest"), "gone", "4 customers wait at wait block `settle`, which is gone."),
        (("settle: {wait: 1 day", "settle: {tag: x"), "kind", "wait block `settle`, which is a tag block now."),
    ],
)
def test_customers_at_a_block_that_is_gone(ran: Shop, change: tuple[str, str], kind: str, sentence: str) -> None:
    ran.edit(change)
    series = ran.series()
    assert series.state == "fails"
    assert sentence in series.reason
    assert not series.counts
    assert series.changes is not None
    assert [block.customers for block in series.changes.blocks if block.change == kind] == [4]
    result = ran.call("--as-of", SECOND)
    assert (result.exit_code, result.stderr) == (1, "The run would fail for offer.\n")
    assert sentence in result.stdout
    (run,) = Project.open(ran.folder).run(SECOND).series
    assert (run.state, run.message) == ("failed", series.reason)


def test_where_customers_of_a_block_that_is_gone_go(ran: Shop) -> None:
    ran.edit(
        ("then: [settle, mail]", "then: [rest, mail]"),
        ("settle:", "rest:"),
        ("blocks:", "moved: {settle: [rest]}\nblocks:"),
    )
    series = ran.series()
    assert series.state == "runs"
    assert series.counts["advanced"] == 4
    changes = ran.changes()
    assert changes.keys == ("moved",)
    assert changes.blocks[-1] == BlockChange("settle", "gone", None, "wait", (), 4, ("rest",))
    assert "4 customers there; `moved` leads to rest\n" in ran.call("--as-of", SECOND).stdout
    ran.edit(("moved: {settle: [rest]}", "removed: [settle]"))
    assert ran.changes().keys == ("removed",)
    (departures,) = ran.series().departures
    assert departures == Departures("settle", "removed", 4)
    ran.sql("delete from customers where customer_id = (select min(customer_id) from series.entries)")
    assert ran.series().departures[0].customers == 3
    assert "4 customers there; `removed` ends their path\n" in ran.call("--as-of", SECOND).stdout


@pytest.mark.parametrize("status", STATUSES)
def test_every_status(ran: Shop, status: str) -> None:
    ran.edit(("status: live", f"status: {status}"))
    series = ran.series(THIRD)
    assert series.state == ("idle" if status in ("draft", "paused") else "runs")
    if series.state == "idle":
        text = ran.call("--as-of", THIRD).stdout
        assert f"offer: takes no part. It is {status}.\n  changed  status\n" in text
    if status == "stopped":
        assert series.counts["ended"] == 4
        assert not series.blocked


def test_who_takes_no_part_and_why(ran: Shop) -> None:
    (series,) = ran.plan(FIRST).series
    assert series.reason == "It has run at 2026-03-02T09:00Z already; a run at 2026-03-02T09:00Z changes nothing."
    (series,) = ran.plan("2026-03-02T10:00Z", due=True).series
    assert series.reason == "It is not due yet."
    ran.write("series_definitions/other.yml", OFFER.replace("series: offer", "series: other"))
    assert [one.state for one in ran.plan(FIRST).series] == ["idle", "runs"]
    assert [one.series_id for one in ran.plan(FIRST, series=["other"]).series] == ["other"]


def test_a_series_whose_file_is_gone_leaves_its_customers_where_they_are(ran: Shop) -> None:
    (ran.folder / "series_definitions/offer.yml").rename(ran.folder / "series_definitions/better.yml")
    ran.edit(("series: offer", "series: better"), file="series_definitions/better.yml")
    new, gone = ran.plan().series
    assert (new.series_id, new.definition, new.counts["entered"]) == ("better", "new", 4)
    assert (gone.series_id, gone.state, gone.customers) == ("offer", "gone", 4)
    assert "offer: takes no part. It has no file any more; 4 customers stay where they are.\n" in (
        ran.call("--as-of", SECOND).stdout
    )
    (ran.folder / "series_definitions/better.yml").unlink()
    assert [one.state for one in ran.plan().series] == ["gone"]


def test_no_series(shop: Shop) -> None:
    (shop.folder / "series_definitions/offer.yml").unlink()
    assert shop.call("--as-of", FIRST).stdout == "Plan of the run at 2026-03-02T09:00Z: no series to run.\n"


def test_limits_that_hold_batches(shop: Shop) -> None:
    shop.write("series.yml", "guards: {messages_per_run: 2}\n")
    plan = shop.plan(FIRST)
    (found,) = plan.guards
    assert (found.action, found.held_batches, found.held_messages) == ("held", 1, 3)
    assert plan.series[0].messages == (PlannedMessages("mail", "email", 3, 1, held=True),)
    result = shop.call("--as-of", FIRST)
    assert (result.exit_code, result.stderr) == (1, "The run would go beyond limits of offer.\n")
    assert "    mail              3  email, held\n" in result.stdout
    held = "the run queued 3 messages; `messages_per_run` allows 2: 1 batch with 3 messages would be held"
    assert f"  {held}\n" in result.stdout
    assert Project.open(shop.folder).run(FIRST).guards == plan.guards


def test_a_source_beyond_its_guard_is_refused_as_by_the_run(ran: Shop) -> None:
    ran.write("series.yml", "sources: {events: {max_age: 1 hour}}\n")
    with pytest.raises(GuardError, match="it has no row up to the run"):
        ran.plan()
    assert ran.plan(accept=["max_age"]).guards[0].action == "accepted"
    accepted = ran.call("--as-of", SECOND, "--accept", "max_age")
    assert accepted.exit_code == 0
    assert accepted.stdout.endswith(
        "\nAccepted: source `events`: it has no row up to the run; `max_age` allows 1 hour.\n"
    )
    assert ran.sql("select * from series.guard_findings") == []


def test_errors_are_those_of_the_run(shop: Shop) -> None:
    with pytest.raises(UsageError, match="There is no series `ofer`; did you mean `offer`"):
        shop.plan(series=["ofer"])
    with pytest.raises(UsageError, match="cannot accept"):
        shop.plan(accept=["volume"])
    assert shop.call("--as-of", "soon").exit_code == 2
    shop.edit(("within: 30 days", "within: a while"))
    with pytest.raises(RefusedError):
        shop.plan()
    assert shop.call().exit_code == 2
    shop.write("series_definitions/offer.yml", OFFER)
    shop.sql("insert into customers select * from customers limit 1")
    with pytest.raises(RunError, match="c0"):
        shop.plan()
    assert shop.call().exit_code == 1


def test_where_there_is_no_warehouse_none_is_made(shop: Shop) -> None:
    (shop.folder / DATABASE).unlink()
    with pytest.raises(WarehouseError, match="There is no warehouse"):
        shop.plan()
    shop.write("customers.csv", "customer_id\n")
    shop.write("series.yml", "sources: {customers: {csv: customers.csv}}\n")
    with pytest.raises(UsageError, match="There is no series `ofer`"):  # before what is wrong with customers
        shop.plan(series=["ofer"])
    shop.write("customers.csv", "customer_id,email,plan,unsubscribed\na,a@example.com,Free,\n")
    shop.write("series.yml", "sources: {customers: {csv: customers.csv, types: {unsubscribed: boolean}}}\n")
    shop.edit(("in_segment('active')", "plan = 'Premium'"))
    shop.write("series_definitions/segments.yml", "segments: {}\n")
    assert shop.series().counts["messages_queued"] == 1
    assert not (shop.folder / DATABASE).exists()


def test_a_session_goes_on_after_a_plan(ran: Shop, tmp_path: Path) -> None:
    """What a plan told its connection is rolled back with it, and told again."""
    alone = Shop(tmp_path / "alone")
    for as_of in (FIRST, SECOND, THIRD):
        alone.run(as_of)
    project = Project.open(ran.folder)
    with project.session(publish=False):
        for as_of in (SECOND, THIRD):
            planned = [project.plan(as_of).series[0].counts for _ in range(2)]
            done = project.run(as_of, hand_off=False).series[0].counts
            assert planned == [done, done]
            assert project.plan(as_of).series[0].state == "idle"
    project.hand_off()
    assert whole_shop.state(ran.folder / DATABASE) == whole_shop.state(alone.folder / DATABASE)


def test_no_secret_is_read_and_no_sender_opened(ran: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MAILER_SECRET", raising=False)
    ran.write(
        "series.yml",
        "channels: {banner: {sender: mailer}}\nsends: true\n"
        "senders: {mailer: {type: webhook, url: 'https://127.0.0.1:1/x', secret: {env: MAILER_SECRET}}}\n",
    )
    assert ran.series().counts["messages_queued"] == 4


def test_a_warehouse_that_somebody_else_has(ran: Shop) -> None:
    with Project.open(ran.folder).session(publish=False), pytest.raises(LockedError, match="is in use"):
        Project.open(ran.folder, wait=0.1).plan(SECOND)
    held = f"import duckdb, time; c = duckdb.connect({str(ran.folder / DATABASE)!r}); print(1, flush=True)"
    with subprocess.Popen([sys.executable, "-c", f"{held}; time.sleep(60)"], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        began = time.monotonic()
        with pytest.raises(LockedError, match=rf"in use by .* \(process {process.pid}\)"):
            Project.open(ran.folder, wait=0.1).plan(SECOND)
        assert time.monotonic() - began < 30
        process.kill()
    assert ran.series().state == "runs"


def test_json_has_all_of_it(ran: Shop) -> None:
    ran.edit(("try_for: 2 days", "try_for: 1 day"))
    found = json.loads(ran.call("--as-of", SECOND, "--format", "json").stdout)
    assert found["as_of"] == SECOND
    (series,) = found["series"]
    assert series["counts"]["tags_written"] == 4
    assert series["changes"]["blocks"] == [
        {
            "block_id": "mail",
            "change": "changed",
            "kind": "content",
            "was": "content",
            "keys": ["try_for"],
            "customers": 4,
            "leads_to": None,
        }
    ]
    assert "+  mail:" in series["changes"]["diff"]


def test_an_older_state_is_planned_on_and_left_as_it_is(ran: Shop) -> None:
    ran.sql("update series_state.meta set schema_version = 8")
    assert ran.series().counts["messages_queued"] == 4
    assert ran.sql("select schema_version from series_state.meta") == [(8,)]


def test_docs_name_every_field() -> None:
    docs = (Path(__file__).parent.parent / "docs/plan.md").read_text()
    classes = [one for one in vars(plan).values() if is_dataclass(one) and one.__module__ == plan.__name__]
    names = {field.name for one in [*classes, GuardFinding] for field in fields(one)}
    assert len(classes) == 7
    assert not {name for name in names if f"`{name}`" not in docs}
