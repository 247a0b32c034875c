"""Proof over bytes, in formats that others verify (docs/spec/seal-1.md); it knows no entry."""
