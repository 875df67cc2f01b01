"""The tables of the report as a page for people: what ``docs/report.md`` holds."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.report.columns import ReportTable
from pipelines.report.measures import MEASURES
from pipelines.report.tables import TABLES
from warehouse.table import CUSTOMER_ID

_HEAD = """# The tables of the report

`series report` makes them from schema `series`, as the newest runs left it; `Project.report()` gives them as frames of
polars. They are stable: columns may be added, none is renamed or changes its meaning. `series report --describe`
prints this page.

- **Null in `version`, `entry_rules`, `maturity` or `breakdown` means all of them together.** Such rows repeat what the
  others tell one by one, so a sum goes over rows of one kind only.
- **The person is the unit of every rate and interval.** A customer counts once per series, with the first entry: there
  the arm was drawn, and only there both arms are alike. Later entries of the same customer are counted as entries, and
  are never the base of an interval. Customers whose goal held already on entering are left out of it.
- **Intervals are 95 % confidence intervals** of one look at the data. Who looks every day and stops at the first
  interval that pleases will be fooled: 30 daily looks raise 26 % false alarms.
- **Matured and censored are kept apart**, because a goal may still come while its window is open. A matured rate is
  final; a censored one is a rate so far, and `time_to_goal` estimates what becomes of it.
- Times are naive UTC, days are those of the project's `timezone`, a duration is in days of 24 hours.
"""


def page() -> str:
    """The whole page, as Markdown."""
    return "\n".join([_HEAD, *(line for table in TABLES.values() for line in _table(table))])


def _table(table: ReportTable) -> Iterator[str]:
    yield f"## `{table.name}`\n"
    yield f"A row is {table.grain}. It is named by {', '.join(f'`{name}`' for name in table.key)}.\n"
    yield "| column | type | meaning |"
    yield "|---|---|---|"
    for column in table.columns:
        type_ = "as in the source" if column.type == CUSTOMER_ID else column.type.lower()
        yield f"| `{column.name}` | {type_} | {_cell(column.doc)} |"
    yield ""
    if table.name == "message_performance":
        yield "| measure | meaning |"
        yield "|---|---|"
        yield from (f"| `{name}` | {_cell(meaning)} |" for name, meaning in MEASURES.items())
        yield ""


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
