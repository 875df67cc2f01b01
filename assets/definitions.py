"""The code location that `dg` and Dagster load: the project of SERIES_PROJECT_DIR, or of the current folder."""

from . import environment
from .location import build_definitions

defs = build_definitions(environment.project_dir())
