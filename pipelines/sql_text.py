"""From Python values to SQL text, the only way they get there: literals, identifiers, and the step templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from warehouse.quote import identifier, literal

__all__ = ["identifier", "interval", "literal", "render", "timestamp", "with_relations", "with_values"]

if TYPE_CHECKING:
    import jinja2

_KEPT = r"(?P<kept>'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|--[^\n]*)"
"""Texts, quoted names and comments: what stands in them is nobody's business."""

_PARAMETER = re.compile(_KEPT + r"|\$(?P<name>[a-z_]+)")
_SUPERFLUOUS = re.compile(_KEPT + r"|(?P<line>\n)(?:[ \t]*\n)+|[ \t]+(?=\n)")
_LINE_BREAK = re.compile(_KEPT + r"|\n(?=[^\n])")


def timestamp(moment: datetime) -> str:
    """A naive UTC timestamp literal."""
    return f"timestamp '{moment.isoformat(sep=' ')}'"


def interval(duration: timedelta) -> str:
    """An interval literal in the largest unit that fits; a day is 24 hours."""
    minutes, rest = divmod(duration, timedelta(minutes=1))
    if rest:
        raise ValueError(f"a duration is in whole minutes, not {duration}")
    for unit, size in (("day", 1440), ("hour", 60)):
        if minutes % size == 0:
            return f"interval '{minutes // size}' {unit}"
    return f"interval '{minutes}' minute"


def with_values(sql: str, values: Mapping[str, str]) -> str:
    """``sql`` with its parameters (``$as_of``) replaced by SQL text; literals and comments are left alone."""

    def replace(found: re.Match[str]) -> str:
        return found["kept"] or values[found["name"]]

    return _PARAMETER.sub(replace, sql)


def with_relations(sql: str, relations: Mapping[str, str]) -> str:
    """``sql`` with relations read under other names; texts, quoted names and comments are left alone.

    >>> with_relations("select 'a.b' from a.b as b where b.c > 1", {"a.b": "narrow"})
    "select 'a.b' from narrow as b where b.c > 1"
    """
    names = "|".join(re.escape(name) for name in relations)
    pattern = re.compile(rf"{_KEPT}|(?<![\w.])(?P<name>{names})(?![\w.])")
    return pattern.sub(lambda found: found["kept"] or relations[found["name"]], sql)


def render(template: str, **structure: Any) -> str:
    """Render ``sql/<template>.sql.jinja``.

    Args:
        template: The step's name.
        structure: What the template arranges. Every text in it is SQL already, out of this module or out of
            `pipelines.rules`; templates never quote.
    """
    text = _environment().get_template(f"{template}.sql.jinja").render(**structure).strip()
    return _SUPERFLUOUS.sub(lambda found: found["kept"] or found["line"] or "", text)


def read_query(name: str) -> str:
    """The text of ``sql/NAME.sql``, in which there is nothing to fill in."""
    return _read(f"{name}.sql")


def _read(name: str) -> str:
    return files("sql").joinpath(name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 (it writes SQL, whose texts are quoted before they come here)
    )
    environment.filters["literal"] = literal
    environment.filters["indent"] = _indent
    return environment


def _indent(sql: str, width: int) -> str:
    """Jinja's own filter would also indent the lines of texts, which are then other texts."""
    return _LINE_BREAK.sub(lambda found: found["kept"] or f"\n{' ' * width}", sql)
