"""Whether the tables of the state agree with each other: nobody is lost on the way, and everything adds up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.model import GOOD_OUTCOMES
from pipelines.report.measures import MESSAGE_STATUSES
from pipelines.sql_text import literal, render
from warehouse import writes
from warehouse.adapter import Warehouse
from warehouse.tables import ENTRY_STATUSES, OUTCOMES

CHECKS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "visits": {},
    "advances": {"outcomes": OUTCOMES, "good_outcomes": GOOD_OUTCOMES},
    "entries": {"statuses": ENTRY_STATUSES},
    "messages": {"statuses": MESSAGE_STATUSES},
    "ticks": {},
}
"""The checks by name, ``sql/report/reconcile_<name>.sql.jinja``, with the words that their SELECTs need."""

MOST_SHOWN = 20
"""Rows of each check that are named; how many there are in all is said with them."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One row, or one sum, where the tables contradict each other.

    Attributes:
        check: One of `CHECKS`.
        what: The row: an entry, a block of an entry, a batch, a run, ...
        problem: What is wrong with it.
        alike: How many differences this check found in the series, this one included.
    """

    check: str
    series_id: str
    what: str
    problem: str
    alike: int

    def __str__(self) -> str:
        return f"{self.series_id}: {self.what}: {self.problem}"


def reconcile(warehouse: Warehouse) -> tuple[Difference, ...]:
    """Compare the tables of the state with each other; what `pipelines.report.prepare` makes must be there.

    Returns:
        The first differences of each check and series; none where everything adds up.
    """
    ((last_chunk,),) = warehouse.fetch(render("report/chunks"))
    suspects = render("report/suspects", **_quoted(CHECKS["advances"]), chunked=bool(last_chunk))
    warehouse.execute(writes.filled_table("report_suspects", suspects))
    found = []
    for check, words in CHECKS.items():
        query = render(
            "report/differences", select=render(f"report/reconcile_{check}", **_quoted(words)), most_shown=MOST_SHOWN
        )
        found += [Difference(check, *row) for row in warehouse.fetch(query)]
    return tuple(found)


def _quoted(words: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {name: [literal(word) for word in values] for name, values in words.items()}


def count(differences: tuple[Difference, ...]) -> int:
    """How many there are in all, those that are not named included."""
    return sum({(each.check, each.series_id): each.alike for each in differences}.values())


def describe(differences: tuple[Difference, ...]) -> str:
    """What is wrong, for people: each check with its rows."""
    lines = ["The tables contradict each other, so not every number of this report can be right:"]
    lines += [f"  {difference}" for difference in differences]
    if (left_out := count(differences) - len(differences)) > 0:
        lines.append(f"  and {left_out:,} more.")
    lines.append("Was a table of schema series or series_state changed by hand? If not, please report it as a defect.")
    return "\n".join(lines)
