"""The report as pages: each a single file that shows everything without a network (see `pipelines.pages.folder`)."""

from pipelines.pages.folder import write_pages

__all__ = ["write_pages"]
