"""What messages cost, on made-up customers: rendered, and from a run to the files of their sender.

    python benchmarks/messages.py [--messages 1000000]

One series sends everybody one email in Markdown with a subject, conditions and links. Rendering is the payload's own
expression over all customers, compared with its floor: one column of the same table put behind a word. Then a run
queues and renders the messages, and a hand-off writes them as JSON lines.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from pathlib import Path

import duckdb
from engine import CUSTOMERS, OTHER_SOURCES, START, figure, machine, world

from pipelines import Project
from pipelines.compile.payload import payload_sql
from pipelines.model import ContentBlock
from pipelines.rules import family_of, render
from pipelines.templates.template import Attributes

SERIES = """
series: letters
status: live
schedule: hourly
blocks:
  everybody: {rule: seats >= 0, then: mail}
  mail:
    content: email
    subject: "{{ first_name | default('Hello') }}, what {{ plan | default('your plan') }} leaves out"
    preheader: Roles, an audit log and unlimited history
    body: |
      Hi {{ first_name | default('there') }},

      most teams that outgrow {{ plan | default('their plan') }} miss the same three things: roles, an audit log and
      unlimited history. {% if seats > 5 %}All **{{ seats }} of you**{% else %}You{% endif %} had until
      {{ trial_ends_at | date('%d.%m.%Y') }} to try them.

      [Take the two-minute look](https://example.com/premium?customer={{ customer_id }})
    unsubscribe_url: https://example.com/unsubscribe?customer={{ customer_id }}
"""
PROJECT = (
    "warehouse: {publish: off}\n"
    "channels: {email: {consent: null, address: \"coalesce(email, 'x@example.com')\"}}\nsending: {batch_size: 10000}\n"
)


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--messages", type=int, default=1_000_000)
    messages = arguments.parse_args().messages
    print(machine())
    print(f"{messages:,} messages\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        project = make_project(folder, messages)
        with world(folder) as connection:
            measure_rendering(connection, project)
        figure("queued and rendered by a run", lambda: project.run(START, hand_off=False))
        figure("written by the files sender", project.hand_off)
    print(f"{'peak memory':<48}{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:>8.1f} GiB")


def make_project(folder: Path, customers: int) -> Project:
    """The series, and as many customers."""
    for name in ("series_definitions", "warehouse"):
        (folder / name).mkdir()
    (folder / "series_definitions" / "letters.yml").write_text(SERIES)
    (folder / "series.yml").write_text(PROJECT)
    with world(folder) as connection:
        connection.execute(CUSTOMERS, {"customers": customers})
        for statement in OTHER_SOURCES:
            connection.execute(statement)
    return Project.open(folder)


def measure_rendering(connection: duckdb.DuckDBPyConnection, project: Project) -> None:
    """The payload's expression over all customers, and its floor."""
    block = project.definitions.series["letters"].blocks["mail"]
    assert isinstance(block, ContentBlock)
    columns = connection.execute("describe customers").fetchall()
    payload = render(payload_sql(block, Attributes({name: family_of(type_) for name, type_, *_ in columns}, {})))

    def show(expression: str) -> None:
        connection.execute(f"select sum(strlen({expression})) from customers as customer").fetchall()

    floor = figure("floor: a column behind a word", lambda: show("'Hi ' || first_name"))
    rendered = figure("rendered", lambda: show(payload))
    print(f"{'rendered / floor':<48}{rendered / floor:>8.1f}")


if __name__ == "__main__":
    main()
