"""What messages of each channel are made of, and what can come back for them, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Form = Literal["text", "line", "link", "markdown", "html", "file", "list", "map"]
"""How a field is written and rendered.

``text``: plain text. ``line``: plain text on one line, as the headers of an email need it. ``link``: an address to
go to. ``markdown``, ``html``: a body that leaves as HTML and as plain text. ``file``: the path of a file with one.
``list``: a list of mappings with fields of their own. ``map``: such mappings by an id.
"""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message.

    Attributes:
        description: What it is, for people.
        fields: The fields of each item, where the form is ``list`` or ``map``.
    """

    description: str
    form: Form = "text"
    fields: Mapping[str, Field] = field(default_factory=dict)


Fields = Mapping[str, Field]

_TITLE = Field("The message's title, a template.")
_BODY = Field("The message's text, a template.")
_LINK = Field("Where the message leads, a template; the values in it are encoded.", "link")
_FROM = Field("Who the message comes from, a template.", "line")
_COMMON: Fields = {"title": _TITLE, "body": _BODY, "link": _LINK}
_RICH: Fields = {
    "body": Field("The message's text in Markdown, a template; leaves as HTML and as plain text.", "markdown"),
    "html": Field("The message's text in HTML, a template; leaves as HTML and as plain text.", "html"),
    "body_file": Field("A file with the text, ending in .md or .html; its path from series_definitions/.", "file"),
}

_STEP: Fields = {
    "title": Field("The step's title, a template."),
    "body": Field("The step's text, a template."),
    "link": Field("The page that the step is about, a template.", "link"),
    "element": Field("The part of the page that the step points at, such as a CSS selector."),
}
_SCREEN: Fields = {
    "title": Field("The screen's title, a template."),
    "body": Field("The screen's text, a template."),
    "image": Field("The address of the screen's picture, a template.", "link"),
    "link": Field("Where the screen's button leads, a template.", "link"),
    "button": Field("What the screen's button says, a template."),
}
_BUTTON: Fields = {
    "label": Field("What the button says, a template."),
    "path": Field("The path of the bot that the button leads to."),
    "link": Field("The address that the button leads to, a template.", "link"),
}
_BUTTONS = Field("The buttons below the text; each leads along a path or to a link.", "list", _BUTTON)
_PATH: Fields = {"body": Field("What the bot says on this path, a template."), "buttons": _BUTTONS}

CONTENT: Mapping[str, Fields] = MappingProxyType(
    {
        "chat": {"title": _TITLE, **_RICH, "link": _LINK, "from": _FROM},
        "post": {"title": _TITLE, **_RICH, "link": _LINK, "from": _FROM},
        "tour": {**_COMMON, "steps": Field("The steps of the tour, in order.", "list", _STEP)},
        "carousel": {**_COMMON, "screens": Field("The screens, in order.", "list", _SCREEN)},
        "email": {
            "subject": Field("The subject, a template.", "line"),
            "preheader": Field("What a mail program shows after the subject, a template.", "line"),
            **_RICH,
            "from": _FROM,
            "reply_to": Field("Where answers go, a template.", "line"),
            "link": _LINK,
            "unsubscribe_url": Field(
                "The address that takes one-click unsubscription, a template; becomes the headers for it.", "link"
            ),
        },
        "push": _COMMON,
        "bot": {
            **_COMMON,
            "buttons": _BUTTONS,
            "paths": Field("What the bot says next, by the id of the path.", "map", _PATH),
        },
        "banner": {**_COMMON, "button": Field("What the banner's button says, a template.")},
    }
)
"""The fields of each channel, in the order of the payload; channels declared in series.yml have any."""

BODIES = ("body", "html", "body_file")
"""The ways of writing the text of a message; it has one of them."""

MAIN_FIELDS = ("subject", "title", *BODIES, "steps", "screens", "paths")
"""A message has one of these at least, as far as its channel knows them."""

ENGAGEMENTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "chat": ("opened", "clicked", "replied", "reacted"),
        "post": ("opened", "clicked", "replied", "reacted", "dismissed"),
        "tour": ("opened", "clicked", "completed", "dismissed"),
        "carousel": ("opened", "clicked", "completed", "dismissed"),
        "email": ("opened", "clicked", "replied"),
        "push": ("opened", "clicked", "dismissed"),
        "bot": ("opened", "clicked", "replied", "completed", "dismissed"),
        "banner": ("opened", "clicked", "reacted", "dismissed"),
    }
)
"""What a customer can do with a message of each channel, as the rules call it; ``series.yml`` may say otherwise."""

OWNERS: Mapping[str, str] = MappingProxyType(
    {name: channel for channel, fields in reversed(list(CONTENT.items())) for name in fields}
)
"""Every field, with the first channel that has it."""
