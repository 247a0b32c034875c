"""Outbox to trail: rows of committed transactions become entries, each exactly once."""
