"""Names and texts on their way into SQL, and the engine's words on their way out."""

from __future__ import annotations


def identifier(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text literal; whatever the text holds, it stays one."""
    return "'" + value.replace("'", "''") + "'"


def first_paragraph(error: Exception) -> str:
    """What an error says, without the hints and the statement that follow."""
    return str(error).split("\n\n")[0].strip()
