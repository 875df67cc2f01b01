"""Where series run: the tables of their state as data, and the adapters that hold an engine.

Only this package imports an engine. It knows tables, locks and transactions; it knows nothing of series.
"""
