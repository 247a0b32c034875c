"""Proof over bytes; it knows no entry."""
