"""Capture in a PostgreSQL database."""
