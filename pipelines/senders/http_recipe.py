"""Recipes: how a provider's API is spoken to, and what its answers mean, as data.

A project's entry of ``senders`` is laid over the recipe that it names, key by key, at every depth; ``null`` takes a key
away. Without a recipe the entry says it all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pipelines.document import Entry, Fields, Items, Node, Scalar, read_document
from pipelines.model import Text
from pipelines.problems import Position, Problem
from pipelines.reader import Reader
from pipelines.senders.http_call import host_of
from pipelines.senders.json_template import Names, TemplateFailedError, check, is_expression, render, used
from pipelines.senders.protocol import MESSAGE_COLUMNS, SenderError
from pipelines.senders.recipes import NAMES, recipe_text

FORM = "application/x-www-form-urlencoded"
"""The ``Content-Type`` of a request that holds the fields of a form in place of JSON."""

METHODS = ("POST", "PUT", "PATCH")
MOST_PER_REQUEST = 1_000
MOST_PER_SECOND = 1_000
LONGEST_ANSWER_SECONDS = 600

_WRITTEN = Position("(default)", 0, 0)
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)
_TOKEN = "token"  # noqa: S105 (the name of a key)
_BLOCK = ("series_id", "block_id", "channel")
_NOW: Names = {"now": None}
_ANSWER = ("status", "headers", "body", "index", "message_id")
_CONDITIONS: Mapping[str, str] = {
    "taken": "{{ 200 <= status < 300 }}",
    "refused": "{{ status in [400, 413, 422] }}",
    "for_now": "{{ status in [408, 425, 429, 503] }}",
    "unknown": "{{ status == 409 or (status >= 500 and status != 503) }}",
}
_READINGS: Mapping[str, str] = {"reason": "{{ status }}", "provider_id": "{{ none }}", "retry_after": "{{ none }}"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to speak to one provider, every template checked.

    Attributes:
        message: What each message becomes.
        body: What each request holds; `messages` in it are those.
        values: What the project says once, by name.
        per_request: How many messages a request may hold.
        per_second: How many requests; None: as many as get through.
        answer_seconds: How long to wait for an answer.
        remembers: How long the provider knows a key again; None: it knows none.
        says: What an answer means, by the name of the key; each is one expression.
    """

    url: Scalar
    method: str
    headers: Fields
    message: Node
    body: Node
    values: Mapping[str, Any]
    per_request: int
    per_second: int | None
    answer_seconds: float
    remembers: timedelta | None
    says: Mapping[str, Scalar]

    @property
    def is_form(self) -> bool:
        """Whether requests hold a form's fields, as their ``Content-Type`` says."""
        said = [entry.value for name, entry in self.headers.entries.items() if name.lower() == "content-type"]
        return any(isinstance(each, Scalar) and each.text.value.lower().startswith(FORM) for each in said)


def read_recipe(entry: Reader) -> Recipe | None:
    """The recipe that an entry of ``senders`` comes to; None, with the problems reported, where it comes to none."""
    name = entry.choice("recipe", NAMES)
    if name is None and "recipe" in entry:
        return None
    over = _laid_over(_shipped(name), entry.node) if name else entry.node
    found: list[Problem] = []
    recipe = _read(Reader(over, entry.where, None, found))
    entry.problems += (_at_entry(problem, entry) for problem in found)
    return None if found else recipe


def _read(reader: Reader) -> Recipe:
    """What is complete and laid over; with problems, something in its place."""
    reader.require("url", "message")
    per_request = reader.integer("per_request", 1, MOST_PER_REQUEST) or 1
    values = _read_values(reader)
    url, headers = _scalar(reader, "url"), _read_headers(reader)
    message = _structure(reader, "message")
    body = _structure(reader, "body") or _text("{{ messages[0] }}" if per_request == 1 else "{{ messages }}")
    says = {key: _expression(reader, key, usual) for key, usual in {**_CONDITIONS, **_READINGS}.items()}
    recipe = Recipe(
        url=url or _text(""),
        method=reader.choice("method", METHODS) or "POST",
        headers=headers,
        message=message or _text(""),
        body=body,
        values=values,
        per_request=per_request,
        per_second=reader.integer("per_second", 1, MOST_PER_SECOND),
        answer_seconds=float(reader.integer("answer_seconds", 1, LONGEST_ANSWER_SECONDS) or 30),
        remembers=reader.duration("remembers"),
        says=says,
    )
    reader.problems += _check_templates(recipe)
    _check_together(reader, recipe)
    return recipe


def _at_entry(problem: Problem, entry: Reader) -> Problem:
    """The problem in the project's file: what does not fit in a recipe any more is what was laid over it."""
    where = problem.position
    if where is None or where.file == entry.position.file:
        return problem
    return Problem(entry.position, f"{problem.message} (line {where.line} of {where.file})")


def _shipped(name: str) -> Fields:
    node, problems = read_document(recipe_text(name), f"recipe {name}")
    assert isinstance(node, Fields), problems
    assert not problems, problems
    return node


def _laid_over(below: Fields, above: Fields) -> Fields:
    """What both say, ``above`` where they differ."""
    entries = dict(below.entries)
    for key, entry in above.entries.items():
        under = entries[key].value if key in entries else None
        if isinstance(under, Fields) and isinstance(entry.value, Fields):
            entries[key] = Entry(entry.key, _laid_over(under, entry.value))
        elif isinstance(entry.value, Scalar) and entry.value.kind == "null":
            entries.pop(key, None)
        else:
            entries[key] = entry
    return Fields(entries, above.position)


def _check_templates(recipe: Recipe) -> list[Problem]:
    """What is wrong with the templates: unknown names, above all."""
    settings: Names = {"values": recipe.values, _TOKEN: None}
    of_request: Names = {**settings, **dict.fromkeys(_BLOCK), "key": None}
    of_answer: Names = {"values": recipe.values, **dict.fromkeys(_ANSWER)}
    places: list[tuple[Node, Names]] = [
        (recipe.url, of_request),
        (recipe.headers, of_request),
        (recipe.message, {**settings, **dict.fromkeys(MESSAGE_COLUMNS)}),
        (recipe.body, {**of_request, "messages": None}),
        *((said, {**of_answer, **_NOW} if key == "retry_after" else of_answer) for key, said in recipe.says.items()),
    ]
    return [problem for node, names in places for problem in check(node, names)]


def _check_together(reader: Reader, recipe: Recipe) -> None:
    """What must fit together over several keys."""
    if "url" in reader and not _leads_somewhere(recipe):
        reader.report(recipe.url.position, f"`url` of {reader.where} must begin with https:// or http:// and a host")
    of_request = used(recipe.url) | used(recipe.headers) | used(recipe.body)
    if _TOKEN in of_request | used(recipe.message) and _TOKEN not in reader:
        reader.report(reader.position, f"{reader.where} has no `{_TOKEN}`; add it: `{_TOKEN}: {{env: NAME}}`")
    if recipe.remembers and "key" not in of_request:
        reader.report(
            reader.key_position("remembers"),
            f"`remembers` of {reader.where} is about keys, and none is sent; put `{{{{ key }}}}` into `headers`",
        )
    if recipe.is_form and (isinstance(recipe.body, Items) or ("body" not in reader and recipe.per_request > 1)):
        reader.report(
            reader.key_position("body" if "body" in reader else "per_request"),
            f"a request of {reader.where} is a form, which holds fields and no list; make `body` an object",
        )
    if "body" in reader and "messages" not in used(recipe.body):
        reader.report(
            reader.key_position("body"),
            f"`body` of {reader.where} has no messages in it; put `{{{{ messages }}}}` where they go",
        )


def _leads_somewhere(recipe: Recipe) -> bool:
    """Whether the URL is one of the web; one whose templates are wrong is told of elsewhere."""
    try:
        host_of(str(render(recipe.url, {"values": recipe.values, **dict.fromkeys((_TOKEN, "key", *_BLOCK), "x")})))
    except SenderError:
        return False
    except TemplateFailedError:
        pass
    return True


def _read_values(reader: Reader) -> dict[str, Any]:
    """What templates know as ``values``; those of a recipe that are null are for the project to say."""
    inner = reader.inner("values", None)
    values: dict[str, Any] = {}
    for name, entry in inner.node.entries.items() if inner else ():
        # It is there, as far as templates are concerned: one slip is told once.
        values[name] = name
        match entry.value:
            case Scalar(kind="null"):
                reader.report(reader.position, f"{reader.where} has no `{name}` under `values`; add it")
            case Scalar(kind="text", text=text):
                values[name] = text.value
            case Scalar():
                values[name] = render(entry.value, {})
            case _:
                what = f"`{name}` under `values` of {reader.where}"
                reader.report(entry.value.position, f"{what} must be one value, such as a text or a number")
    return values


def _read_headers(reader: Reader) -> Fields:
    """The headers, each a text: ``2.10`` is a version and no number."""
    inner = reader.inner("headers", None)
    entries: dict[str, Entry] = {}
    for name, entry in inner.node.entries.items() if inner else ():
        if not _HEADER.fullmatch(name):
            reader.report(entry.key.position, f"`{name}` cannot be the name of a header; write letters, digits and `-`")
        elif inner and (text := inner.text(name)):
            entries[name] = Entry(entry.key, Scalar(text, "text"))
    return Fields(entries, reader.position)


def _scalar(reader: Reader, key: str) -> Scalar | None:
    text = reader.text(key)
    return Scalar(text, "text") if text else None


def _structure(reader: Reader, key: str) -> Node | None:
    entry = reader.node.entries.get(key)
    if entry is None or (isinstance(entry.value, Scalar) and entry.value.kind == "broken"):
        return None
    return entry.value


def _expression(reader: Reader, key: str, usual: str) -> Scalar:
    said = _scalar(reader, key)
    if said is None:
        return _text(usual)
    if not is_expression(said.text.value):
        reader.report(said.position, f"`{key}` of {reader.where} must be one `{{{{ … }}}}` and nothing else")
    return said


def _text(text: str) -> Scalar:
    return Scalar(Text(text, _WRITTEN), "text")
