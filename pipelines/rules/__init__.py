"""Rules: one SQL condition over a customer, read, checked and made two-valued.

The parts are imported when they are first asked for, because sqlglot takes a while to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.rules.dialect import render
    from pipelines.rules.rule import parse_measure, parse_rule, parse_value
    from pipelines.rules.scope import Scope, family_of
    from pipelines.rules.values import property_sql

__all__ = ["Scope", "family_of", "parse_measure", "parse_rule", "parse_value", "property_sql", "render"]

_HOMES = {
    "Scope": "scope",
    "family_of": "scope",
    "parse_measure": "rule",
    "parse_rule": "rule",
    "parse_value": "rule",
    "property_sql": "values",
    "render": "dialect",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
