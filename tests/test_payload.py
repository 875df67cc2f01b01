"""What leaves as a message: content blocks, with the payloads that customers get.

A case of ``payloads/`` holds a content block as a definition has it, and the payloads of some of the customers in
``templates/customers.sql``.
"""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from pipelines.definition import read_series
from pipelines.model import ContentBlock
from pipelines.payload import compile_payload
from pipelines.rules import render
from pipelines.rules.model import Family
from pipelines.template import Attributes

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


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_payloads(file: Path) -> None:
    case = yaml.safe_load(file.read_text("utf-8"))
    found = payloads(read_block(case["block"]))
    for who, expected in case["payloads"].items():
        assert list(found[who]) == list(expected)
        assert found[who] == expected
