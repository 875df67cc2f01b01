"""Series: customer journeys that run inside the data warehouse.

>>> from pipelines import Project
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.project import Project as Project
    from pipelines.run_result import RunResult as RunResult

_HOMES = {"Project": "pipelines.project", "RunResult": "pipelines.run_result"}
__all__ = ["Project", "RunResult"]


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is asked for: the command line starts faster without."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
