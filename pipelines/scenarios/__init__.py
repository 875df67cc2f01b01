"""Tests of series: read from files, played on throw-away warehouses, their differences shown (``series test``)."""
