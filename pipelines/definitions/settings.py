"""Reads the sections of ``series.yml``, and ``segments.yml``; every key has a default.

What targets make of the sections is `pipelines.definitions.targets`' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipelines.definitions.clock import time_zone
from pipelines.definitions.content_vocabulary import ENGAGEMENTS
from pipelines.definitions.guards import read_guards
from pipelines.definitions.policy import read_policy
from pipelines.definitions.source_settings import read_attachments, read_sources
from pipelines.definitions.vocabulary import (
    CHANNEL,
    CHANNELS,
    DBT,
    PUBLISH,
    SEGMENTS,
    SENDING,
    TAGS,
    WAREHOUSE,
)
from pipelines.document import Fields, Scalar, read_document
from pipelines.hint import did_you_mean
from pipelines.model import RECEIPT_KINDS, Channel, Expression, Policy, Sender, Settings, Text
from pipelines.problems import Position, Problem, in_order
from pipelines.reader import Reader
from pipelines.secret import Secret
from pipelines.senders.protocol import SenderError
from pipelines.senders.registry import find_type, type_names
from pipelines.senders.sender_type import SenderType
from warehouse.tables import TAG_CHANNEL

PROJECT_FILE = "series.yml"
DEFAULT = Position("(default)", 0, 0)
"""Where the expressions of default channels stand: in no file."""

WAREHOUSE_PATH = "warehouse/warehouse.duckdb"
BATCH_SIZE = 500
MAX_BATCH_SIZE = 100_000
_EMAIL = Channel("email", Text("email", DEFAULT), Text("not unsubscribed", DEFAULT), engagements=ENGAGEMENTS["email"])
_OUTBOX = Sender("outbox", "files", {"path": "outbox", "format": "jsonl"})


def read_settings(reader: Reader) -> Settings:
    """Reads the sections of the project file, with the default in place of whatever cannot be read."""
    warehouse = reader.inner("warehouse", WAREHOUSE, where="`warehouse`")
    sending = reader.inner("sending", SENDING, where="`sending`")
    if warehouse:
        warehouse.choice("engine", ("duckdb",))
    senders = _read_senders(reader)
    channels = _read_channels(reader, senders)
    dbt = reader.inner("dbt", DBT, where="`dbt`")
    return Settings(
        warehouse_path=(warehouse and warehouse.string("path")) or WAREHOUSE_PATH,
        timezone=reader.parsed("timezone", time_zone) or "UTC",
        channels=channels,
        attachments=read_attachments(warehouse),
        dbt_project=(dbt and dbt.string("project")) or ".",
        dbt_target_path=(dbt and dbt.string("target_path")) or "target",
        sources=read_sources(reader),
        senders=senders,
        batch_size=(sending and sending.integer("batch_size", 1, MAX_BATCH_SIZE)) or BATCH_SIZE,
        policy=read_policy(sending, channels) if sending else Policy(),
        sends=reader.boolean("sends") or False,
        guards=read_guards(reader),
        publish=(warehouse and warehouse.choice("publish", PUBLISH)) or "every_run",
        tag_sender=_read_tag_sender(reader, senders),
    )


def read_segments(text: str, file: str) -> tuple[dict[str, Expression], list[Problem]]:
    """Reads ``segments.yml``: the rules that could be read, by name, and every problem found."""
    reader, problems = read_top(text, file, "the file", SEGMENTS)
    inner = reader.inner("segments", None, where="`segments`")
    if inner is None:
        return {}, problems
    for entry in inner.node.entries.values():
        inner.identifier(entry.key, "segment")
    rules = {name: inner.text(name) for name in inner.node.entries}
    return {name: rule for name, rule in rules.items() if rule is not None}, in_order(problems)


def read_top(text: str, file: str, where: str, keys: Mapping[str, str]) -> tuple[Reader, list[Problem]]:
    """A reader of the mapping that a file is; of an empty one when the file is empty or something else."""
    node, problems = read_document(text, file)
    if isinstance(node, Fields):
        return Reader(node, where, keys, problems), problems
    is_empty = node is None or (isinstance(node, Scalar) and node.kind == "null")
    if not is_empty and not problems:
        words = ", ".join(f"`{key}`" for key in keys)
        problems.append(Problem(Position(file, 1, 1), f"the file must be a mapping; it may have {words}"))
    return Reader(Fields({}, Position(file, 1, 1)), where, keys, problems), problems


def _read_channels(reader: Reader, senders: Mapping[str, Sender]) -> dict[str, Channel]:
    channels = {name: Channel(name, engagements=ENGAGEMENTS[name]) for name in CHANNELS} | {"email": _EMAIL}
    for name, inner in _named(reader, "channels", "channel"):
        inner.refuse_unknown(CHANNEL)
        if name == TAG_CHANNEL:
            message = f"no channel can be called `{name}`: it is what batches of tags have as their channel"
            inner.report(inner.position, message)
        default = channels.get(name, Channel(name))
        receipts = inner.boolean("receipts")
        sender = inner.choice("sender", tuple(senders))
        channels[name] = replace(
            default,
            address=_read_expression(inner, "address", default.address),
            consent=_read_expression(inner, "consent", default.consent),
            receipts=default.receipts if receipts is None else receipts,
            sender=sender or default.sender,
            engagements=_read_engagements(inner) or default.engagements,
        )
    return channels


def _read_engagements(reader: Reader) -> tuple[str, ...] | None:
    said = reader.texts("engagements")
    for text in said:
        if text.value not in RECEIPT_KINDS:
            kinds = ", ".join(f"`{kind}`" for kind in RECEIPT_KINDS)
            hint = did_you_mean(text.value, RECEIPT_KINDS) or f"; write some of {kinds}"
            reader.report(text.position, f"`{text}` is no kind of engagement that rules ask for{hint}")
    return tuple(text.value for text in said) or None


def _read_expression(reader: Reader, key: str, default: Expression | None) -> Expression | None:
    """``null`` says that a channel which asks for something by default shall not."""
    if reader.is_null(key):
        return None
    return reader.text(key) or default


def _read_senders(reader: Reader) -> dict[str, Sender]:
    senders = {_OUTBOX.name: _OUTBOX}
    for name, inner in _named(reader, "senders", "sender"):
        inner.require("type")
        kind = inner.choice("type", type_names())
        if kind is not None:
            try:
                senders[name] = _read_sender(name, kind, find_type(kind), inner)
            except SenderError as error:
                inner.report(inner.key_position("type"), str(error))
    return senders


def _read_sender(name: str, kind: str, its: SenderType, reader: Reader) -> Sender:
    reader.refuse_unknown(["type", *its.options])
    reader.require(*sorted(its.required))
    options = {"path": name, **its.defaults} if kind == "files" else dict(its.defaults)
    secrets: dict[str, Secret] = {}
    for key in its.options:
        if key in its.shapes:
            continue
        if key in its.secrets or (key in its.maybe_secrets and reader.is_mapping(key)):
            if secret := reader.secret(key):
                secrets[key] = secret
        elif value := reader.choice(key, its.choices[key]) if key in its.choices else reader.string(key):
            options[key] = value
    details = its.read(reader) if its.read else None
    sender = Sender(name, kind, options, reader.position, secrets, details)
    if its.required <= options.keys() | secrets.keys() and (its.read is None or details is not None):
        its.open(sender, Path())
    return sender


def _read_tag_sender(reader: Reader, senders: Mapping[str, Sender]) -> str | None:
    inner = reader.inner("tags", TAGS, where="`tags`")
    if inner is None:
        return None
    inner.require("sender")
    written, name = inner.text("sender"), inner.choice("sender", tuple(senders))
    if written and name:
        its = find_type(senders[name].type)
        if not its.carries_tags:
            able = [f"`{each}`" for each in type_names() if find_type(each).carries_tags]
            message = f"a sender of type `{senders[name].type}` cannot carry tags; {', '.join(able)} can"
            inner.report(written.position, message)
        elif its.refuses_tags and (why := its.refuses_tags(senders[name])):
            inner.report(written.position, f"sender `{name}` cannot carry tags: {why}")
    return name


def _named(reader: Reader, key: str, name: str) -> list[tuple[str, Reader]]:
    """The mappings under ``key`` by their names."""
    inner = reader.inner(key, None)
    if inner is None:
        return []
    for entry in inner.node.entries.values():
        inner.identifier(entry.key, name)
    found = ((each, inner.inner(each, None, where=f"{name} `{each}`")) for each in inner.node.entries)
    return [(each, fields) for each, fields in found if fields]
