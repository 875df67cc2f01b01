"""The tables of a warehouse's state, as data.

Schema ``series`` is what analysts query and stays stable. Schema ``series_state`` is what the next run needs:
the open visits and the tag writes that the source does not show yet. ``series.visits`` is the union of the open
visits and the closed ones, so that a run touches only what is open, however long the history.
"""

from __future__ import annotations

from dataclasses import replace

from warehouse.table import CUSTOMER_ID, Column, Table

SCHEMA_VERSION = 9
"""Raised with every change of a table here; ``warehouse.migrations`` leads from each version to the next."""

OUTCOMES = ("matched", "not_matched", "delivered", "not_delivered", "waited", "tagged", "moved", "removed")
"""How a block is left while its entry goes on."""

BLOCKED_BY = (
    "no_address", "no_consent", "suppressed", "send_window", "quiet_hours", "cap", "gap", "customer_missing", "stopped",
)  # fmt: skip
"""Why a message is not queued yet."""

ENTRY_STATUSES = ("active", "finished", "disengaged", "exited", "goal", "stopped", "held_out")
"""Exclusive: every entry has one of them."""

_ENTRY = Column("entry_id", "BIGINT", "The entry; a number that ascends with the runs that made them.")
_ENTRY_OF = replace(_ENTRY, doc="The entry; joins `entries`.", references="entries.entry_id")
_SERIES = Column("series_id", "VARCHAR", "The series, which is its file's name.")
_CUSTOMER = Column("customer_id", CUSTOMER_ID, "The customer, in the source's own type.")
_BLOCK = Column("block_id", "VARCHAR", "The block within the series.")
_AS_OF = Column("as_of", "TIMESTAMP", "The logical time (UTC) of the run that wrote the row; joins `ticks`.")

META = Table(
    "series_state",
    "meta",
    "one row: the version of these tables, whose they are, and what the newest run had",
    (
        Column("schema_version", "INTEGER", "See warehouse.tables.SCHEMA_VERSION."),
        Column("target", "VARCHAR", "The target whose runs these are; null: of a project without targets, so far."),
        Column("has_customer_tags", "BOOLEAN", "Whether the newest run had a `customer_tags` source; null: none said."),
    ),
)

TAG_CHANNEL = "tags"
"""What batches of tag writes have as their channel; no channel of messages is called so."""

TICKS = Table(
    "series",
    "ticks",
    "one run of one series; written last, so that its presence says the run is whole",
    (
        Column("tick_id", "VARCHAR", "The run: its `as_of` as 20260301T090000Z."),
        _AS_OF,
        _SERIES,
        Column(
            "definition_hash",
            "VARCHAR",
            "The version of the series that ran; joins `definitions`.",
            references="definitions.definition_hash",
        ),
        Column("status", "VARCHAR", "The status of the series at that run.", values=("live", "emptying", "stopped")),
        Column("entered", "BIGINT", "New entries, the held-out ones included."),
        Column("held_out", "BIGINT", "Of these, entries kept aside in the holdout."),
        Column("reopened", "BIGINT", "Finished or disengaged entries that became active again."),
        Column("advanced", "BIGINT", "Advances that reached a block."),
        Column("merged", "BIGINT", "Advances to a block that the entry had visited before."),
        Column("waits_ended", "BIGINT", "Visits of wait blocks that ended."),
        Column("tags_written", "BIGINT", "Tag writes."),
        Column("messages_queued", "BIGINT", "Messages queued."),
        Column("goals", "BIGINT", "Entries that reached their goal."),
        Column("ended", "BIGINT", "Entries that ended, whatever the status."),
        Column(
            "customers_missing",
            "BIGINT",
            "Customers who are not in the source now, and whose entry is open, or was until the series was stopped.",
        ),
        Column("committed_at", "TIMESTAMP", "Wall clock (UTC) of the commit."),
    ),
)

DEFINITIONS = Table(
    "series",
    "definitions",
    "one version of one series that has run",
    (
        Column("definition_hash", "VARCHAR", "SHA-256 of `text`, hexadecimal.", unique=True),
        _SERIES,
        Column("text", "VARCHAR", "The file as it stood, with the segments it could name."),
        Column("first_as_of", "TIMESTAMP", "The first run (UTC) that used it."),
    ),
)

ENTRIES = Table(
    "series",
    "entries",
    "one customer's passage through one series",
    (
        replace(_ENTRY, unique=True),
        _SERIES,
        _CUSTOMER,
        Column("entry_number", "BIGINT", "1 for the first entry of the customer into the series, then 2, ..."),
        Column(
            "arm", "VARCHAR", "`treatment`, or `holdout`: kept aside and sent nothing.", values=("treatment", "holdout")
        ),
        Column("entered_at", "TIMESTAMP", "The run (UTC) that let the customer in."),
        Column("status", "VARCHAR", "What became of it; `active` while it goes on.", values=ENTRY_STATUSES),
        Column("ended_at", "TIMESTAMP", "The run (UTC) that ended it; null while active or held out.", nullable=True),
        Column("goal_at", "TIMESTAMP", "When (UTC) the goal was seen to hold; null: not so far.", nullable=True),
        Column("goal_met_at_entry", "BOOLEAN", "The goal held already on entering; such an entry never counts."),
        Column("entry_rules", "VARCHAR[]", "Blocks of the entry rules that matched, sorted."),
        Column("goal_closed", "BOOLEAN", "The goal's window has closed without the goal; for good."),
        Column("path_finished", "BOOLEAN", "Some path of the entry has ended with a good outcome."),
        Column("superseded", "BOOLEAN", "The customer has a newer entry into the series."),
        Column(
            "attributes",
            "JSON",
            "The series' `breakdowns` as they were on entering, as text by name; null: there were none.",
            nullable=True,
        ),
        Column(
            "goal_value", "DOUBLE", "The goal's `value` at `goal_at`; null: no goal so far, or no value.", nullable=True
        ),
        Column(
            "goal_event_at",
            "TIMESTAMP",
            "When (UTC) the event happened that the goal rests on; null: no goal so far, or not on one event.",
            nullable=True,
        ),
    ),
)

OPEN_VISITS = Table(
    "series_state",
    "open_visits",
    "one block that an active entry waits at",
    (
        _ENTRY,
        _SERIES,
        _CUSTOMER,
        Column("entry_number", "BIGINT", "As in `entries`."),
        _BLOCK,
        Column("kind", "VARCHAR", "The block's kind: rule, content or wait."),
        Column("arrived_at", "TIMESTAMP", "When (UTC) the block was reached."),
        Column("arrived_as_of", "TIMESTAMP", "The run (UTC) that recorded the arrival."),
        Column(
            "deadline_at", "TIMESTAMP", "When (UTC) waiting ends at the latest; null: not known yet.", nullable=True
        ),
        Column(
            "blocked_by",
            "VARCHAR",
            "Why the message is not queued yet; null: nothing is in its way, or it is.",
            nullable=True,
        ),
        Column(
            "message_id", "VARCHAR", "The message queued here; null: none yet, or not a content block.", nullable=True
        ),
        Column("queued_at", "TIMESTAMP", "When (UTC) it was queued."),
    ),
)

CLOSED_VISITS = Table(
    "series_state",
    "closed_visits",
    "one block that an entry has left",
    (
        _ENTRY,
        _SERIES,
        _CUSTOMER,
        _BLOCK,
        Column("arrived_at", "TIMESTAMP", "When (UTC) the block was reached."),
        Column("arrived_as_of", "TIMESTAMP", "The run (UTC) that recorded the arrival."),
        Column(
            "deadline_at",
            "TIMESTAMP",
            "When (UTC) waiting would have ended at the latest; null: there was none.",
            nullable=True,
        ),
        Column("left_at", "TIMESTAMP", "When (UTC) it was left."),
        Column("left_as_of", "TIMESTAMP", "The run (UTC) that recorded the leaving."),
        Column("outcome", "VARCHAR", "How it was left: the block's outcome, or the status its entry ended with."),
    ),
)

ADVANCES = Table(
    "series",
    "advances",
    "one move along one connection",
    (
        _ENTRY_OF,
        _SERIES,
        _CUSTOMER,
        Column("from_block", "VARCHAR", "The block that was left."),
        Column("to_block", "VARCHAR", "The block that was reached."),
        Column("advanced_at", "TIMESTAMP", "When (UTC) the next block was reached."),
        _AS_OF,
        Column("merged", "BOOLEAN", "The entry had visited the block before; the move goes no further."),
    ),
)

TAG_WRITES = Table(
    "series",
    "tag_writes",
    "one tag added to or removed from one customer by one visit",
    (
        _ENTRY_OF,
        _SERIES,
        _BLOCK,
        _CUSTOMER,
        Column("tag", "VARCHAR", "The tag."),
        Column("action", "VARCHAR", "What happened to the tag.", values=("add", "remove")),
        _AS_OF,
        Column("tag_write_id", "VARCHAR", "A function of series, customer, entry number and block alone.", unique=True),
        Column(
            "batch_id",
            "VARCHAR",
            "The batch it leaves with; joins `batches`; null: it stays here, as no sender takes tags.",
            nullable=True,
            references="batches.batch_id",
        ),
        Column(
            "status",
            "VARCHAR",
            "How far it got; null: it stays here.",
            nullable=True,
            values=("queued", "handed_off", "refused", "dropped", "unknown"),
        ),
    ),
)

PENDING_TAGS = Table(
    "series_state",
    "pending_tags",
    "one tag of one customer that a series wrote and the source has not agreed with yet",
    (
        _CUSTOMER,
        Column("tag", "VARCHAR", "The tag."),
        Column("action", "VARCHAR", "The newest write's action; it decides until the source agrees."),
        _AS_OF,
    ),
)

MESSAGES = Table(
    "series",
    "messages",
    "one customer's copy of one content block",
    (
        Column("message_id", "VARCHAR", "A function of series, customer, entry number and block alone.", unique=True),
        _ENTRY_OF,
        _SERIES,
        _BLOCK,
        _CUSTOMER,
        Column("channel", "VARCHAR", "The kind of content."),
        Column("address", "VARCHAR", "Where it goes; null: the channel needs none.", nullable=True),
        Column("queued_at", "TIMESTAMP", "The run (UTC) that queued it."),
        Column("expires_at", "TIMESTAMP", "From then (UTC) on it is not sent any more."),
        Column("payload", "JSON", "The rendered content.", long=True),
        Column("batch_id", "VARCHAR", "The batch it leaves with; joins `batches`.", references="batches.batch_id"),
        Column(
            "status",
            "VARCHAR",
            "How far it got.",
            values=("queued", "handed_off", "refused", "expired", "dropped", "unknown"),
        ),
        Column(
            "received_at",
            "TIMESTAMP",
            "First proof of receipt (UTC), not before it was queued; null: none.",
            nullable=True,
        ),
        Column(
            "goal_at",
            "TIMESTAMP",
            "When (UTC) the message's own goal was seen to hold; null: not so far.",
            nullable=True,
        ),
        Column("goal_closed", "BOOLEAN", "The message goal's window has closed without the goal; for good."),
        Column("provider_message_id", "VARCHAR", "What its provider calls it; null: it has not said.", nullable=True),
    ),
)

FIRST_ENGAGEMENTS = Table(
    "series_state",
    "first_engagements",
    "one message and kind of engagement that a run has seen",
    (
        Column("message_id", "VARCHAR", "The message."),
        _SERIES,
        Column("kind", "VARCHAR", "The kind of engagement."),
        Column("occurred_at", "TIMESTAMP", "The first (UTC) of those that the run saw."),
        replace(_AS_OF, doc="The run (UTC) that saw it first."),
    ),
)

BATCHES = Table(
    "series",
    "batches",
    "messages, or tag writes, of one block handed to one sender together",
    (
        Column("batch_id", "VARCHAR", "The batch, and the name its files carry.", unique=True),
        _AS_OF,
        _SERIES,
        _BLOCK,
        Column("channel", "VARCHAR", "The kind of content; `tags` for tag writes."),
        Column("sender", "VARCHAR", "The sender of the project file that it goes to."),
        Column("message_count", "BIGINT", "How many messages, or tag writes, it holds."),
        Column(
            "status",
            "VARCHAR",
            "How far it got.",
            values=("pending", "held", "handed_off", "unknown", "failed", "dropped"),
        ),
        Column("attempts", "INTEGER", "How often it was offered, in the batches it came from too."),
        Column(
            "handed_off_at", "TIMESTAMP", "Wall clock (UTC) when the sender accepted it; null: not yet.", nullable=True
        ),
        Column("last_error", "VARCHAR", "What the sender said last, or why it waits; null: nothing.", nullable=True),
        Column(
            "parent_batch_id",
            "VARCHAR",
            "The batch in which its messages were offered before; null: a run made it.",
            nullable=True,
        ),
        Column(
            "next_attempt_at",
            "TIMESTAMP",
            "Wall clock (UTC) before which it is not offered again; null: at the next hand-off.",
            nullable=True,
        ),
        Column("offers", "BIGINT", "How often it was offered under its own id; 0: its sender does not know it."),
    ),
)

ABSENT_MESSAGES = Table(
    "series_state",
    "absent_messages",
    "one message that had not left at the newest run that looked, and whose customer that run did not find",
    (Column("message_id", "VARCHAR", "The message."),),
)

BATCH_DECISIONS = Table(
    "series",
    "batch_decisions",
    "one decision of a person about one batch",
    (
        Column("batch_id", "VARCHAR", "The batch; joins `batches`.", references="batches.batch_id"),
        Column(
            "decision",
            "VARCHAR",
            "Released and retried batches go to their sender, the messages of dropped ones are not sent any more.",
            values=("released", "retried", "dropped"),
        ),
        Column("why", "VARCHAR", "The person's reason."),
        Column("decided_by", "VARCHAR", "Who decided."),
        Column("decided_at", "TIMESTAMP", "Wall clock (UTC) of the decision."),
    ),
)

GUARD_FINDINGS = Table(
    "series",
    "guard_findings",
    "one limit that one run went beyond, for one series or source",
    (
        _AS_OF,
        Column("series_id", "VARCHAR", "The series; null: it is about a source.", nullable=True),
        Column("source", "VARCHAR", "The source; null: it is about a series.", nullable=True),
        Column("block_id", "VARCHAR", "The entry rule; null: the guard is about none.", nullable=True),
        Column(
            "guard",
            "VARCHAR",
            "The key that sets the limit.",
            values=("max_age", "max_drop", "messages_per_run", "messages_per_customer", "volume", "entry_share"),
        ),
        Column(
            "observed",
            "DOUBLE",
            "Hours for max_age (null: no row at all), percent for max_drop and entry_share, else messages.",
            nullable=True,
        ),
        Column("allowed", "DOUBLE", "The limit, in the same unit."),
        Column("customers", "BIGINT", "How many customers it is about; null: not about any.", nullable=True),
        Column(
            "action",
            "VARCHAR",
            "The batches of the series' run were held, or it had none; or a person let the run pass.",
            values=("held", "reported", "accepted"),
        ),
        Column("decided_by", "VARCHAR", "Who let the run pass; null: nobody did.", nullable=True),
    ),
)  # fmt: skip

SOURCE_COUNTS = Table(
    "series_state",
    "source_counts",
    "one source whose number of rows is compared from run to run",
    (
        Column("source", "VARCHAR", "The source."),
        Column("row_count", "BIGINT", "Its rows at the newest run that looked."),
        _AS_OF,
    ),
)

TABLES = (
    META, TICKS, DEFINITIONS, ENTRIES, OPEN_VISITS, CLOSED_VISITS, ADVANCES, TAG_WRITES, PENDING_TAGS, MESSAGES,
    FIRST_ENGAGEMENTS, BATCHES, ABSENT_MESSAGES, BATCH_DECISIONS, GUARD_FINDINGS, SOURCE_COUNTS,
)  # fmt: skip
"""Every table, in the order they are made."""
