"""Templates of JSON: a YAML structure whose texts are templates in Jinja's syntax.

A text that is one ``{{ … }}`` becomes the value that it holds: a number, a list, an object. Any other becomes text. The
structure is encoded as JSON when everything in it is known, so that no value can break out of its place. A text that
becomes null is left out, with its key.

Templates see data and nothing else: no calls, no loops, no chance. Names that are not there are found beforehand, by
`check`; what only the data can tell fails in `render`, which says where and nothing about the data.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache, lru_cache
from types import GeneratorType
from typing import Any

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from pipelines.document import Fields, Items, Node, Scalar
from pipelines.hint import did_you_mean
from pipelines.model import Text
from pipelines.problems import Problem
from pipelines.senders.json_filters import FILTERS
from pipelines.templates.syntax import TemplateError, offset_of, problem_at, read_template

Names = Mapping[str, Collection[str] | None]
"""What templates may name; of some also what they have, None: anybody's guess."""

_ONE_EXPRESSION = re.compile(r"\{\{[-+]?(.*?)[-+]?\}\}", re.DOTALL)
_NOT_HERE = ("attr", "random")
_STATEMENTS = (nodes.Output, nodes.If)


class TemplateFailedError(Exception):
    """A template that these data do not suit; the text says which and why, and nothing of the data.

    Attributes:
        is_of_value: Whether a filter found the value itself unfit, so that no other template helps; otherwise the
            template may be to blame.
    """

    def __init__(self, message: str, *, is_of_value: bool = False) -> None:
        super().__init__(message)
        self.is_of_value = is_of_value


def texts(node: Node) -> Iterator[Text]:
    """Every text of a structure that is a template."""
    match node:
        case Fields():
            for entry in node.entries.values():
                yield from texts(entry.value)
        case Items():
            for item in node.items:
                yield from texts(item)
        case Scalar(kind="text"):
            yield node.text


def check(node: Node, names: Names) -> list[Problem]:
    """What is wrong with the templates of a structure."""
    return [problem for text in texts(node) for problem in _check_text(text, names)]


def used(node: Node) -> set[str]:
    """The names that the templates of a structure ask for."""
    trees = [tree for text in texts(node) if (tree := _tree(text.value)) is not None]
    return {each.name for tree in trees for each in tree.find_all(nodes.Name)}


def is_expression(text: str) -> bool:
    """Whether a text is one ``{{ … }}`` and nothing else."""
    tree = _tree(text)
    if tree is None or len(tree.body) != 1 or not isinstance(output := tree.body[0], nodes.Output):
        return False
    return len(output.nodes) == 1 and not isinstance(output.nodes[0], nodes.TemplateData)


def render(node: Node, values: Mapping[str, Any]) -> Any:
    """The structure with values in the places of its templates, as `json.dumps` takes it.

    Raises:
        TemplateFailedError: A template asks for what is not there, or what it does with a value cannot be done.
    """
    match node:
        case Fields():
            members = {key: render(entry.value, values) for key, entry in node.entries.items()}
            return {key: member for key, member in members.items() if member is not None}
        case Items():
            return [item for each in node.items if (item := render(each, values)) is not None]
    return _constant(node) if node.kind != "text" else _rendered(node.text, values)


def _constant(scalar: Scalar) -> int | float | bool | None:
    text = scalar.text.value
    match scalar.kind:
        case "integer":
            return int(text, 0) if text.startswith(("0o", "0x")) else int(text)
        case "number":
            number = float(text.replace(".inf", "inf").replace(".nan", "nan"))
            return number if math.isfinite(number) else None
        case "boolean":
            return text.lower() == "true"
    return None


def _rendered(text: Text, values: Mapping[str, Any]) -> Any:
    try:
        return as_json(_compiled(text.value)(values))
    except Exception as error:  # noqa: BLE001 (whatever a template does to data)
        # Without its cause, which likes to quote what it was given.
        message = f"the template at {text.position} fails: {type(error).__name__}"
        raise TemplateFailedError(message, is_of_value=isinstance(error, ValueError)) from None


def as_json(value: Any) -> Any:
    """A value of a template as JSON has it.

    Raises:
        TypeError: JSON has no such value.
    """
    match value:
        case Undefined():
            # This is how it says that it is not there.
            return str(value)
        case bool() | int() | str() | None:
            return value
        case float() if math.isfinite(value):
            return value
        case Mapping():
            return {str(key): as_json(member) for key, member in value.items()}
        case list() | tuple() | GeneratorType():
            return [as_json(item) for item in value]
    raise TypeError


class _Environment(ImmutableSandboxedEnvironment):
    """Of an object, only its members are there: never the methods that Python gives it."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        try:
            return obj[argument]
        except (TypeError, LookupError, AttributeError):
            return self.undefined(obj=obj, name=argument)


@cache
def _environment() -> _Environment:
    environment = _Environment(undefined=StrictUndefined, finalize=_in_text, keep_trailing_newline=True)
    environment.globals.clear()
    environment.filters |= FILTERS
    # Attributes are none of the data's business, and the same message must be the same bytes each time.
    for name in _NOT_HERE:
        del environment.filters[name]
    return environment


def _in_text(value: Any) -> Any:
    """A value as a part of a text."""
    if isinstance(value, Undefined | str):
        return value
    value = as_json(value)
    return "" if value is None else json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=1_000)
def _compiled(text: str) -> Callable[[Mapping[str, Any]], Any]:
    if not any(opening in text for opening in ("{{", "{%", "{#")):
        return lambda _: text
    found = _ONE_EXPRESSION.fullmatch(text) if is_expression(text) else None
    if found:
        return _environment().compile_expression(found[1].strip(), undefined_to_none=False)
    return _environment().from_string(text).render


def _tree(text: str) -> nodes.Template | None:
    try:
        return read_template(text)
    except TemplateError:
        return None


def _check_text(text: Text, names: Names) -> Iterator[Problem]:
    try:
        tree = read_template(text.value)
    except TemplateError as error:
        yield problem_at(text, error.offset, str(error))
        return
    if statement := next((each for each in tree.find_all(nodes.Stmt) if not isinstance(each, _STATEMENTS)), None):
        yield problem_at(text, offset_of(statement), "this cannot be used here; of Jinja's statements, `{% if %}` can")
        return
    called = {id(each.node) for each in tree.find_all(nodes.Call)}
    for node in tree.find_all(nodes.Node):
        if id(node) not in called and (message := _wrong(node, names)):
            yield problem_at(text, offset_of(node), message)


def _wrong(node: nodes.Node, names: Names) -> str | None:
    """What is wrong with one node, apart from those within it."""
    environment = _environment()
    match node:
        case nodes.Call():
            return "nothing can be called here; filters can be used: `| upper`"
        case nodes.Name() if node.name not in names:
            return f"there is no `{node.name}` here{_near(node.name, names)}"
        case nodes.Filter() if node.name not in environment.filters:
            return f"there is no filter `{node.name}`{did_you_mean(node.name, environment.filters)}"
        case nodes.Test() if node.name not in environment.tests:
            return f"there is no test `{node.name}`{did_you_mean(node.name, environment.tests)}"
        case nodes.Getattr(node=nodes.Name(name=of), attr=attribute):
            has = names.get(of)
            if has is not None and attribute not in has:
                return f"`{of}` has no `{attribute}`{_near(attribute, has)}"
    return None


def _near(word: str, valid: Collection[str]) -> str:
    return did_you_mean(word, valid) or (f"; there is {', '.join(f'`{each}`' for each in valid)}" if valid else "")
