"""Proof: mostly data files and small runners that discover them."""
