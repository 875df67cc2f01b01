"""The report: what the series did, in tables that stay as they are (see `pipelines.report.tables`)."""

from pipelines.report.build import Report
from pipelines.report.read import read_report

__all__ = ["Report", "read_report"]
