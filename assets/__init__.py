"""When series run, and what Dagster shows of it: assets, checks, schedules, sensors, resources; nothing else.

`pipelines` does the work and knows nothing of this package. Imports within it are relative, so that it can be loaded
under another name where a code location has a package `assets` of its own.
"""

from .location import build_definitions

__all__ = ["build_definitions"]
