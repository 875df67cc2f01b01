"""A table of the report as data, and the columns that several of them share."""

from __future__ import annotations

from dataclasses import dataclass

from warehouse.table import Column

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


SERIES = Column("series_id", TEXT, "The series.")
VERSION = Column(
    "version",
    NUMBER,
    "1 for the first definition of the series that ran, then 2, ...: the one at which the entry began; joins "
    "`versions`. Null: all versions. 0: the run that made the entry is not recorded.",
)
MESSAGE_VERSION = Column(
    "version",
    NUMBER,
    "The version of the series that queued the message, holds it back now, or gave it up; joins `versions`. "
    "Null: all versions.",
)
ARM = Column("arm", TEXT, "`treatment`, or `holdout`: kept aside and sent nothing.")
MATURITY = Column(
    "maturity",
    TEXT,
    "`matured`: the goal window, with the longest lag of the sources, had passed at the series' newest run; "
    "`censored`: it is open, so goals are still to come. Null: both. Without a goal all is `matured`.",
)
BLOCK = Column("block_id", TEXT, "The block within the series.")


def counted(of: str = "") -> tuple[Column, ...]:
    """Who counts in a rate; ``of`` says which of them."""
    return (
        Column(
            "measured_customers",
            NUMBER,
            f"Customers {of}who are counted in the rate: each with the first entry, whose goal did not hold already.",
        ),
        Column("converted_customers", NUMBER, "Of these, customers who reached the goal in their first entry."),
    )


def interval(name: str, of: str) -> tuple[Column, ...]:
    """The ends of the interval of column ``name``."""
    return (
        Column(f"{name}_low", SHARE, f"Lower end of the 95 % interval of {of}; null like it."),
        Column(f"{name}_high", SHARE, f"Upper end of the 95 % interval of {of}; null like it."),
    )


RATE = (
    Column(
        "rate",
        SHARE,
        "converted_customers / measured_customers, 0 to 1; where entries are censored, so far. Null: nobody is "
        "measured, or the series has no goal.",
    ),
    *interval("rate", "`rate` (Wilson)"),
)
VALUE = Column("value", SHARE, "Sum of the goal's value over the entries; null: the goal has no value.")
ENTRY_RULES = Column(
    "entry_rules",
    TEXT,
    "The entry rules that the entry has matched, sorted, with commas between; each entry is in one slice. Null: all.",
)
COHORT = (
    Column("cohort_by", TEXT, "`all`, or `day`, `week` (from Monday) or `month` of entering; project's time zone."),
    Column("cohort", DAY, "First day of the cohort; null where cohort_by is `all`."),
)
CONVERSION = (
    Column("entries", NUMBER, "Entries, a customer's later ones included."),
    Column("customers", NUMBER, "Customers, each with the first entry."),
    Column("met_at_entry", NUMBER, "Entries whose goal held already on entering; these never count."),
    Column("goals", NUMBER, "Entries that reached the goal, whatever became of them."),
    VALUE,
    *counted(),
    Column(
        "converted_before_message",
        NUMBER,
        "Of the converted customers, those who did so before their first message was queued, or without any.",
    ),
    *RATE,
)
"""What is counted of a slice of the entries."""
