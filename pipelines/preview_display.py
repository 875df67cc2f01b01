"""How a preview looks: as text for a terminal, as a page for a browser."""

from __future__ import annotations

import html
import tempfile
from collections.abc import Iterator, Mapping
from typing import Any

from pipelines.preview import Preview

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; img-src https: http: data:; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; margin: 0; background: #f4f4f5; color: #18181b; }}
  header, main {{ max-width: 42rem; margin: 1.5rem auto; padding: 1rem 1.5rem; background: #fff; border-radius: 6px; }}
  header {{ font-size: 0.85rem; }}
  dl {{ display: grid; grid-template-columns: max-content 1fr; gap: 0.2rem 1rem; margin: 0; }}
  dt {{ color: #71717a; }}
  dd {{ margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; }}
  pre {{ white-space: pre-wrap; font: inherit; margin: 0; }}
</style>
</head>
<body>
<header><dl>
{facts}</dl></header>
<main>{body}</main>
</body>
</html>
"""
_BODIES = ("body", "html")


def text(preview: Preview) -> str:
    """The message for a terminal: what it says, then its text; of an HTML body the plain text."""
    body = preview.payload.get("body", "")
    lines = [*_facts(preview), *([""] if body else []), *str(body).split("\n")]
    return "\n".join("".join(sign if sign.isprintable() else " " for sign in line) for line in lines).rstrip()


def page(preview: Preview) -> str:
    """The message as a page of its own, which runs no scripts whatever the message holds."""
    facts = [line.partition(": ") for line in _facts(preview)]
    title = preview.payload.get("subject") or preview.payload.get("title") or preview.block_id
    return _PAGE.format(
        title=html.escape(str(title)),
        facts="".join(f"<dt>{html.escape(name)}</dt><dd>{html.escape(said)}</dd>\n" for name, _, said in facts),
        body=preview.payload.get("html") or f"<pre>{html.escape(str(preview.payload.get('body', '')))}</pre>",
    )


def temporary_page(preview: Preview) -> str:
    """The path of a new file with the page, which only this person can read."""
    with tempfile.NamedTemporaryFile("w", suffix=".html", prefix="preview_", encoding="utf-8", delete=False) as file:
        file.write(page(preview))
    return file.name


def _facts(preview: Preview) -> Iterator[str]:
    yield f"message: {preview.series_id}.{preview.block_id} for {preview.customer_id}, by {preview.channel}"
    if preview.address is not None:
        yield f"to: {preview.address}"
    for name, value in preview.payload.items():
        if name not in _BODIES:
            yield from _said(name, value)


def _said(name: str, value: Any) -> Iterator[str]:
    """One member a line, named by its path within the payload."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _said(f"{name}.{key}", inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value, 1):
            yield from _said(f"{name}.{number}", inner)
    else:
        yield f"{name}: {value}"
