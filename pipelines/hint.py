"""The nearest valid word, for messages about a word that is not valid."""

from __future__ import annotations

from collections.abc import Iterable

NEAR_ENOUGH = 0.6


def nearest(word: str, valid: Iterable[str], near_enough: float = NEAR_ENOUGH) -> str | None:
    """The valid word most like ``word``, whatever the case of its letters; None when none is like it.

    >>> nearest("thn", ["label", "rule", "then"])
    'then'
    >>> nearest("Content", ["content"])
    'content'
    >>> nearest("colour", ["rule"])
    """
    from rapidfuzz import process
    from rapidfuzz.distance import OSA

    found = process.extractOne(
        word, list(valid), scorer=OSA.normalized_similarity, processor=str.lower, score_cutoff=near_enough
    )
    return found[0] if found else None


def did_you_mean(word: str, valid: Iterable[str]) -> str:
    """The end of a message that names the nearest valid word; empty when there is none.

    >>> did_you_mean("thn", ["then"])
    '; did you mean `then`?'
    """
    near = nearest(word, valid)
    return f"; did you mean `{near}`?" if near else ""


def there_is_no(kind: str, name: str, valid: Iterable[str]) -> str:
    """What is said to somebody who names a thing that is not there.

    >>> there_is_no("series", "onbording", ["onboarding", "winback"])
    'There is no series `onbording`; did you mean `onboarding`?'
    >>> there_is_no("customer", "c1", [])
    'There is no customer `c1`.'
    """
    return f"There is no {kind} `{name}`{did_you_mean(name, valid) or '.'}"


def target_option(target: str | None) -> str:
    """What a command that is shown needs so that it works on this target and no other.

    >>> target_option("prod"), target_option(None)
    (' --target prod', '')
    """
    return "" if target is None else f" --target {target}"
