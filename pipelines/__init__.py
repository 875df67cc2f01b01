"""Series: customer journeys that run inside the data warehouse.

>>> from pipelines import Project
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.project import Project as Project
    from pipelines.project import RunResult as RunResult

__all__ = ["Project", "RunResult"]


def __getattr__(name: str) -> Any:
    """Import what is asked for, when it is asked for: the command line starts faster without."""
    if name in __all__:
        from pipelines import project

        return getattr(project, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
