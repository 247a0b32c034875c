"""Proof of coverage: what is recorded, whether it was all the time, and what it wasn't of."""
