"""What leaves as a message: content blocks, with the payloads that customers get.

A case of ``payloads/`` is a content block as a definition has it, ``<case>.yml``, and in ``<case>.json`` what each of
the customers in ``templates/customers.sql`` gets.
"""

from __future__ import annotations

import json
import textwrap
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import quote

import duckdb
import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.compile.payload import compile_payload
from pipelines.definitions.definition import read_series
from pipelines.model import ContentBlock, Text
from pipelines.problems import Position
from pipelines.rules import render
from pipelines.rules.model import Family
from pipelines.templates.template import Attributes
from tests.golden import assert_golden

HERE = Path(__file__).parent
CASES = sorted((HERE / "payloads").glob("*.yml"))
CUSTOMER: dict[str, Family] = {
    "who": "text", "first_name": "text", "plan": "text", "score": "number", "spent": "number", "seats": "number",
    "vip": "boolean", "seen_at": "time", "born_on": "time",
}  # fmt: skip
ATTRIBUTES = Attributes(CUSTOMER, {"name": "text", "tier": "text"})
SERIES = """series: hello
status: live
schedule: nightly
blocks:
  free: {rule: plan = 'Free', then: hello}
  hello:
"""


def read_block(text: str) -> ContentBlock:
    series, problems = read_series(SERIES + textwrap.indent(text, "    "), "series_definitions/hello.yml")
    assert series is not None, problems
    block = series.blocks["hello"]
    assert isinstance(block, ContentBlock)
    return block


def payloads(block: ContentBlock) -> dict[str, Any]:
    expression, problems = compile_payload(block, ATTRIBUTES)
    assert expression is not None, problems
    customers = (HERE / "templates" / "customers.sql").read_text("utf-8")
    companies = "select 'ann' as who, 'Lee & <Sons>' as name, null as tier"
    rows = duckdb.execute(
        f"select customer.who, {render(expression)} from ({customers}) as customer"
        f" left join ({companies}) as company on company.who = customer.who"
    ).fetchall()
    return {who: json.loads(payload) for who, payload in rows}


@pytest.mark.golden
@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_payloads(file: Path) -> None:
    found = payloads(read_block(file.read_text("utf-8")))
    assert_golden(file.with_suffix(".json"), json.dumps(found, indent=2, ensure_ascii=False) + "\n")


JINJA = jinja2.Environment(autoescape=True, keep_trailing_newline=True)
HOSTILE = st.lists(
    st.sampled_from([*"<>&\"'`/=:;#?% \r\n\t\x00\x1b\x85\u2028aZ1é😀", "javascript:", "https://", "{{", "\r\nBcc: "]),
    max_size=12,
).map("".join)
LITERAL = st.text('<>&"/=aZ é', max_size=6).map(lambda text: f"{{{{ '{text}' }}}}")
VALUE = st.sampled_from(
    ["{{ first_name }}", "{{ plan }}", "{{ plan | default('<i>') }}", "{{ first_name | e }}", "{{ 'a' ~ plan }}"]
)
STATIC = st.sampled_from(["Hi ", "é & b", "&lt;", "<br>", "<b>bold</b>", "\n", "<i class='x'>i</i>"])
INLINE = st.recursive(
    VALUE | LITERAL | STATIC,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.tuples(inner, inner).map(lambda two: f"{{% if plan %}}{two[0]}{{% else %}}{two[1]}{{% endif %}}"),
        inner.map(lambda one: f'<p title="{{{{ plan }}}}">{one}</p>'),
    ),
    max_leaves=6,
)
NAMES = st.none() | HOSTILE


def shown(block: ContentBlock, first_name: str | None, plan: str | None) -> dict[str, Any]:
    expression, problems = compile_payload(block, ATTRIBUTES)
    assert expression is not None, problems
    customer = "(select $1::varchar as first_name, $2::varchar as plan) customer"
    payload: dict[str, Any] = json.loads(
        duckdb.execute(f"select {render(expression)} from {customer}", [first_name, plan]).fetchall()[0][0]
    )
    return payload


def block_of(channel: str, **fields: str) -> ContentBlock:
    position = Position("s.yml", 1, 1)
    texts = {name: Text(text, position) for name, text in fields.items()}
    return ContentBlock("hello", position, channel=Text(channel, position), fields=texts)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(body=INLINE, first_name=NAMES, plan=NAMES)
def test_html_is_what_jinja_shows_and_escapes(body: str, first_name: str | None, plan: str | None) -> None:
    known = {name: value for name, value in (("first_name", first_name), ("plan", plan)) if value is not None}
    source = f"<div>{body}</div>"
    expected = JINJA.from_string(source).render(known)
    found = shown(block_of("email", html=source), first_name, plan)["html"]
    # Attributes in single quotes become such in double quotes.
    assert found == expected.replace("class='x'", 'class="x"')


MARKDOWN = """
# {{ first_name }}
Hi **{{ plan }}** `{{ plan }}` [{{ first_name }}](https://example.com/{{ plan }}?q={{ first_name }}) text
![{{ plan }}](/{{ plan }})
{% if plan %}
- {{ plan }} <b> https://example.com/{{ plan }}
{% endif %}
> {{ first_name }} [all]({{ first_name }} "{{ plan }}")
"""


class Structure(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[str]]] = []
        self.links: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, [name for name, _ in attrs]))
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(first_name=HOSTILE, plan=HOSTILE)
def test_values_change_neither_markup_nor_headers_nor_where_links_lead(first_name: str, plan: str) -> None:
    block = block_of(
        "email", body=MARKDOWN, subject="Hi {{ first_name }}", reply_to="{{ plan }}", link="{{ plan }}",
        unsubscribe_url="https://example.com/{{ plan }}",
    )  # fmt: skip
    found, plain = shown(block, first_name, plan), shown(block, "x", "x" if plan else "")
    html = Structure(found["html"])
    assert html.tags == Structure(plain["html"]).tags
    addresses = [*html.links, found["link"], *(link["url"] for link in found["links"])]
    assert all(
        address == "" or address.startswith(("https://", "http://", "/")) for address in map(str.lower, addresses)
    )
    assert f"https://example.com/{quote(plan, safe='')}?q={quote(first_name, safe='')}" in html.links
    assert found["headers"]["List-Unsubscribe"] == f"<https://example.com/{quote(plan, safe='')}>"
    for header in (found["subject"], found["reply_to"], *found["headers"].values()):
        assert len(header.splitlines()) <= 1
        assert not set(header) & set(map(chr, range(32)))
    for value in (first_name, plan):
        assert value in found["body"]


DATES = """content: email
subject: Dates
body: |
  [look](https://a.example/?d={{ seen_at | date('%d/%m %p') }}&e={{ seen_at | date('%d.%m.%Y') }})
  {{ seen_at | date('<%Y & %B>') }} {{ seen_at | date('%-d.%m.%Y') }} {{ seen_at | date('%d"%m') }}
"""


def test_a_date_is_escaped_where_its_form_asks_for_it() -> None:
    shown = payloads(read_block(DATES))
    assert shown["ann"]["html"] == (
        '<p><a href="https://a.example/?d=01%2F03%20AM&amp;e=01.03.2026">look</a>\n'
        "&lt;2026 &amp; March&gt; 1.03.2026 01&#34;03</p>"
    )
    assert shown["ann"]["body"].endswith('<2026 & March> 1.03.2026 01"03')


def test_a_file_for_programs_begins_no_payload_with_a_formula() -> None:
    block = block_of("email", subject="{{ plan }}", body="{{ plan }}")
    expression, _ = compile_payload(block, ATTRIBUTES)
    assert expression is not None
    customer = "(select '=cmd|1' as plan) customer"
    assert duckdb.execute(f"select {render(expression)} from {customer}").fetchall()[0][0].startswith('{"')
