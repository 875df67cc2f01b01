"""A made-up software company, its customers and their answers, to see series at work (``series demo``)."""

from pipelines.demo.play import Demo, make_demo
from pipelines.demo.story import Story

__all__ = ["Demo", "Story", "make_demo"]
