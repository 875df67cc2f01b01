"""Which table and column each source takes: out of what was proposed, what was said, and what people answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pipelines.hint import did_you_mean
from pipelines.init.candidate import Candidate, names
from pipelines.init.places import Found
from pipelines.init.proposal import Proposal, TableMap, propose, propose_columns
from pipelines.problems import UsageError
from pipelines.sources import OPTIONAL, REQUIRED

NONE = "none"
"""What people say for: there is no such source."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was said beforehand.

    Attributes:
        tables: Source to the name of its table, or to `NONE`.
        columns: Source to the product's column name to the table's own.
    """

    tables: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, tables: Mapping[str, str | None], columns: Sequence[str]) -> Wishes:
        """Read the options of the command line.

        Raises:
            UsageError: A column is not written as ``source.column=column``.
        """
        listed: dict[str, dict[str, str]] = {}
        for text in columns:
            left, equals, own = text.partition("=")
            source, dot, name = left.partition(".")
            if not (equals and dot and name and own):
                raise UsageError(f"--column {text}: write it as source.column=column, such as events.name=event_type.")
            if source not in REQUIRED:
                raise UsageError(f"--column {text}: there is no source `{source}`{did_you_mean(source, REQUIRED)}")
            listed.setdefault(source, {})[name] = own
        return cls({name: table for name, table in tables.items() if table is not None}, listed)


class Asker(Protocol):
    """Somebody who answers; None is given where nobody does."""

    def table(self, source: str, proposal: Proposal, candidates: Mapping[str, Candidate]) -> str:
        """The name of the source's table, or `NONE`."""
        ...

    def column(self, source: str, name: str, proposed: str | None, candidate: Candidate) -> str | None:
        """The table's own column for one of the source's; None where it has none."""
        ...


def choose(
    found: Found,
    ids: Mapping[Candidate, str],
    wishes: Wishes,
    asker: Asker | None,
    *,
    accept: bool,
) -> dict[str, TableMap]:
    """Settle every source.

    Args:
        found: What there is.
        ids: The column that a table's customers are known by, where counting has shown it.
        wishes: What was said; it is not asked again.
        asker: Who answers; None: nobody.
        accept: Whether proposals are taken where nobody is asked.

    Raises:
        UsageError: A table or column that was named is not there, or something is open and nobody is there to ask.
    """
    known = names(found.candidates)
    proposals = propose(found.candidates)
    open_questions: list[str] = []
    chosen: dict[str, TableMap] = {}
    for source in REQUIRED:
        wish = wishes.tables.get(source)
        if wish is None and asker is not None:
            wish = asker.table(source, proposals[source], known)
        if wish == NONE:
            continue
        if wish is not None:
            table = TableMap(source, _named(source, wish, found), {})
        else:
            proposal = proposals[source]
            open_questions += _open(source, proposal, accept=accept)
            if proposal.best is None or proposal.rivals:
                continue
            table = proposal.best
        counted = {"customer_id": ids[table.candidate]} if source == "customers" and table.candidate in ids else {}
        chosen[source] = _with_columns(table.source, table.candidate, counted, wishes.columns.get(source, {}), asker)
    if "customers" not in chosen and not open_questions:
        open_questions.append(_no_customers(found))
    if open_questions:
        raise UsageError("\n".join(open_questions))
    return chosen


def _with_columns(
    source: str, candidate: Candidate, counted: Mapping[str, str], wishes: Mapping[str, str], asker: Asker | None
) -> TableMap:
    own = {column: column for column, _ in candidate.columns}
    for name, column in wishes.items():
        if column not in own:
            raise UsageError(
                f"--column {source}.{name}={column}: {candidate.title} has no such column{did_you_mean(column, own)}"
            )
    columns = propose_columns(source, candidate) | dict(counted) | dict(wishes)
    for name in (*REQUIRED[source], *OPTIONAL.get(source, ())):
        if asker is not None and name not in wishes and columns.get(name) != name:
            answer = asker.column(source, name, columns.pop(name, None), candidate)
            columns |= {name: answer} if answer is not None else {}
    missing = [name for name in REQUIRED[source] if name not in columns]
    if missing:
        asked = " ".join(f"--column {source}.{name}=…" for name in missing)
        or_none = "" if source == "customers" else f", or leave it out with {flag(source)} {NONE}"
        raise UsageError(
            f"source `{source}`: which columns of {candidate.title} are {', '.join(missing)}? "
            f"It has: {', '.join(own)}. Say so with {asked}{or_none}."
        )
    return TableMap(source, candidate, columns)


def _named(source: str, wish: str, found: Found) -> Candidate:
    known = names(found.candidates)
    if wish in known:
        return known[wish]
    why = found.unusable.get(wish) or f"there is no such table{did_you_mean(wish, known) or '.'}"
    raise UsageError(f"{flag(source)} {wish}: {why}")


def _open(source: str, proposal: Proposal, *, accept: bool) -> list[str]:
    """What a person would have to say about a source."""
    if proposal.best is None:
        return []
    if proposal.rivals:
        listed = " or ".join(each.candidate.title for each in (proposal.best, *proposal.rivals))
        return [f"source `{source}` could be {listed}. Say which with {flag(source)}, or `{NONE}`."]
    renamed = any(name != own for name, own in proposal.best.columns.items() if name in REQUIRED[source])
    if accept or not (renamed or proposal.best.candidate.name != source):
        return []
    columns = ", ".join(f"{name} = {own}" for name, own in proposal.best.columns.items() if name != own)
    read_as = f" with {columns}" if columns else ""
    found = f"source `{source}` looks like {proposal.best.candidate.title}{read_as}"
    return [f"{found}. Take the proposals with --yes, or say {flag(source)}."]


def _no_customers(found: Found) -> str:
    listed = ", ".join(sorted(candidate.title for candidate in found.candidates))
    none = f"No table looks like customers. There are: {listed}. Say which with {flag('customers')}."
    return "\n".join([none, *found.warnings])


def flag(source: str) -> str:
    """The option that names a source's table.

    >>> flag("customer_tags")
    '--customer-tags'
    """
    return f"--{source.replace('_', '-')}"
