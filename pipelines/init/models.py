"""The models of a dbt project as candidates: the tables that dbt has built of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipelines.definitions.dbt_manifest import MANIFEST, Model, ephemeral, list_models
from pipelines.definitions.settings import WAREHOUSE_PATH
from pipelines.init.candidate import Candidate
from pipelines.init.opened import opened
from pipelines.init.places import Found, from_project
from pipelines.origin import RESERVED
from pipelines.problems import UsageError
from pipelines.sql_text import identifier
from warehouse.inputs import Database


def find_models(folder: Path, dbt: Path, built: Path | None) -> Found:
    """What a dbt project has built into a DuckDB file.

    Args:
        folder: The project's folder, which need not be there.
        dbt: The folder of the dbt project.
        built: The file that dbt builds; None: it is looked for in the dbt project, by the name that dbt has for it.

    Raises:
        UsageError: There is no manifest of a project with models, or no file of its database.
        WarehouseError: The file cannot be opened.
    """
    option = f"--dbt {dbt}"
    if not dbt.is_dir():
        raise UsageError(f"{option}: there is no such folder.")
    try:
        models = list_models(dbt / "target" / MANIFEST)
    except ValueError as error:
        raise UsageError(f"{option}: {error}.") from None
    # By how many models are in it: dbt writes most of them to the database of its profile.
    databases = [model.relation[0] for model in models if model.relation]
    if not databases:
        raise UsageError(f"{option}: its manifest has no model that is a table or a view.")
    database = max(databases, key=databases.count)
    own = folder / WAREHOUSE_PATH
    path = _file(option, database, dbt, built, own)
    attach = None if path.resolve() == own.resolve() else (database, from_project(folder, path))
    if attach and database.lower() in (*RESERVED, own.stem):
        raise UsageError(
            f"{option}: its database is called `{database}`, as series call one of their own; give the file that dbt "
            f"builds another name, or let dbt build {own}."
        )
    inputs = (Database(database, path.resolve(), "duckdb"),) if attach else ()
    candidates, unusable = _candidates(models, database, own, inputs)
    if not candidates:
        raise UsageError(f"{option}: {path} has none of its models yet; run `dbt build`.")
    return Found(candidates, unusable, attach, from_project(folder, dbt))


def _file(option: str, database: str, dbt: Path, built: Path | None, own: Path) -> Path:
    if built is not None:
        return built
    beside = dbt / f"{database}.duckdb"
    for path in (beside, own):
        if path.stem == database and path.is_file():
            return path
    raise UsageError(
        f"{option}: its models are in the database `{database}`, and there is no {beside}. Say with --warehouse which "
        "DuckDB file dbt builds; of another kind of database, sources are queries (`postgres`) or exports."
    )


def _candidates(
    models: Sequence[Model], database: str, own: Path, inputs: tuple[Database, ...]
) -> tuple[tuple[Candidate, ...], dict[str, str]]:
    found: list[Candidate] = []
    unusable = {}
    with opened(own, inputs) as warehouse:
        for model in models:
            if model.relation is None:
                unusable[model.name] = ephemeral(model.name)
                continue
            if model.relation[0] != database:
                unusable[model.name] = f"the dbt model `{model.name}` is in another database, `{model.relation[0]}`"
                continue
            relation = ".".join(map(identifier, model.relation))
            columns = warehouse.columns(relation)
            if columns is None:
                unusable[model.name] = f"the dbt model `{model.name}` is not built yet; run `dbt build`"
                continue
            area, name = model.relation[1], model.name.rpartition(".")[2]
            place = {"dbt": model.name}
            found.append(Candidate(model.name, area, name, tuple(columns), place, relation, inputs=inputs))
    return tuple(found), unusable
