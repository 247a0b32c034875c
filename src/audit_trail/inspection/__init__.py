"""Holds a store against itself and against what was kept elsewhere; it changes nothing in it."""
