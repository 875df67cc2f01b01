"""A page of the report as a reader gets it without a script: its tables by caption, and the facts of its blocks."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "img"}


class PageText(HTMLParser):
    """What a page says.

    Attributes:
        tables: By caption, rows of cells; only of the page as it is opened, not of templates.
        slots: Text by the value of ``data-n`` and ``data-v``, in order.
        facts: The title of each block of the graph.
        terms: What stands beside the terms of lists; only of those that no click has to open.
        moved: The labels of its connections.
        tags: Every element's name.
        external: Values of attributes that would load something.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.slots: dict[str, list[str]] = {}
        self.facts: list[str] = []
        self.terms: dict[str, str] = {}
        self.moved: list[str] = []
        self.tags: set[str] = set()
        self.external: list[str] = []
        self._open: list[tuple[str, str, list[str]]] = []
        self._rows: list[list[str]] = []
        self._caption = self._term = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.add(tag)
        self.external += [given[name] for name in ("src", "href", "action") if not given.get(name, "#").startswith("#")]
        if tag in VOID:
            return
        self._open.append((tag, given.get("class", ""), []))
        if name := given.get("data-n") or given.get("data-v"):
            self._open[-1] = (tag, f"slot {name}", self._open[-1][2])
        if tag == "table":
            self._rows, self._caption = [], ""
        if tag == "tr":
            self._rows.append([])

    def handle_data(self, data: str) -> None:
        for _, _, text in self._open:
            text.append(data)

    def handle_endtag(self, tag: str) -> None:
        name, marks, parts = self._open.pop()
        assert name == tag, f"<{name}> is closed by </{tag}>"
        text = " ".join("".join(parts).split())
        inside = {each for each, _, _ in self._open}
        if "template" in inside:
            return
        if tag in ("td", "th"):
            self._rows[-1].append(text)
        elif tag == "dt":
            self._term = text
        elif tag == "dd" and "details" not in inside:
            self.terms[self._term] = text
        elif tag == "caption":
            self._caption = text
        elif tag == "table":
            self.tables[self._caption] = self._rows
        elif tag == "title" and any("block" in classes.split() for _, classes, _ in self._open):
            self.facts.append("".join(parts))
        elif marks == "moved":
            self.moved.append(text)
        if marks.startswith("slot "):
            self.slots.setdefault(marks[5:], []).append(text)
