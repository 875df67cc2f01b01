"""The command line: takes words, asks a ``Project``, writes what it answers.

Results go to standard output, everything else to standard error. Exit code 0: done; 1: the work failed; 2: wrong
usage or a refused definition. Only click is imported with this module, so that ``series --help`` answers at once.
"""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click

from pipelines.cli.batches import batches
from pipelines.cli.explain import explain
from pipelines.cli.invocation import Invocation, Verbs, as_of_option, common_options, end, say, warn
from pipelines.cli.plan import plan
from pipelines.cli.receipts import receipts
from pipelines.init.options import place_options, table_options
from pipelines.problems import RefusedError, UserError


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="warehouse-series", prog_name="series")
@common_options("text", "json")
def main() -> None:
    """Customer journeys that run inside the data warehouse."""


@main.command()
@click.argument("folder", default=".", type=click.Path(file_okay=False, path_type=Path))
@place_options
@table_options
@click.option("--yes", is_flag=True, help="Take what is proposed instead of asking.")
@click.option("--no-input", is_flag=True, help="Ask nothing; what is not said must have the default names.")
@click.option("--force", is_flag=True, help="Replace series.yml, and keep a copy of it.")
@click.option("--samples", is_flag=True, help="Show rows (personal data) where output is no terminal, too.")
@common_options("text", "json")
@click.pass_obj
def init(
    invocation: Invocation,
    /,
    folder: Path,
    warehouse: Path | None,
    parquet: tuple[str, ...],
    csv: tuple[str, ...],
    dbt: Path | None,
    columns: tuple[str, ...],
    yes: bool,
    no_input: bool,
    force: bool,
    samples: bool,
    **tables: str | None,
) -> None:
    """Make a project in FOLDER, the current one by default.

    Looks at tables, exported files or dbt models, proposes which of them is what, asks, writes series.yml and a first
    series, and checks them. Whatever is there already stays as it is.
    """
    from pipelines import output
    from pipelines.init import display
    from pipelines.init.choice import Wishes
    from pipelines.init.places import Places
    from pipelines.init.prompts import Prompts
    from pipelines.init.verb import init_project

    result = init_project(
        invocation.project_dir / folder,
        places=Places(warehouse, parquet, csv, dbt),
        wishes=Wishes.parse(tables, columns),
        asker=Prompts() if sys.stdin.isatty() and not (yes or no_input) else None,
        accept=yes,
        force=force,
        samples=samples or (invocation.format == "text" and sys.stdout.isatty()),
    )
    if invocation.format == "json":
        facts = {field: getattr(result, field) for field in ("folder", "written", "backup", "sources", "samples")}
        problems = [output.problem_facts(problem) for problem in result.problems]
        click.echo(output.to_json({**facts, "problems": problems}))
    else:
        click.echo(display.init(result))
    if any(problem.severity == "error" for problem in result.problems):
        sys.exit(UserError.exit_code)


@main.command()
@common_options("text", "json", "github")
@click.pass_obj
def validate(invocation: Invocation) -> None:
    """Check every definition.

    Against the project and, where it is there, the warehouse. Every problem is shown at once.
    """
    from pipelines import output

    problems = invocation.open().problems()
    if invocation.format == "json":
        click.echo(output.to_json([output.problem_facts(problem) for problem in problems]))
    else:
        for problem in problems:
            github = invocation.format == "github"
            click.echo(output.github_annotation(problem, invocation.project_dir) if github else problem)
        click.echo(output.summary(problems))
    if any(problem.severity == "error" for problem in problems):
        sys.exit(RefusedError.exit_code)


@main.command("compile")
@click.argument("series_id", metavar="SERIES")
@as_of_option
@click.option("--dialect", type=click.Choice(["duckdb"]), default="duckdb", help="The SQL to write.")
@common_options("text", "json")
@click.pass_obj
def compile_series(invocation: Invocation, series_id: str, as_of: datetime | None, dialect: str) -> None:
    """Print the SQL that a run of SERIES would execute."""
    from pipelines import output
    from pipelines.schedule import current_instant

    instant = as_of or current_instant()
    sql = invocation.open().compile(series_id, instant)
    if invocation.format == "json":
        click.echo(output.to_json({"series_id": series_id, "as_of": instant, "dialect": dialect, "sql": sql}))
    else:
        click.echo(sql)


@main.command()
@click.argument("series_id", metavar="SERIES")
@click.argument("block_id", metavar="BLOCK")
@click.option("--customer", required=True, metavar="ID", help="Whose copy to show.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write it to this file, as a page.")
@click.option("--open", "in_browser", is_flag=True, help="Show it in the browser.")
@common_options("text", "json")
@click.pass_obj
def preview(
    invocation: Invocation, series_id: str, block_id: str, customer: str, html: Path | None, in_browser: bool
) -> None:
    """Show a message as it would go out.

    The message of BLOCK in SERIES, rendered for one customer by the SQL that a run uses. Nothing is written or sent.
    """
    from pipelines import output, preview_display

    result = invocation.open().preview(series_id, block_id, customer)
    if html:
        html.write_text(preview_display.page(result), encoding="utf-8")
    if in_browser:
        click.launch(str(html.resolve()) if html else preview_display.temporary_page(result))
    if not html and not in_browser:
        click.echo(output.to_json(result) if invocation.format == "json" else preview_display.text(result))


main.add_command(plan)


@main.command()
@as_of_option
@click.option("--due", is_flag=True, help="Only series whose schedule has an instant since their last run.")
@click.option("--series", metavar="SERIES", multiple=True, help="Only this series; may be repeated.")
@click.option("--no-hand-off", is_flag=True, help="Leave the batches for a later `series hand-off`.")
@click.option("--accept", metavar="GUARD", multiple=True, help="Run although max_age or max_drop refuses; recorded.")
@common_options("text", "json")
@click.pass_obj
def run(
    invocation: Invocation,
    as_of: datetime | None,
    due: bool,
    series: tuple[str, ...],
    no_hand_off: bool,
    accept: tuple[str, ...],
) -> None:
    """Run the series, then hand off their messages.

    Every series that is not draft or paused takes part, unless --due or --series says otherwise.
    """
    from pipelines import display, output

    project = invocation.open()
    result = project.run(as_of, series=series or None, due=due, hand_off=not no_hand_off, accept=accept)
    click.echo(output.to_json(result) if invocation.format == "json" else display.run(result))
    warn(display.unsent(result.hand_off))
    end(display.failures(result))


@main.command()
@common_options("text", "json")
@click.pass_obj
def hand_off(invocation: Invocation) -> None:
    """Offer the pending batches again."""
    from pipelines import display, output

    result = invocation.open().hand_off()
    click.echo(output.to_json(result) if invocation.format == "json" else display.hand_off(result))
    warn(display.unsent(result))
    end(display.hand_off_failures(result))


main.add_command(batches)
main.add_command(receipts)


@main.command()
@common_options("text", "json")
@click.pass_obj
def status(invocation: Invocation) -> None:
    """Show how the project stands.

    The series with their last run and entries by status, the customers waiting at each block, and the batches that
    have not reached their sender.
    """
    from pipelines import display, output

    result = invocation.open().status()
    click.echo(output.to_json(result) if invocation.format == "json" else display.status(result))


main.add_command(explain)


@main.command()
@click.argument("series_id", metavar="[SERIES]", required=False)
@click.option("--table", metavar="TABLE", help="Only this table, with every column.")
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), help="Write a file per table into it.")
@click.option("--describe", is_flag=True, help="Say what every table and column means, instead.")
@click.option("--open", "show", is_flag=True, help="With --format html: open the page in a browser.")
@common_options("text", "json", "csv", "parquet", "html")
@click.pass_obj
def report(
    invocation: Invocation, series_id: str | None, table: str | None, output: Path | None, describe: bool, show: bool
) -> None:
    """Show what the series did, and what they added.

    All of them in a line each, or SERIES in detail; as of their newest runs. Every number is in a table, for machines
    by --format; html writes pages for the browser, each a single file. It is also checked that the tables add up:
    where they do not, the exit code is 1.
    """
    from pipelines.report import verb

    if show and invocation.format != "html":
        raise click.UsageError("--open shows pages; add --format html --output FOLDER.")

    if describe:
        click.echo(verb.describe(), nl=False)
        return
    found = invocation.open().report(series_id)
    if invocation.format == "html":
        from pipelines.pages import verb as pages

        written = pages.write(found, series_id, table, output)
    else:
        written = verb.write(found, series_id, table, output, invocation.format)
    click.echo(written, nl=False)
    if show and click.launch(written.strip()):
        say("No browser could be opened; open the page yourself.")
    end(verb.failures(found))


@main.command()
@common_options("text", "json")
@click.pass_obj
def sources(invocation: Invocation) -> None:
    """Show each source: its table, rows, columns and problems.

    Where it comes from, how many rows it has and how new they are, and how each column is read. Rows are counted, so
    large tables take a moment.
    """
    from pipelines import output, source_display

    overview = invocation.open().sources()
    if invocation.format == "json":
        problems = [output.problem_facts(problem) for problem in overview.problems]
        click.echo(output.to_json({"sources": overview.sources, "problems": problems}))
    else:
        click.echo(source_display.sources(overview))
    if any(problem.severity == "error" for problem in overview.problems):
        sys.exit(UserError.exit_code)


@main.command()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write this file instead.")
@click.option(
    "--database", metavar="NAME", help="The database by which dbt knows the warehouse; its target's if absent."
)
@common_options("text", "json")
@click.pass_obj
def dbt_sources(invocation: Invocation, output: Path | None, database: str | None) -> None:
    """Print a dbt sources.yml for the tables of the results.

    With the descriptions of tables and columns, and tests of what is always true. For dbt 1.10.5 and later.
    """
    from pipelines.dbt_sources import dbt_sources, write_dbt_sources
    from pipelines.output import to_json

    text = dbt_sources(database)
    if output is not None:
        write_dbt_sources(output, text)
        text = f"{output}\n"
    click.echo(to_json(text.rstrip("\n")) if invocation.format == "json" else text, nl=invocation.format == "json")


@main.command()
@click.argument("paths", nargs=-1, metavar="[FILE]...", type=click.Path(path_type=Path))
@click.option("--exact", is_flag=True, help="A table that a run does not name has no changed rows.")
@common_options("text", "json")
@click.pass_obj
def test(invocation: Invocation, paths: tuple[Path, ...], exact: bool) -> None:
    """Play the tests of the series.

    They are files of series_definitions/tests/, or those given: sources, runs and the rows that each run changes. Each
    is played on a warehouse of its own, in memory; nothing is sent.
    """
    from pipelines import output
    from pipelines.scenarios import report

    results = invocation.open().test(paths, exact=exact)
    click.echo(output.to_json(results) if invocation.format == "json" else report.scenarios(results))
    states = {result.state for result in results}
    if states != {"passed"}:
        sys.exit(RefusedError.exit_code if "refused" in states else UserError.exit_code)


@main.command()
@click.argument("folder", default="demo", type=click.Path(path_type=Path))
@click.option(
    "--customers", type=click.IntRange(min=1), default=5_000, show_default=True, help="How many to begin with."
)
@click.option("--hours", type=click.IntRange(min=1), default=336, show_default=True, help="How many hourly runs.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed is another company.")
@click.option("--force", is_flag=True, help="Replace the warehouse and outbox of a demo; its series stay as they are.")
@common_options("text", "json")
@click.pass_obj
def demo(invocation: Invocation, folder: Path, customers: int, hours: int, seed: int, force: bool) -> None:
    """Make a project in FOLDER with generated customers, and run some weeks of it.

    A made-up company, its customers and their answers to the shipped series, hour by hour. FOLDER is an ordinary
    project afterwards.
    """
    from pipelines import output
    from pipelines.demo import Story, make_demo, report
    from pipelines.pages import write_pages
    from pipelines.project import Project

    story = Story(customers, hours, seed)
    result = make_demo(invocation.project_dir / folder, story, force=force, track=output.track)
    page = write_pages(Project.open(result.folder).report(), result.folder / "report")
    click.echo(output.to_json(result) if invocation.format == "json" else report.text(result, page))
    end(result.failures)


@main.command()
@click.argument("kind", type=click.Choice(["series", "segments", "project"]), default="series")
@click.option("--write", is_flag=True, help="Write all of them to series_definitions/.schema/ instead.")
@common_options("text", "json")
@click.pass_obj
def schema(invocation: Invocation, kind: str, write: bool) -> None:
    """Print the JSON Schema with which editors complete and check YAML.

    Of a series file by default, or of segments.yml, or of series.yml (project). A file names its schema in its first
    line: # yaml-language-server: $schema=.schema/series.json
    """
    from pipelines import output
    from pipelines.definitions.load import FOLDER
    from pipelines.definitions.schema import SCHEMAS, schema_text

    if not write:
        click.echo(schema_text(SCHEMAS[f"{kind}.json"]()), nl=False)
        return
    folder = invocation.project_dir / FOLDER / ".schema"
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / name for name in SCHEMAS]
    for file in files:
        file.write_text(schema_text(SCHEMAS[file.name]()), encoding="utf-8")
    names = [file.as_posix() for file in files]
    click.echo(output.to_json(names) if invocation.format == "json" else "\n".join(names))
