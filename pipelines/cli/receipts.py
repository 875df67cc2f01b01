"""The verb ``receipts``: take in what providers say became of messages."""

from __future__ import annotations

from pathlib import Path

import click

from pipelines.cli.invocation import Invocation, common_options, end, say


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


@receipts.command()
@click.argument("folder", metavar="SPOOL", type=click.Path(file_okay=False, path_type=Path))
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(0, 65535), default=8377, show_default=True, help="Port; 0 is any.")
@common_options("text")
@click.pass_obj
def serve(_: Invocation, folder: Path, host: str, port: int) -> None:
    """Take webhooks into a folder to load from.

    Until SIGTERM; `series receipts load SPOOL` loads what has come. A path is open where its secret is in the
    environment: /sendgrid (SENDGRID_WEBHOOK_KEY), /mailgun (MAILGUN_WEBHOOK_KEY), /postmark (POSTMARK_WEBHOOK_LOGIN,
    name:password) and /receipts (SERIES_RECEIPTS_SECRET), for signed requests in our own words. Encryption is the
    business of a proxy in front of it.
    """
    from pipelines.receipts.serve import serve

    serve(host, port, folder, say)
