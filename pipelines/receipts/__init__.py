"""Receipts: what providers say became of messages, taken in from files and turned into engagements."""
