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
from dataclasses import dataclass

from pipelines.report.measures import ENDED_AS
from warehouse.table import CUSTOMER_ID, Column
from warehouse.tables import OUTCOMES

TEXT, NUMBER, SHARE, DAY, FLAG = "VARCHAR", "BIGINT", "DOUBLE", "DATE", "BOOLEAN"


@dataclass(frozen=True, slots=True)
class ReportTable:
    """One table of the report.

    Attributes:
        grain: What a row is.
        key: The columns that name a row.
        columns: In their order. Times and days of events are said in the columns' own words.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns' names in order."""
        return tuple(column.name for column in self.columns)


_SERIES = Column("series_id", TEXT, "The series.")
_VERSION = Column(
    "version",
    NUMBER,
    "1 for the first definition of the series that ran, then 2, ...: the one at which the entry began; joins "
    "`versions`. Null: all versions. 0: the run that made the entry is not recorded.",
)
_MESSAGE_VERSION = Column(
    "version",
    NUMBER,
    "The version of the series that queued the message, holds it back now, or gave it up; joins `versions`. "
    "Null: all versions.",
)
_ARM = Column("arm", TEXT, "`treatment`, or `holdout`: kept aside and sent nothing.")
_MATURITY = Column(
    "maturity",
    TEXT,
    "`matured`: the goal window, with the longest lag of the sources, had passed at the series' newest run; "
    "`censored`: it is open, so goals are still to come. Null: both. Without a goal all is `matured`.",
)
_BLOCK = Column("block_id", TEXT, "The block within the series.")


def _counted(of: str = "") -> tuple[Column, ...]:
    return (
        Column(
            "measured_customers",
            NUMBER,
            f"Customers {of}who are counted in the rate: each with the first entry, whose goal did not hold already.",
        ),
        Column("converted_customers", NUMBER, "Of these, customers who reached the goal in their first entry."),
    )


def _interval(name: str, of: str) -> tuple[Column, ...]:
    return (
        Column(f"{name}_low", SHARE, f"Lower end of the 95 % interval of {of}; null like it."),
        Column(f"{name}_high", SHARE, f"Upper end of the 95 % interval of {of}; null like it."),
    )


_RATE = (
    Column(
        "rate",
        SHARE,
        "converted_customers / measured_customers, 0 to 1; where entries are censored, so far. Null: nobody is "
        "measured, or the series has no goal.",
    ),
    *_interval("rate", "`rate` (Wilson)"),
)
_VALUE = Column("value", SHARE, "Sum of the goal's value over the entries; null: the goal has no value.")

VERSIONS = ReportTable(
    "versions",
    "one version of one series that has run",
    ("series_id", "version"),
    (
        _SERIES,
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
        _SERIES,
        _VERSION,
        _ARM,
        Column(
            "entry_rules",
            TEXT,
            "The entry rules that the entry has matched, sorted, with commas between; each entry is in one slice. "
            "Null: all.",
        ),
        Column(
            "breakdown",
            TEXT,
            "The customer's attribute at entry that entries are told apart by. Null: by none.",
        ),
        Column("breakdown_value", TEXT, "Its value; null beside a breakdown: it was unknown."),
        Column(
            "cohort_by",
            TEXT,
            "`all`, or `day`, `week` (from Monday) or `month` of entering; project's time zone.",
        ),
        Column("cohort", DAY, "First day of the cohort; null where cohort_by is `all`."),
        _MATURITY,
        Column("entries", NUMBER, "Entries, a customer's later ones included."),
        Column("customers", NUMBER, "Customers, each with the first entry."),
        Column("met_at_entry", NUMBER, "Entries whose goal held already on entering; these never count."),
        Column("goals", NUMBER, "Entries that reached the goal, whatever became of them."),
        _VALUE,
        *_counted(),
        Column(
            "converted_before_message",
            NUMBER,
            "Of the converted customers, those who did so before their first message was queued, or without any.",
        ),
        *_RATE,
    ),
)

LIFT = ReportTable(
    "lift",
    "one series with a holdout, by version and maturity: treatment against holdout",
    ("series_id", "version", "maturity"),
    (
        _SERIES,
        _VERSION,
        _MATURITY,
        *(
            Column(f"{arm}_{column.name}", column.type, f"{column.doc} Of the {arm}.")
            for arm in ("treatment", "holdout")
            for column in (
                Column("customers", NUMBER, "Customers, each with the first entry."),
                *_counted(),
                *_RATE,
            )
        ),
        Column("difference", SHARE, "treatment_rate - holdout_rate, -1 to 1. Null: one of them is."),
        *_interval("difference", "`difference` (Newcombe's hybrid); the series makes a difference where 0 is outside"),
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
        _SERIES,
        _VERSION,
        _ARM,
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
        _SERIES,
        _VERSION,
        _BLOCK,
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
        _SERIES,
        _VERSION,
        Column("from_block", TEXT, "The block that is left."),
        Column("to_block", TEXT, "The block it leads to."),
        Column("branch", TEXT, "`then`, `else` or `both`, in the newest version that has it; null: none has."),
        Column("in_definition", FLAG, "The newest version has the connection."),
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
        _SERIES,
        _MESSAGE_VERSION,
        _BLOCK,
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
        *_interval("rate", "`rate` (Wilson)"),
    ),
)

DAILY_PROGRESS = ReportTable(
    "daily_progress",
    "one day of one series in the project's time zone, from its first entry to its newest run",
    ("series_id", "day"),
    (
        _SERIES,
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
        _SERIES,
        _VERSION,
        _ARM,
        Column("status", TEXT, "What became of the entries; exclusive, so that they add up to all entries."),
        Column("entries", NUMBER, "Entries with this status now."),
        Column("goals", NUMBER, "Of these, entries that reached the goal; not exclusive, like the next ones."),
        Column("goals_after_end", NUMBER, "Of these, goals later than the end of the entry."),
        Column("finished_a_path", NUMBER, "Entries of which some path ended with a good outcome."),
        Column("sent", NUMBER, "Entries with a message that was sent (see `message_performance`)."),
        Column("received", NUMBER, "Entries with a message whose receipt is proved."),
        Column("met_at_entry", NUMBER, "Entries whose goal held already on entering."),
        _VALUE,
        *_counted("with this status "),
        *_RATE,
    ),
)

SERIES_OVERLAP = ReportTable(
    "series_overlap",
    "one series and arm, and another series whose treatment some of its customers got within their goal window",
    ("series_id", "arm", "other_series_id"),
    (
        _SERIES,
        _ARM,
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
        _BLOCK,
        Column("as_of", "TIMESTAMP", "The run (UTC) that wrote it last."),
        Column(
            "in_source", FLAG, "A run since then has found it in the customer_tags source; false: none has, so far."
        ),
    ),
)

TABLES: Mapping[str, ReportTable] = {
    table.name: table
    for table in (
        GOAL_CONVERSION,
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
