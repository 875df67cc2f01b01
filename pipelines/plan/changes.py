"""What is different between two versions of a series: by block and key, whatever else the text looks like."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta

from pipelines.definitions.body_file import FIELDS, KEY
from pipelines.definitions.definition import draft_series
from pipelines.definitions.load import SEGMENTS_FILE
from pipelines.model import AnyBlock, Series, Text, WaitBlock
from pipelines.plan.plan import BlockChange, Changes
from pipelines.problems import Position

ORDER = "order of blocks"
"""Named like a key where blocks have changed places: their order decides ties."""

_CONTEXT = 2
"""Lines of a diff around what changed."""

_FILES = "|".join(re.escape(ending) for ending in FIELDS)
_PART = re.compile(rf"^# ({re.escape(SEGMENTS_FILE)}|\S.*(?:{_FILES})) at that time:\n", re.MULTILINE)
"""What `pipelines.run.version_of` puts before the segments, and before each file, that belong to a version."""

_SEGMENT = re.compile(r"#   ([\w-]+): (.*)")
_USED = re.compile(r"in_segment\s*\(\s*'([^']*)'", re.IGNORECASE)
_NO_KEYS = {"series_id", "position", "file", "text", "blocks", "files", "block_id"}
_KEYS = {"els": "else", "channel": "content", "action": "tag"}
"""Fields of a definition that are called otherwise in YAML."""


@dataclass(frozen=True)
class _Version:
    """The text of a version, taken apart."""

    definition: str
    segments: Mapping[str, str]
    files: Mapping[str, str]

    @classmethod
    def take_apart(cls, text: str) -> _Version:
        definition, *parts = _PART.split(text)
        files = dict(zip(parts[::2], parts[1::2], strict=True))
        return cls(definition, _read_segments(files.pop(SEGMENTS_FILE, "")), files)

    def segments_of(self, text: str) -> dict[str, str | None]:
        """The segments that a text uses, and those that these use, with their rules."""
        found: dict[str, str | None] = {}
        pending = _USED.findall(text)
        while pending:
            name = pending.pop()
            if name not in found:
                found[name] = self.segments.get(name)
                pending += _USED.findall(found[name] or "")
        return found

    def plain(self, value: object) -> object:
        """A value of a definition without places, and with what it uses from elsewhere."""
        match value:
            case Text(value=text):
                return text, self.segments_of(text)
            case Position():
                return None
            case Mapping():
                return {key: self.plain(inner) for key, inner in value.items()}
            case tuple():
                return tuple(self.plain(inner) for inner in value)
            case _ if is_dataclass(value):
                return type(value), [self.plain(getattr(value, each.name)) for each in fields(value)]
            case _:
                return value

    def keys(self, part: Series | AnyBlock) -> dict[str, object]:
        """The keys of a series or block with what they say, comparable."""
        found: dict[str, object] = {}
        for each in fields(part):
            value = getattr(part, each.name)
            if each.name == "fields":
                found |= {name: self.plain(content) for name, content in value.items()}
            elif each.name == "until" and isinstance(part, WaitBlock):
                found["wait" if isinstance(value, timedelta) else "wait_until"] = self.plain(value)
            elif each.name == "gone":
                found["moved"] = {name: self.plain(targets) for name, targets in value.items() if targets}
                found["removed"] = {name for name, targets in value.items() if not targets}
            elif each.name not in _NO_KEYS:
                key = _KEYS.get(each.name, each.name)
                found[key] = found.get(key), self.plain(value)
        if isinstance(path := dict(getattr(part, "fields", {})).get(KEY), Text):
            found[KEY] = path.value, self.files.get(path.value)
        return found


def compare(
    former_text: str, text: str, file: str, *, customers: Mapping[str, int] | None = None, former: str = ""
) -> Changes:
    """What is different between two versions of a series.

    Args:
        former_text: What is recorded of the earlier one.
        text: What would be recorded of the later one, which can be read.
        file: The path of its file.
        customers: By block, how many stand there.
        former: What the earlier one is called in the diff.
    """
    standing = customers or {}
    diff = _diff(former_text, text, f"{file} {former}".rstrip(), file)
    before, now = _Version.take_apart(former_text), _Version.take_apart(text)
    (was, problems), (series, _) = (draft_series(each.definition, file) for each in (before, now))
    if any(problem.severity == "error" for problem in problems):
        return Changes(is_read=False, diff=diff)
    used = before.segments_of(before.definition) | now.segments_of(now.definition)
    return Changes(
        is_read=True,
        keys=(*_different(before.keys(was), now.keys(series)), *_order(was, series)),
        blocks=tuple(_blocks(before, was, now, series, standing)),
        segments=tuple(name for name in _different(before.segments, now.segments) if name in used),
        files=_different(before.files, now.files),
        diff=diff,
    )


def _read_segments(text: str) -> dict[str, str]:
    """Segments by name; a rule may go over several lines."""
    found: dict[str, str] = {}
    name = ""
    for line in text.split("\n"):
        if begins := _SEGMENT.fullmatch(line):
            name = begins[1]
            found[name] = begins[2]
        elif name:
            found[name] += f"\n{line.removeprefix('#     ')}"
    return {name: rule.strip() for name, rule in found.items()}


def _different(before: Mapping[str, object], now: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(key for key in {**now, **before} if before.get(key) != now.get(key))


def _order(was: Series, series: Series) -> tuple[str, ...]:
    stayed = [name for name in series.blocks if name in was.blocks]
    return () if stayed == [name for name in was.blocks if name in series.blocks] else (ORDER,)


def _blocks(
    before: _Version, was: Series, now: _Version, series: Series, customers: Mapping[str, int]
) -> Iterator[BlockChange]:
    for name in {**series.blocks, **was.blocks}:
        block, former, standing = series.blocks.get(name), was.blocks.get(name), customers.get(name, 0)
        if former is None and block is not None:
            yield BlockChange(name, "new", block.kind, None, customers=standing)
        elif block is None and former is not None:
            targets = series.gone.get(name)
            leads_to = None if targets is None else tuple(target.value for target in targets)
            yield BlockChange(name, "gone", None, former.kind, customers=standing, leads_to=leads_to)
        elif block is not None and former is not None and block.kind != former.kind:
            yield BlockChange(name, "kind", block.kind, former.kind, customers=standing)
        elif block and former and (keys := _different(before.keys(former), now.keys(block))):
            yield BlockChange(name, "changed", block.kind, former.kind, keys, standing)


def _diff(before: str, now: str, before_name: str, now_name: str) -> str:
    lines = difflib.unified_diff(before.split("\n"), now.split("\n"), before_name, now_name, lineterm="", n=_CONTEXT)
    return "\n".join(lines)
