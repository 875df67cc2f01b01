"""SPEC section 5 read row by row in plain Python: no SQL, and nothing shared with `pipelines`.

It exists to disagree with the engine. Hold `run.py` beside section 5: one function per paragraph.
"""
