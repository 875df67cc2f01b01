"""Texts of messages that stand in files of their own, beside the series that send them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from pipelines.files import read_text
from pipelines.model import AnyBlock, Content, ContentBlock, Series, Text
from pipelines.problems import Position, Problem

KEY = "body_file"
FIELDS = {".md": "body", ".html": "html"}
"""The field that a file's text is, by the ending of its name."""


def with_body_files(series: Series, folder: Path) -> tuple[Series, list[Problem]]:
    """The series with the texts of the files that its messages name.

    Args:
        series: As its definition says.
        folder: Where paths begin; no file outside of it is read, whatever the path or a link on it says.

    Returns:
        The series, its messages without a file that cannot be used; and every problem found.
    """
    problems: list[Problem] = []
    files: dict[str, str] = {}
    blocks: dict[str, AnyBlock] = {}
    for block_id, block in series.blocks.items():
        blocks[block_id] = block
        path = block.fields.get(KEY) if isinstance(block, ContentBlock) else None
        if isinstance(block, ContentBlock) and isinstance(path, Text):
            text, found = _read(path, folder)
            problems += found
            blocks[block_id] = replace(block, fields=dict(_fields(block, path, text)))
            if text:
                files[path.value] = text.value
    return replace(series, blocks=blocks, files=files) if files or problems else series, problems


def _fields(block: ContentBlock, path: Text, text: Text | None) -> Iterator[tuple[str, Content]]:
    for name, content in block.fields.items():
        if name != KEY:
            yield name, content
        elif text:
            yield FIELDS[PurePosixPath(path.value).suffix], text


def _read(path: Text, folder: Path) -> tuple[Text | None, list[Problem]]:
    said = PurePosixPath(path.value)
    if said.suffix not in FIELDS:
        return None, [Problem(path.position, f"`{path}` must end in `.md` or `.html`, so that its text can be read")]
    outside = f"`{path}` leads out of `{folder.name}/`; put the file there, and name it by its path from there"
    if said.is_absolute() or ".." in said.parts or "\\" in path.value or ":" in path.value:
        return None, [Problem(path.position, outside)]
    found = folder / said
    try:
        if not found.resolve().is_relative_to(folder.resolve()):
            return None, [Problem(path.position, outside)]
        if not found.is_file():
            return None, [Problem(path.position, f"there is no file `{path}` in `{folder.name}/`")]
    except (OSError, ValueError) as error:
        return None, [Problem(path.position, f"`{path}` cannot be read: {error}")]
    return _text(found, f"{folder.name}/{said}", path)


def _text(path: Path, name: str, at: Text) -> tuple[Text | None, list[Problem]]:
    text, problems = read_text(path, name)
    if text is None:
        return None, problems
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        return None, [Problem(at.position, f"the file `{at}` is empty")]
    return Text(text, Position(name, 1, 1), tuple(text.split("\n")), exact=True), []
