"""What one customer would get from one block: rendered by the expression that a run uses, without any effect."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipelines.checked import CheckedSeries
from pipelines.compile.compile import compile_views
from pipelines.compile.payload import payload_sql
from pipelines.hint import did_you_mean, there_is_no
from pipelines.memo import Memo
from pipelines.model import ContentBlock, Definitions
from pipelines.problems import RunError, UsageError
from pipelines.rules import render as render_rule
from pipelines.run import families_of, read_definitions, refuse
from pipelines.sources import SourceTable, customer_id_type
from pipelines.sql_text import render
from pipelines.templates.template import Attributes, columns_read
from warehouse import state
from warehouse.adapter import StatementError, Warehouse

_NEAREST = """
select cast(customer_id as varchar) as customer_id
from source_customers
order by levenshtein(cast(customer_id as varchar), $customer_id), customer_id
limit 1
"""


@dataclass(frozen=True, slots=True)
class Preview:
    """One customer's copy of one block's message.

    Attributes:
        address: Where it would go; None: its channel needs no address, or the customer has none.
        payload: What would leave, see `pipelines.compile.payload`.
    """

    series_id: str
    block_id: str
    customer_id: str
    channel: str
    address: str | None
    payload: Mapping[str, Any]


def read_preview(
    warehouse: Warehouse, definitions: Definitions, series_id: str, block_id: str, customer_id: str
) -> Preview:
    """Renders a message as it would go out with the attributes that the customer has now.

    Whether it would go out at all (the rules on the way, consent, windows, caps) is not asked.

    Raises:
        UsageError: There is no such series or content block.
        RefusedError: A definition cannot be used.
        RunError: There is no such customer, or a source cannot be used.
    """
    checked, sources, problems = read_definitions(definitions, warehouse, Memo())
    refuse(problems)
    if series_id not in checked.series:
        raise UsageError(there_is_no("series", series_id, checked.series))
    block = _content_block(checked.series[series_id], block_id)
    channel = checked.channels[block.channel.value]
    known = state.read_version(warehouse) is not None
    id_type = state.customer_id_type(warehouse) if known else customer_id_type(sources)
    for view in compile_views(sources, id_type):
        warehouse.execute(view.sql)
    payload = payload_sql(block, _attributes(sources))
    query = render(
        "preview",
        address=f"cast({render_rule(channel.address.sql)} as varchar)" if channel.address else "cast(null as varchar)",
        payload=render_rule(payload),
        of_company=bool(columns_read(payload, "company")),
    )
    try:
        rows = warehouse.fetch(query, {"customer_id": customer_id})
    except StatementError as error:
        raise RunError(f"The message cannot be rendered: {error}\nThe statement was:\n{error.sql}") from error
    if not rows:
        near = [str(found) for (found,) in warehouse.fetch(_NEAREST, {"customer_id": customer_id})]
        raise RunError(there_is_no("customer", customer_id, near))
    if len(rows) > 1:
        raise RunError(f"source `customers`: customer_id must be unique, but there are {len(rows)} of `{customer_id}`.")
    address, text = rows[0]
    return Preview(series_id, block_id, customer_id, block.channel.value, address, json.loads(text))


def _content_block(checked: CheckedSeries, block_id: str) -> ContentBlock:
    blocks = checked.series.blocks
    block = blocks.get(block_id)
    if isinstance(block, ContentBlock):
        return block
    contents = [name for name, each in blocks.items() if isinstance(each, ContentBlock)]
    if block is not None:
        sends = f"those that do are {', '.join(f'`{name}`' for name in contents)}" if contents else "none of it does"
        raise UsageError(f"Block `{block_id}` of `{checked.series.series_id}` sends no message; {sends}.")
    hint = did_you_mean(block_id, contents) or "."
    raise UsageError(f"There is no block `{block_id}` in `{checked.series.series_id}`{hint}")


def _attributes(sources: Mapping[str, SourceTable]) -> Attributes:
    families = families_of(sources)
    return Attributes(families["customers"], families["companies"] if families["customer_companies"] else {})
