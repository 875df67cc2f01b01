"""The tables of the report, as data: grain, and every column with its meaning.

They are stable: columns may be added, none is renamed or changes its meaning. The same conventions hold in all of them:

- Null in ``version``, ``entry_rules``, ``maturity`` or ``breakdown`` means all of them together; such rows repeat what
  the others say one by one, so sums go over rows of one kind only.
- The person is the unit of every rate and interval. A customer counts once per series, with the first entry: there the
  arm was drawn, and only there both arms are alike. Entries of the same customer are not independent of each other, so
  they are counted, and never the base of an interval. Customers whose goal held on entering are left out.
- Intervals are 95 % confidence intervals.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.report.columns import (
    ARM,
    BLOCK,
    COHORT,
    CONVERSION,
    DAY,
    ENTRY_RULES,
    FLAG,
    MATURITY,
    MESSAGE_VERSION,
    NUMBER,
    RATE,
    SERIES,
    SHARE,
    TEXT,
    VALUE,
    VERSION,
    ReportTable,
    counted,
    interval,
)
from pipelines.report.measures import ENDED_AS
from warehouse.table import CUSTOMER_ID, Column
from warehouse.tables import OUTCOMES

VERSIONS = ReportTable(
    "versions",
    "one version of one series that has run",
    ("series_id", "version"),
    (
        SERIES,
        Column("version", NUMBER, "1 for the first one that ran, then 2, ..."),
        Column("definition_hash", TEXT, "Its hash; joins `series.definitions`."),
        Column("first_as_of", "TIMESTAMP", "The first run (UTC) that used it."),
        Column("newest_as_of", "TIMESTAMP", "The newest run (UTC) that used it."),
        Column("runs", NUMBER, "How many runs used it."),
        Column("goal", TEXT, "The goal's rule; null: no goal."),
        Column("goal_within_days", SHARE, "The goal window in days of 24 hours; null: no goal."),
        Column("holdout", SHARE, "Share of customers kept aside, 0 to 1."),
        Column("is_newest", FLAG, "It is the one that ran last."),
    ),
)

GOAL_CONVERSION = ReportTable(
    "goal_conversion",
    "one slice of the entries of one series and arm: by version, entry rules, breakdown and entry cohort",
    ("series_id", "version", "arm", "entry_rules", "breakdown", "breakdown_value", "cohort_by", "cohort", "maturity"),
    (
        SERIES,
        VERSION,
        ARM,
        ENTRY_RULES,
        Column(
            "breakdown",
            TEXT,
            "The customer's attribute at entry that entries are told apart by. Null: by none.",
        ),
        Column("breakdown_value", TEXT, "Its value; null beside a breakdown: it was unknown."),
        *COHORT,
        MATURITY,
        *CONVERSION,
    ),
)

TAG_CONVERSION = ReportTable(
    "tag_conversion",
    "one slice of the entries, of one series and arm, whose customers have a tag: by version, entry rules and cohort",
    ("series_id", "version", "arm", "entry_rules", "tag", "cohort_by", "cohort", "maturity"),
    (
        SERIES,
        VERSION,
        ARM,
        ENTRY_RULES,
        Column(
            "tag",
            TEXT,
            "A tag that the customer has now, by `customer_tags_now`. It may have come after the entry, even with the "
            "goal, so it tells customers apart and causes nothing. Who has several is counted with each.",
        ),
        *COHORT,
        MATURITY,
        *CONVERSION,
    ),
)

LIFT = ReportTable(
    "lift",
    "one series with a holdout, by version and maturity: treatment against holdout",
    ("series_id", "version", "maturity"),
    (
        SERIES,
        VERSION,
        MATURITY,
        *(
            Column(f"{arm}_{column.name}", column.type, f"{column.doc} Of the {arm}.")
            for arm in ("treatment", "holdout")
            for column in (
                Column("customers", NUMBER, "Customers, each with the first entry."),
                *counted(),
                *RATE,
            )
        ),
        Column("difference", SHARE, "treatment_rate - holdout_rate, -1 to 1. Null: one of them is."),
        *interval("difference", "`difference` (Newcombe's hybrid); the series makes a difference where 0 is outside"),
        Column(
            "relative_lift",
            SHARE,
            "treatment_rate / holdout_rate - 1: 0.2 is a fifth more. Null: no holdout_rate, or 0.",
        ),
        Column("relative_lift_low", SHARE, "Lower end of its 95 % interval (Katz); null also where nobody converted."),
        Column("relative_lift_high", SHARE, "Upper end of its 95 % interval (Katz); null also where nobody converted."),
        Column(
            "added_conversions",
            SHARE,
            "difference x treatment_measured_customers: customers whose goal is the series' work, by the estimate.",
        ),
        Column("value_per_customer_treatment", SHARE, "Goal value per measured customer; null: the goal has no value."),
        Column("value_per_customer_holdout", SHARE, "Goal value per measured customer; null: the goal has no value."),
        Column("value_difference", SHARE, "Of these two, the first minus the second; null: the goal has no value."),
        Column(
            "expected_holdout_customers",
            SHARE,
            "Customers that the definition keeps aside, of those who entered.",
        ),
        Column(
            "sample_ratio_p_value",
            SHARE,
            "How often chance alone splits customers at least this unevenly (chi-square); null: nobody to split.",
        ),
        Column(
            "sample_ratio_ok",
            FLAG,
            "Not below 0.001. False: the arms are not what the definition says, so do not trust "
            "the lift. Null: nobody to split.",
        ),
        Column(
            "smallest_detectable_difference",
            SHARE,
            "A difference of this much would be found in 80 % of cases with so many customers and "
            "the holdout's rate (5 %, two-sided). Null: too few customers.",
        ),
    ),
)

TIME_TO_GOAL = ReportTable(
    "time_to_goal",
    "one day since entry of one series, version and arm",
    ("series_id", "version", "arm", "day"),
    (
        SERIES,
        VERSION,
        ARM,
        Column("day", NUMBER, "Days of 24 hours since entering; 0 is the entry itself."),
        Column("at_risk", NUMBER, "Measured customers watched for at least so long who had not converted before."),
        Column("converted_customers", NUMBER, "Customers who had converted by then."),
        Column(
            "converted_share",
            SHARE,
            "Share who have converted by then, estimated from all, also from those whose window is open (1 minus "
            "Kaplan-Meier). A goal is dated by its event, or else by the run that saw it.",
        ),
        Column("converted_share_low", SHARE, "Lower end of its interval (Greenwood, log-log); null: no goal by then."),
        Column("converted_share_high", SHARE, "Upper end of its interval (Greenwood, log-log); null: no goal by then."),
        Column("median_days", SHARE, "Days by which half of all customers have converted; null: fewer do."),
        Column("p90_days", SHARE, "Days by which nine in ten of all customers have converted; null: fewer do."),
        Column("converted_median_days", SHARE, "Median days to the goal of those who converted; null: nobody did."),
        Column(
            "converted_p90_days",
            SHARE,
            "Days within which nine in ten of them did; null: nobody did.",
        ),
    ),
)

BLOCK_FUNNEL = ReportTable(
    "block_funnel",
    "one block of one series, by version",
    ("series_id", "version", "block_id"),
    (
        SERIES,
        VERSION,
        BLOCK,
        Column("position", NUMBER, "The block's place on the way, from 1; null: no longer in the definition."),
        Column("kind", TEXT, "rule, content, wait or tag; null: no definition that ran tells."),
        Column("label", TEXT, "The block's title for people; null: it has none."),
        Column("arrived", NUMBER, "Entries that have reached the block; arrived = waiting + all outcomes."),
        Column("waiting", NUMBER, "Entries that are in it now."),
        Column("waiting_days_p50", SHARE, "Days that half of those waiting have been there at most; null: nobody is."),
        Column(
            "waiting_days_p90",
            SHARE,
            "Days that nine in ten of them have been there at most; null: nobody is.",
        ),
        *(Column(outcome, NUMBER, f"Left with the outcome `{outcome}`.") for outcome in OUTCOMES),
        *(
            Column(f"ended_{status}", NUMBER, f"Left because the entry ended with status `{status}` right here.")
            for status in ENDED_AS
        ),
        Column(
            "share_of_previous",
            SHARE,
            "arrived / entries that reached a block leading here, 0 to 1; for an entry rule share_of_entered. "
            "Null: nobody reached one.",
        ),
        Column("share_of_entered", SHARE, "arrived / entries of the treatment, 0 to 1; null: none."),
    ),
)

PATH_FLOW = ReportTable(
    "path_flow",
    "one connection of one series, by version",
    ("series_id", "version", "from_block", "to_block"),
    (
        SERIES,
        VERSION,
        Column("from_block", TEXT, "The block that is left."),
        Column("to_block", TEXT, "The block it leads to."),
        Column(
            "branch",
            TEXT,
            "`then`, `else` or `both`, in the newest version that has it; `moved`: only from a block that was gone.",
        ),
        Column("in_definition", FLAG, "The newest version has the connection, between blocks that it has."),
        Column("advanced", NUMBER, "Entries that reached the next block this way."),
        Column("merged", NUMBER, "Entries that came this way to a block they had visited already."),
        Column("share_of_left", SHARE, "(advanced + merged) / entries that have left from_block, 0 to 1; null: none."),
    ),
)

MESSAGE_PERFORMANCE = ReportTable(
    "message_performance",
    "one measure of the messages of one block, channel and version",
    ("series_id", "version", "block_id", "channel", "measure"),
    (
        SERIES,
        MESSAGE_VERSION,
        BLOCK,
        Column("channel", TEXT, "The kind of content; null: no definition that ran has the block."),
        Column("measure", TEXT, "What is counted; see the list of measures."),
        Column("messages", NUMBER, "Messages; visits where nothing was queued."),
        Column(
            "customers",
            NUMBER,
            "Customers they are for, each with the first message of the block; of visits: different customers.",
        ),
        Column(
            "rate",
            SHARE,
            "customers / customers of `sent`, 0 to 1; null: the measure is not about sent messages, or none was.",
        ),
        *interval("rate", "`rate` (Wilson)"),
    ),
)

DAILY_PROGRESS = ReportTable(
    "daily_progress",
    "one day of one series in the project's time zone, from its first entry to its newest run",
    ("series_id", "day"),
    (
        SERIES,
        Column("day", DAY, "The day, in the project's time zone."),
        Column("entered", NUMBER, "Entries that began, without the held-out ones."),
        Column("held_out", NUMBER, "Entries kept aside in the holdout."),
        Column("goals", NUMBER, "Entries of the treatment that reached the goal, by its event or else its run."),
        Column("holdout_goals", NUMBER, "Entries of the holdout that reached the goal."),
        Column("ended", NUMBER, "Entries that ended and have not been reopened since."),
        Column("active", NUMBER, "Entries that were active when the day ended, by what is known now."),
        Column("messages_queued", NUMBER, "Messages queued."),
        Column("messages_received", NUMBER, "Messages whose receipt was first proved."),
    ),
)

GOAL_BY_EXIT = ReportTable(
    "goal_by_exit",
    "one status of the entries of one series and arm, by version",
    ("series_id", "version", "arm", "status"),
    (
        SERIES,
        VERSION,
        ARM,
        Column("status", TEXT, "What became of the entries; exclusive, so that they add up to all entries."),
        Column("entries", NUMBER, "Entries with this status now."),
        Column("goals", NUMBER, "Of these, entries that reached the goal; not exclusive, like the next ones."),
        Column("goals_after_end", NUMBER, "Of these, goals later than the end of the entry."),
        Column("finished_a_path", NUMBER, "Entries of which some path ended with a good outcome."),
        Column("sent", NUMBER, "Entries with a message that was sent (see `message_performance`)."),
        Column("received", NUMBER, "Entries with a message whose receipt is proved."),
        Column("met_at_entry", NUMBER, "Entries whose goal held already on entering."),
        VALUE,
        *counted("with this status "),
        *RATE,
    ),
)

SERIES_OVERLAP = ReportTable(
    "series_overlap",
    "one series and arm, and another series whose treatment some of its customers got within their goal window",
    ("series_id", "arm", "other_series_id"),
    (
        SERIES,
        ARM,
        Column("other_series_id", TEXT, "The other series."),
        Column("customers", NUMBER, "Customers of the series and arm, each with the first entry."),
        Column(
            "shared_customers",
            NUMBER,
            "Of these, customers who were active in the other series' treatment in the goal window of their first "
            "entry (without a goal: while it was active). Their goals may be the other's work.",
        ),
        Column("shared_share", SHARE, "shared_customers / customers, 0 to 1."),
        Column("shared_goals", NUMBER, "Of the shared customers, those who reached the goal in it."),
    ),
)

CUSTOMER_TAGS_NOW = ReportTable(
    "customer_tags_now",
    "one tag that a series has given one customer and no series has taken away since",
    ("customer_id", "tag"),
    (
        Column("customer_id", CUSTOMER_ID, "The customer, in the source's own type."),
        Column("tag", TEXT, "The tag."),
        Column("series_id", TEXT, "The series that wrote it last."),
        BLOCK,
        Column("as_of", "TIMESTAMP", "The run (UTC) that wrote it last."),
        Column(
            "in_source",
            FLAG,
            "A run since then has found it in the customer_tags source; false: none has, so far. Null: the source was "
            "not there at the newest run.",
        ),
    ),
)

TABLES: Mapping[str, ReportTable] = {
    table.name: table
    for table in (
        GOAL_CONVERSION,
        TAG_CONVERSION,
        LIFT,
        TIME_TO_GOAL,
        BLOCK_FUNNEL,
        PATH_FLOW,
        MESSAGE_PERFORMANCE,
        DAILY_PROGRESS,
        GOAL_BY_EXIT,
        SERIES_OVERLAP,
        CUSTOMER_TAGS_NOW,
        VERSIONS,
    )
}
"""Every table of the report, by name."""
