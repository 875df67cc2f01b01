"""What may become a source: a table, some files or a dbt model, whatever it is and wherever."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from warehouse.inputs import Input

Columns = tuple[tuple[str, str], ...]
"""Names and the engine's types, in their order."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One of them.

    Attributes:
        title: What people are shown and may say; no two have the same.
        area: The schema or folder it is in.
        name: What it is called there.
        columns: With the types that the source would have.
        place: What ``series.yml`` says of where the rows are: keys of a source with their values, in order.
        types: Column to the word of a source's ``types``, for those that are not to be read as they are.
        relation: What stands behind ``from``, quoted.
        inputs: What has to be opened for that beside the warehouse.
    """

    title: str
    area: str
    name: str
    columns: Columns
    place: Mapping[str, str] = field(compare=False)
    relation: str
    types: Mapping[str, str] = field(default_factory=dict, compare=False)
    inputs: tuple[Input, ...] = field(default=(), compare=False)


def names(candidates: Iterable[Candidate]) -> dict[str, Candidate]:
    """Candidates by what people may say: the title, the name with its area, and alone where that is not ambiguous."""
    listed = list(candidates)
    short = [one.name for one in listed]
    bare = {one.name: one for one in listed if short.count(one.name) == 1}
    return bare | {f"{one.area}.{one.name}": one for one in listed} | {one.title: one for one in listed}
