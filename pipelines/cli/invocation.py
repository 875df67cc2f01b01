"""What every verb is told, the options that say so, and how messages and failures reach people."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from pipelines.problems import UserError
from pipelines.redact import redact
from warehouse.adapter import WarehouseError

if TYPE_CHECKING:
    from pipelines.project import Project

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass
class Invocation:
    """What every verb is told, whether it stands before the verb or after it."""

    project_dir: Path = Path()
    target: str | None = None
    format: str = "text"
    debug: bool = False

    def open(self) -> Project:
        """The project that the verb works on."""
        from pipelines.project import Project

        return Project.open(self.project_dir, notify=say, target=self.target)


class Verbs(click.Group):
    """The verbs, and the one place where exceptions become messages and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click passes it)
        """The verbs in the order people need them."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; whatever it raises ends as a message on standard error."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except UserError as error:
            _fail(ctx, str(error), error.exit_code)
        except WarehouseError as error:
            _fail(ctx, str(error))
        except Exception as error:  # noqa: BLE001 (this is the edge: what nobody foresaw ends as a message)
            debug = ctx.ensure_object(Invocation).debug
            _fail(ctx, traceback.format_exc().rstrip() if debug else _unexpected(error))


def _unexpected(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {error.strerror}."
    first_line = str(error).strip().partition("\n")[0]
    return (
        f"Unexpected {type(error).__name__}: {first_line}\n"
        "This is a defect of series, not of your project. --debug shows where it happened."
    )


def _fail(ctx: click.Context, message: str, exit_code: int = UserError.exit_code) -> NoReturn:
    say(message)
    ctx.exit(exit_code)


def say(message: str) -> None:
    """Messages quote data, which may hold codes that would command the terminal, and errors, which may hold secrets."""
    click.echo("".join(each if each.isprintable() or each == "\n" else " " for each in redact(message)), err=True)


class Instant(click.ParamType[datetime]):
    """An instant as people type it; a naive UTC datetime inside."""

    name = "instant"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Read the text, or fail as wrong usage."""
        from pipelines.schedule import parse_as_of

        if isinstance(value, datetime):
            return value
        try:
            return parse_as_of(value)
        except UserError as error:
            self.fail(str(error), param, ctx)


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    invocation = ctx.find_root().ensure_object(Invocation)
    if value is not None and param.name:
        setattr(invocation, param.name, value)


def common_options(*formats: str) -> Callable[[Command], Command]:
    """The options that every verb takes; what is not given leaves what stood before the verb."""
    folder = click.Path(exists=True, file_okay=False, path_type=Path)
    options = (
        option("--project-dir", type=folder, help="Folder of the project; the current one by default."),
        option("--target", metavar="NAME", help="Target of series.yml; as SERIES_TARGET says, or dev, by default."),
        option("--format", type=click.Choice(formats), help=f"How the result is written; {formats[0]} by default."),
        option("--debug", is_flag=True, help="Show the traceback of an unexpected error."),
    )

    def decorate(command: Command) -> Command:
        for add in reversed(options):
            command = add(command)
        return command

    return decorate


def option(name: str, **settings: Any) -> Callable[[Command], Command]:
    """An option that is remembered in the ``Invocation`` instead of being handed to the verb."""
    return click.option(name, default=None, expose_value=False, callback=_remember, **settings)


as_of_option = click.option("--as-of", type=Instant(), help="Instant (UTC) such as 2026-03-01T09:00Z; now by default.")


def warn(warnings: Sequence[str]) -> None:
    """Say what nobody may overlook."""
    for warning in warnings:
        say(warning)


def end(failures: Sequence[str]) -> None:
    """Exit with 1 when something failed, having said what."""
    for failure in failures:
        say(failure)
    if failures:
        sys.exit(UserError.exit_code)
