"""Which table is which source, and which column is which: a proposal out of names and types, for people to accept.

The score of a table is that of its name and of its columns in equal parts, each from 0 to 100. A name that is a known
word scores 100; one that is only like one scores less than any known word. A column must have a type that fits.
A table that lacks a needed column is not proposed, whatever its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.init.candidate import Candidate
from pipelines.init.synonyms import ATTRIBUTES, COLUMNS, PREFIXES, TABLES, Words
from pipelines.rules import family_of
from pipelines.sources import OPTIONAL, REQUIRED

EXACT, SYNONYM, LIKE = 100.0, 95.0, 60.0
"""The product's own name; another known word; a name that is at least `_NEAR` like one."""

_NEAR = 85.0
_RIVAL = 5.0
"""Tables whose scores are no further apart are for a person to choose from."""

_RAW = 20.0
"""What a table of a staging area has less than its namesake outside."""

_STAGING = ("raw", "staging", "stg", "src", "source", "landing", "tmp", "backup")
_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "occurred_at": ("time",),
    "properties": ("text", "other"),
    "unsubscribed": ("boolean",),
    "subscribed": ("boolean",),
}
"""Columns to the families they may be of; any other is text, or an id."""

_ID = re.compile(r"VARCHAR|UUID|ENUM\(.*|U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TableMap:
    """One source as it is in some table.

    Attributes:
        candidate: The table.
        columns: The product's name to the table's own, for every column that was found.
        score: 0 to 100; how sure it is.
    """

    source: str
    candidate: Candidate
    columns: Mapping[str, str]
    score: float = 100.0


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was found for one source.

    Attributes:
        best: The likeliest; None where nothing is like it.
        rivals: Others that are as likely, so that nobody but a person can say.
    """

    best: TableMap | None = None
    rivals: tuple[TableMap, ...] = field(default_factory=tuple)


def propose(candidates: Sequence[Candidate]) -> dict[str, Proposal]:
    """The likeliest table for each source; no table serves two."""
    taken: set[str] = set()
    found: dict[str, Proposal] = {}
    for source in REQUIRED:
        free = [one for one in candidates if one.title not in taken]
        ranked = sorted(filter(None, (_match(source, one) for one in free)), key=lambda each: -each.score)
        if not ranked:
            found[source] = Proposal()
            continue
        best, *others = ranked
        found[source] = Proposal(best, tuple(each for each in others if each.score >= best.score - _RIVAL))
        taken.add(best.candidate.title)
    return found


def propose_columns(source: str, candidate: Candidate) -> dict[str, str]:
    """The likeliest column of a table for each of a source's, for those that have one."""
    return {name: column for name, (column, _) in _columns(source, candidate).items()}


def id_columns(candidate: Candidate) -> list[str]:
    """The columns of a table that may be its customers' ids, the likeliest first."""
    words = (*COLUMNS["customers"]["customer_id"], f"{_singular(candidate.name.lower())}_id")
    scored = [
        (_score("_".join(_words(column)), words), column)
        for column, type_ in candidate.columns
        if _fits("customer_id", type_)
    ]
    return [column for score, column in sorted(scored, key=lambda each: -each[0]) if score]


def _match(source: str, candidate: Candidate) -> TableMap | None:
    name = _table_score(source, candidate)
    columns = _columns(source, candidate)
    if not name or any(column not in columns for column in REQUIRED[source]):
        return None
    needed = [columns[column][1] for column in REQUIRED[source]]
    score = (name + sum(needed) / len(needed)) / 2
    return TableMap(source, candidate, {each: column for each, (column, _) in columns.items()}, score)


def _table_score(source: str, candidate: Candidate) -> float:
    words = [word for word in _words(candidate.name) if word not in PREFIXES] or _words(candidate.name)
    name = _singular("_".join(words))
    score = _score(name, tuple(_singular(word) for word in TABLES[source]))
    is_staging = set(_words(candidate.area)) & set(_STAGING) or set(_words(candidate.name)) & set(_STAGING)
    return max(score - _RAW, 0.0) if is_staging else score


def _columns(source: str, candidate: Candidate) -> dict[str, tuple[str, float]]:
    wanted = dict(COLUMNS[source]) | (dict(ATTRIBUTES) if source == "customers" else {})
    found: dict[str, tuple[str, float]] = {}
    used: set[str] = set()
    for name, words in wanted.items():
        fitting = [column for column, type_ in candidate.columns if column not in used and _fits(name, type_)]
        scored = [(_score("_".join(_words(column)), words), column) for column in fitting]
        best = max(scored, key=lambda each: each[0], default=(0.0, ""))
        is_needed = name in (*REQUIRED[source], *OPTIONAL.get(source, ()))
        if best[0] >= (LIKE if is_needed else SYNONYM - len(words)):
            found[name] = (best[1], best[0])
            used.add(best[1])
    return found


def _score(name: str, words: Words) -> float:
    """How like a name is to the words, of which an earlier one counts a little more than a later one.

    >>> _score("customers", ("customers", "users")), _score("users", ("customers", "users"))
    (100.0, 94.0)
    >>> _score("custmers", ("customers", "users")), _score("orders", ("customers", "users"))
    (60.0, 0.0)
    """
    from rapidfuzz.distance import OSA

    if name == words[0]:
        return EXACT
    if name in words:
        return SYNONYM - words.index(name)
    near = max(OSA.normalized_similarity(name, word) for word in words) * 100
    return LIKE if near >= _NEAR else 0.0


def _fits(name: str, type_: str) -> bool:
    if name.endswith("_id"):
        return _ID.fullmatch(type_) is not None
    return family_of(type_) in _FAMILIES.get(name, ("text",))


def _words(name: str) -> list[str]:
    """A name's words, in small letters.

    >>> _words("Dim Customers"), _words("createdAt"), _words("e-mail")
    (['dim', 'customers'], ['created', 'at'], ['e', 'mail'])
    """
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name)
    return [word for word in re.split(r"[\W_]+", parted.lower()) if word]


def _singular(name: str) -> str:
    """A plural without its end, so that both are one word; it need not be English.

    >>> [_singular(name) for name in ("companies", "customers", "company", "people")]
    ['company', 'customer', 'company', 'people']
    """
    return f"{name[:-3]}y" if name.endswith("ies") else name[:-1] if name.endswith("s") and len(name) > 3 else name
