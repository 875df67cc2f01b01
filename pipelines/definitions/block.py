"""Reads one block of a series."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from pipelines.definitions.clock import parse_moment
from pipelines.definitions.content import read_content
from pipelines.definitions.content_vocabulary import CONTENT
from pipelines.definitions.goal import read_goal
from pipelines.definitions.send_window import read_window
from pipelines.definitions.vocabulary import BLOCK_KINDS, BLOCKS, SEND
from pipelines.hint import nearest
from pipelines.model import (
    Block,
    ContentBlock,
    DateTime,
    Expression,
    RuleBlock,
    SendWindow,
    TagBlock,
    Text,
    WaitBlock,
    WeekdayTime,
)
from pipelines.problems import Position
from pipelines.reader import Reader

MAX_TAG = 200
DEFAULT_TRY_FOR = timedelta(days=3)
OWNERS: Mapping[str, str] = {
    **{key: "content blocks" for fields in CONTENT.values() for key in fields},
    **{key: f"{kind} blocks" for kind, keys in BLOCKS.items() for key in keys},
    "else": "rule and content blocks",
}
"""Every key of blocks, with the kind that has it."""

_KIND_NAMES = "`rule`, `content`, `wait` or `wait_until`, `tag` or `untag`"


def read_block(blocks: Reader, block_id: str) -> Block:
    """Reads one block of ``blocks``; a plain ``Block`` stands for one whose kind or value cannot be read."""
    position = blocks.key_position(block_id)
    reader = blocks.inner(block_id, None, where=f"block `{block_id}`")
    if reader is None:
        return Block(block_id, position)
    said = [key for key in BLOCK_KINDS if key in reader]
    kind = BLOCK_KINDS[said[0]] if said else None
    if said != ["content"]:
        # Which fields a message may have depends on its channel.
        reader.refuse_unknown(BLOCKS[kind] if kind and len(said) == 1 else OWNERS, OWNERS)
    if len(said) != 1:
        _report_kinds(reader, said, position)
    block = Block(block_id, position, reader.string("label"), _targets(reader, "then"), _targets(reader, "else"))
    return (_READERS[kind](reader, block) if kind else None) or block


def _read_rule(reader: Reader, block: Block) -> RuleBlock | None:
    rule = reader.text("rule")
    within = reader.duration("within", zero=True)
    return RuleBlock(*_shared(block), rule=rule, within=within) if rule else None


def _read_content(reader: Reader, block: Block) -> ContentBlock | None:
    channel = reader.text("content")
    fields = read_content(reader, channel.value, BLOCKS["content"]) if channel else {}
    try_for = reader.duration("try_for") or DEFAULT_TRY_FOR
    send = _read_send(reader)
    once = reader.boolean("once_per_address") or False
    goal = read_goal(reader, of_message=True)
    if channel is None:
        return None
    return ContentBlock(
        *_shared(block), channel=channel, fields=fields, try_for=try_for, send=send, once_per_address=once, goal=goal
    )


def _read_wait(reader: Reader, block: Block) -> WaitBlock | None:
    until = reader.duration("wait", zero=True) if "wait" in reader else _read_until(reader)
    return None if until is None else WaitBlock(*_shared(block), until=until)


def _read_until(reader: Reader) -> timedelta | WeekdayTime | DateTime | Expression | None:
    text = reader.text("wait_until")
    if text is None:
        return None
    try:
        return parse_moment(text.value) or text
    except ValueError as error:
        reader.report(text.position, str(error))
        return timedelta(0)


def _read_tag(reader: Reader, block: Block) -> TagBlock | None:
    key = "tag" if "tag" in reader else "untag"
    tag = reader.text(key)
    if tag is None:
        return None
    if not reader.is_text(key):
        reader.report(tag.position, f"a tag is text; put `{tag}` in quotes if that is its name")
    if len(tag.value) > MAX_TAG or not tag.value.isprintable():
        reader.report(tag.position, f"a tag is one line of at most {MAX_TAG} characters")
    return TagBlock(*_shared(block), tag=tag, action="add" if key == "tag" else "remove")


_READERS: Mapping[str, Callable[[Reader, Block], Block | None]] = {
    "rule": _read_rule,
    "content": _read_content,
    "wait": _read_wait,
    "tag": _read_tag,
}


def _targets(reader: Reader, key: str) -> tuple[Text, ...]:
    """What a key leads to; also a misspelt one, so that the blocks behind it do not count as unreached as well."""
    unknown = (word for word in reader.node.entries if word not in OWNERS)
    meant = key if key in reader else next((word for word in unknown if nearest(word, ("then", "else")) == key), key)
    return reader.texts(meant)


def _shared(block: Block) -> tuple[str, Position, str | None, tuple[Text, ...], tuple[Text, ...]]:
    return block.block_id, block.position, block.label, block.then, block.els


def _report_kinds(reader: Reader, said: list[str], position: Position) -> None:
    if said:
        both = " and ".join(f"`{key}`" for key in said)
        reader.report(
            reader.key_position(said[1]), f"{reader.where} has {both}; a block is exactly one of {_KIND_NAMES}"
        )
    elif not any(nearest(key, BLOCK_KINDS) for key in reader.node.entries):
        reader.report(position, f"{reader.where} does not say what it is; give it one of {_KIND_NAMES}")


def _read_send(reader: Reader) -> SendWindow | None:
    inner = reader.inner("send", SEND)
    return read_window(inner) if inner else None
