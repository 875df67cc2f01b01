"""Names of fact columns: they read well, and equal calls have equal names in every rule."""

from __future__ import annotations

import hashlib
import re
from dataclasses import fields

from sqlglot import exp

from pipelines.rules.dialect import render
from pipelines.rules.model import Call, EngagementCall, SeriesCall, TagCall


def fact_name(call: Call) -> str:
    """The column of ``fact`` that holds the call's answer, e.g. ``did_login_3f2a9c01``."""
    content = [type(call).__name__]
    for field in fields(call):
        value = getattr(call, field.name)
        content.append(repr(render(value) if isinstance(value, exp.Expression) else value))
    digest = hashlib.sha256("\n".join(content).encode()).hexdigest()[:8]
    function, about = _words(call)
    readable = re.sub(r"[^a-z0-9]+", "_", about.lower(), flags=re.ASCII).strip("_")[:24].strip("_")
    return "_".join(part for part in (function, readable, digest) if part)


def _words(call: Call) -> tuple[str, str]:
    match call:
        case TagCall():
            return "has_tag", call.tag
        case EngagementCall():
            return call.function, call.block_id
        case SeriesCall():
            return call.function, call.series_id
        case _:
            return call.function, call.name
