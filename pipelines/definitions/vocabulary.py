"""The words of a project's files: keys, kinds and channels with what they mean, as data.

The reader refuses what is not here and names the nearest word; the JSON Schema shows the descriptions in editors.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from pipelines.definitions.content_vocabulary import CONTENT
from pipelines.model import STATUSES, SUPPRESSING_KINDS

Keys = Mapping[str, str]
"""Key to its description for people."""

CHANNELS = tuple(CONTENT)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SCHEDULES = MappingProxyType({"hourly": "0 * * * *", "nightly": "0 2 * * *"})

SERIES: Keys = MappingProxyType(
    {
        "series": "The series' id; the file has the same name.",
        "title": "What people call the series.",
        "description": "What the series is for, for whoever reads it next.",
        "owner": "Who answers for the series.",
        "status": f"One of {', '.join(STATUSES)}. Only a live series takes customers in.",
        "timezone": "The IANA time zone of its send windows and wall-clock waits; the project's when absent.",
        "schedule": "`hourly`, `nightly` (02:00) or a cron expression of five fields, UTC.",
        "exit": "A rule; whoever matches leaves at once and cannot enter again.",
        "goal": "What the series is for: a rule that holds within a time after entering.",
        "reentry": "Lets customers enter again; without it, a customer enters once.",
        "idle_exit": "A customer who received nothing for so long leaves.",
        "holdout": "Percent of customers kept aside to measure lift, 0 to 100.",
        "priority": "Whose messages go first where a cap or gap lets only some through: the higher; 0 when absent.",
        "breakdowns": "Attributes of customers to report by, as they were on entering, such as [plan, country].",
        "guards": "Limits of this series, in place of the project's; `null` takes one back.",
        "blocks": "The blocks by id; rule blocks that nothing leads to are the ways in.",
        "moved": "Blocks that are gone, and the block or blocks at which customers go on who stand there.",
        "removed": "Blocks that are gone, and whose customers leave: their paths end there.",
    }
)
GOAL: Keys = MappingProxyType(
    {
        "rule": "The rule that is the goal.",
        "within": "How long after entering the goal counts.",
        "exits": "Whether reaching the goal ends the entry; true when absent.",
        "value": "What reaching the goal is worth, a number such as event_sum('purchase', 'amount').",
    }
)
MESSAGE_GOAL: Keys = MappingProxyType(
    {
        "rule": "The rule that is the message's goal; measured, never an exit.",
        "within": "How long after receipt the goal counts.",
    }
)
REENTRY: Keys = MappingProxyType(
    {
        "after": "How long after an entry ended the next may begin.",
        "limit": "How many entries a customer has at most, the first included; no limit when absent.",
    }
)
BLOCK_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "rule": "rule",
        "content": "content",
        "wait": "wait",
        "wait_until": "wait",
        "tag": "tag",
        "untag": "tag",
    }
)
"""The keys that say what a block is, with the kind; a block has exactly one of them."""

ANY_BLOCK: Keys = MappingProxyType(
    {
        "label": "The block's title for people.",
        "then": "The block or list of blocks that follow; every one of them is taken.",
    }
)
BLOCKS: Mapping[str, Keys] = MappingProxyType(
    {
        "rule": MappingProxyType(
            {
                "rule": "A condition over the customer; who matches goes on along `then`.",
                "within": "How long the rule waits for the customer to match; decided on arrival when absent.",
                "else": "The block or list of blocks for those who did not match.",
                **ANY_BLOCK,
            }
        ),
        "content": MappingProxyType(
            {
                "content": f"The channel of the message: {', '.join(CHANNELS)}, or one declared in series.yml.",
                "try_for": "How long the message tries to be received; 3 days when absent.",
                "send": "When the message may be sent; at any time when absent.",
                "once_per_address": "Whether an address gets the message once only, whoever has it; false when absent.",
                "goal": "What the message is for, counted from receipt.",
                "else": "The block or list of blocks for those who did not receive the message.",
                **ANY_BLOCK,
            }
        ),
        "wait": MappingProxyType(
            {
                "wait": "How long to wait, such as `1 day`.",
                "wait_until": "A date-time, `monday 09:00`, `09:00`, each by the series' clock or with an offset "
                "(`09:00Z`), or an expression over the customer's attributes.",
                **ANY_BLOCK,
            }
        ),
        "tag": MappingProxyType(
            {
                "tag": "The tag that the customer gets.",
                "untag": "The tag that the customer loses.",
                **ANY_BLOCK,
            }
        ),
    }
)
SEND: Keys = MappingProxyType(
    {
        "days": "The weekdays on which the window begins; every day when absent.",
        "from": "The time of day from which messages may be sent, such as '09:00'.",
        "to": "The time of day at which sending stops, such as '17:00'.",
        "timezone": "`customer` for the customer's own, or an IANA time zone; the project's when absent.",
    }
)

PROJECT: Keys = MappingProxyType(
    {
        "warehouse": "The database that holds the sources and the state.",
        "timezone": "The IANA time zone of send windows and wall-clock waits; UTC when absent.",
        "sources": "The tables and columns of the sources, where they differ from the defaults.",
        "dbt": "Where the dbt project is that builds the sources.",
        "channels": "How content reaches people, by channel.",
        "senders": "The ways out, by name.",
        "tags": "How what tag blocks do reaches other systems; it stays in the warehouse when absent.",
        "sending": "When messages may be sent, and how they are put together to batches.",
        "sends": "Whether senders that reach outside may send; false when absent. A target says it for itself.",
        "targets": "Places where the same series run, such as `dev` and `prod`: what differs there, by name.",
        "guards": "Limits; the batches of a run that goes beyond one are held until a person decides.",
    }
)
TARGET: Keys = MappingProxyType({key: text for key, text in PROJECT.items() if key != "targets"})
WAREHOUSE: Keys = MappingProxyType(
    {
        "engine": "The database engine; `duckdb`.",
        "path": "The database file, relative to the project.",
        "publish": "When the copy for readers is brought up to date: `every_run`, `nightly` or `off`.",
        "attach": "Other databases by name, read only; sources name their tables as `name.schema.table`.",
    }
)
PUBLISH = ("every_run", "nightly", "off")
"""When the published copy of the results is brought up to date."""
DBT: Keys = MappingProxyType(
    {
        "project": "The folder of the dbt project, relative to this one; this one when absent.",
        "target_path": "The folder in it that holds `manifest.json`, as dbt's `target-path`; `target` when absent.",
    }
)
ATTACH: Keys = MappingProxyType(
    {
        "path": "The database file, relative to the project.",
        "type": "`duckdb`, which is the default, or `sqlite`.",
    }
)
ATTACHED = ("duckdb", "sqlite")
SOURCE_KINDS: Keys = MappingProxyType(
    {
        "table": "The table or view, such as `crm.contacts`, also in an attached database.",
        "sql": "One SELECT over tables of the warehouse and attached databases.",
        "parquet": "A Parquet file or glob, relative to the project, such as `exports/events/*.parquet`.",
        "csv": "A CSV file or glob, relative to the project; every column is text until `types` says otherwise.",
        "dbt": "A dbt model, seed or snapshot: its name, or `package.name`.",
        "postgres": "A query on a Postgres server, fetched at every run.",
    }
)
"""Where a source's rows come from; a source has at most one of these keys, and by default is a table of its name."""

POSTGRES: Keys = MappingProxyType(
    {
        "dsn": "How to connect, as `{env: NAME}`: `postgresql://user:password@host/database` stands in that variable.",
        "query": "One SELECT, in the words of Postgres.",
        "watermark": "A column that only grows from row to row; rows below the newest one kept are not fetched again.",
        "overlap": "How far behind the newest watermark fetching begins, for rows that come late; 0 when absent.",
    }
)
SOURCE: Keys = MappingProxyType(
    {
        **SOURCE_KINDS,
        "delimiter": "What stands between the values of a CSV file, such as ';' or `tab`; a comma when absent.",
        "columns": "The source's column names to the table's own, where they differ.",
        "types": "Columns to the type they are read as; a value that does not fit is unknown.",
        "lag": "How late rows may arrive; what a deadline decides waits for so long.",
        "max_age": "How old the newest row may be; a run with an older source is refused.",
        "updated_at": "The column of `customers` that says when a row was changed; `max_age` needs it.",
        "max_drop": "Percent of the customers of the run before that may be missing; else the run is refused.",
        "asset_key": "The Dagster asset that fills the table, such as `dbt/customers`; the table's name when absent.",
    }
)
SOURCE_GUARDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "max_age": ("customers", "events", "engagements"),
        "updated_at": ("customers",),
        "max_drop": ("customers",),
    }
)
"""The keys that only these sources may have."""

GUARDS: Keys = MappingProxyType(
    {
        "messages_per_run": "The most messages of one run; of all series together that have no limit of their own.",
        "messages_per_customer": "The most messages to one customer in one run, counted likewise.",
        "volume": "How many times its usual volume a series may send in a day.",
        "entry_share": "Percent of all customers that an entry rule may match anew in one run.",
    }
)
CHANNEL: Keys = MappingProxyType(
    {
        "address": "An expression that must be known and not blank for the customer to be reached.",
        "consent": "A rule that must hold for the customer to be written to.",
        "receipts": "Whether engagements tell what was received; if not, queueing does, even if held or dropped later.",
        "sender": "The sender that takes the batches.",
        "engagements": "What customers can do with its messages, such as [opened, clicked]; rules are held against it.",
    }
)
TAGS: Keys = MappingProxyType({"sender": "The sender that takes the tags that series add and remove."})
SENDING: Keys = MappingProxyType(
    {
        "batch_size": "How many messages a batch holds at most.",
        "quiet_hours": "When nobody is sent anything, whatever a block's own `send` says.",
        "caps": "How many messages a customer gets within a time at most, by channel; `all` is all of them together.",
        "gap": "The time between two messages to a customer at least; or one time by channel, `all` for any two.",
        "suppress": f"What ends all messages of its channel to an address: {', '.join(SUPPRESSING_KINDS)}.",
        "test_customers": "A rule over attributes; whom it holds for waits for no send window, quiet hours, cap, gap.",
        "stopped": "Whether nothing is queued or handed off at all; false when absent.",
    }
)
ALL_CHANNELS = "all"
QUIET_HOURS: Keys = MappingProxyType(
    {
        "days": "The weekdays on which quiet hours begin; every day when absent.",
        "from": "The time of day at which quiet hours begin, such as '21:00'.",
        "to": "The time of day from which messages may be sent again, such as '08:00'.",
        "timezone": SEND["timezone"],
        "channels": "The channels that keep quiet; all of them when absent.",
    }
)
SEGMENTS: Keys = MappingProxyType({"segments": "Rules by name, for `in_segment('name')`."})

SOURCES: Keys = MappingProxyType(
    {
        "customers": "The customers, one row each, with their attributes; needs `customer_id`.",
        "companies": "The companies with their attributes; needs `company_id`.",
        "customer_companies": "Who belongs to which company; needs `customer_id` and `company_id`.",
        "events": "What customers did; needs `customer_id`, `name` and `occurred_at`, may have `properties` (JSON).",
        "engagements": "What came back for messages; needs `message_id`, `kind`, `occurred_at`, may have `link`.",
        "customer_tags": "The tags that customers have; needs `customer_id` and `tag`.",
    }
)
