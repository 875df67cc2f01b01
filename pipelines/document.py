"""YAML text to nodes that know where they stand.

YAML is read by the rules of version 1.2 (``NO``, ``12:30`` and ``yes`` are text), and only as far as definitions
need it: no anchors, aliases, merge keys or type tags. The parser's events are put together here, without recursion, so
that no nesting is too deep and one slip does not hide the next.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import yaml

from pipelines.model import Text
from pipelines.problems import Position, Problem
from pipelines.yaml_error import explain_syntax_error, unquoted_comma

MAX_CHARACTERS = 1_000_000
MAX_DEPTH = 32

ScalarKind = Literal["text", "integer", "number", "boolean", "null", "broken"]

# The core schema of YAML 1.2 (chapter 10.3); what is none of these is text.
_PLAIN: tuple[tuple[ScalarKind, re.Pattern[str]], ...] = (
    ("null", re.compile(r"null|Null|NULL|~|")),
    ("boolean", re.compile(r"true|True|TRUE|false|False|FALSE")),
    ("integer", re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", re.ASCII)),
    ("number", re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")),
)
# libyaml counts lines by these, so must we.
_LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_COLON = re.compile(r"\s*:")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. ``kind`` is what YAML takes it for; ``broken`` means that its problem is already told."""

    text: Text
    kind: ScalarKind

    @property
    def position(self) -> Position:
        """Where it stands."""
        return self.text.position


@dataclass(frozen=True, slots=True)
class Items:
    """A list of values."""

    items: tuple[Node, ...]
    position: Position


@dataclass(frozen=True, slots=True)
class Entry:
    """One ``key: value``."""

    key: Text
    value: Node


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping, in the file's order; of a key that stands twice only the first is kept."""

    entries: Mapping[str, Entry]
    position: Position


Node = Scalar | Items | Fields


def read_document(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """Reads one YAML document.

    Args:
        text: The file's text.
        file: Its name, for positions.

    Returns:
        The top node and what is wrong. The node is None for an empty document and for syntax so wrong that there is
        none; with problems and a node, the node holds all that could be read.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_CHARACTERS:
        return None, [Problem(Position(file, 1, 1), f"the file is too large; at most {MAX_CHARACTERS:,} characters")]
    lines = _LINE_BREAK.split(text)
    if controls := [
        Problem(Position(file, number, found.start() + 1), _control_message(found[0]))
        for number, line in enumerate(lines, 1)
        for found in _CONTROL.finditer(line)
    ]:
        return None, controls
    builder = _Builder(file, text, lines)
    return builder.build(), builder.problems


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end is not reached yet. ``key`` is the one whose value comes next."""

    position: Position
    is_mapping: bool
    in_braces: bool
    key: Text | None = None
    key_is_broken: bool = False
    key_end: int = 0
    is_cut: bool = False
    entries: dict[str, Entry] = field(default_factory=dict)
    items: list[Node] = field(default_factory=list)


class _Builder:
    """Puts parser events together to nodes."""

    def __init__(self, file: str, text: str, lines: list[str]) -> None:
        self.file = file
        self.text = text
        self.lines = lines
        self.problems: list[Problem] = []
        self.stack: list[_Open] = []
        self.top: Node | None = None
        self.muted_above: int | None = None

    def build(self) -> Node | None:
        documents = 0
        try:
            for event in yaml.parse(self.text, Loader=yaml.CSafeLoader):
                if isinstance(event, yaml.DocumentStartEvent):
                    documents += 1
                    if documents > 1:
                        self._report(event, "a second document begins here; write one series per file")
                        return self.top
                self._take(event)
                if len(self.stack) > MAX_DEPTH:
                    self._report(event, f"the nesting is deeper than {MAX_DEPTH} levels")
                    return None
        except yaml.YAMLError as error:
            self._syntax_error(error)
            return None
        return self.top

    def _take(self, event: Any) -> None:
        match event:
            case yaml.ScalarEvent():
                self._properties(event)
                self._scalar(event)
            case yaml.AliasEvent():
                self._report(event, f"aliases are not supported; write the value of `*{event.anchor}` out")
                self._add(Scalar(Text("", self._position(event)), "broken"), event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._properties(event)
                self._open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close(event)

    def _open(self, event: Any) -> None:
        if self.stack and (parent := self.stack[-1]).is_mapping and parent.key is None:
            self._report(event, "a key must be text; text that begins with `{` or `[` needs quotes around it")
            if self.muted_above is None:
                # `{{ name }}` is one slip, and all of it goes; of a block mapping only the key does.
                self.muted_above = len(self.stack) + (not parent.in_braces)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        self.stack.append(_Open(self._position(event), is_mapping, in_braces=is_mapping and bool(event.flow_style)))

    def _close(self, event: Any) -> None:
        closed = self.stack.pop()
        if self.muted_above is not None and len(self.stack) < self.muted_above:
            self.muted_above = None
            self._add(Scalar(Text("", closed.position), "broken"), event)
        elif closed.is_mapping:
            self._add(Fields(closed.entries, closed.position), event)
        else:
            self._add(Items(tuple(closed.items), closed.position), event)

    def _scalar(self, event: Any) -> None:
        text = self._text(event)
        if found := _CONTROL.search(event.value):
            self._report(event, _control_message(found[0]))
            self._add(Scalar(text, "broken"), event)
        else:
            self._add(Scalar(text, _kind(event)), event)

    def _add(self, node: Node, event: Any) -> None:
        if not self.stack:
            self.top = node
            return
        parent = self.stack[-1]
        if not parent.is_mapping:
            parent.items.append(node)
        elif parent.key is None:
            self._key(parent, node, event)
        else:
            self._value(parent, parent.key, node)
            parent.key = None

    def _key(self, parent: _Open, node: Node, event: Any) -> None:
        is_text = isinstance(node, Scalar) and node.kind not in ("null", "broken")
        parent.key = node.text if isinstance(node, Scalar) else Text("", node.position)
        parent.key_is_broken = not is_text
        parent.key_end = event.end_mark.index
        if isinstance(node, Scalar) and node.kind == "null":
            self._report(event, "a key is missing before this `:`")
        elif parent.key.value == "<<":
            self._report(event, "merge keys are not supported; write the keys out")
            parent.key_is_broken = True
        elif is_text and parent.key.value in parent.entries:
            first = parent.entries[parent.key.value].key.position.line
            self._report(event, f"`{parent.key}` stands here twice, first in line {first}; keep one of them")
            parent.key_is_broken = True

    def _value(self, parent: _Open, key: Text, node: Node) -> None:
        if parent.key_is_broken:
            return
        is_absent = isinstance(node, Scalar) and node.kind == "null" and not node.text.value
        if parent.in_braces and parent.entries and is_absent and not _COLON.match(self.text, parent.key_end):
            self._cut_off(parent)
        else:
            parent.entries[key.value] = Entry(key, node)

    def _cut_off(self, parent: _Open) -> None:
        if not parent.is_cut:
            parent.is_cut = True
            key, entry = next(reversed(parent.entries.items()))
            self._add_problem(Problem(entry.value.position, unquoted_comma(key)))
            parent.entries[key] = Entry(entry.key, Scalar(Text("", entry.value.position), "broken"))

    def _properties(self, event: Any) -> None:
        if event.anchor is not None:
            self._report(event, f"anchors are not supported; remove `&{event.anchor}`")
        if event.tag is not None:
            self._report(event, "type tags are not supported; remove the word that begins with `!`")

    def _text(self, event: Any) -> Text:
        line, column = event.start_mark.line, event.start_mark.column
        last = event.end_mark.line
        if event.style in ("|", ">"):
            last -= 1
            found = next((number for number in range(line + 1, last + 1) if self.lines[number].strip()), None)
            if found is not None:
                line, column = found, len(self.lines[found]) - len(self.lines[found].lstrip(" "))
        elif event.style:
            column += 1
        covered = self.lines[line : max(line, last) + 1]
        exact = _visible(event.value) == _visible(self._source(event, covered, column))
        return Text(event.value, Position(self.file, line + 1, column + 1), tuple(covered), exact)

    def _source(self, event: Any, covered: list[str], column: int) -> str:
        """The characters of the file between the scalar's quotes, if it has any."""
        end = len(covered[-1]) if event.style in ("|", ">") else event.end_mark.column - bool(event.style)
        if len(covered) == 1:
            return covered[0][column:end]
        return "\n".join((covered[0][column:], *covered[1:-1], covered[-1][:end]))

    def _syntax_error(self, error: yaml.YAMLError) -> None:
        if not (self.stack and self.stack[-1].is_cut):
            self._add_problem(explain_syntax_error(error, self.file, self.lines))

    def _position(self, event: Any) -> Position:
        return Position(self.file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _report(self, event: Any, message: str) -> None:
        self._add_problem(Problem(self._position(event), message))

    def _add_problem(self, problem: Problem) -> None:
        if self.muted_above is None:
            self.problems.append(problem)


def _kind(event: Any) -> ScalarKind:
    if event.style:
        return "text"
    return next((kind for kind, form in _PLAIN if form.fullmatch(event.value)), "text")


def _control_message(character: str) -> str:
    return f"the control character U+{ord(character):04X} stands here; remove it"


def _visible(text: str) -> str:
    return "".join(text.split())
