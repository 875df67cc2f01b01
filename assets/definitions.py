"""The code location that `dg` and Dagster load: the project of SERIES_PROJECT_DIR, or of the current folder."""

from . import environment
from .location import build_definitions

_prefix = environment.read(environment.ASSET_PREFIX)
defs = build_definitions(environment.project_dir(), key_prefix=_prefix.split("/") if _prefix else ())
