"""Each series as an asset: what its file says, as people read it."""

import base64
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from dagster import AssetSpec, MetadataValue

from pipelines.block_words import describe
from pipelines.graph import build_graph
from pipelines.model import AnyBlock, Definitions, Series, Text
from pipelines.picture import draw

from . import environment
from .freshness import series_freshness
from .keys import Keys
from .metadata import Metadata, table, text

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def series_specs(
    definitions: Definitions, reads: Mapping[str, Collection[str]], folder: Path, keys: Keys
) -> list[AssetSpec]:
    """Every series whose file can be read, and a word about those whose file cannot.

    Args:
        definitions: What the project's files say.
        reads: By series, the sources that it reads; of one that is not named, nobody knows, and they may be any.
        folder: The project's folder.
        keys: What assets are called.
    """
    sources = definitions.settings.sources
    readable = [
        AssetSpec(
            keys.series(series.series_id),
            deps=[keys.source(sources[name]) for name in reads.get(series.series_id, sources)],
            group_name="series",
            kinds={"yaml", series.status},
            owners=_owners(series.owner),
            description=_description(series),
            metadata={**_file(series, folder), "status": series.status, "schedule": series.schedule},
            freshness_policy=series_freshness(series),
        )
        for series in definitions.series.values()
    ]
    refused = [
        AssetSpec(
            keys.series(series_id),
            group_name="series",
            kinds={"yaml"},
            description=f"{series.file} has errors; no run starts until they are gone. `series validate` lists them.",
            metadata=_file(series, folder),
        )
        for series_id, series in definitions.refused.items()
    ]
    return [*readable, *refused]


def _description(series: Series) -> str:
    picture = base64.b64encode(draw(series.blocks, build_graph(series.blocks)).encode()).decode()
    parts = [
        f"**{text(series.title or series.series_id)}**",
        text(series.description) if series.description else "",
        f"![The blocks of {text(series.series_id)}](data:image/svg+xml;base64,{picture})",
        table(
            ["block", "kind", "what", "then", "else"],
            [
                [text(block_id), block.kind, text(_what(block)), _targets(block.then), _targets(block.els)]
                for block_id, block in series.blocks.items()
            ],
        ),
    ]
    return "\n\n".join(part for part in parts if part)


def _what(block: AnyBlock) -> str:
    return f"{block.label}: {describe(block)}" if block.label else describe(block)


def _targets(targets: tuple[Text, ...]) -> str:
    return ", ".join(text(target.value) for target in targets)


def _owners(owner: str | None) -> list[str]:
    """Dagster knows addresses and teams."""
    if not owner:
        return []
    return [owner if _EMAIL.fullmatch(owner) else f"team:{owner}"]


def _file(series: Series, folder: Path) -> Metadata:
    """Where the definition is: on this machine, or where SERIES_FILE_URL says."""
    url = environment.read(environment.FILE_URL)
    if url:
        return {"definition": MetadataValue.url(f"{url.rstrip('/')}/{series.file}")}
    return {"definition": MetadataValue.path(folder / series.file)}
