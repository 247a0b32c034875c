"""Holds watched tables against what their entries imply; it changes neither."""
