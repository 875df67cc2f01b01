"""The files of a new project as text: ``series.yml`` with what was found, and one small series to begin with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipelines.definitions.vocabulary import SOURCES
from pipelines.init.synonyms import ATTRIBUTES
from pipelines.sql_text import literal

EXAMPLE = "example"
"""The id of the series to begin with."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True, slots=True)
class Layout:
    """What the files say.

    Attributes:
        attach: Name and path, relative to the project, of the database that holds the sources; None: the warehouse.
        dbt_project: The folder of the dbt project, relative to the project; None: there is none.
        places: Source to what says where its rows are, as keys of a source in their order, for those that have one.
        columns: Source to the product's column name to the table's own, where they differ.
        types: Source to the product's column name to what it is read as, where it is not read as it is.
        attributes: The customers' columns by the product's names, in their order.
        event: The name of an event that customers have; None where none is known.
    """

    attach: tuple[str, str] | None = None
    dbt_project: str | None = None
    places: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    types: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    attributes: Sequence[str] = ()
    event: str | None = None

    @property
    def consent(self) -> str | None:
        """The rule that says who may be written to; None where no column does."""
        if "unsubscribed" in self.attributes:
            return "not unsubscribed"
        return "subscribed" if "subscribed" in self.attributes else None

    @property
    def can_email(self) -> bool:
        """Whether the customers have what the email channel asks for."""
        return "email" in self.attributes and self.consent is not None


def project_text(layout: Layout) -> str:
    """The text of ``series.yml``."""
    attach = ""
    if layout.attach:
        name, path = layout.attach
        attach = f"\n  attach:                           # read only; its tables are `{name}.schema.table`"
        attach += f"\n    {name}: {{path: {scalar(path)}}}"
    dbt = ""
    if layout.dbt_project:
        dbt = "\n# Its target/manifest.json says which table a model is.\n"
        dbt += f"dbt: {{project: {scalar(layout.dbt_project)}}}\n"
    return f"""# The project. Every key has a default; what is commented out shows it, or an example.
# `series sources` shows what the sources hold, `series validate` checks everything.

warehouse:
  engine: duckdb
  path: warehouse/warehouse.duckdb  # what series remember: schema `series`, in this file{attach}
{dbt}
# timezone: UTC                     # for send windows and wall-clock waits

# Where the rows come from. A column that is not named here keeps its name; those of customers are their attributes.
{"sources:" if layout.places else "# sources:"}
{_sources(layout)}
{_channels(layout)}
# senders:                          # where messages go; another way out is another sender
#   outbox: {{type: files, path: outbox, format: jsonl}}
"""


def example_text(layout: Layout) -> str:
    """The text of the first series: a draft, which does nothing until its status is `live`."""
    greeting = "Hi {{ first_name | default('there') }}," if "first_name" in layout.attributes else "Hello,"
    message = f"""
  hello:
    content: email
    subject: Good to have you here
    body: |
      {greeting}

      this is where your text goes.
    try_for: 2 days
    then: settle
"""
    sends = not layout.places or layout.can_email
    return f"""# A series to begin with. It is a draft: nothing happens until `status: live`.
series: {EXAMPLE}
title: A first series
status: draft
schedule: hourly                    # `series run --due` runs it when an hour has begun

blocks:
  # Who enters: a rule that nothing leads to.
  newcomers:
    rule: {scalar(_entry_rule(layout))}
    then: {"hello" if sends else "settle"}
{message if sends else ""}
  settle:
    wait: 1 day
    then: remember

  # A tag that other series can ask for: has_tag('welcomed').
  remember:
    tag: welcomed
"""


def scalar(text: str) -> str:
    r"""A text as YAML on one line, whatever is in it.

    >>> print(scalar("crm.contacts"), scalar("no"), scalar('a: "b"\n'))
    crm.contacts "no" "a: \"b\"\n"
    """
    import yaml

    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    dumped = yaml.dump(text, Dumper=yaml.SafeDumper, default_style='"', allow_unicode=True, width=1_000_000)
    return dumped.strip()


def _sources(layout: Layout) -> str:
    lines = []
    for name, meaning in SOURCES.items():
        if name not in layout.places:
            lines.append(f"  # {meaning}\n  # {name}: {{table: schema.table}}")
            continue
        lines.append(f"  {name}:")
        lines += [f"    {key}: {scalar(value)}" for key, value in layout.places[name].items()]
        for key, said in (("columns", layout.columns), ("types", layout.types)):
            if columns := said.get(name):
                lines.append(f"    {key}:")
                lines += [f"      {scalar(column)}: {scalar(own)}" for column, own in columns.items()]
    return "\n".join([*lines, ""])


def _channels(layout: Layout) -> str:
    if layout.places and not layout.can_email:
        return _ASK_FOR_CONSENT
    if not layout.places or ("engagements" in layout.places and "unsubscribed" in layout.attributes):
        return _DEFAULT_CHANNELS
    receipts = "" if "engagements" in layout.places else _RECEIPTS
    return f"""channels:
  email:
    address: email
    consent: {layout.consent}{receipts}
"""


_RECEIPTS = """
    receipts: false                 # no `engagements` source says what arrived: what is queued counts as delivered"""
_DEFAULT_CHANNELS = """# channels:                         # an address, and a rule that says who may be written to
#   email: {address: email, consent: not unsubscribed}
"""
_KNOWN = ", ".join(word for words in ATTRIBUTES.values() for word in words[:2])
_ASK_FOR_CONSENT = f"""# To send email, say which column of `customers` is the address and which rule says who
# may be written to. They were not both found; known names are {_KNOWN}.
# channels:
#   email: {{address: email, consent: not unsubscribed}}
"""


def _entry_rule(layout: Layout) -> str:
    if layout.event is not None:
        return f"did({literal(layout.event)}, within => '7 days')"
    for column in ("created_at", "signed_up_at"):
        if column in layout.attributes:
            return f"{column} > now() - interval '7 days'"
    return "email is not null" if "email" in layout.attributes or not layout.places else "customer_id is not null"
