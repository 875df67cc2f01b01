"""The SQL of a run as one script that stands for itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from pipelines.compile.compile import Statement, compile_calendar, compile_run, compile_setup, compile_views
from pipelines.execution import tick_id
from pipelines.guards import source_select
from pipelines.hint import there_is_no
from pipelines.memo import Memo
from pipelines.model import Definitions
from pipelines.problems import UsageError
from pipelines.run import (
    make_job,
    newest_runs,
    nothing_to_do,
    read_calendar,
    read_definitions,
    read_revised,
    refuse,
    versions,
)
from pipelines.schedule import format_instant
from pipelines.sources import customer_id_type, duplicate_checks
from pipelines.sql_text import literal, timestamp, with_values
from pipelines.standing import read_standing
from warehouse import state
from warehouse.adapter import Warehouse
from warehouse.inputs import Input


def write_script(
    warehouse: Warehouse, definitions: Definitions, series_id: str, as_of: datetime, inputs: Sequence[Input] = ()
) -> str:
    """What a run of one series would execute, from ``begin`` to ``commit``, with the instant written in.

    Before it stands what opens the ``inputs``, which the warehouse has been opened with.

    Raises:
        UsageError: There is no such series.
        RefusedError: A definition cannot be used.
        RunError: A source cannot be used.
    """
    checked, sources, problems = read_definitions(definitions, warehouse, Memo())
    refuse(problems)
    if series_id not in checked.series:
        raise UsageError(there_is_no("series", series_id, checked.series))
    job_definitions = replace(checked, series={series_id: checked.series[series_id]})
    version = state.read_version(warehouse)
    id_type = customer_id_type(sources) if version is None else state.customer_id_type(warehouse)
    standing = [] if version is None else read_standing(warehouse)
    views = compile_views(sources, id_type)
    for view in views:
        warehouse.execute(view.sql)
    texts = versions(definitions, job_definitions)
    settings = definitions.settings
    revised = frozenset() if version is None else read_revised(warehouse, texts)
    job = make_job(job_definitions, sources, standing, revised)
    statements = (
        *views,
        *(Statement(f"repeated ids of {name}", query, is_check=True) for name, _, query in duplicate_checks(sources)),
        *(Statement("what guards of sources look at", select) for select in [source_select(settings)] if select),
        *compile_setup(job, texts),
        *compile_calendar(read_calendar(warehouse, job, standing, as_of)),
        *compile_run(job, id_type),
    )
    values = {
        "as_of": timestamp(as_of),
        "tick_id": literal(tick_id(as_of)),
        "committed_at": "cast(now() as timestamp)",
    }
    newest = newest_runs(warehouse, version).get(series_id)
    idle = nothing_to_do(job_definitions.series[series_id], newest, as_of, due=False, named=True)
    parts = [
        f"-- What a run of {series_id} at {format_instant(as_of)} executes.",
        *([f"-- It would execute nothing now. {idle}"] if idle else []),
        "set timezone = 'UTC';",
        *(f"{each.statement()};" for each in inputs),
        "begin;",
        *(f"{statement};" for statement in state.create_statements(id_type)),
        *(_written(statement, values) for statement in statements),
        "commit;",
    ]
    return "\n\n".join(parts)


def _written(statement: Statement, values: Mapping[str, str]) -> str:
    title = f"must return nothing: {statement.name}" if statement.is_check else statement.name
    return f"-- {title}\n{with_values(statement.sql, values)};"
