"""The hand-off: which batches leave, in which order, what became of them, and what people decide about them."""
