"""A small world to read rules in, and a real DuckDB to ask what they say of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import duckdb

from pipelines.model import Text
from pipelines.problems import Position
from pipelines.rules import Scope, family_of, render
from pipelines.rules.model import EventCall, Rule

CUSTOMER = {
    "customer_id": "VARCHAR",
    "type": "VARCHAR",
    "plan": "VARCHAR",
    "email": "VARCHAR",
    "Mixed Case": "VARCHAR",
    'a "quoted" name': "VARCHAR",
    "unsubscribed": "BOOLEAN",
    "sessions": "BIGINT",
    "score": "DECIMAL(18, 3)",
    "created_at": "TIMESTAMP",
    "trial_ends_at": "TIMESTAMP",
    "tags": "VARCHAR[]",
    "lasts": "INTERVAL",
}
COMPANY = {"company_id": "VARCHAR", "tier": "VARCHAR", "seats": "INTEGER", "renews_at": "TIMESTAMP"}
INSTANT = "2026-03-02 09:00:00"


def text(value: str, file: str = "rules.yml") -> Text:
    """A scalar that stands alone on the first line of a file."""
    return Text(value, Position(file, 1, 1), tuple(value.split("\n")), exact="\n" not in value)


SEGMENTS = {
    "active": "did('login', within => '7 days')",
    "either": "in_segment('active') or plan = 'Pro'",
    "circle": "plan = 'Pro' and in_segment('round')",
    "round": "in_segment('circle')",
    "wrong": "plam = 'Pro' or sessions > 'x'",
}
SCOPE = Scope(
    customer={name: family_of(type_) for name, type_ in CUSTOMER.items()},
    company={name: family_of(type_) for name, type_ in COMPANY.items()},
    messages=frozenset({"mail"}),
    blocks=frozenset({"mail", "late", "pause"}),
    content_blocks=frozenset({"mail", "late"}),
    series=frozenset({"this", "other"}),
    segments={name: text(rule, "segments.yml") for name, rule in SEGMENTS.items()},
)


class World:
    """DuckDB with customers in it; rules are asked about all of them at once."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str] = CUSTOMER) -> None:
        self._database = duckdb.connect()
        self._database.execute("set timezone = 'UTC'; set enable_external_access = false")
        self._create("customer", columns, rows)
        self._create("company", COMPANY, [{}])
        self._database.execute(f"create table subject as select timestamp '{INSTANT}' as instant")

    def _create(self, table: str, columns: Mapping[str, str], rows: Iterable[Mapping[str, Any]]) -> None:
        quoted = ", ".join(f'"{name.replace(chr(34), chr(34) * 2)}" {type_}' for name, type_ in columns.items())
        self._database.execute(f"create table {table} (position integer, {quoted})")
        places = ", ".join("?" * (len(columns) + 1))
        for position, row in enumerate(rows):
            values = [position, *(row.get(name) for name in columns)]
            self._database.execute(f"insert into {table} values ({places})", values)

    def ask(self, rule: Rule, facts: Mapping[str, Any] | None = None) -> list[Any]:
        """What the rule's SQL is for each customer; facts are NULL where they are not given."""
        return self.ask_all([rule], facts)[0]

    def ask_all(self, rules: Sequence[Rule], facts: Mapping[str, Any] | None = None) -> list[list[Any]]:
        """What each rule's SQL is for each customer."""
        names = {name: (facts or {}).get(name) for rule in rules for name in rule.calls} or {"none": None}
        sql = (
            f"with fact as (select {', '.join(f'{_literal(value)} as {name}' for name, value in names.items())}) "
            f"select {', '.join(render(rule.sql) for rule in rules)} "
            "from customer, company, subject, fact order by customer.position"
        )
        answers = self._database.execute(sql).fetchall()
        return [list(column) for column in zip(*answers, strict=True)]

    def ask_event(self, call: EventCall, properties: str | None) -> Any:
        """Whether the call's ``where`` takes an event with these properties."""
        assert call.where is not None
        sql = f"select {render(call.where)} from (select cast(? as varchar) as properties) as event"
        return self._database.execute(sql, [properties]).fetchall()[0][0]


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    return f"timestamp '{value}'" if isinstance(value, str) else str(value).lower()
