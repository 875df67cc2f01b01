"""The verb ``series plan``: what the next run would do with the files as they are now."""

from __future__ import annotations

from datetime import datetime

import click

from pipelines.cli.invocation import Invocation, as_of_option, common_options, end


@click.command()
@as_of_option
@click.option("--due", is_flag=True, help="Only series whose schedule has an instant since their last run.")
@click.option("--series", metavar="SERIES", multiple=True, help="Only this series; may be repeated.")
@click.option("--accept", metavar="GUARD", multiple=True, help="Plan a run that accepts max_age or max_drop.")
@click.option("--diff", is_flag=True, help="Show what changed in the text of each definition, too.")
@common_options("text", "json")
@click.pass_obj
def plan(
    invocation: Invocation,
    as_of: datetime | None,
    due: bool,
    series: tuple[str, ...],
    accept: tuple[str, ...],
    diff: bool,
) -> None:
    """Show what the next run would do.

    With the files and the warehouse as they are now: which definitions have changed since their last run, and what
    the run would do with each series. It is the run itself, rolled back: nothing is written, and nothing is sent.
    """
    from pipelines import output
    from pipelines.plan import display

    result = invocation.open().plan(as_of, series=series or None, due=due, accept=accept)
    click.echo(output.to_json(result) if invocation.format == "json" else display.text(result, diff=diff))
    end(display.failures(result))
