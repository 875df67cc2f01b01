"""The verb ``batches``: list them, and decide on those that wait for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pipelines.cli.invocation import Command, Invocation, common_options

if TYPE_CHECKING:
    from pipelines.hand_off.batches import Decision


@click.group(invoke_without_command=True)
@click.option("--status", metavar="STATUS", multiple=True, help="Only of this status; may be repeated.")
@click.option("--series", metavar="SERIES", multiple=True, help="Only of this series; may be repeated.")
@common_options("text", "json")
@click.pass_context
def batches(ctx: click.Context, status: tuple[str, ...], series: tuple[str, ...]) -> None:
    """List batches, and decide on those that wait for a person.

    Those that guards hold are released or dropped, those that failed or of which nobody knows are retried or dropped.
    Without --status, those that have neither left nor been dropped.
    """
    from pipelines import display, output

    if ctx.invoked_subcommand:
        return
    invocation = ctx.ensure_object(Invocation)
    found = invocation.open().batches(status=status, series=series)
    click.echo(output.to_json(found) if invocation.format == "json" else display.batches(found))


all_held_option = click.option("--all-held", is_flag=True, help="Every held batch, instead of naming them.")
all_failed_option = click.option("--all-failed", is_flag=True, help="Every failed or unknown batch, likewise.")


def decision_options(command: Command) -> Command:
    """What every decision about batches takes."""
    options = (
        click.argument("batch_ids", nargs=-1, metavar="[BATCH]..."),
        click.option("--series", metavar="SERIES", multiple=True, help="Instead of naming them: only of this series."),
        click.option("--why", metavar="TEXT", required=True, help="The reason; it is recorded."),
        click.option("--by", "decided_by", metavar="NAME", help="Who decides; the account you work under by default."),
        common_options("text", "json"),
    )
    for add in reversed(options):
        command = add(command)
    return command


@batches.command()
@all_held_option
@decision_options
@click.pass_obj
def release(invocation: Invocation, /, **decision: Any) -> None:
    """Let held batches go to their sender.

    They leave with the next run or `series hand-off`; messages that have expired by then do not.
    """
    _decide(invocation, "released", **decision)


@batches.command()
@all_failed_option
@decision_options
@click.pass_obj
def retry(invocation: Invocation, /, **decision: Any) -> None:
    """Offer failed and unknown batches once more.

    Of an unknown batch nobody knows whether its sender took it. Look there first: what did arrive, arrives twice.
    """
    _decide(invocation, "retried", **decision)


@batches.command()
@all_held_option
@all_failed_option
@decision_options
@click.pass_obj
def drop(invocation: Invocation, /, **decision: Any) -> None:
    """Do not offer the messages of batches any more.

    This is for good: the messages of held and failed batches are never sent nor queued again.
    """
    _decide(invocation, "dropped", **decision)


def _decide(invocation: Invocation, decision: Decision, **details: Any) -> None:
    from pipelines import display, output

    result = invocation.open().decide(decision, **details)
    click.echo(output.to_json(result) if invocation.format == "json" else display.decision(result))
