"""What leaves as a message: one SQL expression that renders a content block for every customer at once, as JSON.

The members are the block's fields, in the order of `pipelines.definitions.content_vocabulary`; a field that the block
has not is not there. Further ones are made here:

- ``html``: the text as HTML, of a channel that shows it; ``body`` is the same as plain text, however it was written.
- ``links``: every address that the message leads to, as ``id`` and ``url``. The id depends on the address as the
  definition writes it, so that it is the same for every customer, and stays when other parts of the message change.
- ``headers``: of an email with an ``unsubscribe_url``, the headers of one-click unsubscription (RFC 8058).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from sqlglot import exp

from pipelines.definitions.content_vocabulary import CONTENT, Field, Fields, Form
from pipelines.json_text import Json, json_text
from pipelines.markup import Markup, MarkupError, read_html, read_markdown
from pipelines.model import Content, ContentBlock, Text
from pipelines.problems import Problem, RefusedError
from pipelines.templates.places import LinkError, in_link, on_one_line, pieces
from pipelines.templates.syntax import problem_at
from pipelines.templates.template import Attributes, compile_template
from pipelines.templates.value import concatenated, text_literal

_FREE = Field("")
_READERS: Mapping[Form, Callable[[str], Markup]] = {"markdown": read_markdown, "html": read_html}
_ONE_CLICK = "List-Unsubscribe=One-Click"


def compile_payload(block: ContentBlock, attributes: Attributes) -> tuple[exp.Expression | None, list[Problem]]:
    """The SQL expression that renders a message for one row of ``customer`` beside one of ``company``.

    Args:
        block: What to send.
        attributes: What it may show.

    Returns:
        The expression, the text of a JSON object; and every problem found. It is None when there is one.
    """
    writer = _Writer(attributes)
    payload = writer.members(block.fields, CONTENT.get(block.channel.value, {}))
    address = block.fields.get("unsubscribe_url")
    if isinstance(address, Text) and "unsubscribe_url" in payload:
        payload["headers"] = writer.unsubscription(address)
    if writer.links:
        payload["links"] = [{"id": text_literal(key), "url": url} for key, url in writer.links.items()]
    return (None if writer.problems else json_text(payload)), writer.problems


def payload_sql(block: ContentBlock, attributes: Attributes) -> exp.Expression:
    """The expression of `compile_payload`.

    Raises:
        RefusedError: The block cannot be rendered; carries every problem.
    """
    expression, problems = compile_payload(block, attributes)
    if expression is None:
        raise RefusedError(problems)
    return expression


class _Writer:
    """Compiles the fields of one message; keeps the problems and links that it meets."""

    def __init__(self, attributes: Attributes) -> None:
        self.problems: list[Problem] = []
        self.links: dict[str, exp.Expression] = {}
        self._attributes = attributes

    def members(self, content: Mapping[str, Content], known: Fields) -> dict[str, Json]:
        """The members of one mapping, in the order of what is known, then of the file."""
        order = [*(name for name in known if name in content), *(name for name in content if name not in known)]
        members: dict[str, Json] = {}
        for name in order:
            field, said = known.get(name, _FREE), content[name]
            if isinstance(said, Text) and field.form in _READERS:
                members |= self._markup(said, _READERS[field.form])
            else:
                members[name] = self._member(name, said, field)
        return members

    def unsubscription(self, address: Text) -> dict[str, Json]:
        """The headers with which a mail program offers to unsubscribe by one click."""
        if not address.value.strip().lower().startswith("https://"):
            message = "`unsubscribe_url` must begin with `https://`; mail programs take no other for one click"
            self.problems.append(problem_at(address, 0, message))
        url = self._placed(address, in_link(address.value))
        return {
            "List-Unsubscribe": concatenated([text_literal("<"), url, text_literal(">")]),
            "List-Unsubscribe-Post": text_literal(_ONE_CLICK),
        }

    def _member(self, name: str, content: Content, field: Field) -> Json:
        if isinstance(content, Text):
            return self._text(name, content, field.form)
        if isinstance(content, tuple):
            return [self._item(name, item, field) for item in content]
        return {key: self._item(name, item, field) for key, item in content.items()}

    def _item(self, name: str, content: Content, field: Field) -> Json:
        if isinstance(content, Mapping):
            return self.members(content, field.fields)
        return self._member(name, content, _FREE)

    def _text(self, name: str, text: Text, form: Form) -> exp.Expression:
        if form == "file":
            self.problems.append(problem_at(text, 0, f"a test cannot name the file `{text}`; write its text out"))
            return exp.null()
        expression, found = compile_template(text, self._attributes)
        self.problems += found
        if expression is None:
            return exp.null()
        if form == "line":
            return self._placed(text, on_one_line(text.value))
        return self._link(name, text) if form == "link" else expression

    def _markup(self, text: Text, read: Callable[[str], Markup]) -> dict[str, Json]:
        """The text of a message as HTML and as plain text."""
        expression, found = compile_template(text, self._attributes)
        self.problems += found
        if expression is None:
            return {}
        try:
            markup = read(text.value)
        except MarkupError as error:
            self.problems.append(problem_at(text, error.offset, str(error)))
            return {}
        for written, address in markup.links:
            self.links.setdefault(link_id(written), self._placed(text, address))
        return {"body": self._placed(text, markup.text), "html": self._placed(text, markup.html)}

    def _link(self, name: str, text: Text) -> exp.Expression:
        try:
            url = self._placed(text, in_link(text.value))
        except LinkError as error:
            self.problems.append(problem_at(text, error.offset, str(error)))
            return exp.null()
        if name == "link":
            self.links.setdefault(link_id(text.value), url.copy())
        return url

    def _placed(self, text: Text, template: str) -> exp.Expression:
        """The expression of a template made from a text that is known to be right."""
        expression, problems = compile_template(Text(template, text.position), self._attributes, placed=True)
        assert expression is not None, problems
        return expression


def link_id(address: str) -> str:
    """The id of a link, from its address as the definition writes it, however the braces are spaced.

    >>> link_id("https://example.com/?u={{ customer_id }}")
    '215ae532'
    """
    written = "".join(piece.written for piece in pieces(address.strip()))
    return hashlib.md5(written.encode(), usedforsecurity=False).hexdigest()[:8]
