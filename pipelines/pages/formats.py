"""Numbers as pages show them; ``report.js`` writes the same numbers the same way."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from pipelines.schedule import format_instant

NOTHING = "\N{EN DASH}"
"""What stands where there is no number."""

MINUS = "\N{MINUS SIGN}"


def count(value: int | None) -> str:
    """A whole number.

    >>> count(1234567), count(0), count(None) == NOTHING
    ('1,234,567', '0', True)
    """
    return NOTHING if value is None else f"{value:,}"


def percent(share: float | None) -> str:
    """A share of one, to a tenth of a percent; halves are rounded away from zero, as JavaScript does.

    >>> percent(0.1225), percent(0), percent(1.0), percent(None) == NOTHING
    ('12.3%', '0.0%', '100.0%', True)
    """
    return NOTHING if share is None else f"{_tenths(share * 100)}%"


def points(difference: float | None) -> str:
    """A difference of two shares, in percentage points with its sign.

    >>> points(0.0291), points(-0.012) == f"{MINUS}1.2", points(0.0), points(None) == NOTHING
    ('+2.9', True, '0.0', True)
    """
    if difference is None:
        return NOTHING
    tenths = _tenths(difference * 100)
    if not tenths:
        return "0.0"
    return f"+{tenths}" if tenths > 0 else f"{MINUS}{-tenths}"


def relative(change: float | None) -> str:
    """A relative change in whole percent with its sign; of a small base it may be a large one.

    >>> relative(0.2049), relative(14.339), relative(-0.1) == f"{MINUS}10%", relative(0.0)
    ('+20%', '+1,434%', True, '0%')
    """
    if change is None:
        return NOTHING
    whole = Decimal(change * 100).quantize(Decimal(1), ROUND_HALF_UP)
    sign = "+" if whole > 0 else MINUS if whole < 0 else ""
    return f"{sign}{abs(whole):,}%"


def interval(low: float | None, high: float | None) -> str:
    """The two ends of an interval of a share.

    >>> interval(0.112, 0.124), interval(None, None) == NOTHING
    ('11.2% to 12.4%', True)
    """
    return NOTHING if low is None or high is None else f"{percent(low)} to {percent(high)}"


def decimal(value: float | None) -> str:
    """A number to a tenth, such as days or a goal's value.

    >>> decimal(1234.56), decimal(None) == NOTHING
    ('1,234.6', True)
    """
    return NOTHING if value is None else f"{_tenths(value):,}"


def instant(value: datetime | None) -> str:
    """An instant in UTC.

    >>> instant(datetime(2026, 3, 1, 9)), instant(None) == NOTHING
    ('2026-03-01 09:00 UTC', True)
    """
    return NOTHING if value is None else format_instant(value).replace("T", " ").replace("Z", " UTC")


def words(name: str | None) -> str:
    """A word of the tables, such as a status or a measure, as people write it.

    >>> words("handed_off"), words(None) == NOTHING
    ('handed off', True)
    """
    return NOTHING if name is None else name.replace("_", " ")


def shorten(text: str, most: int) -> str:
    """The text, or its beginning with an ellipsis.

    >>> shorten("a long title", 8), shorten("short", 8)
    ('a long …', 'short')
    """
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def windows(measured: int, still_open: int, rate_over: float | None) -> str:
    """How final a rate is.

    Args:
        measured: Customers it is about.
        still_open: Of these, customers whose goal window is open.
        rate_over: The rate of the others.

    >>> windows(10, 0, 0.5), windows(10, 10, None), windows(0, 0, None)
    ('final: every goal window is over', 'so far: no goal window is over yet', '')
    >>> windows(1010, 10, 0.5)
    'so far; 50.0% of the 1,000 whose goal window is over'
    """
    if not measured:
        return ""
    if not still_open:
        return "final: every goal window is over"
    if still_open == measured:
        return "so far: no goal window is over yet"
    return f"so far; {percent(rate_over)} of the {count(measured - still_open)} whose goal window is over"


def met(customers: int) -> str:
    """Customers who had the goal before the series could do anything; nothing where there are none.

    >>> met(4), met(0)
    ('4 had met the goal already and are not measured', '')
    """
    return f"{count(customers)} had met the goal already and are not measured" if customers else ""


def _tenths(value: float) -> Decimal:
    return Decimal(value).quantize(Decimal("0.1"), ROUND_HALF_UP)
