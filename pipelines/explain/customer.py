"""Finding the customer who is asked about, among the sources and in the state."""

from __future__ import annotations

import re
from collections.abc import Sequence
from uuid import UUID

from pipelines.checked import CheckedDefinitions
from pipelines.hint import nearest
from pipelines.problems import RunError
from pipelines.rules import render as render_rule
from pipelines.sql_text import read_query, render
from warehouse.adapter import Warehouse

CustomerId = str | int | UUID
"""An id in its own type, as the warehouse takes it."""

_INTEGER = re.compile(r"0|-?[1-9][0-9]*", re.ASCII)
_LARGEST = 2**63


def typed_id(text: str, id_type: str) -> CustomerId | None:
    """The id that a text is; None where no id of the type is written so.

    >>> typed_id("7", "BIGINT"), typed_id("07", "BIGINT"), typed_id("07", "VARCHAR")
    (7, None, '07')
    >>> typed_id("D5D4CD07616A6AD3B5FD12345678ABCD", "UUID")
    UUID('d5d4cd07-616a-6ad3-b5fd-12345678abcd')
    """
    if id_type == "BIGINT":
        number = int(text) if len(text) < 25 and _INTEGER.fullmatch(text) else None
        return number if number is not None and -_LARGEST <= number < _LARGEST else None
    if id_type == "UUID":
        try:
            return UUID(text)
        except ValueError:
            return None
    return text


def is_present(warehouse: Warehouse, customer_id: CustomerId) -> bool:
    """Whether the customer is in ``source_customers``.

    Raises:
        RunError: They are there more than once.
    """
    rows = warehouse.fetch(read_query("explain/customer"), {"customer_id": customer_id})
    if len(rows) > 1:
        message = f"source `customers`: customer_id must be unique, but there are {len(rows)} of `{customer_id}`."
        raise RunError(message)
    return bool(rows)


def unknown(warehouse: Warehouse, definitions: CheckedDefinitions, customer_id: str) -> RunError:
    """What is said to somebody who asks for a customer whom nobody knows: who may be meant, and what to do."""
    parameters = {"customer_id": customer_id}
    message = f"There is no customer `{customer_id}`, neither in source `customers` nor in what runs have written"
    addresses = [render_rule(one.address.sql) for one in definitions.channels.values() if one.address]
    found = warehouse.fetch(render("explain/by_address", addresses=addresses), parameters) if addresses else []
    if found:
        return RunError(f"{message}. It is the address of {_named([row[0] for row in found])}; ask for the id.")
    near = nearest(customer_id, [row[0] for row in warehouse.fetch(read_query("explain/nearest"), parameters)])
    hint = f"; the id most like it is `{near}`" if near else ""
    return RunError(f"{message}{hint}. Customers are asked for by `customer_id`.")


def _named(ids: Sequence[str]) -> str:
    listed = ", ".join(f"`{one}`" for one in ids)
    return f"customer {listed}" if len(ids) == 1 else f"customers {listed}"
