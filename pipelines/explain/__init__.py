"""What happened to one customer and why: read from the tables of SPEC 6, with rules judged by the engine's own SQL."""
