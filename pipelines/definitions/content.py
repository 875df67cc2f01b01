"""Reads what a content block says to its customers: the fields that its channel knows, or any for a declared one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipelines.definitions.content_vocabulary import BODIES, CONTENT, MAIN_FIELDS, OWNERS, Field, Fields
from pipelines.hint import did_you_mean, nearest
from pipelines.model import Content, Text
from pipelines.reader import Reader

NOT_A_FIELD = 0.75
"""How like a key of blocks a free field must look to be taken for a slip of the pen: one letter of four."""


def read_content(reader: Reader, channel: str, keys: Mapping[str, str]) -> dict[str, Content]:
    """The fields of a message, in the order of its payload.

    Args:
        reader: The block.
        channel: Its channel; one that is not known here is declared in series.yml, and has whatever fields it likes.
        keys: What else content blocks have.
    """
    known = CONTENT.get(channel)
    if known is None:
        return _read_any(reader, keys)
    reader.refuse_unknown(
        [*keys, *known], {name: f"channel `{owner}`" for name, owner in OWNERS.items() if name not in known}
    )
    main = [name for name in MAIN_FIELDS if name in known]
    if not any(name in reader for name in main):
        _report_nothing(reader, " or ".join(f"`{name}`" for name in main))
    if len(written := [name for name in BODIES if name in reader]) > 1:
        both = " and ".join(f"`{name}`" for name in written)
        reader.report(reader.key_position(written[1]), f"{reader.where} has {both}; write its text in one place")
    content = _read_fields(reader, known)
    _check_paths(reader, content)
    return content


def _read_fields(reader: Reader, known: Fields) -> dict[str, Content]:
    found = {name: _read_field(reader, name, field) for name, field in known.items() if name in reader}
    return {name: content for name, content in found.items() if content is not None}


def _read_field(reader: Reader, name: str, field: Field) -> Content | None:
    match field.form:
        case "list":
            return tuple(_read_fields(item, field.fields) for item in reader.items(name, field.fields))
        case "map":
            return {key: _read_fields(item, field.fields) for key, item in reader.named(name, field.fields)}
    return reader.text(name)


def _read_any(reader: Reader, keys: Mapping[str, str]) -> dict[str, Content]:
    names = [name for name in reader.node.entries if name not in keys]
    for name in names:
        if meant := nearest(name, keys, NOT_A_FIELD):
            reader.report(reader.key_position(name), f"unknown key `{name}` in {reader.where}; did you mean `{meant}`?")
    if not names:
        _report_nothing(reader, "`body`, `title` or whatever its channel needs")
    found = {name: reader.free(name) for name in names}
    return {name: content for name, content in found.items() if content is not None}


def _report_nothing(reader: Reader, needed: str) -> None:
    reader.report(reader.key_position("content"), f"{reader.where} has no content; write a {needed}")


def _check_paths(reader: Reader, content: Mapping[str, Content]) -> None:
    """Every button of a bot leads somewhere, and to every path leads a button."""
    if not {"buttons", "paths"} & content.keys():
        return
    paths = content.get("paths", {})
    assert isinstance(paths, Mapping)
    led_to: set[str] = set()
    for button in _buttons(content):
        path, label = button.get("path"), button.get("label")
        if isinstance(path, Text):
            led_to.add(path.value)
            if path.value not in paths:
                hint = did_you_mean(path.value, paths) or "; add it under `paths`"
                reader.report(path.position, f"{reader.where} has no path `{path}`{hint}")
        if isinstance(label, Text) and ("path" in button) == ("link" in button):
            reader.report(label.position, f"the button `{label}` needs a `path` or a `link`, and not both")
    for name in paths:
        if name not in led_to:
            where = reader.node.entries["paths"].value.position
            reader.report(where, f"no button leads to the path `{name}` of {reader.where}; add one, or remove the path")


def _buttons(content: Mapping[str, Content]) -> Iterator[Mapping[str, Content]]:
    paths = content.get("paths", {})
    assert isinstance(paths, Mapping)
    for said in (content, *paths.values()):
        buttons = said.get("buttons", ()) if isinstance(said, Mapping) else ()
        assert isinstance(buttons, tuple)
        yield from (button for button in buttons if isinstance(button, Mapping))
