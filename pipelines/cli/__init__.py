"""The command line: ``series`` and its verbs."""

from pipelines.cli.cli import main

__all__ = ["main"]
