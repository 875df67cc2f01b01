"""Which table a dbt model is, out of the manifest that dbt writes whenever it parses or builds the project."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.hint import did_you_mean
from pipelines.model import Settings, Source
from pipelines.origin import DbtModel
from pipelines.problems import Problem

_WAIT_SECONDS = 5.0
"""How long dbt may take to write the manifest."""

_RELATIONS = ("model", "seed", "snapshot")
"""The resource types that become tables or views."""


MANIFEST = "manifest.json"
"""The file in dbt's target folder."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model, seed or snapshot.

    Attributes:
        name: By which a source names it: `package.name` where several packages have one of the name.
        relation: Database, schema and table; None: it is ephemeral, so there is none.
    """

    name: str
    relation: tuple[str, str, str] | None


@dataclass(frozen=True, slots=True)
class _Manifest:
    """The relations of a manifest by every name that finds them: the model's, and ``package.model``."""

    file: str
    nodes: Mapping[str, list[Mapping[str, Any]]]


def find_models(settings: Settings, folder: Path) -> tuple[Settings, list[Problem]]:
    """Give each source that is a dbt model the relation that the manifest says.

    Args:
        settings: The settings as the project file has them.
        folder: The project's folder.

    Returns:
        The settings with the relations known, and a problem for each model that has none.
    """
    wanted = [source for source in settings.sources.values() if isinstance(source.origin, DbtModel)]
    if not wanted:
        return settings, []
    hint = ", and say under `dbt` where the dbt project is"
    try:
        manifest = _read(folder, Path(settings.dbt_project) / settings.dbt_target_path / MANIFEST, hint)
    except ValueError as error:
        return settings, [Problem(source.position, f"source `{source.name}`: {error}") for source in wanted]
    catalogs = {Path(settings.warehouse_path).stem, *settings.attachments}
    found: dict[str, Source] = {}
    problems = []
    for source in wanted:
        assert isinstance(source.origin, DbtModel)
        try:
            relation = _relation(manifest, source.origin.model, catalogs)
            found[source.name] = replace(source, origin=replace(source.origin, relation=relation))
        except ValueError as error:
            problems.append(Problem(source.position, f"source `{source.name}`: {error}"))
    return replace(settings, sources={**settings.sources, **found}), problems


def list_models(path: Path) -> list[Model]:
    """Everything in a manifest that a source can be.

    Raises:
        ValueError: There is no such manifest, or none that can be read.
    """
    named = _read(Path(), path).nodes
    models = []
    for name, nodes in named.items():
        _, dot, bare = name.partition(".")
        is_needed = len(named[bare]) > 1 if dot else len(nodes) == 1
        if is_needed:
            models.append(Model(name, None if _is_ephemeral(nodes[0]) else _place(nodes[0])))
    return models


def absent_models(settings: Settings, folder: Path) -> list[Problem]:
    """A problem for each source whose model `find_models` has not found."""
    origins = (source.origin for source in settings.sources.values())
    if all(origin.relation for origin in origins if isinstance(origin, DbtModel)):
        return []
    return find_models(settings, folder)[1]


def _read(folder: Path, path: Path, hint: str = "") -> _Manifest:
    try:
        content = _content(folder / path)
        nodes = [node for node in content["nodes"].values() if node["resource_type"] in _RELATIONS]
    except FileNotFoundError:
        raise ValueError(f"there is no dbt manifest {path.as_posix()}; run `dbt parse` or `dbt build`{hint}") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{path.as_posix()} is no dbt manifest that can be read; run `dbt parse`") from None
    named: dict[str, list[Mapping[str, Any]]] = {}
    for node in nodes:
        # Of a model in several versions, the latest is what others get who do not ask for one.
        if node.get("version") is None or node["version"] == node.get("latest_version"):
            for name in (node["name"], f"{node['package_name']}.{node['name']}"):
                named.setdefault(name, []).append(node)
    return _Manifest(path.as_posix(), named)


def _content(path: Path) -> Any:
    """What the file holds; dbt writes it in place, so a torn one is read again, for a while."""
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            return json.loads(path.read_bytes())
        except ValueError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)


def _relation(manifest: _Manifest, name: str, catalogs: Iterable[str]) -> tuple[str, str, str]:
    nodes = manifest.nodes.get(name, [])
    if not nodes:
        raise ValueError(f"{manifest.file} has no model `{name}`{did_you_mean(name, manifest.nodes)}")
    if len(nodes) > 1:
        packages = " or ".join(f"`{node['package_name']}.{name}`" for node in nodes)
        raise ValueError(f"several dbt packages have a model `{name}`; write {packages}")
    node = nodes[0]
    if _is_ephemeral(node):
        raise ValueError(ephemeral(name))
    database, schema, alias = _place(node)
    if database.lower() not in {catalog.lower() for catalog in catalogs}:
        raise ValueError(
            f"the dbt model `{name}` is in the database `{database}`, which is not attached; under `warehouse` write "
            f"`attach: {{{database}: {{path: …}}}}` with the file that dbt builds"
        )
    return database, schema, alias


def ephemeral(name: str) -> str:
    """Why such a model cannot be a source."""
    return f"the dbt model `{name}` is ephemeral, so there is no table of it; materialize it as one"


def _is_ephemeral(node: Mapping[str, Any]) -> bool:
    return bool(node.get("config", {}).get("materialized") == "ephemeral")


def _place(node: Mapping[str, Any]) -> tuple[str, str, str]:
    return str(node["database"]), str(node["schema"]), str(node["alias"])
