"""A new project: looks at a warehouse, asks or is told which table is what, and writes the files (``series init``)."""
