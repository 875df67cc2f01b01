"""What other people call the sources and their columns, as data; the first word is the product's own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

Words = tuple[str, ...]

TABLES: Mapping[str, Words] = MappingProxyType(
    {
        "customers": (
            "customers", "users", "contacts", "people", "persons", "profiles", "members", "subscribers", "leads",
        ),
        "companies": ("companies", "organizations", "organisations", "accounts", "workspaces", "tenants", "teams"),
        "customer_companies": (
            "customer_companies", "company_customers", "company_members", "memberships", "user_companies",
            "contact_companies", "company_users", "organization_members", "account_users", "user_accounts",
        ),
        "events": ("events", "tracks", "activities", "activity", "user_events", "customer_events", "product_events"),
        "engagements": (
            "engagements", "message_events", "email_events", "message_engagements", "receipts", "delivery_events",
        ),
        "customer_tags": ("customer_tags", "tags", "user_tags", "contact_tags", "labels"),
    }
)  # fmt: skip
"""Names of tables without prefix; singular or plural makes no difference."""

PREFIXES = ("dim", "fct", "fact", "stg", "raw", "src", "int", "mart", "base", "d", "f", "tbl", "vw", "v")
"""What stands before a table's name and says nothing about what is in it."""

_PERSON = ("customer_id", "user_id", "contact_id", "person_id", "profile_id", "member_id", "subscriber_id", "lead_id")
_COMPANY = ("company_id", "organization_id", "organisation_id", "org_id", "account_id", "workspace_id", "tenant_id")
_TIME = (
    "occurred_at", "timestamp", "ts", "event_time", "event_timestamp", "event_at", "happened_at", "received_at",
    "sent_at", "created_at", "time", "date",
)  # fmt: skip

COLUMNS: Mapping[str, Mapping[str, Words]] = MappingProxyType(
    {
        "customers": {"customer_id": (*_PERSON, "id", "uuid", "user", "customer")},
        "companies": {"company_id": (*_COMPANY, "id", "uuid", "company")},
        "customer_companies": {
            "customer_id": (*_PERSON, "user", "customer"),
            "company_id": (*_COMPANY, "company"),
        },
        "events": {
            "customer_id": (*_PERSON, "distinct_id", "user", "customer"),
            "name": ("name", "event", "event_name", "event_type", "type", "action", "activity"),
            "occurred_at": _TIME,
            "properties": ("properties", "props", "payload", "event_properties", "attributes", "data", "params"),
        },
        "engagements": {
            "message_id": ("message_id", "msg_id", "external_id", "custom_id", "message"),
            "kind": ("kind", "event", "event_type", "type", "action", "status", "event_name"),
            "occurred_at": _TIME,
            "link": ("link", "url", "clicked_url", "link_url", "href"),
        },
        "customer_tags": {
            "customer_id": (*_PERSON, "user", "customer"),
            "tag": ("tag", "tag_name", "label", "name"),
        },
    }
)
"""Names of columns by source and the product's own name, the likeliest first."""

ATTRIBUTES: Mapping[str, Words] = MappingProxyType(
    {
        "email": ("email", "email_address", "e_mail", "mail", "emailaddress"),
        "unsubscribed": ("unsubscribed", "is_unsubscribed", "opted_out", "opt_out", "email_opt_out", "has_opted_out"),
        "subscribed": ("subscribed", "is_subscribed", "opted_in", "opt_in", "marketing_consent", "email_consent"),
    }
)
"""Columns of customers that the email channel asks for."""
