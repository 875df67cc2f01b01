"""JSON Schemas of a project's files, which editors use to complete and check while typing.

They say what the reader says as far as a schema can; unions are `if/then`, because their messages name the right kind.
Draft 7, the newest that editors support in full.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

from pipelines.definitions.content_vocabulary import CONTENT, MAIN_FIELDS, Field
from pipelines.definitions.definition import MAX_PRIORITY
from pipelines.definitions.guards import GUARD_RANGES
from pipelines.definitions.settings import MAX_BATCH_SIZE
from pipelines.definitions.vocabulary import (
    ALL_CHANNELS,
    ATTACH,
    ATTACHED,
    BLOCK_KINDS,
    BLOCKS,
    CHANNEL,
    CHANNELS,
    DBT,
    GOAL,
    GUARDS,
    MESSAGE_GOAL,
    POSTGRES,
    PROJECT,
    PUBLISH,
    QUIET_HOURS,
    REENTRY,
    SCHEDULES,
    SEGMENTS,
    SEND,
    SENDING,
    SERIES,
    SOURCE,
    SOURCE_GUARDS,
    SOURCE_KINDS,
    SOURCES,
    TAGS,
    TARGET,
    WAREHOUSE,
    WEEKDAYS,
    Keys,
)
from pipelines.model import RECEIPT_KINDS, STATUSES, SUPPRESSING_KINDS
from pipelines.origin import TYPES
from pipelines.reader import IDENTIFIER
from pipelines.secret import VARIABLE
from pipelines.senders.registry import find_type, type_names
from pipelines.senders.sender_type import SenderType

Schema = dict[str, Any]

# Whatever YAML takes a text for, a definition reads as text.
TEXT: Schema = {"type": ["string", "number", "boolean"]}
TEXTS: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1, "uniqueItems": True}]}
DURATION: Schema = {"type": "string", "pattern": r"^\s*[0-9]{1,9}\s+([Mm]inute|[Hh]our|[Dd]ay|[Ww]eek)s?\s*$"}
CAP: Schema = {"type": "string", "pattern": DURATION["pattern"].replace("^", r"^\s*[0-9]{1,6}\s+per\s+", 1)}
TIME: Schema = {"type": "string", "pattern": "^[0-9]{1,2}:[0-9]{2}$"}
BOOLEAN: Schema = {"type": "boolean"}
PERCENT: Schema = {"type": "number", "minimum": 0, "maximum": 100}
WEEKDAY: Schema = {"enum": [name for weekday in WEEKDAYS for name in (weekday, weekday[:3])]}
SECRET: Schema = {
    "type": "object",
    "properties": {"env": {"description": "The environment variable.", "pattern": f"^{VARIABLE.pattern}$"}},
    "required": ["env"],
    "additionalProperties": False,
}
IDENTIFIERS: Schema = {"pattern": f"^{IDENTIFIER.pattern}$"}


def series_schema() -> Schema:
    """The schema of a file in ``series_definitions/``."""
    shapes: dict[str, Schema] = {
        "status": {"enum": list(STATUSES)},
        "schedule": {"anyOf": [{"enum": list(SCHEDULES)}, {"type": "string", "pattern": r"^\S+(\s+\S+){4}$"}]},
        "goal": _object(GOAL, {"within": DURATION, "exits": BOOLEAN}, ["rule", "within"]),
        "reentry": _object(REENTRY, {"after": DURATION, "limit": {"type": "integer", "minimum": 1}}, ["after"]),
        "idle_exit": DURATION,
        "breakdowns": TEXTS,
        "priority": {"type": "integer", "minimum": 0, "maximum": MAX_PRIORITY},
        "holdout": PERCENT,
        "guards": _guards(or_null=True),
        "blocks": _named({"$ref": "#/definitions/block"}) | {"minProperties": 1},
        "moved": _named(TEXTS),
        "removed": TEXTS,
    }
    blocks = {f"{kind}_block": _block_of_kind(kind) for kind in BLOCKS}
    return {
        **_head("A series: the way of customers through blocks."),
        **_object(SERIES, shapes, ["series", "status", "schedule", "blocks"]),
        "definitions": {"block": _block(), **blocks, **_messages()},
    }


def segments_schema() -> Schema:
    """The schema of ``segments.yml``."""
    return _head("Rules by name, for every series.") | _object(SEGMENTS, {"segments": _named(TEXT)})


def project_schema() -> Schema:
    """The schema of ``series.yml``."""
    shapes_of_source: dict[str, Schema] = {
        "columns": {"type": "object", "additionalProperties": TEXT},
        "types": {"type": "object", "additionalProperties": {"enum": list(TYPES)}},
        "lag": DURATION,
        "max_age": DURATION,
        "max_drop": PERCENT,
        "postgres": _object(POSTGRES, {"dsn": SECRET, "overlap": DURATION}, ["dsn", "query"]),
    }
    source = _object(SOURCE, shapes_of_source) | {"not": _two_of(SOURCE_KINDS)}
    attached = _object(ATTACH, {"type": {"enum": list(ATTACHED)}}, ["path"])
    # `null` takes back an address or consent that is asked for by default.
    expression = {"type": ["string", "number", "boolean", "null"]}
    kinds = {"type": "array", "items": {"enum": list(RECEIPT_KINDS)}, "minItems": 1, "uniqueItems": True}
    channel = _object(
        CHANNEL, {"address": expression, "consent": expression, "receipts": BOOLEAN, "engagements": kinds}
    )
    one_channel = {"$ref": "#/definitions/channel"}
    shapes: dict[str, Schema] = {
        "warehouse": _object(
            WAREHOUSE,
            {"engine": {"enum": ["duckdb"]}, "publish": {"enum": list(PUBLISH)}, "attach": _named(attached)},
        ),
        "dbt": _object(DBT, {}),
        # Beside a bare `$ref`, draft 7 overlooks the description.
        "sources": _object(SOURCES, {key: _source(key) for key in SOURCES}),
        "channels": _named(one_channel) | {"properties": dict.fromkeys(CHANNELS, one_channel)},
        "senders": _named(_sender()),
        "tags": _object(TAGS, {}, ["sender"]),
        "sending": _object(SENDING, _sending()),
        "sends": BOOLEAN,
        "guards": _guards(),
    }
    references = {name: {"allOf": [{"$ref": f"#/definitions/{name}"}]} for name in shapes}
    target = _object(TARGET, references) | {"type": ["object", "null"]}
    return {
        **_head("The project file; every key has a default."),
        **_object(PROJECT, references | {"targets": _named(target) | {"minProperties": 1}}),
        "definitions": {"source": source, "channel": channel, **shapes},
    }


SCHEMAS = {"series.json": series_schema, "segments.json": segments_schema, "project.json": project_schema}
"""Each schema by the file that holds it."""


def schema_text(schema: Schema) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _head(title: str) -> Schema:
    return {"$schema": "http://json-schema.org/draft-07/schema#", "title": title}


def _object(keys: Keys, shapes: Mapping[str, Schema], required: list[str] | None = None) -> Schema:
    properties = {key: {"description": text, **shapes.get(key, TEXT)} for key, text in keys.items()}
    needed = {"required": required} if required else {}
    return {"type": "object", "properties": properties, "additionalProperties": False, **needed}


def _two_of(keys: Iterable[str]) -> Schema:
    """More than one of these keys."""
    return {"anyOf": [{"required": list(pair)} for pair in combinations(keys, 2)]}


def _source(name: str) -> Schema:
    """A source, without the guards that only others may have."""
    refused = {key: False for key, sources in SOURCE_GUARDS.items() if name not in sources}
    return {"allOf": [{"$ref": "#/definitions/source"}]} | ({"properties": refused} if refused else {})


def _guards(*, or_null: bool = False) -> Schema:
    """The limits; in a series each may be taken back."""

    def shape(type_: str, least: int, most: int) -> Schema:
        return {"type": [type_, "null"] if or_null else type_, "minimum": least, "maximum": most}

    shapes = {key: shape("integer", *limits) for key, limits in GUARD_RANGES.items()}
    return _object(GUARDS, shapes | {"entry_share": shape("number", 0, 100)})


def _named(each: Schema) -> Schema:
    """A mapping of names to such values."""
    return {"type": "object", "propertyNames": IDENTIFIERS, "additionalProperties": each}


def _block() -> Schema:
    """Any block: the keys that say its kind, and for each kind what else it may have."""
    kind_keys = {key: {"description": BLOCKS[kind][key]} for key, kind in BLOCK_KINDS.items()}
    return {
        "type": "object",
        "properties": kind_keys,
        "anyOf": [{"required": [key]} for key in BLOCK_KINDS],
        "allOf": [
            {"if": {"required": [key]}, "then": {"$ref": f"#/definitions/{kind}_block"}}
            for key, kind in BLOCK_KINDS.items()
        ],
    }


def _block_of_kind(kind: str) -> Schema:
    if kind == "content":
        one_of_ours = {"properties": {"content": {"enum": list(CONTENT)}}, "required": ["content"]}
        whatever = {"$ref": "#/definitions/content_keys"}
        by_channel = [
            {
                "if": {"properties": {"content": {"const": channel}}, "required": ["content"]},
                "then": {"$ref": f"#/definitions/{channel}_message"},
            }
            for channel in CONTENT
        ]
        return {"allOf": [*by_channel, {"if": {"not": one_of_ours}, "then": whatever}]}
    return _keys_of_kind(kind)


def _messages() -> dict[str, Schema]:
    """The schema of a content block of each channel."""
    keys = _keys_of_kind("content") | {"additionalProperties": True}
    shared = {key: {"$ref": f"#/definitions/content_keys/properties/{key}"} for key in keys["properties"]}
    messages = {
        f"{channel}_message": {
            "type": "object",
            "properties": shared | {name: _field(field) for name, field in fields.items()},
            "additionalProperties": False,
            "anyOf": [{"required": [name]} for name in MAIN_FIELDS if name in fields],
        }
        for channel, fields in CONTENT.items()
    }
    return {"content_keys": keys, **messages}


def _field(field: Field) -> Schema:
    if field.form not in ("list", "map"):
        return {"description": field.description, **TEXT}
    each = {
        "type": "object",
        "properties": {name: _field(inner) for name, inner in field.fields.items()},
        "additionalProperties": False,
    }
    many = _named(each) if field.form == "map" else {"type": "array", "items": each, "minItems": 1}
    return {"description": field.description, **many}


def _keys_of_kind(kind: str) -> Schema:
    shapes = {
        "then": _one_or_more(TEXT),
        "else": _one_or_more(TEXT),
        "within": DURATION,
        "try_for": DURATION,
        "wait": DURATION,
        "content": {"anyOf": [{"enum": list(CHANNELS)}, TEXT]},
        "tag": {"type": "string"},
        "untag": {"type": "string"},
        "send": _object(SEND, _window()),
        "once_per_address": BOOLEAN,
        "goal": _object(MESSAGE_GOAL, {"within": DURATION}, ["rule", "within"]),
    }
    says_kind = [key for key, name in BLOCK_KINDS.items() if name == kind]
    return _object(BLOCKS[kind], shapes) | {"oneOf": [{"required": [key]} for key in says_kind]}


def _window() -> dict[str, Schema]:
    """The keys of a send window, and of quiet hours."""
    return {"days": _one_or_more(WEEKDAY), "from": TIME, "to": TIME}


def _sending() -> dict[str, Schema]:
    return {
        "batch_size": {"type": "integer", "minimum": 1, "maximum": MAX_BATCH_SIZE},
        "quiet_hours": _object(QUIET_HOURS, {**_window(), "channels": _one_or_more(TEXT)}),
        "caps": _by_channel(_one_or_more(CAP)),
        "suppress": _one_or_more({"enum": list(SUPPRESSING_KINDS)}),
        "stopped": BOOLEAN,
        "gap": {"anyOf": [DURATION, _by_channel(DURATION)]},
    }


def _by_channel(each: Schema) -> Schema:
    return _named(each) | {"properties": dict.fromkeys((ALL_CHANNELS, *CHANNELS), each)}


def _one_or_more(each: Schema) -> Schema:
    return {"anyOf": [each, {"type": "array", "items": each, "minItems": 1, "uniqueItems": True}]}


def _sender() -> Schema:
    types = {name: find_type(name) for name in type_names()}
    says = {"type": "; ".join(f"`{name}` {each.summary}" for name, each in types.items()) + "."}
    return {
        "type": "object",
        "properties": {"type": {"enum": list(types), "description": says["type"]}},
        "required": ["type"],
        "allOf": [
            {
                "if": {"properties": {"type": {"const": name}}},
                "then": _object({**says, **each.options}, _option_shapes(each), sorted(each.required)),
            }
            for name, each in types.items()
        ],
    }


def _option_shapes(each: SenderType) -> dict[str, Schema]:
    either = {"anyOf": [TEXT, SECRET]}
    shapes = {key: dict(shape) for key, shape in each.shapes.items()}
    words = {key: {"enum": list(words)} for key, words in each.choices.items()}
    return words | dict.fromkeys(each.secrets, SECRET) | dict.fromkeys(each.maybe_secrets, either) | shapes
