"""Libraries that not every sender needs, and that an extra of this package therefore brings."""

from __future__ import annotations

from importlib.util import find_spec

from pipelines.senders.protocol import SenderError


def need(module: str, extra: str, what: str) -> None:
    """Make sure of a library without importing it.

    Args:
        module: Its name.
        extra: Which extra brings it.
        what: What needs it, as the beginning of a sentence.

    Raises:
        SenderError: It is not installed.
    """
    if find_spec(module) is None:
        raise SenderError(f"{what} needs {module}, which is not installed: pip install 'warehouse-series[{extra}]'")
