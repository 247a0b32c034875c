"""Capture in a SQLite database."""
