"""A parsed rule: portable SQL over named relations, and the facts it needs.

A rule's SQL is a sqlglot expression whose columns belong to four relations, named by the column's table:

``customer``  attributes of the customer (logical column names)
``company``   attributes of one company of the customer
``subject``   ``instant``: the moment being evaluated, a naive UTC timestamp
``fact``      one column per call in ``Rule.calls``; the compiler computes these columns set-wise

Inside ``EventCall.where`` there are ``subject``, and one more, ``event``, with the JSON text column ``properties``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sqlglot import exp

Family = Literal["text", "number", "time", "boolean", "interval", "other", "unknown"]
"""What a value is for comparing: ``other`` compares with nothing, ``unknown`` is a column whose type nobody told."""

Columns = Mapping[str, Family]
"""Column names with their families."""


@dataclass(frozen=True)
class EventCall:
    """An aggregate over the customer's events up to the instant.

    Attributes:
        function: ``did`` (boolean), ``event_count`` (integer), ``event_sum`` (decimal), ``first_event`` and
            ``last_event`` (timestamp).
        at_least: Only for ``did``.
        within: Window (instant - within, instant]; None: all events up to the instant.
        where: Two-valued SQL over ``event.properties`` and the instant; None: every event.
    """

    function: Literal["did", "event_count", "event_sum", "first_event", "last_event"]
    name: str
    property: str | None = None
    at_least: int = 1
    within: timedelta | None = None
    where: exp.Expression | None = None


@dataclass(frozen=True)
class EngagementCall:
    """Whether this entry's message of ``block_id`` got such an engagement up to the instant; ``link`` None: any link.

    ``function`` is ``received`` (any kind that proves receipt) or a kind of engagement.
    """

    function: str
    block_id: str
    link: str | None = None


@dataclass(frozen=True)
class TagCall:
    """Whether the customer has ``tag``."""

    tag: str


@dataclass(frozen=True)
class SeriesCall:
    """Whether the customer is or was in another series."""

    function: Literal["in_series", "entered_series", "finished_series", "exited_series", "reached_goal"]
    series_id: str


Call = EventCall | EngagementCall | TagCall | SeriesCall


@dataclass(frozen=True)
class Rule:
    """A checked expression.

    Attributes:
        sql: Two-valued boolean for a rule (never NULL); a value for an address or ``wait_until`` (NULL is unknown).
            Calls appear as columns of ``fact``, already wrapped for the case that no row exists
            (``coalesce(fact.f1, false)``; 0 for counts and sums; NULL for times).
        calls: Fact column name to call. The same call has the same name wherever it occurs, in any rule
            (a hash of its content), so that equal calls are computed once.
        text: The rule as the user wrote it, for messages and explanations.
        columns: Attributes of ``customers`` that it reads.
        company_columns: Attributes of ``companies`` that it reads; not empty: the rule holds when it holds for one
            company.
    """

    sql: exp.Expression
    calls: Mapping[str, Call]
    text: str
    columns: frozenset[str] = frozenset()
    company_columns: frozenset[str] = frozenset()

    @property
    def reads_events(self) -> bool:
        """Whether events decide it."""
        return any(isinstance(call, EventCall) for call in self.calls.values())

    @property
    def reads_engagements(self) -> bool:
        """Whether engagements decide it."""
        return any(isinstance(call, EngagementCall) for call in self.calls.values())
