"""Benchmarks: every figure is a ratio or a time taken in one run on one machine."""
