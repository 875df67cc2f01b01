"""The report: what the series did, in tables that stay as they are (see `pipelines.report.tables`)."""

from pipelines.report.build import Report, build_report

__all__ = ["Report", "build_report"]
