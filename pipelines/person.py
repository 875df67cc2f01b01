"""Who is at work, for the record of what a person decided."""

from __future__ import annotations


def current_person() -> str:
    """The name of the account that this process runs under; ``unknown`` where it has none."""
    import getpass

    try:
        return getpass.getuser()
    except (OSError, KeyError):  # the first from Python 3.13 on
        return "unknown"
