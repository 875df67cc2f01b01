"""The verb ``series explain``: what happened to one customer, and why."""

from __future__ import annotations

from datetime import datetime

import click

from pipelines.cli.invocation import Instant, Invocation, common_options


@click.command()
@click.argument("customer_id", metavar="CUSTOMER")
@click.option("--series", "series_id", metavar="SERIES", help="Only this series.")
@click.option("--as-of", type=Instant(), help="Judge rules at this instant (UTC); at the newest run by default.")
@common_options("text", "json")
@click.pass_obj
def explain(invocation: Invocation, customer_id: str, series_id: str | None, as_of: datetime | None) -> None:
    """Explain what happened to CUSTOMER and why, and why not.

    Each entry with its visits and messages, and each rule, taken apart, with the values it sees. Rules are judged as of
    the newest run of the series, or at --as-of: events up to then, attributes as the sources have them now. Nothing is
    written.
    """
    from pipelines import output
    from pipelines.explain import display

    result = invocation.open().explain(customer_id, series_id, as_of)
    click.echo(output.to_json(result) if invocation.format == "json" else display.text(result, display.width()))
