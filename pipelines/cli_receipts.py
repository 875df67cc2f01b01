"""The verb ``receipts``: take in what providers say became of messages."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.invocation import Invocation, common_options, end


@click.group()
@common_options("text", "json")
def receipts() -> None:
    """Take in what providers say became of messages.

    Receipts count as engagements, beside the source of that name if there is one.
    """


@receipts.command()
@click.argument("paths", nargs=-1, required=True, metavar="FILE|FOLDER...", type=click.Path(path_type=Path))
@click.option(
    "--map", "provider", metavar="PROVIDER", help="Whose events they are: sendgrid, ses, postmark or mailgun."
)
@click.option("--remove", is_flag=True, help="Remove files once they are loaded; those with bad rows stay.")
@common_options("text", "json")
@click.pass_obj
def load(invocation: Invocation, paths: tuple[Path, ...], provider: str | None, remove: bool) -> None:
    """Load files of receipts: JSONL, CSV or Parquet.

    Columns are message_id, kind, occurred_at, and perhaps link and receipt_id; with --map, or where a file is called
    ….sendgrid.jsonl, the events of that provider. Nothing is taken twice, whatever is loaded again. Rows that cannot be
    used are named, the others are loaded; the exit code is then 1.
    """
    from pipelines import output
    from pipelines.receipts import display

    result = invocation.open().load_receipts(
        paths, provider, remove=remove, track=lambda groups: output.track(groups, "Loading")
    )
    click.echo(output.to_json(result) if invocation.format == "json" else display.loaded(result))
    end(display.failures(result))
